"""Delivery to a local CleverTap: what was answered is entered; what was entered is not sent again."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pytest

from clevertap_import.clevertap.backoff import Retry
from clevertap_import.clevertap.batch_sender import BatchSender, RetryPolicy
from clevertap_import.clevertap.circuit_breaker import MOST_FAILURES_IN_A_ROW
from clevertap_import.clevertap.client import AccountSettings, CleverTap
from clevertap_import.clevertap.delivery import BATCHES_AHEAD, Deliverer, Delivery, stop_reason
from clevertap_import.clevertap.outcomes import Accepted, Busy, Refused, Stop, TooManyFailures, Uncertain
from clevertap_import.errors import (
    AnswerLost,
    BodyRefused,
    CleverTapBusy,
    CleverTapUnavailable,
    PasscodeRefused,
)
from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.tables import JournalUnavailable, default_url
from clevertap_import.records import Batch, Rejection
from clevertap_import.staging.rejected_rows import RejectsUnwritable, rejects_file
from clevertap_import_tests.testing.builders import events, profiles, unsettled
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap

UNREACHABLE = "http://127.0.0.1:1"


@dataclass
class Run:
    """Deliveries of one import to one account, by way of one journal; waits take no time."""

    journal: Journal
    fake: FakeCleverTap
    rejections: list[Rejection] = field(default_factory=list)
    progress: list[int] = field(default_factory=list)
    delivery: Delivery = field(default_factory=Delivery)

    def deliver(
        self,
        *batches: Batch,
        width: int = 3,
        resends: int | None = None,
        url: str | None = None,
        attempts: int = 3,
        on_rejections: Callable[[Sequence[Rejection]], None] | None = None,
    ) -> Delivery:
        settings = AccountSettings(url or self.fake.url, self.fake.account_id, self.fake.passcode)
        retry_policy = RetryPolicy(Retry(attempts), lambda seconds: None, lambda: 0.0)
        tries = BatchSender(CleverTap(settings).post, retry_policy, resends=resends)
        on_rejections = on_rejections or self.rejections.extend
        deliverer = Deliverer(
            self.journal, tries, "orders", "run-1", lambda: width, width, on_rejections, self.note
        )
        self.delivery = deliverer.delivery
        return deliverer.deliver(iter(batches))

    def note(self, delivery: Delivery) -> None:
        self.progress.append(delivery.settled)

    def undelivered(self, *batches: Batch) -> list[Batch]:
        """The batches without the records that the journal knows."""
        is_events = not batches[0].identity_digests
        delivered = self.journal.delivered_before(WindowRange("orders", 0, 0), is_events=is_events)
        left = [batch.take(delivered.is_new(batch.rows).nonzero()[0].tolist()) for batch in batches]
        return [batch for batch in left if len(batch)]


@pytest.fixture
def run(tmp_path: Path, fake_clevertap: FakeCleverTap) -> Iterator[Run]:
    with Journal(default_url(tmp_path)) as journal:
        yield Run(journal, fake_clevertap)


def batches_of_events(count: int, size: int = 2) -> list[Batch]:
    return [
        events(*(f"u{number}-{place}" for place in range(size)), number=number) for number in range(count)
    ]


def reject(*identities: str) -> list[dict[str, object]]:
    return [
        {
            "kind": "reject",
            "identities": identities,
            "code": 515,
            "error": "Email is not valid.",
            "times": None,
        }
    ]


def test_every_batch_is_sent_once_and_entered(run: Run) -> None:
    batches = batches_of_events(20)
    assert run.deliver(*batches) == Delivery(accepted=40)
    assert sorted(event["identity"] for event in run.fake.events()) == sorted(
        f"u{number}-{place}" for number in range(20) for place in range(2)
    )
    assert (run.fake.counters()["uploads"], unsettled(run.journal, "orders"), run.progress[-1]) == (20, 0, 40)


def test_refused_records_are_rejections_by_row_number_with_code_and_text(run: Run) -> None:
    run.fake.faults(reject("b", "d"))
    delivery = run.deliver(profiles("a", "b", row=11), profiles("c", "d", row=13, number=1), width=1)
    assert delivery == Delivery(accepted=2, rejected=2)
    assert sorted(run.rejections, key=lambda rejection: rejection.row_number) == [
        Rejection(12, None, None, "515", "Email is not valid.", "b"),
        Rejection(14, None, None, "515", "Email is not valid.", "d"),
    ]
    assert run.fake.profiles().keys() == {"a", "c"}


def test_if_a_refusal_cannot_be_written_what_is_under_way_is_settled_and_no_more_is_sent(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "rejects").write_text("not a folder")
    width, batches = 2, batches_of_events(30)
    run.fake.faults(reject("u0-1"))
    sources = pa.record_batch({"ID": ["u0-1"]})
    with rejects_file(tmp_path / "rejects" / "run.csv", None) as rejects, pytest.raises(RejectsUnwritable):
        run.deliver(*batches, width=width, on_rejections=lambda found: rejects.add(found, [sources]))
    sent = run.fake.counters()["uploads"]
    assert sent <= 2 * (width + BATCHES_AHEAD) < len(batches)
    assert unsettled(run.journal, "orders") == 0
    assert sum(map(len, run.undelivered(*batches))) == 60 - 2 * sent + 1
    assert (run.delivery.accepted, run.delivery.rejected) == (2 * sent - 1, 1)


def test_a_rerun_with_the_past_of_the_journal_sends_nothing(run: Run) -> None:
    batches = [*batches_of_events(3), events("same", "same", "same", number=3)]
    run.deliver(*batches)
    assert run.undelivered(*batches) == []
    assert run.deliver(*run.undelivered(*batches)) == Delivery()
    assert (run.fake.counters()["uploads"], len(run.fake.events())) == (4, 9)


def test_a_rerun_sends_only_what_was_rejected(run: Run) -> None:
    batch = profiles("a", "b", "c")
    run.fake.faults(reject("b"))
    run.deliver(batch)
    assert [left.identity(0) for left in run.undelivered(batch)] == ["b"]


@pytest.mark.parametrize("width", [1, 4])
def test_never_more_than_the_width_is_in_flight_and_all_of_it_is_used(run: Run, width: int) -> None:
    run.fake.knobs(service_seconds=0.02, max_in_flight=width)
    assert run.deliver(*batches_of_events(16), width=width) == Delivery(accepted=32)
    counters = run.fake.counters()
    assert (counters["peak_in_flight"], counters["busy_429"]) == (width, 0)


def test_answers_are_taken_as_they_come(run: Run) -> None:
    run.fake.faults([{"kind": "slow", "seconds": 1.5, "identities": ["u0-0"]}])
    run.deliver(*batches_of_events(8), width=2)
    # The first batch is the slow one: the seven others are settled before it.
    assert run.progress[-2:] == [14, 16]
    assert run.fake.counters()["uploads"] == 8


def test_busy_batches_are_sent_again_and_nothing_is_lost(run: Run) -> None:
    run.fake.faults([{"kind": "status", "status": 429, "times": 2}])
    assert run.deliver(*batches_of_events(4), width=2, resends=0) == Delivery(accepted=8)
    assert len(run.fake.events()) == 8


def test_555_is_sent_again_alone(run: Run) -> None:
    run.fake.faults([{"kind": "reject", "identities": ["b"], "code": 555, "attempts": 1, "times": None}])
    assert run.deliver(events("a", "b", "c"), resends=0) == Delivery(accepted=3)
    assert [event["identity"] for event in run.fake.events()] == ["a", "c", "b"]


def test_a_401_stops_the_run_and_keeps_what_was_accepted(run: Run) -> None:
    run.fake.faults([{"kind": "status", "status": 401, "from_call": 3, "times": None}])
    batches = batches_of_events(30)
    delivery = run.deliver(*batches, width=1)
    assert delivery == Delivery(accepted=4, stopped=Refused(401, "Passcode Invalid"))
    assert run.fake.counters()["uploads"] < 10
    assert (sum(map(len, run.undelivered(*batches))), unsettled(run.journal, "orders")) == (56, 0)


def test_a_connection_that_is_refused_leaves_nothing_uncertain(run: Run) -> None:
    delivery = run.deliver(events("a", "b"), resends=0, url=UNREACHABLE)
    assert delivery == Delivery(stopped=Busy("ConnectionError", is_answered=False))
    assert (unsettled(run.journal, "orders"), len(run.undelivered(events("a", "b")))) == (0, 1)


def test_withheld_events_whose_answer_was_lost_are_uncertain_and_sent_once(run: Run) -> None:
    run.fake.faults([{"kind": "reset"}])
    delivery = run.deliver(events("a", "b"), resends=0)
    assert delivery == Delivery(uncertain=2, stopped=Uncertain("ConnectionError"))
    assert (len(run.fake.events()), unsettled(run.journal, "orders")) == (2, 2)


def test_profiles_whose_answer_was_lost_are_sent_again_and_counted_as_repeated(run: Run) -> None:
    run.fake.faults([{"kind": "reset"}])
    assert run.deliver(profiles("a", "b")) == Delivery(accepted=2, possible_duplicates=2)
    assert (set(run.fake.profiles()), unsettled(run.journal, "orders")) == ({"a", "b"}, 0)


def test_a_record_that_makes_every_request_malformed_is_rejected_and_the_others_are_stored(run: Run) -> None:
    run.fake.faults([{"kind": "malformed", "identities": ["u700"], "times": None}])
    batch = profiles(*(f"u{number}" for number in range(1000)))
    delivery = run.deliver(batch)
    assert delivery == Delivery(accepted=999, rejected=1)
    assert [(rejection.row_number, rejection.code) for rejection in run.rejections] == [(701, "400")]
    assert (len(run.fake.profiles()), run.fake.counters()["uploads"]) == (999, 23)
    assert [left.identity(0) for left in run.undelivered(batch)] == ["u700"]


def test_a_spurious_malformed_costs_one_more_request_and_no_record(run: Run) -> None:
    run.fake.faults([{"kind": "malformed", "call": 2}])
    assert run.deliver(*batches_of_events(3), width=1, resends=0) == Delivery(accepted=6)
    assert (run.fake.counters()["uploads"], len(run.fake.events())) == (4, 6)


def test_an_account_that_takes_no_body_stops_the_run_and_rejects_nothing(run: Run) -> None:
    run.fake.faults([{"kind": "malformed", "times": None}])
    delivery = run.deliver(*batches_of_events(40, size=100), width=3)
    assert delivery == Delivery(stopped=Refused(400, "Malformed request"))
    assert run.fake.counters()["uploads"] < MOST_FAILURES_IN_A_ROW + 3


def test_a_dead_clevertap_is_asked_a_few_dozen_times_by_all_senders_together(run: Run) -> None:
    run.fake.faults([{"kind": "status", "status": 503, "times": None}])
    delivery = run.deliver(*batches_of_events(40), width=15, attempts=1000)
    assert delivery.stopped == TooManyFailures(MOST_FAILURES_IN_A_ROW, "HTTP 503")
    assert MOST_FAILURES_IN_A_ROW <= run.fake.counters()["answers"]["503"] < MOST_FAILURES_IN_A_ROW + 15


def test_halves_that_end_differently_are_entered_apart(run: Run) -> None:
    run.fake.faults(
        [
            {"kind": "malformed", "call": 1},
            {"kind": "malformed", "call": 2},
            {"kind": "reset", "call": 4},
        ]
    )
    batch = events("a", "b", "c", "d")
    delivery = run.deliver(batch, resends=0)
    assert delivery == Delivery(accepted=2, uncertain=2, stopped=Uncertain("ConnectionError"))
    assert unsettled(run.journal, "orders") == 2
    assert [left.identity(0) for left in run.undelivered(batch)] == ["c"]


def test_without_its_journal_nothing_is_sent(run: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "clevertap_import" / "journal.db") as connection:
        connection.execute("drop table delivery")
    connection.close()
    with pytest.raises(JournalUnavailable):
        run.deliver(events("a"))
    assert run.fake.counters()["uploads"] == 0


@pytest.mark.parametrize(
    ("stopped", "error", "message"),
    [
        (
            Refused(401, "Passcode Invalid"),
            PasscodeRefused,
            "CleverTap answered HTTP 401: Passcode Invalid. Check the account id, the passcode and the",
        ),
        (Refused(403, "No"), PasscodeRefused, "CleverTap answered HTTP 403: No. Check the account id, "),
        (Refused(400, "Bad"), BodyRefused, "CleverTap refused a whole request with HTTP 400: Bad."),
        (
            Refused(400, "Malformed request"),
            BodyRefused,
            "CleverTap refused a whole request with HTTP 400: Malformed request. Smaller batches were",
        ),
        (Refused(404, "No"), BodyRefused, "CleverTap refused a whole request with HTTP 404: No. 2,500 "),
        (Busy("429"), CleverTapBusy, "CleverTap took nothing for several minutes: 429."),
        (Busy("DNS", is_answered=False), CleverTapUnavailable, "CleverTap cannot be reached: DNS. 2,500 rec"),
        (
            TooManyFailures(60, "HTTP 503"),
            CleverTapUnavailable,
            "60 requests in a row to CleverTap failed: HTTP 503. 1,500 records are uncertain. 2,500",
        ),
        (Accepted(0), CleverTapBusy, "CleverTap answered 555 for some records at each try."),
        (Uncertain("ReadTimeout"), AnswerLost, "The answers for 1,500 records were lost: ReadTimeout."),
    ],
)
def test_each_early_end_is_an_error_that_says_what_is_stored(
    stopped: Stop, error: type[Exception], message: str
) -> None:
    reason = stop_reason(Delivery(accepted=2000, rejected=500, uncertain=1500, stopped=stopped))
    assert type(reason) is error
    assert str(reason).startswith(message)
    assert "2,500 records were settled before; they are not sent again." in str(reason)


def test_an_early_end_before_anything_was_settled_says_so() -> None:
    reason = stop_reason(Delivery(stopped=Refused(401, "Passcode Invalid")))
    assert str(reason).endswith("the passcode and the region. Nothing was stored.")


def test_a_delivery_that_went_to_its_end_has_no_reason() -> None:
    assert stop_reason(Delivery(accepted=1, rejected=1)) is None


class Terminated(Exception):
    """Somebody ends the run from outside."""


class RunThatIsEnded(Run):
    def note(self, delivery: Delivery) -> None:
        raise Terminated


@pytest.mark.parametrize("resends", [2, 0], ids=["resend", "hold"])
def test_a_run_that_is_ended_from_outside_enters_the_answers_that_came(run: Run, resends: int) -> None:
    batches, run = batches_of_events(30), RunThatIsEnded(run.journal, run.fake)
    with pytest.raises(Terminated):
        run.deliver(*batches, width=5, resends=resends)
    taken = run.fake.counters()["records_accepted"]
    assert 0 < taken == run.delivery.accepted
    assert run.delivery.uncertain == unsettled(run.journal, "orders") == 0
    assert sum(map(len, run.undelivered(*batches))) == sum(map(len, batches)) - taken
