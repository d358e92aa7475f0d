"""Dates: texts and numbers in every format become the moment they say, or are refused; none is guessed."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import get_args
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clevertap_import.config.target import DateFormat
from clevertap_import.mapping.dates import FIRST_SECOND, LAST_SECOND, TICKS_PER_SECOND
from clevertap_import.mapping.property_types import PROPERTY_TYPES, ReadOptions, epoch_seconds

FIELDS = {"yyyy": "%Y", "MMM": "%b", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
FIELD = re.compile("yyyy|MMM|MM|dd|HH|mm|ss")
WRITTEN = [name for name in get_args(DateFormat) if FIELD.search(name)]
ZONES = ["UTC", "Asia/Kolkata", "America/New_York", "Europe/Oslo", "Australia/Lord_Howe"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

formats = st.sampled_from(WRITTEN)
# Before zones were agreed on clocks had odd offsets. From 2038 on they follow a rule and no list of changes.
moments = st.datetimes(datetime(1920, 1, 1), datetime(2037, 12, 31)) | st.datetimes(  # noqa: DTZ001
    datetime(2038, 1, 1),  # noqa: DTZ001
    datetime(9999, 12, 30),  # noqa: DTZ001
)
any_moments = st.datetimes()


def read(cells: pa.Array, date_format: str, zone: str = "UTC") -> list[int | None]:
    """Epoch seconds of each cell; None for one that is refused, whose code must then be not_a_date."""
    values, violations = PROPERTY_TYPES["date"].encode(cells, ReadOptions(zone, date_format))
    codes: list[str | None] = [None] * len(cells)
    for violation in violations:
        for place, is_wrong in enumerate(violation.wrong.to_pylist()):
            codes[place] = violation.code if is_wrong else codes[place]
    assert codes == [
        "not_a_date" if cell.is_valid and value is None else None
        for cell, value in zip(cells, values.to_pylist(), strict=True)
    ]
    return [None if value is None else int(value.removeprefix("$D_")) for value in values.to_pylist()]


def read_one(text: str, date_format: str, zone: str = "UTC") -> int | None:
    (seconds,) = read(pa.array([text]), date_format, zone)
    return seconds


def written(moment: datetime, date_format: str) -> str:
    numbers = {"yyyy": f"{moment.year:04d}", "MMM": f"{moment:%b}"}
    return FIELD.sub(lambda field: numbers.get(field[0]) or f"{moment:{FIELDS[field[0]]}}", date_format)


def strictly_parsed(text: str, date_format: str) -> datetime | None:
    """What strptime makes of it, where every field has all its digits."""
    shape = FIELD.sub(
        lambda field: "[A-Za-z]{3}" if field[0] == "MMM" else "[0-9]" * len(field[0]), date_format
    )
    if not re.fullmatch(shape, text):
        return None
    try:
        found = datetime.strptime(text, FIELD.sub(lambda field: FIELDS[field[0]], date_format))  # noqa: DTZ007
    except ValueError:
        return None
    return found


def seconds_of(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(seconds=1)


def is_shown_by_clocks(moment: datetime, zone: ZoneInfo) -> bool:
    return moment.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == moment


def test_the_formats_are_those_of_the_contract() -> None:
    assert len(WRITTEN) == 11
    others = {"iso8601", "epoch_seconds", "epoch_milliseconds", "clevertap"}
    assert set(get_args(DateFormat)) - set(WRITTEN) == others


@given(st.lists(any_moments), formats)
def test_every_format_comes_back_as_the_moment_it_was_written_from(
    drawn: list[datetime], date_format: str
) -> None:
    whole = [each.replace(microsecond=0) for each in drawn]
    if "HH" not in date_format:
        whole = [each.replace(hour=0, minute=0, second=0) for each in whole]
    cells = pa.array([written(moment, date_format) for moment in whole], pa.string())
    assert read(cells, date_format) == [seconds_of(moment.replace(tzinfo=UTC)) for moment in whole]


@given(moments, formats, st.sampled_from(ZONES))
def test_a_moment_without_a_zone_is_read_on_the_clock_of_the_given_zone(
    moment: datetime, date_format: str, name: str
) -> None:
    text, zone = written(moment, date_format), ZoneInfo(name)
    wall = strictly_parsed(text, date_format)
    assert wall is not None
    assume(is_shown_by_clocks(wall, zone))
    assert read_one(text, date_format, name) == seconds_of(wall.replace(tzinfo=zone))


def test_summer_time_is_known_beyond_the_years_that_are_listed() -> None:
    for text, hour in (("01/07/2037", 4), ("01/01/2038", 5), ("01/07/2038", 4), ("01/07/9999", 4)):
        midnight = seconds_of(datetime.strptime(text, "%d/%m/%Y").replace(tzinfo=UTC))
        assert read_one(text, "dd/MM/yyyy", "America/New_York") == midnight + hour * 3600


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
@pytest.mark.parametrize("aware", [None, "Etc/UTC"])
@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_no_moment_is_outside_the_years_1_to_9999(unit: str, aware: str | None, zone: str) -> None:
    seconds = [FIRST_SECOND - 1, FIRST_SECOND, 0, LAST_SECOND, LAST_SECOND + 1, 1_714_558_830_123]
    ticks = [second * TICKS_PER_SECOND[unit] for second in seconds]
    cells = pa.array(ticks, pa.int64()).cast(pa.timestamp(unit, aware))
    assert epoch_seconds(cells, zone).is_valid().to_pylist() == [False, True, True, True, False, False]


def test_no_day_is_outside_the_years_1_to_9999() -> None:
    days = pa.array([FIRST_SECOND // 86_400 - 1, FIRST_SECOND // 86_400, 2_932_896, 2_932_897], pa.int32())
    assert epoch_seconds(days.cast(pa.date32()), "UTC").is_valid().to_pylist() == [False, True, True, False]


years = st.integers(0, 9999).map("{:04d}".format)
months = st.sampled_from(["Jan", "FEB", "dec", "Mai", "abc"])
loose_texts = st.builds(
    lambda date_format, year, month, rest: FIELD.sub(
        lambda field: {"yyyy": year, "MMM": month}.get(field[0]) or rest[field[0]], date_format
    ),
    formats,
    years,
    months,
    st.fixed_dictionaries(
        {
            "dd": st.sampled_from(["00", "01", "28", "29", "30", "31", "32", "1", " 1", "\u0661\u0661"]),
            "MM": st.sampled_from(["00", "02", "12", "13", "2"]),
            "HH": st.sampled_from(["00", "23", "24", "7"]),
            "mm": st.sampled_from(["00", "59", "60"]),
            "ss": st.sampled_from(["00", "59", "60"]),
        }
    ),
)


@given(st.lists(loose_texts | st.text(max_size=20) | st.none()), formats)
def test_whatever_stands_in_a_column_is_read_as_strptime_would_or_refused(
    texts: list[str | None], date_format: str
) -> None:
    expected = [strictly_parsed(text, date_format) if text is not None else None for text in texts]
    assert read(pa.array(texts, pa.string()), date_format) == [
        moment and seconds_of(moment.replace(tzinfo=UTC)) for moment in expected
    ]


@pytest.mark.parametrize(
    ("text", "exists"),
    [
        ("29/02/2024", True),
        ("29/02/2023", False),
        ("29/02/2000", True),
        ("29/02/1900", False),
        ("31/04/2024", False),
        ("00/01/2024", False),
        ("01/13/2024", False),
        ("01/00/2024", False),
        ("01/01/0000", False),
        ("01/01/0001", True),
        ("31/12/9999", True),
        ("1/1/2024", False),
        ("01/01/24", False),
        ("01-01-2024", False),
        ("01/01/2024 ", False),
        ("01/01/2024\n", False),
        ("01/01/2024 00:00:00", False),
        ("\u0660\u0661/01/2024", False),
        ("", False),
    ],
)
def test_days_that_do_not_exist_and_other_ways_to_write_are_refused(text: str, exists: bool) -> None:
    assert (read_one(text, "dd/MM/yyyy") is not None) == exists


def test_before_1970_is_negative() -> None:
    assert read_one("31/12/1969 23:59:59", "dd/MM/yyyy HH:mm:ss") == -1
    assert read_one("01Jan1900", "ddMMMyyyy") == -2208988800
    assert read_one("1969-12-31T23:59:59.999", "iso8601") == -1
    assert read(pa.array([-1, -999, -1000, -1001]), "epoch_milliseconds") == [-1, -1, -1, -2]


offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59)


def offset_text(minutes: int, style: str) -> str:
    sign, size = "-" if minutes < 0 else "+", abs(minutes)
    return f"{sign}{size // 60:02d}{style}{size % 60:02d}"


@given(moments, st.sampled_from("T "), st.sampled_from(["", ".", ","]), st.integers(1, 9), offsets)
def test_iso_moments_are_read_with_fractions_and_offsets(
    moment: datetime, between: str, point: str, digits: int, minutes: int
) -> None:
    fraction = point + f"{moment.microsecond:06d}000"[:digits] if point else ""
    text = f"{moment:%Y-%m-%d}{between}{moment:%H:%M:%S}{fraction}"
    wall = moment.replace(microsecond=0)
    assert (
        read_one(text, "iso8601") == read_one(text + "Z", "iso8601") == seconds_of(wall.replace(tzinfo=UTC))
    )
    at_offset = seconds_of(wall.replace(tzinfo=timezone(timedelta(minutes=minutes))))
    for style in ("", ":"):
        # The zone in the text is used, with any zone of the import.
        assert read_one(text + offset_text(minutes, style), "iso8601", "Asia/Kolkata") == at_offset


@given(st.dates())
def test_iso_days_begin_at_midnight(day: date) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    assert read_one(day.isoformat(), "iso8601") == seconds_of(midnight)
    assert read_one(f"{day.isoformat()}T00:00", "iso8601") == seconds_of(midnight)


def test_an_offset_of_hours_alone_is_read_and_a_text_without_one_has_the_zone_of_the_import() -> None:
    assert read_one("2024-03-18T00:00:00+05", "iso8601") == 1710720000 - 5 * 3600
    assert read_one("2024-03-18 00:00:00.000 -0800", "iso8601", "Asia/Kolkata") == 1710720000 + 8 * 3600
    assert read_one("2024-03-18T00:00:00", "iso8601", "Asia/Kolkata") == 1710720000 - 5 * 3600 - 1800
    assert read_one("2024-03-18", "iso8601", "Asia/Kolkata") == 1710720000 - 5 * 3600 - 1800


@pytest.mark.parametrize(
    "text",
    [
        *("2024-03-18-07", "2024-03-18Z", "2024-03-18+05:30"),  # a day alone has no zone
        *("2024-03-18T00:00:00+24:00", "2024-03-18T00:00:00+05:60", "2024-03-18T00:00:00+99:99"),
        *("2024-03-18T24:00:00", "2024-03-18T23:59:60", "2024-03-18T12", "2024-03-18T1:00:00"),
        *("20240318", "2024-W12-1", "2024-078", "24-03-18", "2024-3-18", "18-03-2024"),
        *("2024-03-18T00:00:00.", "2024-03-18T00:00:00.1234567890", "2024-03-18T00:00.5"),
        *("2024-03-18 00:00:00  -0800", "2024-03-18 -0800", "2024-03-18 00:00:00 - 0800"),
        *("2024-03-18t00:00:00", "2024-03-18T00:00:00z", "2024-03-18T00:00:00 Z", "now", ""),
    ],
)
def test_iso_texts_that_say_no_moment_clearly_are_refused(text: str) -> None:
    assert read_one(text, "iso8601") is None


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-(10**12), 10**12)))
def test_numbers_since_1970_round_down_as_numbers_decimals_and_text(ticks: list[int]) -> None:
    for date_format, per_second in (("epoch_seconds", 1), ("epoch_milliseconds", 1000)):
        seconds = [tick // per_second for tick in ticks]
        expected = [each if FIRST_SECOND <= each <= LAST_SECOND else None for each in seconds]
        assert read(pa.array(ticks, pa.int64()), date_format) == expected
        assert read(pa.array(map(str, ticks), pa.string()), date_format) == expected
        assert read(pa.array(map(Decimal, ticks), pa.decimal128(38, 2)), date_format) == expected


def test_numbers_that_are_no_moment_are_refused() -> None:
    texts = pa.array(["1.5", "x", "", "1e9", "9" * 30, None, "0"])
    assert read(texts, "epoch_seconds") == [None] * 6 + [0]
    assert read(pa.array([Decimal("1.50"), Decimal("2.00")]), "epoch_seconds") == [None, 2]
    # Milliseconds that are taken for seconds would be in the year 55000.
    assert read(pa.array([1_710_720_000_000]), "epoch_seconds") == [None]


@given(st.lists(st.integers(FIRST_SECOND, LAST_SECOND) | st.none()))
def test_dates_as_clevertap_writes_them_come_back(seconds: list[int | None]) -> None:
    cells = pa.array([None if second is None else f"$D_{second}" for second in seconds], pa.string())
    assert read(cells, "clevertap") == seconds


def test_what_is_no_date_of_clevertaps_is_refused() -> None:
    # Milliseconds among them: they would be in the year 55000.
    texts = [
        "$D_",
        "$D_1.5",
        " $D_1",
        "$D_1\n",
        "$d_1",
        "D_1",
        "1",
        "$D_1714558830123",
        "$D_" + "9" * 30,
        "$D_--1",
    ]
    assert read(pa.array(texts), "clevertap") == [None] * len(texts)
    assert read(pa.array(["$D_-1", "$D_0"]), "clevertap") == [-1, 0]


def test_the_bounds_are_the_years_1_and_9999() -> None:
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert (seconds_of(first), seconds_of(last)) == (FIRST_SECOND, LAST_SECOND)
    edges = pa.array([FIRST_SECOND - 1, FIRST_SECOND, LAST_SECOND, LAST_SECOND + 1])
    assert read(edges, "epoch_seconds") == [None, FIRST_SECOND, LAST_SECOND, None]
