"""Amounts, moments and states as the report writes them."""

from datetime import UTC, datetime, timedelta

STATES = {
    "green": "100 %",
    "yellow": "50 % or more, or a run failed",
    "red": "below 50 %",
    "failed": "every run failed",
    "no_data": "no row qualified",
}
"""What each state of a day means."""

MOST_LETTERS = 600
"""Of a problem: more does not help, and Snowflake repeats whole queries in its errors."""


def count(value: float) -> str:
    return f"{round(value):,}"


def short_count(value: float) -> str:
    """For an axis: `1,500`, `20k`, `1.5M`."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (1e3 if letter == 'k' else limit):.3g}{letter}"
    return f"{value:,.4g}"


def seconds(value: float) -> str:
    """`8.2 s`, `4 min 10 s`, `3 h 05 min`."""
    if value < 60:
        return f"{value:.1f} s" if value else "0 s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60:,} h {minutes % 60:02} min"


def time_unit(longest: float) -> tuple[int, str]:
    """The unit for an axis up to `longest` seconds: how many seconds it has, and its name."""
    if longest < 120:
        return 1, "s"
    return (60, "min") if longest < 7200 else (3600, "h")


def moment(value: datetime | None) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}" if value else "-"


def short_moment(value: datetime | None, now: datetime) -> str:
    """The year only where it is not plain."""
    if value is None or abs(now - value) > timedelta(days=300):
        return moment(value)
    return f"{value.astimezone(UTC).day} {value.astimezone(UTC):%b %H:%M}"


def age(value: datetime, now: datetime) -> str:
    """`in 20 min`, `3 h ago`, `12 days ago`."""
    gap = abs(now - value)
    if gap < timedelta(minutes=1):
        return "now"
    if gap < timedelta(hours=1):
        words = f"{gap // timedelta(minutes=1)} min"
    elif gap < timedelta(hours=48):
        words = f"{gap // timedelta(hours=1)} h"
    else:
        words = f"{gap.days} days"
    return f"{words} ago" if value < now else f"in {words}"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{value:g} %"


def cut(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"


def verdict(well: int, warned: int, whole: int) -> str:
    """`well`: nothing is wrong; `warned`: nothing worse than a warning. Of `whole` imports."""
    bad = whole - well - warned
    if well == whole:
        return f"All {whole:,} imports are well." if whole > 1 else "The import is well."
    parts = []
    if bad:
        parts.append(f"{bad:,} of {whole:,} imports {'needs' if bad == 1 else 'need'} action")
    if warned:
        verb = "has a warning" if warned == 1 else "have a warning"
        parts.append(f"{warned:,} {verb}" if bad else f"{warned:,} of {whole:,} imports {verb}")
    return f"{', and '.join(parts)}."
