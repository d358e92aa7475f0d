"""One batch until it is settled: every record ends in exactly one place, and none is sent too often."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.io.attempts import Attempts, Patience, Settlement
from clevertap_import.pure.outcome import Accepted, Busy, Outcome, RecordProblem, Refused, Uncertain
from clevertap_import.pure.records import Batch
from clevertap_import.pure.retry import Retry
from clevertap_import_tests.builders import events

BUSY = Busy("Too many concurrent requests")
LOST = Uncertain("ReadTimeout")
REFUSED = Refused(401, "Passcode Invalid")
Answer = Callable[[int], Outcome]


@dataclass
class Scripted:
    """A CleverTap that answers in turn, the last answer for ever; time passes only by being slept."""

    answers: Sequence[Answer]
    posted: list[list[str | None]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def post(self, batch: Batch) -> Outcome:
        self.posted.append([batch.identity(index) for index in range(len(batch))])
        return self.answers[min(len(self.posted), len(self.answers)) - 1](len(batch))

    def settle(self, batch: Batch, *, may_repeat: bool = True, attempts: int = 5) -> Settlement:
        patience = Patience(Retry(attempts=attempts), self.slept.append, lambda: 1.0)
        return Attempts(self.post, patience, may_repeat=may_repeat).settle(batch)


def always(outcome: Outcome) -> Answer:
    return lambda size: outcome


def problems(**codes: str) -> Answer:
    """An answer that takes all but the records at these places, as in `_0="555"`."""
    found = tuple(RecordProblem(int(place[1:]), code, "no") for place, code in codes.items())
    return lambda size: Accepted(size - len(found), found)


@st.composite
def partial_answers(draw: st.DrawFn) -> Answer:
    """Takes some records, refuses others for good, and asks for others again."""
    codes = draw(st.lists(st.sampled_from(["", "", "515", "555"]), min_size=6, max_size=6))

    def answer(size: int) -> Outcome:
        found = tuple(RecordProblem(i, code, "no") for i, code in enumerate(codes[:size]) if code)
        return Accepted(size - len(found), found)

    return answer


answers = st.sampled_from([always(BUSY), always(LOST), always(REFUSED)]) | partial_answers()


@given(st.lists(answers, min_size=1, max_size=7), st.integers(1, 6), st.booleans())
def test_every_record_ends_in_exactly_one_place(script: list[Answer], size: int, may_repeat: bool) -> None:
    clevertap = Scripted(script)
    result = clevertap.settle(events(*map(str, range(size))), may_repeat=may_repeat)
    rejected = [problem.index for problem in result.rejected]
    ends = [*result.accepted, *rejected, *result.uncertain, *result.unsent]
    assert sorted(ends) == list(range(size))
    assert result.is_settled == (not result.uncertain and not result.unsent)
    assert (result.stopped is None) == result.is_settled


@given(st.lists(answers, min_size=1, max_size=7), st.integers(1, 6), st.booleans())
def test_patience_is_kept_and_nothing_is_slept_after_the_last_try(
    script: list[Answer], size: int, may_repeat: bool
) -> None:
    clevertap = Scripted(script)
    clevertap.settle(events(*map(str, range(size))), may_repeat=may_repeat, attempts=4)
    assert 1 <= len(clevertap.posted) <= 4
    assert clevertap.slept == [0.5, 1.0, 2.0, 4.0][: len(clevertap.posted) - 1]


@given(st.lists(answers, min_size=1, max_size=7), st.integers(1, 6))
def test_held_events_are_never_sent_after_an_answer_was_lost(script: list[Answer], size: int) -> None:
    given_answers: list[Outcome] = []

    def noted(answer: Answer) -> Answer:
        def answer_and_note(size: int) -> Outcome:
            given_answers.append(answer(size))
            return given_answers[-1]

        return answer_and_note

    Scripted([noted(answer) for answer in script]).settle(events(*map(str, range(size))), may_repeat=False)
    assert LOST not in given_answers[:-1]


def test_all_accepted_at_once_is_one_post() -> None:
    clevertap = Scripted([problems()])
    batch = events("a", "b")
    assert clevertap.settle(batch) == Settlement(batch, accepted=[0, 1])
    assert (clevertap.posted, clevertap.slept) == ([["a", "b"]], [])


def test_busy_is_sent_again_after_a_wait_and_is_no_repetition() -> None:
    clevertap = Scripted([always(BUSY), always(BUSY), problems()])
    batch = events("a", "b")
    assert clevertap.settle(batch, may_repeat=False) == Settlement(batch, accepted=[0, 1])
    assert (clevertap.posted, clevertap.slept) == ([["a", "b"]] * 3, [0.5, 1.0])


def test_patience_ends_when_all_waits_together_would_take_too_long() -> None:
    slept: list[float] = []
    patience = Patience(Retry(attempts=50, total_seconds=10), slept.append, lambda: 1.0)
    result = Attempts(lambda batch: BUSY, patience, may_repeat=True).settle(events("a"))
    assert (slept, result.unsent, result.stopped) == ([0.5, 1.0, 2.0, 4.0], [0], BUSY)


def test_only_records_with_555_are_sent_again() -> None:
    clevertap = Scripted([problems(_0="555", _2="515", _3="555"), problems(_1="516")])
    batch = events("a", "b", "c", "d")
    assert clevertap.settle(batch) == Settlement(
        batch, accepted=[1, 0], rejected=[RecordProblem(2, "515", "no"), RecordProblem(3, "516", "no")]
    )
    assert clevertap.posted == [["a", "b", "c", "d"], ["a", "d"]]


def test_555_for_ever_is_given_up_and_not_rejected() -> None:
    clevertap = Scripted([problems(_0="555")])
    result = clevertap.settle(events("a"), attempts=3)
    assert (result.unsent, result.rejected, len(clevertap.posted)) == ([0], [], 3)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_is_never_tried_again(status: int) -> None:
    clevertap = Scripted([always(Refused(status, "no")), problems()])
    batch = events("a")
    assert clevertap.settle(batch) == Settlement(batch, unsent=[0], stopped=Refused(status, "no"))
    assert (len(clevertap.posted), clevertap.slept) == (1, [])


def test_held_events_whose_answer_was_lost_are_uncertain_and_not_repeated() -> None:
    clevertap = Scripted([always(LOST), problems()])
    batch = events("a", "b")
    assert clevertap.settle(batch, may_repeat=False) == Settlement(batch, uncertain=[0, 1], stopped=LOST)
    assert len(clevertap.posted) == 1


def test_what_may_be_repeated_is_sent_again_and_counted_as_repeated() -> None:
    clevertap = Scripted([always(LOST), problems(_1="515")])
    batch = events("a", "b")
    assert clevertap.settle(batch) == Settlement(
        batch, accepted=[0], rejected=[RecordProblem(1, "515", "no")], repeated=2
    )


@pytest.mark.parametrize("last", [BUSY, REFUSED, LOST])
def test_a_lost_answer_stays_uncertain_whatever_comes_after_it(last: Outcome) -> None:
    result = Scripted([always(LOST), always(last)]).settle(events("a"))
    assert (result.uncertain, result.unsent, result.stopped) == ([0], [], last)


def test_an_answer_read_after_a_lost_one_settles_the_batch() -> None:
    clevertap = Scripted([always(LOST), problems(_0="555"), always(BUSY)])
    result = clevertap.settle(events("a", "b"))
    assert (result.accepted, result.uncertain, result.unsent) == ([1], [], [0])
