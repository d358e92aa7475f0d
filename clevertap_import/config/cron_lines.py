"""Cron lines: of slots on days, of intervals within a day, and how far clocks of a timezone shift."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTES_PER_DAY = 24 * 60


def days_by_time(slots: Iterable[tuple[time, str]]) -> list[tuple[time, str]]:
    """Slots of the same time as one, the days in cron's form: as few cron lines as there are times."""
    days: dict[time, list[str]] = {}
    for moment, day in slots:
        days.setdefault(moment, []).append(day)
    return [(moment, ",".join(dict.fromkeys(days[moment]))) for moment in sorted(days)]


def ticks(minutes: int) -> tuple[str, ...]:
    """Cron lines for every multiple of `minutes`, which divides the day, from midnight on."""
    if 60 % minutes == 0 and minutes < 60:
        return (f"*/{minutes} * * * *" if minutes > 1 else "* * * * *",)
    hours_by_minute: dict[int, list[int]] = {}
    for moment in range(0, MINUTES_PER_DAY, minutes):
        hours_by_minute.setdefault(moment % 60, []).append(moment // 60)
    return tuple(f"{minute} {_hours(hours)} * * *" for minute, hours in sorted(hours_by_minute.items()))


def _hours(hours: list[int]) -> str:
    """Evenly spaced hours as a cron field."""
    if len(hours) == 1:
        return str(hours[0])
    step = hours[1] - hours[0]
    if step == 1:
        return "*"
    return f"*/{step}" if hours[0] == 0 else f"{hours[0]}-23/{step}"


@lru_cache
def clock_shifts_minutes(timezone: str) -> tuple[int, ...]:
    """By how much the zone's clock has differed from where it stood in 2000; empty where it never moves.

    Elapsed time drifts off the local clock by these amounts, so the ticks must divide them.
    """
    found = offsets(timezone, datetime(2000, 1, 1, tzinfo=UTC), years=38)
    shifts = {offset - min(found) for offset in found}
    return tuple(sorted(shift // timedelta(minutes=1) for shift in shifts if shift))


def has_daylight_saving(timezone: str) -> bool:
    """Whether clocks change in a future year, as far as it is known."""
    return len(offsets(timezone, datetime(2030, 1, 1, tzinfo=UTC), years=1)) > 1


def offsets(timezone: str, first: datetime, years: int) -> set[timedelta]:
    """How far the zone's clock is from UTC, looked at every week."""
    zone = ZoneInfo(timezone)
    weeks = (first + timedelta(weeks=week) for week in range(years * 52))
    return {moment.astimezone(zone).utcoffset() or timedelta() for moment in weeks}
