"""Schedules: when an import runs. A kind is one class here, its name in the union, and what starts it."""

from datetime import UTC, date, datetime, timedelta
from math import gcd
from typing import Annotated, ClassVar, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from clevertap_import.config.cron_lines import (
    MINUTES_PER_DAY,
    clock_shifts_minutes,
    days_by_time,
    has_daylight_saving,
    ticks,
)
from clevertap_import.config.field_types import Duration, Moment, TimeOfDay, Zone
from clevertap_import.config.strict_model import Strict, shown

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

CRON_DAYS: dict[Weekday, int] = {day: number for number, day in enumerate(get_args(Weekday), start=1)}
"""Cron's numbers of the days; its 7 is a Sunday too."""

LEAST = Duration("15 minutes")
MOST = Duration("52 weeks")
LEAST_CHECK = Duration("1 minute")
MOST_CHECK = Duration("1 day")
SHORTEST_MONTH = 28


class Kind(Strict):
    """What all schedules have."""

    word: ClassVar[str]
    """CleverTap's name for the frequency."""

    timezone: Zone = Field(
        "UTC",
        description="The timezone, by its IANA name, whose clock and daylight saving the schedule follows; "
        "of an interval in minutes or hours only the midnight from which it counts.",
        examples=["Asia/Kolkata"],
    )
    active: bool = Field(
        True,
        description="Whether the schedule is on when it is loaded; otherwise a person must switch it on.",
        examples=[False],
    )

    @property
    def summary(self) -> str:
        """When it runs, as the beginning of a sentence."""
        return self.word

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes about behaviour that is correct but may be unexpected."""
        return ()

    def crons(self) -> tuple[str, ...]:
        """Cron lines, in `timezone`, at whose ticks an import may be due; none if a sensor starts it."""
        return ()


class Every(Kind):
    """Runs at a fixed interval, counted from midnight of the import's `start`."""

    word = "Repeat Intervals"

    kind: Literal["every"] = Field(
        "every", description="Repeats at an interval, the first time at once.", examples=["every"]
    )
    every: Duration = Field(
        description="The interval, 15 minutes to 52 weeks. Days and weeks start at the same local hour "
        "across daylight saving. Minutes and hours are elapsed time, so their times of day move when clocks "
        "change: 6 hours from a midnight in winter are 01:00, 07:00, 13:00 and 19:00 in summer.",
        examples=["6 hours", "90 minutes", "2 weeks"],
    )

    @field_validator("every")
    @classmethod
    def _within_bounds(cls, every: Duration) -> Duration:
        if not LEAST <= every <= MOST:
            raise ValueError(f"every is {str(every)!r}. The least is {LEAST}, the most {MOST}.")
        return every

    @property
    def summary(self) -> str:
        return f"Every {self.every}"

    @property
    def notes(self) -> tuple[str, ...]:
        if self.keeps_local_hour or not has_daylight_saving(self.timezone):
            return ()
        return (
            f"{self.every} is elapsed time: its times of day move when the clocks of {self.timezone} change."
            " Write days or weeks, or a schedule of kind weekly, for times that stay.",
        )

    @property
    def keeps_local_hour(self) -> bool:
        return self.every.unit in ("days", "weeks")

    def crons(self) -> tuple[str, ...]:
        """The coarsest ticks that include every due moment for any start; `is_due` picks them."""
        if self.keeps_local_hour:
            return ("0 0 * * *",)
        minutes = self.every // timedelta(minutes=1)
        return ticks(gcd(minutes, MINUTES_PER_DAY, *clock_shifts_minutes(self.timezone)))

    def last_due(self, moment: datetime, start: date) -> datetime | None:
        """The last of `start`'s local midnight and the moments whole intervals after it, up to `moment`.

        In UTC; None before the first. Of a `start` with a time only the day counts, so that due moments fall
        on ticks of `crons`.
        """
        now = moment.astimezone(UTC)
        anchor = self._midnight(start)
        if now < anchor:
            return None
        if not self.keeps_local_hour:
            return now - (now - anchor) % self.every
        today = now.astimezone(ZoneInfo(self.timezone)).date()
        past = (today.toordinal() - start.toordinal()) % self.every.days
        return self._midnight(today - timedelta(days=past))

    def next_due(self, moment: datetime, start: date) -> datetime:
        """The first of these moments after `moment`, in UTC."""
        last = self.last_due(moment, start)
        if last is None:
            return self._midnight(start)
        if not self.keeps_local_hour:
            return last + self.every
        return self._midnight(last.astimezone(ZoneInfo(self.timezone)).date() + self.every)

    def _midnight(self, day: date) -> datetime:
        """In UTC. If clocks skip midnight, the moment when they skip it; of two midnights, the first."""
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.timezone)).astimezone(UTC)


class DayOfWeek(Strict):
    """One slot of a weekly schedule."""

    day: Weekday = Field(description="The day of the week.", examples=["monday"])
    time: TimeOfDay = Field(description="Hours and minutes on the 24-hour clock, quoted.", examples=["10:00"])


class Weekly(Kind):
    """Runs on days of the week."""

    word = "Custom Schedule"

    kind: Literal["weekly"] = Field("weekly", description="Runs on days of the week.", examples=["weekly"])
    at: tuple[DayOfWeek, ...] = Field(
        min_length=1,
        description="The days, and the time on each.",
        examples=[[{"day": "monday", "time": "10:00"}, {"day": "thursday", "time": "18:30"}]],
    )

    @property
    def summary(self) -> str:
        return "On " + " and ".join(f"{slot.day} at {slot.time:%H:%M}" for slot in self.at)

    def crons(self) -> tuple[str, ...]:
        slots = ((slot.time, str(CRON_DAYS[slot.day])) for slot in self.at)
        return tuple(f"{at.minute} {at.hour} * * {days}" for at, days in days_by_time(slots))


def read_day_of_month(value: object) -> object:
    if value == "last" or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 31):
        return value
    raise ValueError(f"day is {shown(value)}. Allowed: 1 to 31, or last for the last day of the month.")


class DayOfMonth(Strict):
    """One slot of a monthly schedule."""

    day: Annotated[int | Literal["last"], BeforeValidator(read_day_of_month)] = Field(
        description="The day of the month, 1 to 31, or last. Months without that day are skipped.",
        examples=[1, "last"],
    )
    time: TimeOfDay = Field(description="Hours and minutes on the 24-hour clock, quoted.", examples=["09:00"])


class Monthly(Kind):
    """Runs on days of the month."""

    word = "Custom Schedule"

    kind: Literal["monthly"] = Field(
        "monthly", description="Runs on days of the month.", examples=["monthly"]
    )
    at: tuple[DayOfMonth, ...] = Field(
        min_length=1,
        description="The days, and the time on each.",
        examples=[[{"day": 1, "time": "09:00"}, {"day": "last", "time": "18:00"}]],
    )

    @property
    def summary(self) -> str:
        return "On " + " and ".join(f"day {slot.day} at {slot.time:%H:%M}" for slot in self.at)

    def crons(self) -> tuple[str, ...]:
        slots = ((slot.time, "L" if slot.day == "last" else str(slot.day)) for slot in self.at)
        return tuple(f"{at.minute} {at.hour} {days} * *" for at, days in days_by_time(slots))

    @property
    def notes(self) -> tuple[str, ...]:
        days = sorted(
            {slot.day for slot in self.at if isinstance(slot.day, int) and slot.day > SHORTEST_MONTH}
        )
        if not days:
            return ()
        named = " and ".join(map(str, days))
        return (f"Months without day {named} are skipped. Write last for the last day of every month.",)


class Once(Kind):
    """Runs once."""

    word = "Manually Trigger"

    kind: Literal["once"] = Field("once", description="Runs once, at a given moment.", examples=["once"])
    at: Moment = Field(
        description="The moment, on the clock of the timezone unless it has an offset of its own.",
        examples=["2026-12-01T09:00:00"],
    )

    @field_validator("at")
    @classmethod
    def _on_the_clock(cls, at: datetime, info: ValidationInfo) -> datetime:
        """Refuses a wall-clock time that the zone's clock skips."""
        zone = ZoneInfo(info.data.get("timezone", "UTC"))
        if at.tzinfo is None and at.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).time() != at.time():
            raise ValueError(
                f"{at:%Y-%m-%d %H:%M} does not exist in {zone}: its clock skips it. "
                "Write another time, or an offset with it."
            )
        return at

    @property
    def moment(self) -> datetime:
        """In UTC. If a wall-clock time comes twice, the later one, as in all schedules."""
        if self.at.tzinfo:
            return self.at.astimezone(UTC)
        return self.at.replace(tzinfo=ZoneInfo(self.timezone), fold=1).astimezone(UTC)

    @property
    def summary(self) -> str:
        return f"Once, at {self.moment:%Y-%m-%d %H:%M} UTC"


class Manual(Kind):
    """Runs when a person or a program asks."""

    word = "Manually Trigger"

    kind: Literal["manual"] = Field(
        "manual", description="Runs only when a person or a program starts it.", examples=["manual"]
    )


class After(Kind):
    """Runs when any of these upstream assets has new data, and none of them is being made."""

    word = "After Assets"

    kind: Literal["after"] = Field("after", description="Runs after other assets.", examples=["after"])
    assets: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        min_length=1,
        description="The keys of the Dagster assets whose new data starts the import.",
        examples=[["dbt/customers"]],
    )

    @property
    def summary(self) -> str:
        return f"After {', '.join(self.assets)}"


class Change(Kind):
    """Runs when the data of a Snowflake table or view that the import reads has changed."""

    word = "After Changes"

    kind: Literal["change"] = Field(
        "change", description="Runs when its Snowflake table or view has changed.", examples=["change"]
    )
    check_every: Duration = Field(
        Duration("5 minutes"),
        description="How often Snowflake is asked, 1 minute to 1 day.",
        examples=["5 minutes"],
    )

    @field_validator("check_every")
    @classmethod
    def _within_bounds(cls, check_every: Duration) -> Duration:
        if not LEAST_CHECK <= check_every <= MOST_CHECK:
            raise ValueError(
                f"check_every is {str(check_every)!r}. The least is {LEAST_CHECK}, the most {MOST_CHECK}."
            )
        return check_every

    @property
    def summary(self) -> str:
        return f"When a table has changed, checked every {self.check_every}"


Schedule = Annotated[Every | Weekly | Monthly | Once | Manual | After | Change, Field(discriminator="kind")]
KINDS: tuple[type[Kind], ...] = get_args(get_args(Schedule)[0])

if OUTSIDE := [kind.__name__ for kind in Kind.__subclasses__() if kind not in KINDS]:
    raise LookupError(f"A schedule kind that no import can name: {', '.join(OUTSIDE)}. Add it to Schedule.")
