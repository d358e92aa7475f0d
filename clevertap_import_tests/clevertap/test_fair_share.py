"""Fair shares: the capacity is used and not exceeded, requests are equal; and fewer requests after a 429."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.clevertap.fair_share import Throttle, fair_shares

capacities = st.lists(st.integers(0, 30), max_size=12)


@given(st.integers(0, 30), capacities)
def test_all_that_is_wanted_is_dealt_out_and_no_more(capacity: int, wanted: list[int]) -> None:
    shares = fair_shares(capacity, wanted)
    assert sum(shares) == min(capacity, sum(wanted))
    assert all(0 <= share <= count for share, count in zip(shares, wanted, strict=True))


@given(st.integers(0, 30), capacities)
def test_whoever_gets_less_than_wanted_gets_no_less_than_others(capacity: int, wanted: list[int]) -> None:
    shares = fair_shares(capacity, wanted)
    most = max(shares, default=0)
    assert all(share >= most - 1 for share, count in zip(shares, wanted, strict=True) if share < count)


@pytest.mark.parametrize(
    ("wanted", "shares"),
    [
        ([15], [15]),
        ([15, 15], [8, 7]),
        ([15, 1], [14, 1]),
        ([15, 15, 1], [7, 7, 1]),
        ([2] * 16, [1] * 15 + [0]),
    ],
)
def test_fifteen_requests(wanted: list[int], shares: list[int]) -> None:
    assert fair_shares(15, wanted) == shares


def test_a_busy_answer_halves_the_width_once_for_all_that_were_sent_together() -> None:
    throttle = Throttle(15)
    for _ in range(15):
        throttle.busy(15)
    assert throttle.width == 7
    for _ in range(7):
        throttle.busy(7)
    assert throttle.width == 3


def test_after_good_rounds_the_width_comes_back() -> None:
    throttle = Throttle(15)
    throttle.busy(15)
    for _ in range(14 + sum(range(7, 15))):
        throttle.taken()
    assert throttle.width == 15
    for _ in range(100):
        throttle.taken()
    assert throttle.width == 15


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 15)), max_size=200))
def test_the_width_stays_between_one_and_full(answers: list[tuple[bool, int]]) -> None:
    throttle = Throttle(15)
    for is_busy, in_flight in answers:
        throttle.busy(in_flight) if is_busy else throttle.taken()
        assert 1 <= throttle.width <= 15
