"""The breaker: one count for all senders."""

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.clevertap.backoff import Retry
from clevertap_import.clevertap.circuit_breaker import MOST_FAILURES_IN_A_ROW, CircuitBreaker
from clevertap_import.clevertap.client import MAX_IN_FLIGHT
from clevertap_import.clevertap.outcomes import (
    Accepted,
    Busy,
    NothingTaken,
    Outcome,
    Refused,
    TooManyFailures,
    Uncertain,
)

LOST = Uncertain("HTTP 503")
UNREACHABLE = Busy("ConnectTimeout", is_answered=False)
NOTHING_TAKEN = NothingTaken("fail")
MALFORMED = Refused(400, "Malformed request")
BUSY = Busy("Too many concurrent requests")


@given(
    st.lists(st.sampled_from([Accepted(1), LOST, UNREACHABLE, NOTHING_TAKEN, MALFORMED, BUSY]), max_size=30),
    st.integers(1, 5),
)
def test_it_opens_at_so_many_posts_in_a_row_that_came_to_nothing(outcomes: list[Outcome], most: int) -> None:
    breaker = CircuitBreaker(most)
    in_a_row = longest = 0
    for outcome in outcomes:
        breaker.record(outcome)
        in_a_row = 0 if isinstance(outcome, Accepted) else in_a_row + (outcome != BUSY)
        longest = max(longest, in_a_row)
        assert (breaker.stopped is not None) == (longest >= most)


def test_it_says_what_came_last_and_stays_open() -> None:
    breaker = CircuitBreaker(2)
    for outcome in (UNREACHABLE, LOST, Accepted(1), MALFORMED):
        breaker.record(outcome)
    assert breaker.stopped == TooManyFailures(2, "HTTP 503")


def test_bodies_refused_in_a_row_are_no_outage() -> None:
    breaker = CircuitBreaker(1)
    breaker.record(MALFORMED)
    assert breaker.stopped == MALFORMED


def test_a_refusal_of_the_account_opens_it_at_once() -> None:
    breaker = CircuitBreaker()
    breaker.record(Refused(401, "Passcode Invalid"))
    assert breaker.stopped == Refused(401, "Passcode Invalid")


def test_senders_in_parallel_are_all_counted() -> None:
    breaker = CircuitBreaker(4000)
    with ThreadPoolExecutor(8) as senders:
        list(senders.map(breaker.record, [LOST] * 3999))
        assert breaker.stopped is None
        list(senders.map(breaker.record, [Accepted(1)] * 100))
    assert breaker.accepted == 100


def test_one_blow_to_all_connections_is_borne_and_a_dead_clevertap_is_not_asked_by_each_sender_in_full() -> (
    None
):
    assert 3 * MAX_IN_FLIGHT < MOST_FAILURES_IN_A_ROW < (MAX_IN_FLIGHT + 1) * Retry().attempts / 2
