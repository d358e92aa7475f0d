"""When a schedule is due: the moments are those at which Dagster would start it."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.config.due_moments import last_due, next_due
from clevertap_import.config.schedule import After, Every, Manual, Monthly, Once, Weekly
from clevertap_import_tests.testing.dagster_internals import schedule_execution_time_iterator

ANCHOR = date(2026, 1, 5)
ZONES = st.sampled_from(["UTC", "Asia/Kolkata", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
FIRST = datetime(2026, 1, 6, tzinfo=UTC)
MOMENTS = st.integers(0, 3 * 366 * 86_400).map(lambda seconds: FIRST + timedelta(seconds=seconds))
TIMES = st.times().map(lambda at: f"{at:%H:%M}")
DAYS = st.sampled_from(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"])
WEEKLY = st.builds(
    lambda at, zone: Weekly(
        kind="weekly", at=[{"day": day, "time": time} for day, time in at], timezone=zone
    ),
    st.lists(st.tuples(DAYS, TIMES), min_size=1, max_size=3),
    ZONES,
)
MONTHLY = st.builds(
    lambda at, zone: Monthly(
        kind="monthly", at=[{"day": day, "time": time} for day, time in at], timezone=zone
    ),
    st.lists(st.tuples(st.one_of(st.integers(1, 31), st.just("last")), TIMES), min_size=1, max_size=3),
    ZONES,
)
EVERY = st.builds(
    lambda count, unit, zone: Every(kind="every", every=f"{count} {unit}", timezone=zone),
    st.integers(1, 9),
    st.sampled_from(["hours", "days", "weeks"]),
    ZONES,
)


@given(schedule=st.one_of(WEEKLY, MONTHLY), moment=MOMENTS)
def test_the_next_moment_is_dagsters_next_tick(schedule: Weekly | Monthly, moment: datetime) -> None:
    ticks = schedule_execution_time_iterator(
        moment.timestamp() + 1, list(schedule.crons()), schedule.timezone
    )
    first = next(iter(islice(ticks, 1))).astimezone(UTC)
    assert next_due(schedule, moment, ANCHOR) == first


@given(schedule=st.one_of(WEEKLY, MONTHLY, EVERY), moment=MOMENTS)
def test_no_moment_lies_between_the_last_and_the_next(
    schedule: Weekly | Monthly | Every, moment: datetime
) -> None:
    last, following = last_due(schedule, moment, ANCHOR), next_due(schedule, moment, ANCHOR)
    assert following is not None
    assert following > moment
    assert last_due(schedule, following, ANCHOR) == following
    assert last_due(schedule, following - timedelta(microseconds=1), ANCHOR) == last
    if last is not None:
        assert last <= moment
        assert next_due(schedule, last, ANCHOR) == following


def test_an_interval_is_first_due_at_the_midnight_of_its_start() -> None:
    schedule, before = Every(kind="every", every="6 hours"), datetime(2026, 1, 4, 12, tzinfo=UTC)
    assert last_due(schedule, before, ANCHOR) is None
    assert next_due(schedule, before, ANCHOR) == datetime(2026, 1, 5, tzinfo=UTC)


def test_once_is_due_once() -> None:
    schedule, at = Once(kind="once", at="2026-02-01T09:00:00"), datetime(2026, 2, 1, 9, tzinfo=UTC)
    assert (last_due(schedule, at, ANCHOR), next_due(schedule, at, ANCHOR)) == (at, None)
    before = at - timedelta(seconds=1)
    assert (last_due(schedule, before, ANCHOR), next_due(schedule, before, ANCHOR)) == (None, at)


@pytest.mark.parametrize("schedule", [Manual(), After(kind="after", assets=("dbt/customers",))])
def test_what_goes_by_no_clock_is_never_due(schedule: Manual | After) -> None:
    moment = datetime(2026, 2, 1, tzinfo=UTC)
    assert (last_due(schedule, moment, ANCHOR), next_due(schedule, moment, ANCHOR)) == (None, None)
