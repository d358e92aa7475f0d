"""A year of ticks over both changes of clocks: Dagster's iteration of our cron lines, beside a calendar."""

import itertools
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clevertap_import.config.field_types import Duration
from clevertap_import.config.schedule import (
    DayOfMonth,
    DayOfWeek,
    Every,
    Kind,
    Monthly,
    Once,
    Weekday,
    Weekly,
)
from clevertap_import_tests.testing.dagster_internals import schedule_execution_time_iterator

YEAR = 2026
ZONES = ("UTC", "Asia/Kolkata", "America/New_York", "Europe/London", "Australia/Lord_Howe")
WEEKDAYS = get_args(Weekday)

# Many of them in the hours in which clocks change.
times = st.builds(time, st.sampled_from((0, 1, 2, 3, 9, 23)), st.sampled_from((0, 15, 30, 59)))
weekly_slots = st.builds(DayOfWeek, day=st.sampled_from(WEEKDAYS), time=times)
monthly_slots = st.builds(DayOfMonth, day=st.integers(1, 31) | st.just("last"), time=times)


def year_of_ticks(schedule: Kind, year: int = YEAR) -> list[datetime]:
    """In UTC, from local midnight to local midnight."""
    zone = ZoneInfo(schedule.timezone)
    first, end = datetime(year, 1, 1, tzinfo=zone), datetime(year + 1, 1, 1, tzinfo=zone)
    found = schedule_execution_time_iterator(first.timestamp(), list(schedule.crons()), schedule.timezone)
    return [tick.astimezone(UTC) for tick in itertools.takewhile(lambda tick: tick < end, found)]


def on_the_clock(day: date, at: time, timezone: str) -> datetime:
    """When the clock shows `at`: the second of two such moments, or the first one after a leap over it."""
    zone, wanted = ZoneInfo(timezone), datetime.combine(day, at)
    found = [
        moment
        for fold in (0, 1)
        if (moment := wanted.replace(tzinfo=zone, fold=fold).astimezone(UTC))
        .astimezone(zone)
        .replace(tzinfo=None)
        == wanted
    ]
    if found:
        return max(found)
    minute = datetime.combine(day, time(), zone).astimezone(UTC)
    while minute.astimezone(zone).replace(tzinfo=None) < wanted:
        minute += timedelta(minutes=1)
    return minute


def days_of(year: int) -> Iterable[date]:
    return (date(year, 1, 1) + timedelta(days=number) for number in range(365))


def month_day(day: date) -> set[int | str]:
    """What a slot may call this day."""
    return {day.day, *(["last"] if (day + timedelta(days=1)).day == 1 else [])}


@settings(max_examples=60)
@given(st.lists(weekly_slots, min_size=1, max_size=4), st.sampled_from(ZONES))
def test_a_weekly_schedule_hits_each_wall_clock_time_once(slots: list[DayOfWeek], zone: str) -> None:
    expected = {
        on_the_clock(day, slot.time, zone)
        for day in days_of(YEAR)
        for slot in slots
        if WEEKDAYS[day.weekday()] == slot.day
    }
    assert year_of_ticks(Weekly(at=tuple(slots), timezone=zone)) == sorted(expected)


@settings(max_examples=60)
@given(st.lists(monthly_slots, min_size=1, max_size=4), st.sampled_from(ZONES))
def test_a_monthly_schedule_hits_each_wall_clock_time_once(slots: list[DayOfMonth], zone: str) -> None:
    expected = {
        on_the_clock(day, slot.time, zone)
        for day in days_of(YEAR)
        for slot in slots
        if slot.day in month_day(day)
    }
    assert year_of_ticks(Monthly(at=tuple(slots), timezone=zone)) == sorted(expected)


@pytest.mark.parametrize(
    ("timezone", "day", "at", "ticks"),
    [
        ("UTC", "sunday", "02:30", ["03-01 02:30", "03-08 02:30", "03-15 02:30"]),
        ("Asia/Kolkata", "sunday", "02:30", ["02-28 21:00", "03-07 21:00", "03-14 21:00"]),
        # On March 8 New York's clock leaps from 2 to 3: the tick comes at 3.
        ("America/New_York", "sunday", "02:30", ["03-01 07:30", "03-08 07:00", "03-15 06:30"]),
        ("America/New_York", "sunday", "03:00", ["03-01 08:00", "03-08 07:00", "03-15 07:00"]),
    ],
)
def test_ticks_in_the_week_of_the_spring_change(
    timezone: str, day: Weekday, at: str, ticks: list[str]
) -> None:
    slot = DayOfWeek(day=day, time=time.fromisoformat(at))
    found = [f"{tick:%m-%d %H:%M}" for tick in year_of_ticks(Weekly(at=(slot,), timezone=timezone))]
    assert [tick for tick in found if ticks[0] <= tick <= ticks[-1]] == ticks


def test_of_a_time_that_comes_twice_in_autumn_the_second_is_hit() -> None:
    slot = DayOfWeek(day="sunday", time=time(1, 30))
    found = year_of_ticks(Weekly(at=(slot,), timezone="America/New_York"))
    # Clocks go back on November 1: 1:30 is 5:30 in UTC, and again 6:30.
    assert [f"{tick:%m-%d %H:%M}" for tick in found if tick.month == 11][:2] == ["11-01 06:30", "11-08 06:30"]
    once = Once.model_validate({"at": "2026-11-01T01:30:00", "timezone": "America/New_York"})
    assert once.moment == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_two_slots_that_a_change_of_clocks_puts_on_one_moment_are_one_tick() -> None:
    slots = (DayOfWeek(day="sunday", time=time(2, 30)), DayOfWeek(day="sunday", time=time(3)))
    found = year_of_ticks(Weekly(at=slots, timezone="America/New_York"))
    assert [f"{tick:%H:%M}" for tick in found if (tick.month, tick.day) == (3, 8)] == ["07:00"]


def test_months_without_the_day_are_skipped_and_last_is_in_every_month() -> None:
    at = time(9)
    only_31 = year_of_ticks(Monthly(at=(DayOfMonth(day=31, time=at),)))
    only_29 = year_of_ticks(Monthly(at=(DayOfMonth(day=29, time=at),)))
    last = year_of_ticks(Monthly(at=(DayOfMonth(day="last", time=at),)))
    assert [tick.month for tick in only_31] == [1, 3, 5, 7, 8, 10, 12]
    assert [tick.month for tick in only_29] == [1, *range(3, 13)]
    assert [tick.day for tick in last] == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    assert len(year_of_ticks(Monthly(at=(DayOfMonth(day=29, time=at),)), 2028)) == 12


@pytest.mark.parametrize(
    ("interval", "zone", "expected"),
    [
        ("90 minutes", "America/New_York", 365 * 16),
        ("7 hours", "Asia/Kolkata", 1252),
        ("1 day", "America/New_York", 365),
        ("2 weeks", "America/New_York", 27),
        ("15 minutes", "UTC", 365 * 96),
    ],
)
def test_a_year_of_an_interval(interval: str, zone: str, expected: int) -> None:
    """Elapsed time stays even over both changes; days stay at local midnight."""
    every, start = Every(every=Duration(interval), timezone=zone), date(YEAR, 1, 1)
    due = [tick for tick in year_of_ticks(every) if every.last_due(tick, start) == tick]
    assert len(due) == expected
    if every.keeps_local_hour:
        assert {tick.astimezone(ZoneInfo(zone)).time() for tick in due} == {time()}
    else:
        assert {after - before for before, after in itertools.pairwise(due)} == {every.every}


def test_a_moment_that_no_clock_shows_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-03-08 02:30 does not exist in America/New_York"):
        Once.model_validate({"at": "2026-03-08T02:30:00", "timezone": "America/New_York"})
    offset = Once.model_validate({"at": "2026-03-08T02:30:00-05:00", "timezone": "America/New_York"})
    assert offset.moment == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval", "zone", "is_noted"),
    [
        ("6 hours", "Europe/Berlin", True),
        ("90 minutes", "America/New_York", True),
        ("6 hours", "UTC", False),
        ("6 hours", "Asia/Kolkata", False),
        ("6 hours", "Europe/Moscow", False),
        ("2 days", "Europe/Berlin", False),
    ],
)
def test_an_interval_whose_times_of_day_move_is_noted(interval: str, zone: str, is_noted: bool) -> None:
    every = Every(every=Duration(interval), timezone=zone)
    notes = (f"{interval} is elapsed time: its times of day move when the clocks of {zone} change.",)
    assert tuple(note.partition(" Write")[0] for note in every.notes) == (notes if is_noted else ())


def test_six_hours_from_a_winter_midnight_are_at_one_seven_and_so_on_in_summer() -> None:
    """The example of the reference."""
    every, zone = Every(every=Duration("6 hours"), timezone="Europe/Berlin"), ZoneInfo("Europe/Berlin")
    midday = datetime(2026, 7, 1, 12, tzinfo=zone)
    due = {every.last_due(midday + timedelta(hours=hour), date(2026, 1, 5)) for hour in range(24)}
    assert {f"{moment.astimezone(zone):%H:%M}" for moment in due if moment} == {
        *("01:00", "07:00", "13:00", "19:00")
    }
    assert all(
        f" {hour}:00" in str(Every.model_fields["every"].description) for hour in ("01", "07", "13", "19")
    )
