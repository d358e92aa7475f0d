"""Windows: they tile time, the first one is open, and looking back never cuts one in two."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.window import GRIDS, Grid, Window

START = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOURS = Grid(GRIDS["hour"], START)

grids = st.sampled_from(list(GRIDS.values())).map(lambda size: Grid(size, START))
moments = st.datetimes(datetime(1960, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
later = st.datetimes(datetime(2026, 11, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def holds(window: Window, moment: datetime) -> bool:
    return (window.lower is None or window.lower <= moment) and moment < window.upper


@given(grids, st.lists(later, min_size=1, max_size=6), moments)
def test_windows_cut_anywhere_on_the_grid_hold_every_moment_exactly_once(
    grid: Grid, cuts: list[datetime], moment: datetime
) -> None:
    edges = sorted({grid.start, *(grid.floor(cut) + grid.size for cut in cuts)})
    windows = [grid.window(lower, upper) for lower, upper in pairwise(edges)]
    assert sum(holds(window, moment) for window in windows) == (moment < edges[-1])


@given(grids, later)
def test_floor_is_the_start_of_the_window_that_holds_the_moment(grid: Grid, moment: datetime) -> None:
    start = grid.floor(moment)
    assert start <= moment < start + grid.size
    assert (start - grid.start) % grid.size == timedelta(0)


@given(grids, later, st.timedeltas(timedelta(0), timedelta(weeks=60)))
def test_looking_back_adds_whole_windows_and_at_least_the_lookback(
    grid: Grid, moment: datetime, lookback: timedelta
) -> None:
    lower = grid.floor(moment)
    window = grid.window(lower, lower + grid.size)
    longer = grid.looking_back(window, lookback)
    assert longer.upper == window.upper
    if longer.lower is None:
        assert lower - lookback < grid.start + grid.size
    else:
        assert grid.start < longer.lower <= lower - lookback < longer.lower + grid.size
        assert grid.floor(longer.lower) == longer.lower


@given(grids, moments)
def test_the_first_window_takes_everything_older(grid: Grid, moment: datetime) -> None:
    first = grid.window(grid.start, grid.start + grid.size)
    assert first == Window(None, grid.start + grid.size)
    assert (grid.floor(moment) == grid.start) == holds(first, moment)


@pytest.mark.parametrize("size", GRIDS.values(), ids=GRIDS)
def test_every_grid_divides_the_day(size: timedelta) -> None:
    assert timedelta(days=1) % size == timedelta(0)


def test_an_open_window_has_nothing_to_look_back_to() -> None:
    window = HOURS.window(START, START + timedelta(hours=3))
    assert HOURS.looking_back(window, timedelta(hours=1)) == window


def test_a_lookback_of_thousands_of_years_opens_the_window() -> None:
    window = HOURS.window(START + timedelta(hours=2), START + timedelta(hours=3))
    assert HOURS.looking_back(window, timedelta(weeks=999_999)) == Window(None, window.upper)


# When clocks are set back in 2026, and an hour or half of one comes twice.
DOUBLED = {
    "Europe/Berlin": datetime(2026, 10, 25, 1, tzinfo=UTC),
    "America/New_York": datetime(2026, 11, 1, 6, tzinfo=UTC),
    "America/St_Johns": datetime(2026, 11, 1, 4, 30, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 4, 4, 15, tzinfo=UTC),
}


@given(
    st.sampled_from(list(DOUBLED)),
    st.timedeltas(timedelta(hours=-2), timedelta(hours=2)),
    st.sampled_from(list(GRIDS.values())),
    st.sampled_from((0, 1)),
)
def test_a_row_of_the_doubled_hour_is_read_after_it_was_written_whichever_hour_it_is_taken_for(
    zone: str, after: timedelta, size: timedelta, taken_for: int
) -> None:
    """Taken for the first hour, a time of the second is in a window that is done: the lookback reads it."""
    written = DOUBLED[zone] + after
    local = written.astimezone(ZoneInfo(zone)).replace(fold=taken_for)
    moment = local.astimezone(UTC)
    grid = Grid(size, datetime(2026, 1, 1, tzinfo=UTC))
    lower = grid.floor(written)
    first_read = grid.looking_back(grid.window(lower, lower + size), timedelta(hours=1))
    assert first_read.lower is not None
    assert first_read.lower <= moment <= written + timedelta(hours=1)


def test_there_are_doubled_hours_in_this_test() -> None:
    for zone, moment in DOUBLED.items():
        first, second = ((moment + shift).astimezone(ZoneInfo(zone)) for shift in (-MINUTE, MINUTE))
        assert first.replace(tzinfo=None) > second.replace(tzinfo=None)
