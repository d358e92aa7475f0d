"""Requests that CleverTap calls malformed: which records are at fault, and what becomes of the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.clevertap.backoff import Retry
from clevertap_import.clevertap.batch_sender import RetryPolicy
from clevertap_import.clevertap.outcomes import Accepted, Outcome, Refused
from clevertap_import.clevertap.settlement import MOST_REFUSALS, Settlement
from clevertap_import_tests.testing.builders import events
from clevertap_import_tests.testing.scripted import (
    LOST,
    MALFORMED,
    REFUSED,
    UNREACHABLE,
    Answer,
    Scripted,
    always,
    problems,
)


def test_a_spurious_400_costs_one_more_post() -> None:
    clevertap = Scripted([always(MALFORMED), problems()])
    batch = events("a", "b")
    assert clevertap.send(batch, attempts=1) == Settlement(batch, accepted=[0, 1])
    assert (clevertap.posted, clevertap.slept) == ([["a", "b"]] * 2, [2.0])


def faulty(faulty_places: set[int], clevertap: Scripted) -> Answer:
    """Refuses any request that holds one of these records, as 400."""

    def answer(size: int) -> Outcome:
        is_faulty = any(int(str(identity)) in faulty_places for identity in clevertap.posted[-1])
        return MALFORMED if is_faulty else Accepted(size)

    return answer


BATCH_OF_1000 = events(*map(str, range(1000)))


@given(st.sets(st.integers(0, 999), max_size=5))
def test_up_to_five_faulty_records_of_a_thousand_are_found_and_the_others_accepted(places: set[int]) -> None:
    clevertap = Scripted([])
    clevertap.answers = [faulty(places, clevertap)]
    result = clevertap.send(BATCH_OF_1000)
    assert {(problem.index, problem.code) for problem in result.rejected} == {(n, "400") for n in places}
    assert sorted(result.accepted) == sorted(set(range(1000)) - places)
    assert result.stopped is None
    assert len(clevertap.posted) <= 1 + 22 * len(places)


@given(st.integers(1, 1000), st.randoms(use_true_random=False))
def test_however_many_records_are_faulty_the_posts_are_bounded(count: int, random: object) -> None:
    places = set(random.sample(range(1000), count))  # type: ignore[attr-defined]
    clevertap = Scripted([])
    clevertap.answers = [faulty(places, clevertap)]
    result = clevertap.attempts(Retry(), most_failures=10**6).send(BATCH_OF_1000)
    assert len(clevertap.posted) <= 1 + 2 * MOST_REFUSALS
    assert {problem.index for problem in result.rejected} <= places
    assert set(result.accepted).isdisjoint(places)
    assert set(result.accepted) | places | set(result.unsent) == set(range(1000))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_if_every_piece_is_refused_nothing_is_rejected_and_the_run_stops(size: int) -> None:
    result = Scripted([always(MALFORMED)]).send(events(*"abc"[:size]))
    assert (sorted(result.unsent), result.rejected, result.stopped) == ([*range(size)], [], MALFORMED)


def test_a_lone_record_is_at_fault_if_another_sender_was_served_meanwhile() -> None:
    clevertap = Scripted([always(MALFORMED)])
    attempts = clevertap.attempts(Retry())
    attempts.retry_policy = RetryPolicy(
        sleep=lambda _: attempts.breaker.record(Accepted(1)), dice=lambda: 1.0
    )
    assert [problem.code for problem in attempts.send(events("a")).rejected] == ["400"]


def test_what_clevertap_took_before_says_nothing_of_a_lone_record() -> None:
    attempts = Scripted([problems(), always(MALFORMED)]).attempts(Retry())
    assert attempts.send(events("a")).is_settled
    assert attempts.send(events("b")).stopped == MALFORMED


def test_what_is_reported_of_a_record_at_fault_holds_none_of_its_values() -> None:
    at_ann, at_bob = Refused(400, "Malformed request at ann"), Refused(400, "Malformed request at bob")
    # The two together twice, then each alone twice.
    script: list[Outcome] = [MALFORMED, MALFORMED, at_ann, at_ann, at_bob]
    attempts = Scripted([*map(always, script)]).attempts(Retry())
    attempts.retry_policy = RetryPolicy(
        sleep=lambda _: attempts.breaker.record(Accepted(1)), dice=lambda: 1.0
    )
    reasons = [problem.reason for problem in attempts.send(events("ann", "bob")).rejected]
    assert reasons == ["HTTP 400 whenever this record is sent: Malformed request at ..."] * 2


def test_halves_end_apart() -> None:
    script: list[Outcome] = [MALFORMED, MALFORMED, LOST, UNREACHABLE, REFUSED]
    result = Scripted([*map(always, script)]).send(events("a", "b", "c", "d"))
    # The first half was lost, then sent again twice; the second was never sent alone.
    assert (result.uncertain, result.unsent, result.stopped) == ([0, 1], [2, 3], REFUSED)
