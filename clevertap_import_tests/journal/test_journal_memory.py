"""What the journal does with answers that were lost, with runs that were killed, and with what is old."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.journal import CARRIED_OVER, Journal
from clevertap_import.journal.states import UNANSWERED
from clevertap_import.records import Batch
from clevertap_import_tests.testing.builders import events, profiles, unsettled

HOUR = 3600
SOON = timedelta(minutes=1)


@pytest.fixture
def journal(journal_url: str) -> Iterator[Journal]:
    with Journal(journal_url) as opened:
        yield opened


def deliver(journal: Journal, batch: Batch, run: str = "run-1", name: str = "orders") -> None:
    journal.record_answer(journal.begin(name, run, batch), batch, range(len(batch)), [])


def new_mask(journal: Journal, batch: Batch, first: int | None = None, last: int = 9 * HOUR) -> list[bool]:
    is_events = not batch.identity_digests
    delivered = journal.delivered_before(WindowRange("orders", first, last), is_events=is_events)
    mask: list[bool] = delivered.is_new(batch.rows).tolist()
    return mask


def doubtful(journal: Journal, batch: Batch) -> list[bool]:
    mask: list[bool] = (
        journal.delivered_before(WindowRange("orders", None, 9 * HOUR), is_events=True)
        .may_be_stored(batch.rows)
        .tolist()
    )
    return mask


def unanswered(journal: Journal) -> list[tuple[str, int, int]]:
    return [(each.run_id, each.batch_number, each.records) for each in journal.unanswered("orders")]


def later() -> datetime:
    return datetime.now(UTC) + SOON


def lose(journal: Journal) -> None:
    """Two batches without an answer: of the first, one record was answered; of the second, nothing."""
    first = events("a", "b", "c", window=HOUR, number=4)
    journal.record_answer(journal.begin("orders", "run-1", first), first, [0], [1, 2])
    journal.begin("orders", "run-2", events("d", window=2 * HOUR, number=7))
    journal.begin("visits", "run-3", events("e"))


def test_batches_without_an_answer_are_listed_with_their_run_and_window(journal: Journal) -> None:
    lose(journal)
    assert unanswered(journal) == [("run-1", 4, 2), ("run-2", 7, 1)]
    first, second = journal.unanswered("orders")
    assert (first.first_window, second.last_window) == (HOUR, 2 * HOUR)
    assert abs(datetime.now(UTC) - first.sent_at) < SOON
    assert unsettled(journal, "orders") == 3


def test_what_has_no_answer_is_new_and_in_doubt(journal: Journal) -> None:
    lose(journal)
    batch = events("a", "b", "c", "x")
    assert new_mask(journal, batch) == [False, True, True, True]
    assert doubtful(journal, batch) == [False, True, True, False]


@pytest.mark.parametrize("arrived", [True, False])
def test_a_settled_batch_counts_as_accepted_or_as_never_sent(journal: Journal, arrived: bool) -> None:
    lose(journal)
    assert journal.settle_unanswered("orders", "run-1", 4, arrived=arrived)
    assert unanswered(journal) == [("run-2", 7, 1)]
    batch = events("a", "b", "c", "d")
    assert new_mask(journal, batch) == [False, not arrived, not arrived, True]
    assert doubtful(journal, batch) == [False, False, False, True]


def test_only_the_named_batch_of_the_named_import_is_settled(journal: Journal) -> None:
    lose(journal)
    for name, run, number in [("orders", "run-1", 7), ("orders", "run-3", 4), ("visits", "run-1", 4)]:
        assert not journal.settle_unanswered(name, run, number, arrived=True)
    assert unanswered(journal) == [("run-1", 4, 2), ("run-2", 7, 1)]
    assert unsettled(journal, "visits") == 1


def test_the_records_of_a_run_are_counted_by_what_is_known_of_them(journal: Journal) -> None:
    lose(journal)
    deliver(journal, events("x", "y"), "run-1")
    assert journal.of_run("run-1") == (3, 2)
    assert journal.of_run("run-2") == (0, 1)
    assert journal.of_run("run-9") == (0, 0)
    journal.close_others("orders", "run-9", None, 9 * HOUR, UNANSWERED)
    assert journal.of_run("run-1") == (3, 2), "sent again by a later run, they stay uncertain of this one"
    lose(journal)
    journal.settle_unanswered("orders", "run-2", 7, arrived=True)
    assert journal.of_run("run-2") == (1, 1)


def test_what_is_old_is_forgotten_with_its_windows_and_nothing_else(journal: Journal) -> None:
    deliver(journal, events("old", window=HOUR))
    deliver(journal, events("new", window=4 * HOUR))
    deliver(journal, events("old", window=HOUR), name="visits")
    journal.forget("orders", datetime.now(UTC) - SOON, 9 * HOUR)
    assert not journal.has_forgotten(WindowRange("orders", None, 9 * HOUR)), "nothing is that old"
    journal.forget("orders", later(), 2 * HOUR)
    assert new_mask(journal, events("old", "new")) == [True, False]
    spans = [(None, 0), (None, HOUR), (HOUR, HOUR), (0, 9 * HOUR), (2 * HOUR, 9 * HOUR)]
    assert [journal.has_forgotten(WindowRange("orders", *span)) for span in spans] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert not journal.has_forgotten(WindowRange("visits", None, 9 * HOUR))


def test_what_has_no_answer_is_never_forgotten(journal: Journal) -> None:
    lose(journal)
    journal.forget("orders", later(), 9 * HOUR)
    journal.retain_only("orders", "run-9", (b"", b""), "", 0)
    assert unanswered(journal) == [("run-1", 4, 2), ("run-2", 7, 1)]


def test_entries_are_old_by_when_they_were_sent(journal: Journal) -> None:
    assert not journal.has_entries_before("orders", later())
    deliver(journal, events("a"))
    assert journal.has_entries_before("orders", later())
    assert not journal.has_entries_before("visits", later())
    assert not journal.has_entries_before("orders", datetime.now(UTC) - SOON)


def test_what_is_retained_is_stored_once_however_often_it_is_tried(journal: Journal) -> None:
    deliver(journal, events("a"), "run-1")
    for _ in range(2):
        # As after a commit whose confirmation was lost.
        journal.retain_only("orders", "run-2", (events("a").digests, b""), "", 0)
    assert new_mask(journal, events("a", "a")) == [False, True]


def test_a_full_import_retains_what_its_last_run_sent_or_read(journal: Journal) -> None:
    deliver(journal, profiles("a", "b", "gone"), "run-1")
    deliver(journal, profiles("c"), "run-2")
    deliver(journal, profiles("x"), "run-1", "visits")
    seen = profiles("a", "b")
    journal.retain_only("orders", "run-2", (seen.digests, seen.identity_digests), "", 0)
    assert new_mask(journal, profiles("a", "b", "c", "gone")) == [False, False, False, True]
    assert new_mask(journal, profiles("a", city="Oslo")) == [True]
    assert journal.of_run("run-2") == (1, 0), "what was taken over is not counted as sent by the run"
    assert [each for each in unanswered(journal) if each[1] == CARRIED_OVER] == []
    with Journal(journal.engine.url.render_as_string(hide_password=False)) as other:
        assert other.delivered_before(WindowRange("visits", None, HOUR), is_events=False).is_new(
            profiles("x").rows
        ).tolist() == [False]
