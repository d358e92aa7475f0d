"""Schedules: what they accept, and that ticks and due moments fit together."""

import copy
import itertools
import pickle
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from math import gcd
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from clevertap_import.config.cron_lines import ticks
from clevertap_import.config.field_types import UNITS, Duration
from clevertap_import.config.schedule import KINDS, Every, Manual, Monthly, Once, Schedule, Weekly
from clevertap_import_tests.testing.dagster_internals import schedule_execution_time_iterator

SCHEDULES: TypeAdapter[Schedule] = TypeAdapter(Schedule)

# A leap at midnight, two midnights, half an hour of daylight saving, and none.
ZONES = ("UTC", "Asia/Kolkata", "America/New_York", "Africa/Cairo", "America/Havana", "Australia/Lord_Howe")

durations = st.builds(
    lambda count, unit: Duration(f"{count} {unit}"), st.integers(0, 9999), st.sampled_from(UNITS)
)
intervals = st.one_of(
    st.integers(15, 600).map(lambda count: Duration(f"{count} minutes")),
    st.integers(1, 60).map(lambda count: Duration(f"{count} hours")),
    st.integers(1, 9).map(lambda count: Duration(f"{count} days")),
    st.integers(1, 3).map(lambda count: Duration(f"{count} weeks")),
)
days = st.dates(date(2025, 1, 1), date(2027, 12, 31))


def ticks_from(every: Every, first: datetime) -> Iterator[datetime]:
    ticks = schedule_execution_time_iterator(first.timestamp(), every.crons(), every.timezone)
    return (tick.astimezone(UTC) for tick in ticks)


def midnight(day: date, timezone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone)).astimezone(UTC)


def anchored_moments(every: Every, start: date) -> Iterator[datetime]:
    """Due moments, from the words of the contract rather than from the code."""
    for count in itertools.count():
        if every.every.unit in ("days", "weeks"):
            yield midnight(start + count * every.every, every.timezone)
        else:
            yield midnight(start, every.timezone) + count * every.every


def said(value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        SCHEDULES.validate_python(value)
    return "\n".join(error["msg"] for error in caught.value.errors())


@given(durations)
def test_every_duration_round_trips_through_its_text(duration: Duration) -> None:
    again = Duration(str(duration))
    assert (again, again.count, again.unit) == (duration, duration.count, duration.unit)
    assert str(pickle.loads(pickle.dumps(duration))) == str(copy.deepcopy(duration)) == str(duration)  # noqa: S301


@pytest.mark.parametrize(
    ("text", "delta"),
    [
        ("15 minutes", timedelta(minutes=15)),
        ("90 minutes", timedelta(minutes=90)),
        ("1 hour", timedelta(hours=1)),
        ("6 hours", timedelta(hours=6)),
        ("3 days", timedelta(days=3)),
        ("52 weeks", timedelta(weeks=52)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, delta: timedelta) -> None:
    assert Duration(text) == delta
    assert str(Duration(text)) == text


@settings(deadline=None)  # Dagster's iterator takes its time
@given(intervals, days, st.sampled_from(ZONES))
def test_ticks_that_are_due_are_exactly_the_anchored_moments(
    interval: Duration, start: date, zone: str
) -> None:
    every = Every(every=interval, timezone=zone)
    expected = list(itertools.islice(anchored_moments(every, start), 4))
    before = midnight(start, zone) - timedelta(hours=30)
    candidates = itertools.takewhile(lambda tick: tick <= expected[-1], ticks_from(every, before))
    assert [tick for tick in candidates if every.last_due(tick, start) == tick] == expected


@settings(deadline=None)  # Dagster's iterator takes its time
@given(intervals, days, st.sampled_from(ZONES), st.integers(0, 3000))
def test_every_due_moment_is_a_tick_however_late(
    interval: Duration, start: date, zone: str, count: int
) -> None:
    every = Every(every=interval, timezone=zone)
    fixed_days = every.every.unit in ("days", "weeks")
    due = midnight(start + count * interval, zone) if fixed_days else midnight(start, zone) + count * interval
    assume(due.year < 2037)
    assert every.last_due(due, start) == due
    assert next(ticks_from(every, due)) == due


@given(intervals, days, st.sampled_from(ZONES), st.integers(0, 10**8))
def test_the_last_due_moment_is_never_late_and_never_passed_over(
    interval: Duration, start: date, zone: str, seconds: int
) -> None:
    """However late one looks, it is the anchored moment after which the next has not come yet."""
    every = Every(every=interval, timezone=zone)
    now = midnight(start, zone) + timedelta(seconds=seconds)
    due = every.last_due(now, start)
    assert due is not None
    assert due <= now
    assert every.last_due(due, start) == due
    between = itertools.takewhile(lambda tick: tick <= now, ticks_from(every, due + timedelta(seconds=1)))
    assert all(every.last_due(tick, start) == due for tick in itertools.islice(between, 200))
    assert every.last_due(midnight(start, zone) - timedelta(seconds=1), start) is None


@given(intervals, days, st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_moment_is_due_only_if_anchored(interval: Duration, start: date, moment: datetime) -> None:
    minute = moment.replace(second=0, microsecond=0)
    elapsed = minute - midnight(start, "UTC")
    is_anchored = elapsed >= timedelta() and not elapsed % interval
    assert (Every(every=interval).last_due(minute, start) == minute) == is_anchored


@settings(deadline=None)  # Dagster's iterator takes its time
@given(st.integers(1, 1440).map(lambda minutes: gcd(minutes, 1440)))
def test_ticks_are_the_multiples_of_their_length(minutes: int) -> None:
    midnight_utc = datetime(2026, 11, 1, tzinfo=UTC)
    found = schedule_execution_time_iterator(midnight_utc.timestamp(), list(ticks(minutes)), "UTC")
    per_day = 1440 // minutes
    expected = [midnight_utc + n * timedelta(minutes=minutes) for n in range(per_day + 1)]
    assert list(itertools.islice(found, per_day + 1)) == expected


@pytest.mark.parametrize(
    ("every", "timezone", "crons"),
    [
        ("15 minutes", "America/New_York", ("*/15 * * * *",)),
        ("30 minutes", "UTC", ("*/30 * * * *",)),
        ("60 minutes", "UTC", ("0 * * * *",)),
        ("1 hour", "America/New_York", ("0 * * * *",)),
        ("90 minutes", "UTC", ("0 */3 * * *", "30 1-23/3 * * *")),
        ("90 minutes", "America/New_York", ("*/30 * * * *",)),
        ("6 hours", "Asia/Kolkata", ("0 */6 * * *",)),
        ("6 hours", "America/New_York", ("0 * * * *",)),
        ("6 hours", "Australia/Lord_Howe", ("*/30 * * * *",)),
        ("7 hours", "UTC", ("0 * * * *",)),
        ("24 hours", "UTC", ("0 0 * * *",)),
        ("1 day", "America/New_York", ("0 0 * * *",)),
        ("2 weeks", "America/New_York", ("0 0 * * *",)),
    ],
)
def test_ticks_are_as_coarse_as_daylight_saving_lets_them(
    every: str, timezone: str, crons: tuple[str, ...]
) -> None:
    assert Every(every=Duration(every), timezone=timezone).crons() == crons


def test_days_keep_the_local_hour_where_hours_do_not() -> None:
    start, after_clocks_went_back = date(2026, 10, 31), datetime(2026, 11, 2, 5, tzinfo=UTC)
    calendar = Every(every=Duration("1 day"), timezone="America/New_York")
    elapsed = Every(every=Duration("24 hours"), timezone="America/New_York")
    assert calendar.last_due(after_clocks_went_back, start) == after_clocks_went_back
    assert elapsed.last_due(after_clocks_went_back, start) == after_clocks_went_back - timedelta(hours=1)


def test_a_start_with_a_time_counts_from_its_midnight() -> None:
    every = Every(every=Duration("1 day"))
    noon = datetime(2026, 11, 2, 12, tzinfo=UTC)
    assert every.last_due(noon, datetime(2026, 11, 1, 13, tzinfo=UTC)) == noon.replace(hour=0)


def test_the_words_are_those_of_clevertap() -> None:
    assert {kind.model_fields["kind"].default: kind.word for kind in KINDS} == {
        "every": "Repeat Intervals",
        "weekly": "Custom Schedule",
        "monthly": "Custom Schedule",
        "once": "Manually Trigger",
        "manual": "Manually Trigger",
        "after": "After Assets",
        "change": "After Changes",
    }


def test_the_schedules_of_the_contract_are_read() -> None:
    weekly = SCHEDULES.validate_python(
        {"kind": "weekly", "at": [{"day": "monday", "time": "10:00"}, {"day": "thursday", "time": "18:30"}]}
    )
    monthly = SCHEDULES.validate_python(
        {"kind": "monthly", "at": [{"day": 1, "time": "09:00"}, {"day": "last", "time": "18:00"}]}
    )
    once = SCHEDULES.validate_python({"kind": "once", "at": "2026-12-01T09:00:00"})
    assert isinstance(weekly, Weekly)
    assert [(slot.day, f"{slot.time:%H:%M}") for slot in weekly.at] == [
        ("monday", "10:00"),
        ("thursday", "18:30"),
    ]
    assert isinstance(monthly, Monthly)
    assert [slot.day for slot in monthly.at] == [1, "last"]
    assert isinstance(once, Once)
    assert once.at == datetime(2026, 12, 1, 9)  # noqa: DTZ001 - a wall clock's
    assert SCHEDULES.validate_python({"kind": "manual"}) == Manual()
    assert SCHEDULES.validate_python({"kind": "after", "assets": ["dbt/customers"]}).word == "After Assets"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"kind": "every", "every": "10 minutes"},
            "every is '10 minutes'. The least is 15 minutes, the most 52 weeks.",
        ),
        (
            {"kind": "every", "every": "53 weeks"},
            "every is '53 weeks'. The least is 15 minutes, the most 52 weeks.",
        ),
        (
            {"kind": "every", "every": "6 hourz"},
            "'6 hourz' is not a duration. Did you mean 'hours'? Write a whole number and a unit, such as "
            "6 hours. Units: minutes, hours, days, weeks.",
        ),
        (
            {"kind": "every", "every": 6},
            "6 is not a duration. Write a whole number and a unit, such as 6 hours. "
            "Units: minutes, hours, days, weeks.",
        ),
        (
            {"kind": "manual", "timezone": "Asia/Kolkatta"},
            "'Asia/Kolkatta' is not a timezone. Did you mean 'Asia/Kolkata'? "
            "Write an IANA name, such as UTC or Asia/Kolkata.",
        ),
        (
            {"kind": "weekly", "at": [{"day": "monday", "time": 600}]},
            '600 is not a time. Without quotes YAML reads 10:00 as the number 600. Write "10:00", quoted.',
        ),
        (
            {"kind": "weekly", "at": [{"day": "monday", "time": "25:00"}]},
            '"25:00" is not a time. Write hours and minutes as "10:00", quoted.',
        ),
        ({"kind": "weekly", "at": []}, "at is an empty list. Write at least 1 entry."),
        (
            {"kind": "monthly", "at": [{"day": 32, "time": "10:00"}]},
            "day is 32. Allowed: 1 to 31, or last for the last day of the month.",
        ),
        (
            {"kind": "once", "at": date(2026, 12, 1)},
            "2026-12-01 is not a day and a time. Write them as 2026-12-01T09:00:00.",
        ),
    ],
)
def test_a_wrong_schedule_says_what_is_allowed(value: object, message: str) -> None:
    assert said(value) == message
