"""One batch until it is settled: every record ends in exactly one place, and none is sent too often."""

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.clevertap.backoff import LEAST_BUSY_WAIT_SECONDS, Retry
from clevertap_import.clevertap.batch_sender import RetryPolicy
from clevertap_import.clevertap.circuit_breaker import CircuitBreaker
from clevertap_import.clevertap.outcomes import Accepted, Outcome, RecordProblem, Refused, TooManyFailures
from clevertap_import.clevertap.settlement import MOST_REFUSALS, Settlement
from clevertap_import_tests.testing.builders import events, profiles
from clevertap_import_tests.testing.scripted import (
    BUSY,
    LOST,
    MALFORMED,
    NOTHING_TAKEN,
    REFUSED,
    UNREACHABLE,
    Answer,
    Scripted,
    always,
    problems,
)


@st.composite
def partial_answers(draw: st.DrawFn) -> Answer:
    """Takes some records, refuses others for good, and asks for others again."""
    codes = draw(st.lists(st.sampled_from(["", "", "515", "555"]), min_size=6, max_size=6))

    def answer(size: int) -> Outcome:
        found = tuple(RecordProblem(i, code, "no") for i, code in enumerate(codes[:size]) if code)
        return Accepted(size - len(found), found)

    return answer


answers = partial_answers() | st.sampled_from(
    [always(outcome) for outcome in (BUSY, UNREACHABLE, NOTHING_TAKEN, LOST, REFUSED, MALFORMED)]
)
scripts = st.lists(answers, min_size=1, max_size=14)
jitters = st.sampled_from([0.0, 0.3, 1.0])
RETRY = Retry(attempts=4, total_seconds=20, busy_seconds=10)


@dataclass
class Case:
    """A batch settled by a script, and all that was seen on the way."""

    clevertap: Scripted
    result: Settlement
    breaker: CircuitBreaker


@st.composite
def cases(draw: st.DrawFn) -> Case:
    clevertap = Scripted(draw(scripts), draw(jitters))
    attempts = clevertap.attempts(
        RETRY, resends=draw(st.sampled_from([0, 1, 2, None])), most_failures=draw(st.integers(1, 9))
    )
    batch = events(*map(str, range(draw(st.integers(1, 6)))))
    return Case(clevertap, attempts.send(batch), attempts.breaker)


@given(cases())
def test_every_record_ends_in_exactly_one_place(case: Case) -> None:
    result = case.result
    rejected = [problem.index for problem in result.rejected]
    ends = [*result.accepted, *rejected, *result.uncertain, *result.unsent]
    assert sorted(ends) == list(range(len(result.batch)))
    assert (result.stopped is None) == result.is_settled == (not result.uncertain and not result.unsent)


@given(cases())
def test_what_is_reported_of_each_record_is_what_was_answered_when_it_was_sent(case: Case) -> None:
    answers: dict[str | None, list[Outcome | str]] = {
        str(place): [] for place in range(len(case.result.batch))
    }
    for sent, outcome in zip(case.clevertap.posted, case.clevertap.outcomes, strict=True):
        codes = {p.index: p.code for p in outcome.problems} if isinstance(outcome, Accepted) else {}
        for place, identity in enumerate(sent):
            is_read = isinstance(outcome, Accepted)
            answers[identity].append(codes.get(place, "taken") if is_read else outcome)
    taken = [int(str(identity)) for identity, answered in answers.items() if "taken" in answered]
    assert sorted(case.result.accepted) == taken
    lost = {place: answers[str(place)].count(LOST) for place in (*taken, *case.result.uncertain)}
    copies = sum(lost[place] for place in taken)
    assert case.result.possible_duplicates == copies + sum(lost[place] - 1 for place in case.result.uncertain)
    assert all(LOST in answers[str(place)] for place in case.result.uncertain)
    assert all(LOST not in answers[str(place)] for place in case.result.unsent)
    for problem in case.result.rejected:
        last = answers[str(problem.index)][-1]
        assert (MALFORMED if problem.code == "400" else problem.code) == last


@given(cases())
def test_nothing_is_sent_after_what_settles_it(case: Case) -> None:
    sent = Counter(identity for posted in case.clevertap.posted for identity in posted)
    before = case.clevertap.outcomes[:-1]
    assert REFUSED not in before
    assert max(sent.values()) <= len(case.clevertap.outcomes)
    for number, outcome in enumerate(case.clevertap.outcomes):
        if isinstance(outcome, Accepted):
            refused_for_now = {p.index for p in outcome.problems if not p.is_final}
            done = {
                name
                for place, name in enumerate(case.clevertap.posted[number])
                if place not in refused_for_now
            }
            assert all(done.isdisjoint(later) for later in case.clevertap.posted[number + 1 :])


@given(cases())
def test_waits_and_tries_stay_within_their_bounds(case: Case) -> None:
    after_busy = [seconds for outcome, seconds in case.clevertap.slept_after if outcome == BUSY]
    others = [seconds for outcome, seconds in case.clevertap.slept_after if outcome != BUSY]
    assert sum(after_busy) <= RETRY.busy_seconds
    assert sum(others) <= RETRY.total_seconds
    assert len(after_busy) <= RETRY.busy_seconds / LEAST_BUSY_WAIT_SECONDS
    failures = sum(outcome in (LOST, UNREACHABLE, NOTHING_TAKEN) for outcome in case.clevertap.outcomes)
    assert failures <= RETRY.attempts
    assert case.clevertap.outcomes.count(MALFORMED) <= MOST_REFUSALS + 1


@given(cases())
def test_the_breaker_lets_no_more_failures_through_in_a_row_than_it_bears(case: Case) -> None:
    in_a_row = 0
    for outcome in case.clevertap.outcomes:
        assert in_a_row < case.breaker.most_failures
        if isinstance(outcome, Accepted):
            in_a_row = 0
        elif outcome != BUSY:
            in_a_row += 1


@given(scripts, st.integers(1, 6))
def test_withheld_events_are_never_sent_after_an_answer_was_lost(script: list[Answer], size: int) -> None:
    clevertap = Scripted(script)
    clevertap.send(events(*map(str, range(size))), resends=0)
    assert LOST not in clevertap.outcomes[:-1]


def test_all_accepted_at_once_is_one_post() -> None:
    clevertap = Scripted([problems()])
    batch = events("a", "b")
    assert clevertap.send(batch) == Settlement(batch, accepted=[0, 1])
    assert (clevertap.posted, clevertap.slept) == ([["a", "b"]], [])


def test_busy_is_sent_again_after_a_wait_and_is_no_repetition() -> None:
    clevertap = Scripted([always(BUSY), always(BUSY), problems()])
    batch = events("a", "b")
    assert clevertap.send(batch, resends=0) == Settlement(batch, accepted=[0, 1])
    assert (clevertap.posted, clevertap.slept) == ([["a", "b"]] * 3, [0.5, 1.0])


def test_busy_uses_no_attempt_and_its_waits_begin_short_again() -> None:
    script = [BUSY, BUSY, UNREACHABLE, BUSY, BUSY, BUSY, UNREACHABLE, BUSY]
    clevertap = Scripted([*map(always, script), problems()])
    assert clevertap.send(events("a"), attempts=3).is_settled
    assert clevertap.slept == [0.5, 1.0, 2.0, 0.5, 1.0, 2.0, 4.0, 0.5]


@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_busy_for_ever_is_given_up_after_minutes(jitter: float) -> None:
    clevertap = Scripted([always(BUSY)], jitter)
    result = clevertap.send(events("a"), attempts=1)
    assert (result.unsent, result.stopped) == ([0], BUSY)
    assert 270 <= sum(clevertap.slept) <= 300


def test_patience_ends_when_all_waits_together_would_take_too_long() -> None:
    clevertap = Scripted([always(UNREACHABLE)])
    result = clevertap.attempts(Retry(attempts=50, total_seconds=20)).send(events("a"))
    assert (clevertap.slept, result.unsent, result.stopped) == ([2.0, 4.0, 8.0], [0], UNREACHABLE)


def test_a_connection_that_is_never_made_is_tried_as_often_as_an_error() -> None:
    clevertap = Scripted([always(UNREACHABLE)])
    result = clevertap.send(events("a"), resends=0, attempts=3)
    assert (len(clevertap.posted), result.unsent, result.stopped) == (3, [0], UNREACHABLE)


def test_what_was_not_taken_is_sent_again_also_if_it_may_not_be_repeated() -> None:
    clevertap = Scripted([always(NOTHING_TAKEN), problems()])
    batch = events("a", "b")
    assert clevertap.send(batch, resends=0) == Settlement(batch, accepted=[0, 1])
    assert clevertap.slept == [2.0]
    never = Scripted([always(NOTHING_TAKEN)]).send(batch, resends=0, attempts=3)
    assert (never.unsent, never.uncertain, never.stopped) == ([0, 1], [], NOTHING_TAKEN)


def test_only_records_with_555_are_sent_again() -> None:
    clevertap = Scripted([problems(_0="555", _2="515", _3="555"), problems(_1="516")])
    batch = events("a", "b", "c", "d")
    assert clevertap.send(batch) == Settlement(
        batch, accepted=[1, 0], rejected=[RecordProblem(2, "515", "no"), RecordProblem(3, "516", "no")]
    )
    assert clevertap.posted == [["a", "b", "c", "d"], ["a", "d"]]


def test_a_long_reason_is_cut_after_the_values_of_its_record_are_left_out() -> None:
    city = "12 Rose Lane " * 20
    # As the reader of answers leaves it: without the blank at its end.
    reason = f"No value: {city}".strip()
    answer = Accepted(0, (RecordProblem(0, "512", reason), RecordProblem(1, "512", "x" * 300)))
    result = Scripted([always(answer)]).send(profiles("a", "b", city=city))
    assert [problem.reason for problem in result.rejected] == ["No value: ...", "x" * 200]


def test_555_for_ever_is_given_up_and_not_rejected() -> None:
    clevertap = Scripted([problems(_0="555")])
    result = clevertap.send(events("a"), attempts=3)
    assert (result.unsent, result.rejected, len(clevertap.posted)) == ([0], [], 3)


@pytest.mark.parametrize("refused", [Refused(400, "no"), Refused(401, "no"), Refused(403, "no"), REFUSED])
def test_what_is_refused_for_no_fault_of_the_body_is_never_tried_again(refused: Refused) -> None:
    clevertap = Scripted([always(refused), problems()])
    attempts = clevertap.attempts(Retry())
    batch = events("a")
    expected = Settlement(batch, unsent=[0], stopped=refused)
    # The second batch is another sender's.
    assert [attempts.send(batch), attempts.send(batch)] == [expected, expected]
    assert (len(clevertap.posted), clevertap.slept) == (1, [])


def test_withheld_events_whose_answer_was_lost_are_uncertain_and_not_repeated() -> None:
    clevertap = Scripted([always(LOST), problems()])
    batch = events("a", "b")
    assert clevertap.send(batch, resends=0) == Settlement(batch, uncertain=[0, 1], stopped=LOST)
    assert len(clevertap.posted) == 1


@given(scripts, st.integers(1, 6), st.integers(0, 3))
def test_no_record_is_sent_more_often_after_lost_answers_than_it_may(
    script: list[Answer], size: int, resends: int
) -> None:
    clevertap = Scripted(script)
    clevertap.attempts(Retry(attempts=20), resends=resends).send(events(*map(str, range(size))))
    rounds = zip(clevertap.posted, clevertap.outcomes, strict=True)
    lost = Counter(name for posted, outcome in rounds if outcome == LOST for name in posted)
    assert max(lost.values(), default=0) <= resends + 1


def test_the_last_time_comes_late_so_that_a_short_outage_is_outlasted() -> None:
    for jitter, waits in ((1.0, [2.0, 30.0]), (0.0, [15.0])):
        clevertap = Scripted([always(LOST)], jitter)
        result = clevertap.send(events("a"), resends=2, attempts=8)
        assert (result.uncertain, result.possible_duplicates, len(clevertap.posted)) == ([0], 2, 3)
        assert [seconds for seconds in clevertap.slept if seconds] == waits


def test_of_what_is_sent_again_only_what_is_accepted_counts_as_repeated() -> None:
    clevertap = Scripted([always(LOST), problems(_1="515")])
    batch = events("a", "b")
    assert clevertap.send(batch) == Settlement(
        batch, accepted=[0], rejected=[RecordProblem(1, "515", "no")], possible_duplicates=1
    )


def test_a_lost_answer_is_remembered_through_halves_and_555() -> None:
    script = [always(LOST), always(MALFORMED), always(MALFORMED), problems(_0="555"), problems(), problems()]
    batch = events("a", "b", "c", "d")
    assert Scripted(script).send(batch) == Settlement(batch, accepted=[1, 2, 3, 0], possible_duplicates=4)


@pytest.mark.parametrize("last", [BUSY, REFUSED, LOST, MALFORMED])
def test_a_lost_answer_stays_uncertain_whatever_comes_after_it(last: Outcome) -> None:
    result = Scripted([always(LOST), always(last)]).send(events("a"))
    assert (result.uncertain, result.unsent, result.stopped) == ([0], [], last)


def test_555_after_a_lost_answer_does_not_say_what_became_of_the_lost_one() -> None:
    clevertap = Scripted([always(LOST), problems(_0="555"), always(BUSY)])
    result = clevertap.send(events("a", "b"))
    assert (result.accepted, result.uncertain, result.unsent) == ([1], [0], [])


def test_an_open_breaker_stops_every_sender_also_in_its_sleep() -> None:
    clevertap = Scripted([always(LOST)])
    attempts = clevertap.attempts(Retry(attempts=8), most_failures=5)
    ends: list[Settlement] = []

    def settle_another_meanwhile(seconds: float) -> None:
        if len(clevertap.posted) == 1:
            ends.append(attempts.send(events("b")))

    attempts.retry_policy = RetryPolicy(Retry(attempts=8), settle_another_meanwhile, lambda: 1.0)
    ends += [attempts.send(events("a")), attempts.send(events("c"))]
    assert [end.stopped for end in ends] == [TooManyFailures(5, "ReadTimeout")] * 3
    assert clevertap.posted == [["a"], *[["b"]] * 4]
