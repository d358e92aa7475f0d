"""Durations, timezones, days and times of day, as people write them in YAML."""

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Self, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from clevertap_import.config.strict_model import shown
from clevertap_import.errors import did_you_mean

Percent = Annotated[float, Field(ge=0, le=100)]

PER_SECOND = {"epoch_seconds": 1, "epoch_milliseconds": 1000}
"""What a number since 1970 counts, by the name of its date format."""


D = TypeVar("D", bound=date)

UNITS = ("minutes", "hours", "days", "weeks")
DURATION_TEXT = re.compile(r"(\d{1,6}) +(minute|hour|day|week)s?")
TIME_TEXT = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
MAX_SEXAGESIMAL = 24 * 60
FIRST_YEAR, LAST_YEAR = 1970, 2999  # nearer to its ends the calendar leaves no room for zones and windows


class Duration(timedelta):
    """A timedelta that remembers its unit: 1 day may keep the local hour where 24 hours do not."""

    count: int
    unit: str

    def __new__(cls, text: str) -> Self:
        """Reads '6 hours'. Raises ValueError in words for the author of the YAML."""
        parts = DURATION_TEXT.fullmatch(text)
        if parts is None:
            raise ValueError(_no_duration(text))
        count, unit = int(parts[1]), parts[2] + "s"
        duration = super().__new__(cls, **{unit: count})
        duration.count, duration.unit = count, unit
        return duration

    def __str__(self) -> str:
        return f"{self.count} {self.unit if self.count != 1 else self.unit.removesuffix('s')}"

    def __repr__(self) -> str:
        return f"Duration({str(self)!r})"

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (str(self),)  # timedelta's own would hand days and seconds to __new__

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            read_duration,
            json_schema_input_schema=core_schema.str_schema(pattern=f"^{DURATION_TEXT.pattern}$"),
            serialization=core_schema.to_string_ser_schema(),
        )


def read_duration(value: object) -> Duration:
    if isinstance(value, Duration):
        return value
    if not isinstance(value, str):
        raise ValueError(_no_duration(value))
    return Duration(value.strip())


def _no_duration(value: object) -> str:
    word = re.sub(r"[\d\s]+", "", value) if isinstance(value, str) else ""
    hint = did_you_mean(word, UNITS)
    return (
        f"{shown(value)} is not a duration.{hint} Write a whole number and a unit, such as 6 hours. "
        f"Units: {', '.join(UNITS)}."
    )


def read_zone(name: str) -> str:
    """`name` itself, if the IANA database has it."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        zones = sorted(available_timezones())
        cities = [zone for zone in zones if f"/{zone}".lower().endswith(f"/{name.lower()}")]
        # The zone nearest to an abbreviation such as IST is another abbreviation, which would mislead.
        with_slash = [zone for zone in zones if "/" in zone]
        hint = did_you_mean(min(cities, key=len), cities) if cities else did_you_mean(name, with_slash)
        raise ValueError(
            f"{shown(name)} is not a timezone.{hint} Write an IANA name, such as UTC or Asia/Kolkata."
        ) from None
    return name


def read_time(value: object) -> time:
    """A time of day to the minute."""
    if isinstance(value, time):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_SEXAGESIMAL:
        hours, minutes = divmod(value, 60)
        raise ValueError(
            f"{value} is not a time. Without quotes YAML reads {hours}:{minutes:02} as the number {value}. "
            f'Write "{hours:02}:{minutes:02}", quoted.'
        )
    parts = TIME_TEXT.fullmatch(value) if isinstance(value, str) else None
    if parts is None:
        text = f'"{value}"' if isinstance(value, str) else shown(value)
        raise ValueError(f'{text} is not a time. Write hours and minutes as "10:00", quoted.')
    return time(int(parts[1]), int(parts[2]))


def read_date(value: object) -> date:
    """A day; a number is refused, which pydantic would take for seconds since 1970."""
    try:
        if isinstance(value, str):
            value = date.fromisoformat(value)
    except ValueError:
        pass
    if isinstance(value, date) and not isinstance(value, datetime):
        return within_years(value)
    raise ValueError(f"{shown(value)} is not a day. Write year-month-day, such as 2026-11-01.")


def read_moment(value: object) -> datetime:
    """A day and a time; without an offset, in the timezone of the schedule."""
    try:
        if isinstance(value, str) and ":" in value:
            value = datetime.fromisoformat(value)
    except ValueError:
        pass
    if isinstance(value, datetime):
        return within_years(value)
    raise ValueError(f"{shown(value)} is not a day and a time. Write them as 2026-12-01T09:00:00.")


def within_years(value: D) -> D:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"{shown(value)} is out of range. Write a year from {FIRST_YEAR} to {LAST_YEAR}.")
    return value


def time_text(value: time) -> str:
    return f"{value:%H:%M}"


Zone = Annotated[str, AfterValidator(read_zone)]
TimeOfDay = Annotated[
    time,
    BeforeValidator(read_time),
    PlainSerializer(time_text),
    WithJsonSchema({"type": "string", "pattern": f"^{TIME_TEXT.pattern}$"}),
]
Day = Annotated[date, BeforeValidator(read_date)]
Moment = Annotated[datetime, BeforeValidator(read_moment)]
