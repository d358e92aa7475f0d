"""Converts dates and moments, as text or as numbers since 1970, to epoch seconds, a column at a time."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clevertap_import.config.field_types import PER_SECOND
from clevertap_import.mapping.rules import Violation, violation_if_any

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
"""Modules create no Arrow array when they are imported: the first array imports pandas, which takes 0.3 s."""

FIELDS = {
    "yyyy": "(?P<year>[0-9]{4})",
    "MMM": "(?P<name>[A-Za-z]{3})",
    "MM": "(?P<month>[0-9]{2})",
    "dd": "(?P<day>[0-9]{2})",
    "HH": "(?P<hour>[0-9]{2})",
    "mm": "(?P<minute>[0-9]{2})",
    "ss": "(?P<second>[0-9]{2})",
}

ISO_8601 = (
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]{1,9})?)?"
    r"(?P<zone>Z| ?[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?)?"
)
"""A space before the offset is allowed: Snowflake writes one for a TIMESTAMP_TZ in a VARIANT."""

TICKS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}

CLEVERTAP_TEXT = r"\A\$D_(?P<seconds>-?[0-9]{1,18})\z"


FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799
"""From the year 1 to the year 9999. Milliseconds that are read as seconds are outside."""

LAST_LISTED_SECOND = 2_145_916_799
"""The end of 2037."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DAY_SECONDS = 86_400


def pattern(date_format: str) -> str:
    """The pattern of a full moment in one of CleverTap's formats (Map Data for Import page) or in ISO
    8601."""
    body = (
        ISO_8601
        if date_format == "iso8601"
        else re.sub("yyyy|MMM|MM|dd|HH|mm|ss", lambda field: FIELDS[field.group()], date_format)
    )
    return rf"\A{body}\z"


def text_seconds(cells: pa.StringArray, date_format: str, timezone: str) -> pa.Int64Array:
    """Epoch seconds, rounded down; null where the text is not a moment in that format, or is null.

    `timezone` applies to moments without a zone.
    """
    if date_format == "clevertap":
        return marked_seconds(cells)
    fields = pc.extract_regex(cells, pattern(date_format))
    is_shaped = np.asarray(fields.is_valid())
    parts = {field.name: fields.field(index) for index, field in enumerate(fields.type)}
    days, is_day = civil_days(parts)
    seconds, is_time = seconds_of_day(parts)
    is_moment = is_shaped & is_day & is_time
    local = np.where(is_moment, days * DAY_SECONDS + seconds, 0)
    offsets, has_zone = zone_offsets(parts, len(cells))
    instants = np.where(has_zone, local - offsets, in_zone(local, timezone))
    return pa.array(instants, pa.int64(), mask=~is_moment)


def marked_seconds(cells: pa.StringArray) -> pa.Int64Array:
    """Epoch seconds of dates in CleverTap's own form, `$D_1710720000`; null for all other texts."""
    digits = pc.struct_field(pc.extract_regex(cells, CLEVERTAP_TEXT), "seconds")
    return number_seconds(digits.cast(pa.int64()), "epoch_seconds")


def number_seconds(cells: pa.Array, date_format: str) -> pa.Int64Array:
    """Epoch seconds, rounded down, of whole numbers; null outside the years 1 to 9999."""
    filled = cells.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False) // PER_SECOND[date_format]
    outside = (filled < FIRST_SECOND) | (filled > LAST_SECOND)
    return pa.array(filled, pa.int64(), mask=np.asarray(cells.is_null()) | outside)


def column_seconds(cells: pa.Array) -> pa.Int64Array:
    """Seconds since 1970, rounded down, of dates or timestamps; null outside the years 1 to 9999."""
    if pa.types.is_date(cells.type):
        cells = cells.cast(pa.timestamp("s"))
    ticks = cells.cast(pa.int64())
    # numpy, because Arrow's integer division rounds toward zero: one second late for all before 1970.
    floored = ticks.fill_null(0).to_numpy(zero_copy_only=False) // TICKS_PER_SECOND[cells.type.unit]
    outside = (floored < FIRST_SECOND) | (floored > LAST_SECOND)
    return pa.array(floored, pa.int64(), mask=outside | np.asarray(ticks.is_null()))


def impossible_moments(cells: pa.Array) -> list[Violation]:
    """Problems in columns of dates or timestamps; other columns have none."""
    if not (pa.types.is_date(cells.type) or pa.types.is_timestamp(cells.type)):
        return []
    return outside_years(cells, column_seconds(cells))


def outside_years(cells: pa.Array, seconds: pa.Int64Array) -> list[Violation]:
    """Dates and timestamps outside the years 1 to 9999, such as milliseconds that were read as seconds.

    In `seconds` they are null.
    """
    if seconds.null_count == cells.null_count:
        return []
    return violation_if_any("date_out_of_range", pc.and_(pc.is_valid(cells), pc.is_null(seconds)))


def numbers(parts: Mapping[str, pa.Array], name: str, default: int) -> np.ndarray:
    """One field of all texts as integers; `default` where a text does not have it."""
    if name not in parts:
        return np.array(default, dtype=np.int64)
    texts = pc.if_else(pc.equal(parts[name], ""), None, parts[name])
    found: np.ndarray = texts.cast(pa.int64()).fill_null(default).to_numpy(zero_copy_only=False)
    return found


def civil_days(parts: Mapping[str, pa.Array]) -> tuple[np.ndarray, np.ndarray]:
    """Days since 1970, and which of them exist in the calendar: there is no 30 February."""
    year, day = numbers(parts, "year", 0), numbers(parts, "day", 0)
    if "name" in parts:
        month = (
            pc.index_in(pc.utf8_lower(parts["name"]), pa.array(MONTHS))
            .fill_null(-1)
            .to_numpy(zero_copy_only=False)
            + 1
        )
    else:
        month = numbers(parts, "month", 0)
    is_month = (year > 0) & (month >= 1) & (month <= 12)
    months = (np.where(is_month, (year - 1970) * 12 + month - 1, 0)).astype("M8[M]")
    days = months.astype("M8[D]") + (np.where(is_month, day, 1) - 1)
    # Day 0 is in the month before, day 32 in the month after.
    is_day = is_month & (days.astype("M8[M]") == months)
    return days.astype(np.int64), is_day


def seconds_of_day(parts: Mapping[str, pa.Array]) -> tuple[np.ndarray, np.ndarray]:
    """Seconds since midnight, and which of them are valid times of a 24-hour clock."""
    hour, minute, second = (numbers(parts, name, 0) for name in ("hour", "minute", "second"))
    return hour * 3600 + minute * 60 + second, (hour <= 23) & (minute <= 59) & (second <= 59)


def zone_offsets(parts: Mapping[str, pa.Array], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Offsets from UTC in seconds, and which texts have one."""
    if "zone" not in parts:
        return np.zeros(size, dtype=np.int64), np.zeros(size, dtype=bool)
    zones = pc.replace_substring_regex(pc.fill_null(parts["zone"], ""), "[: ]", "")
    has_zone = np.asarray(pc.not_equal(zones, ""))
    digits = pc.if_else(pc.is_in(zones, pa.array(["", "Z"])), "+0000", zones)
    hours = pc.utf8_slice_codeunits(digits, 1, 3).cast(pa.int64()).to_numpy(zero_copy_only=False)
    rest = pc.utf8_slice_codeunits(digits, 3, 5)
    minutes = pc.if_else(pc.equal(rest, ""), "0", rest).cast(pa.int64()).to_numpy(zero_copy_only=False)
    signs = np.where(np.asarray(pc.starts_with(digits, "-")), -1, 1)
    return signs * (hours * 3600 + minutes * 60), has_zone


def in_zone(local: np.ndarray, timezone: str) -> np.ndarray:
    """Local times in `timezone` as epoch seconds.

    When clocks go back, a local time has two moments: the first one is used. When clocks skip an hour, a
    local time in it becomes the moment of the change.
    """
    if timezone == "UTC":
        return local
    naive = pa.array(local.astype("M8[s]"))
    instants = pc.assume_timezone(naive, timezone, ambiguous="earliest", nonexistent="latest")
    found: np.ndarray = instants.cast(pa.int64()).to_numpy(zero_copy_only=False).copy()
    # Arrow reads the listed changes, which end with 2037, and ignores the rule for later years.
    late = (local > LAST_LISTED_SECOND) & (local <= LAST_SECOND)
    if late.any():
        zone = ZoneInfo(timezone)
        # Such moments are few, or the same many times: 9999-12-31 often means "no end".
        distinct, places = np.unique(local[late], return_inverse=True)
        found[late] = np.array([late_second(second, zone) for second in distinct.tolist()])[places]
    return found


def late_second(local: int, zone: ZoneInfo) -> int:
    """The same for one moment, by the zone's rule for all later years."""
    wall = EPOCH + timedelta(seconds=local)
    return (wall.replace(tzinfo=zone) - EPOCH) // timedelta(seconds=1)
