"""How long one batch is tried."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.clevertap.backoff import LEAST_BUSY_WAIT_SECONDS, Backoff, Retry

jitters = st.floats(0, 1)
happenings = st.sampled_from(["progress", "failure", "refusal", "busy"])


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
    assert wait == min(30.0, 2.0 * 2 ** (attempt - 1)) * jitter


@given(st.integers(1, 10**6), jitters)
def test_a_wait_for_429_is_a_share_of_a_ceiling_too_but_never_nothing(in_a_row: int, jitter: float) -> None:
    wait = Retry().busy_wait_seconds(in_a_row, 0, jitter)
    ceiling = 30.0 if in_a_row > 6 else 0.5 * 2 ** (in_a_row - 1)
    assert wait == max(LEAST_BUSY_WAIT_SECONDS, ceiling * jitter)


def test_the_last_try_is_not_waited_for() -> None:
    assert Retry(attempts=3).wait_seconds(2, 0, 1) == 4.0
    assert Retry(attempts=3).wait_seconds(3, 0, 1) is None


def test_a_wait_that_would_go_beyond_the_total_is_not_begun() -> None:
    assert Retry(total_seconds=10).wait_seconds(1, 8.0, 1) == 2.0
    assert Retry(total_seconds=10).wait_seconds(1, 8.1, 1) is None
    assert Retry(busy_seconds=10).busy_wait_seconds(1, 9.5, 1) == 0.5
    assert Retry(busy_seconds=10).busy_wait_seconds(1, 9.6, 1) is None


@given(st.lists(st.tuples(happenings, jitters), max_size=60))
def test_the_waits_for_429_and_for_all_else_have_a_total_each(happened: list[tuple[str, float]]) -> None:
    retry = Retry(attempts=20, total_seconds=60, busy_seconds=40)
    waits = Backoff(retry)
    for_busy = for_others = 0.0
    in_a_row = 0
    for happening, jitter in happened:
        in_a_row = in_a_row + 1 if happening == "busy" else 0
        match happening:
            case "progress":
                wait: float | None = waits.after_progress()
            case "failure":
                wait = waits.after_failure(jitter)
            case "refusal":
                wait = waits.after_refusal(jitter)
            case _:
                wait = waits.after_busy(jitter)
        if wait is None:
            break
        for_busy += wait if happening == "busy" else 0
        for_others += wait if happening != "busy" else 0
        # However long it was busy before, the first wait after anything else is short again.
        assert happening != "busy" or wait <= 0.5 * 2.0 ** (in_a_row - 1)
    assert for_busy == pytest.approx(waits.busy_seconds)
    assert for_busy <= 40
    assert for_others <= 60
    assert waits.failures <= 20
