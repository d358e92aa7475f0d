"""How long one batch is tried."""

from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.pure.retry import Retry

jitters = st.floats(0, 1)


@given(st.lists(jitters, min_size=200, max_size=200))
def test_patience_ends_in_count_and_in_time(dice: list[float]) -> None:
    retry = Retry(attempts=100, total_seconds=60)
    waits: list[float] = []
    for attempt, jitter in enumerate(dice, 1):
        wait = retry.wait_seconds(attempt, sum(waits), jitter)
        if wait is None:
            break
        waits.append(wait)
    assert len(waits) < retry.attempts
    assert sum(waits) <= retry.total_seconds


@given(st.integers(1, 7), jitters)
def test_a_wait_is_a_share_of_a_ceiling_that_doubles_up_to_the_longest(attempt: int, jitter: float) -> None:
    wait = Retry().wait_seconds(attempt, 0, jitter)
    assert wait == min(30.0, 0.5 * 2 ** (attempt - 1)) * jitter


def test_the_last_try_is_not_waited_for() -> None:
    assert Retry(attempts=3).wait_seconds(2, 0, 1) == 1.0
    assert Retry(attempts=3).wait_seconds(3, 0, 1) is None


def test_a_wait_that_would_go_beyond_the_total_is_not_begun() -> None:
    assert Retry(total_seconds=10).wait_seconds(1, 9.5, 1) == 0.5
    assert Retry(total_seconds=10).wait_seconds(1, 9.6, 1) is None
