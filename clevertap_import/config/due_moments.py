"""The moments at which a schedule is due: the last before a moment, and the next after it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from clevertap_import.config.schedule import CRON_DAYS, Every, Kind, Monthly, Once, Weekly

DAYS_BETWEEN = 366
"""A monthly schedule may name only day 30 or 31; Dagster's ticks of any slot are nearer than a year."""


def last_due(schedule: Kind, moment: datetime, anchor: date) -> datetime | None:
    """The last moment up to `moment`, in UTC; None before the first, and of kinds that go by no clock."""
    match schedule:
        case Every():
            return schedule.last_due(moment, anchor)
        case Once():
            return schedule.moment if schedule.moment <= moment else None
        case Weekly() | Monthly():
            return next((at for at in slots(schedule, moment, -1) if at <= moment), None)
    return None


def next_due(schedule: Kind, moment: datetime, anchor: date) -> datetime | None:
    """The first moment after `moment`, in UTC; None if there is none, and of kinds that go by no clock."""
    match schedule:
        case Every():
            return schedule.next_due(moment, anchor)
        case Once():
            return schedule.moment if schedule.moment > moment else None
        case Weekly() | Monthly():
            return next((at for at in slots(schedule, moment, 1) if at > moment), None)
    return None


def slots(schedule: Weekly | Monthly, moment: datetime, direction: int) -> Iterator[datetime]:
    """The moments of the schedule in UTC, day by day from that of `moment`, backwards if -1."""
    zone = ZoneInfo(schedule.timezone)
    today = moment.astimezone(zone).date()
    for days in range(DAYS_BETWEEN):
        day = today + timedelta(days=direction * days)
        # Of a wall-clock time that comes twice, the later one, as in all schedules.
        found = [
            datetime.combine(day, at, zone).replace(fold=1).astimezone(UTC) for at in times(schedule, day)
        ]
        yield from sorted(found, reverse=direction < 0)


def times(schedule: Weekly | Monthly, day: date) -> list[time]:
    """The times of `day` at which the schedule is due."""
    if isinstance(schedule, Weekly):
        return [slot.time for slot in schedule.at if CRON_DAYS[slot.day] == day.isoweekday()]
    is_last = (day + timedelta(days=1)).month != day.month
    return [slot.time for slot in schedule.at if slot.day == day.day or (slot.day == "last" and is_last)]
