"""Moments and options that say which windows a command or a call means."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from clevertap_import.errors import ConfigError

if TYPE_CHECKING:
    from clevertap_import.config.model import ImportConfig


DURATION_UNITS = ("minutes", "hours", "days", "weeks")
LONGEST_DURATION = timedelta(weeks=53)


def moment_of(text: str) -> datetime:
    """A moment as ISO 8601; UTC where it names no zone. Raises ConfigError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r} is not a moment. Write it as 2026-11-01 or 2026-11-01T09:00.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def duration_of(text: str) -> timedelta:
    """A duration as people type it, up to a year: 30m, 4h, 2d, or 4 hours. Raises ConfigError."""
    found = re.fullmatch(r"(\d{1,6}) *([a-z]+)", text.strip().lower())
    unit = next((unit for unit in DURATION_UNITS if found and found[2] in spellings(unit)), None)
    duration = timedelta(**{unit: int(found[1])}) if found and unit else timedelta()
    if not timedelta() < duration <= LONGEST_DURATION:
        raise ConfigError(
            f"{text!r} is not a duration up to a year. Write it as 30m, 4h, 2d or 1w, or as 4 hours."
        )
    return duration


def spellings(unit: str) -> tuple[str, ...]:
    return (unit, unit.removesuffix("s"), unit[0])


def bounds_problem(
    start: datetime | None, end: datetime | None, spelled: Callable[[str], str], *, full: bool
) -> str | None:
    """Why these bounds mean nothing; None if they do. `spelled`: the name of an option as it is written."""
    window, until = spelled("window"), spelled("until")
    if end and not start:
        return f"{until} goes with {window}."
    if start and end and end < start:
        return (
            f"{until} is {end:%Y-%m-%d %H:%M}, before {window}, {start:%Y-%m-%d %H:%M}."
            f" Give the earlier moment as {window}."
        )
    return f"{spelled('full')} and {window} exclude each other." if full and start else None


def vague_force(configs: Sequence["ImportConfig"], spelled: Callable[[str], str]) -> str | None:
    """Why force needs windows: alone it would mean those that are not done, of which CleverTap has little."""
    windowed = [config.nickname for config in configs if config.updated_on]
    if not windowed:
        return None
    return (
        f"{spelled('force')} alone would send only the windows of {', '.join(windowed)} that are not done."
        f" Say which windows are sent again: {spelled('window')}, with {spelled('until')} for several; or"
        f" {spelled('full')} for all of them."
    )
