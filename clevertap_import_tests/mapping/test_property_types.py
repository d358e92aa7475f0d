"""Property types: what is encoded parses back to the value, and a wrong cell never leaves one."""

import json
import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import arro3.io
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clevertap_import.mapping.dates import FIRST_SECOND, LAST_SECOND
from clevertap_import.mapping.property_types import (
    PROPERTY_TYPES,
    PropertyTypeUnusable,
    ReadOptions,
    arrow_inferred,
    epoch_seconds,
)
from clevertap_import.mapping.rules import normalized

BOUND = 1 << 63

COLUMNS: dict[str, pa.Array] = {
    "bool": pa.array([True]),
    "int8": pa.array([1], pa.int8()),
    "int64": pa.array([1]),
    "decimal": pa.array([Decimal("1.00")]),
    "float": pa.array([1.0], pa.float32()),
    "double": pa.array([1.0]),
    "string": pa.array(["1"]),
    "date32": pa.array([1], pa.date32()),
    "timestamp": pa.array([1], pa.timestamp("us")),
    "timestamp with zone": pa.array([1], pa.timestamp("ns", "UTC")),
    "time": pa.array([1], pa.time64("us")),
    "binary": pa.array([b"1"]),
    "list": pa.array([[1]]),
    "struct": pa.array([{"a": 1}]),
}
NUMBERS = {"int8", "int64", "decimal", "float", "double", "string"}
READS = {
    "string": COLUMNS.keys() - {"binary", "list", "struct"},
    "integer": NUMBERS,
    "long": NUMBERS,
    "float": NUMBERS,
    "boolean": {"bool", "int8", "int64", "decimal", "string"},
    "date": {"date32", "timestamp", "timestamp with zone"},
    **{name: {"string"} for name in ("list", "items", "groups")},
}
# What a column of a type holds where "1" will not do.
TEXTS = {"list": "[1]", "items": "[{}]", "groups": '{"email":["a"]}'}

int64s = st.integers(-BOUND, BOUND - 1)
decimals = st.builds(lambda digits, places: Decimal(digits).scaleb(-places), int64s, st.integers(0, 30))


def not_json(text: str) -> NoReturn:
    raise AssertionError(f"{text} is not JSON")


def sent(values: pa.Array) -> list[Any]:
    """What CleverTap would read; None where it would see nothing. Fractions are read exactly."""
    out = BytesIO()
    # In an object of its own, where a null leaves its key out, as in a record.
    arro3.io.write_ndjson(pa.table({"o": pa.StructArray.from_arrays([values], ["v"])}), out)
    lines = out.getvalue().split(b"\n")[:-1]
    return [json.loads(line, parse_float=Decimal, parse_constant=not_json)["o"].get("v") for line in lines]


def encoded(name: str, cells: pa.Array, zone: str = "UTC") -> tuple[list[Any], list[str | None]]:
    """The values that `cells` are sent as, and for each the code of what is wrong with it."""
    values, violations = PROPERTY_TYPES[name].encode(normalized(cells), ReadOptions(zone))
    codes: list[str | None] = [None] * len(cells)
    for violation in violations:
        for place, is_wrong in enumerate(violation.wrong.to_pylist()):
            assert is_wrong in (True, False)
            codes[place] = violation.code if is_wrong else codes[place]
    return sent(values), codes


def well(values: list[Any]) -> tuple[list[Any], list[None]]:
    return values, [None] * len(values)


@pytest.mark.parametrize("name", PROPERTY_TYPES)
@pytest.mark.parametrize("column", COLUMNS)
def test_each_type_reads_the_columns_that_it_says_and_refuses_the_others(name: str, column: str) -> None:
    cells = pa.array([TEXTS.get(name, "1")]) if column == "string" else COLUMNS[column]
    if column in READS[name]:
        values, codes = encoded(name, cells)
        assert (len(values), codes) == (1, [None])
        assert values[0] is not None
    else:
        message = f"^A column of type {re.escape(str(cells.type))} cannot be read as {name}. {name} reads "
        with pytest.raises(PropertyTypeUnusable, match=message):
            encoded(name, cells)


@pytest.mark.parametrize("name", PROPERTY_TYPES)
@pytest.mark.parametrize("column", COLUMNS)
def test_null_is_sent_as_nothing_and_is_not_wrong(name: str, column: str) -> None:
    if column in READS[name]:
        assert encoded(name, pa.array([None], COLUMNS[column].type)) == well([None])
        assert encoded(name, pa.array([], COLUMNS[column].type)) == well([])


@pytest.mark.parametrize("column", sorted(READS["string"]))
def test_a_column_without_a_type_is_read_as_one_that_reads_it(column: str) -> None:
    assert column in READS[arrow_inferred(COLUMNS[column].type)]


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        (
            "integer",
            {"0": 0, "-7": -7, "+7": 7, "0" * 99 + "7": 7, "9007199254740993": 2**53 + 1}
            | {str(-BOUND): -BOUND, str(BOUND - 1): BOUND - 1},
        ),
        ("float", {"0": 0, "-1.5": -1.5, "+1.5": 1.5, "1.": 1, ".5": 0.5, "1e3": 1000, "1e-400": 0}),
        ("boolean", {"true": True, "TRUE": True, "1": True, "false": False, "False": False, "0": False}),
        ("string", {"": "", " a ": " a ", "nan": "nan", 'é"\n\u2028\x00': 'é"\n\u2028\x00'}),
    ],
)
def test_texts_that_are_accepted(name: str, accepted: dict[str, object]) -> None:
    assert encoded(name, pa.array(accepted)) == well(list(accepted.values()))


@pytest.mark.parametrize(
    ("name", "code", "refused"),
    [
        (
            "integer",
            "not_an_integer",
            ["", " 1", "1.0", "1e3", "x", "nan", "\u0661", "1\n", "--1", "0x1"],
        ),
        (
            "integer",
            "number_too_large",
            [str(BOUND), str(-BOUND - 1), "9" * 38, "-" + "9" * 39, "0" + "9" * 99],
        ),
        (
            "float",
            "not_a_number",
            ["", ".", "1,5", "NaN", "inf", "-Infinity", "1e", "e5", "1\n", "\u0663", "1_0"],
        ),
        ("float", "not_finite", ["1e400", "-1e999"]),
        ("boolean", "not_a_boolean", ["", "yes", "t", "2", " true", "null"]),
    ],
)
def test_texts_that_are_refused_leave_no_value(name: str, code: str, refused: list[str]) -> None:
    assert encoded(name, pa.array(refused)) == ([None] * len(refused), [code] * len(refused))


def test_numbers_that_are_refused_leave_no_value() -> None:
    wild = pa.array([math.nan, math.inf, -math.inf])
    for name, code in (("integer", "not_an_integer"), ("float", "not_finite"), ("string", "not_finite")):
        assert encoded(name, wild) == ([None] * 3, [code] * 3)
    for name in ("integer", "long"):
        assert encoded(name, pa.array([1.5, -0.1])) == ([None] * 2, ["not_an_integer"] * 2)
        assert encoded(name, pa.array([1e38, -1e300])) == ([None] * 2, ["number_too_large"] * 2)
        assert encoded(name, pa.array([Decimal("1.50")])) == ([None], ["not_an_integer"])
        assert encoded(name, pa.array([Decimal(BOUND)], pa.decimal128(38, 0))) == (
            [None],
            ["number_too_large"],
        )
    assert encoded("boolean", pa.array([2, -1])) == ([None] * 2, ["not_a_boolean"] * 2)
    assert encoded("boolean", pa.array([Decimal("0.5")])) == ([None], ["not_a_boolean"])


@given(st.lists(int64s))
def test_integers_come_back_exactly_from_numbers_decimals_and_text(numbers: list[int]) -> None:
    for name in ("integer", "long"):
        assert encoded(name, pa.array(numbers, pa.int64())) == well(numbers)
        assert encoded(name, pa.array(map(str, numbers), pa.string())) == well(numbers)
        assert encoded(name, pa.array(map(Decimal, numbers), pa.decimal128(38, 10))) == well(numbers)


@given(st.lists(st.integers(-(10**36), 10**36).map(float) | st.floats()))
def test_whole_floats_come_back_as_integers_and_no_other_does(numbers: list[float]) -> None:
    values, codes = encoded("integer", pa.array(numbers, pa.float64()))
    for number, value, code in zip(numbers, values, codes, strict=True):
        if not number.is_integer():
            assert (value, code) == (None, "not_an_integer")
        elif -BOUND <= int(number) < BOUND:
            assert (value, type(value), code) == (int(number), int, None)
        else:
            assert (value, code) == (None, "number_too_large")


@given(st.lists(st.decimals("-9", "9", places=37) | st.just(Decimal(0)) | st.just(Decimal("0.5"))))
def test_decimals_with_hardly_a_digit_before_the_point_are_read_too(numbers: list[Decimal]) -> None:
    for scale, fitting in ((37, numbers), (38, [number for number in numbers if abs(number) < 1])):
        values, codes = encoded("integer", pa.array(fitting, pa.decimal128(38, scale)))
        whole = [number == int(number) for number in fitting]
        assert values == [
            int(number) if is_whole else None for number, is_whole in zip(fitting, whole, strict=True)
        ]
        assert codes == [None if is_whole else "not_an_integer" for is_whole in whole]


@given(st.lists(st.floats()))
def test_floats_come_back_exactly_or_are_not_finite(numbers: list[float]) -> None:
    for cells in (pa.array(numbers, pa.float64()), pa.array(map(repr, numbers), pa.string())):
        values, codes = encoded("float", cells)
        for number, value, code in zip(numbers, values, codes, strict=True):
            if math.isfinite(number):
                assert (float(value), code) == (number, None)
            else:
                assert (value, code) == (None, "not_finite" if cells.type == pa.float64() else "not_a_number")


@given(st.lists(decimals, min_size=1))
def test_decimals_come_back_exactly_as_numbers_and_as_text(numbers: list[Decimal]) -> None:
    cells = pa.array(numbers, pa.decimal128(38, 30) if max(map(abs, numbers)) < 10**8 else None)
    assert encoded("float", cells) == well(numbers)
    values, codes = encoded("string", cells)
    assert [Decimal(value) for value in values] == numbers
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", value) for value in values)
    assert codes == [None] * len(numbers)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_floats_become_text_without_exponent(numbers: list[float]) -> None:
    values, _ = encoded("string", pa.array(numbers, pa.float64()))
    assert [float(value) for value in values] == numbers
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", value) for value in values)


@given(st.lists(st.text(max_size=128) | st.none()))
def test_texts_come_back_unchanged(texts: list[str | None]) -> None:
    assume(not any(text and text.startswith("$D_") for text in texts))
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        assert encoded("string", pa.array(texts, kind)) == well(texts)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x" * 512, None),
        ("x" * 513, "value_too_long"),
        ("\u00e9" * 256, None),
        ("\u00e9" * 257, "value_too_long"),
        ("$D_1", "date_marker"),
        ("$D", None),
        (" $D_1", None),
        ("$d_1", None),
    ],
)
def test_texts_that_clevertap_would_cut_or_take_for_a_date_are_refused(text: str, code: str | None) -> None:
    assert encoded("string", pa.array([text])) == ([None if code else text], [code])


@given(st.lists(st.text() | st.text(alphabet="01+-.eEtrufalsn \n", max_size=6)))
def test_a_text_becomes_the_value_it_says_or_no_value(texts: list[str]) -> None:
    cells = pa.array(texts, pa.string())
    for name, pattern, code in (
        ("integer", r"[+-]?[0-9]+", "not_an_integer"),
        ("float", r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", "not_a_number"),
        ("boolean", r"(?ai:0|1|true|false)", "not_a_boolean"),
    ):
        values, codes = encoded(name, cells)
        for text, value, found in zip(texts, values, codes, strict=True):
            if re.fullmatch(pattern, text):
                read = float(value) if isinstance(value, Decimal) else value
                assert (read, found) == (said(name, text), None if value is not None else WIDE[name])
            else:
                assert (value, found) == (None, code)


WIDE = {"integer": "number_too_large", "float": "not_finite"}


def said(name: str, text: str) -> object:
    if name == "boolean":
        return text.lower() in ("1", "true")
    if name == "integer":
        return int(text) if -BOUND <= int(text) < BOUND else None
    return float(text) if math.isfinite(float(text)) else None


@pytest.mark.parametrize(("unit", "per_second"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
@given(st.lists(st.integers(-(10**17), 10**17)))
def test_moments_round_down_to_seconds_on_both_sides_of_1970(
    unit: str, per_second: int, numbers: list[int]
) -> None:
    ticks = [number for number in numbers if FIRST_SECOND <= number // per_second <= LAST_SECOND]
    seconds = [tick // per_second for tick in ticks]
    for zone in (None, "UTC", "Asia/Kolkata"):
        cells = pa.array(ticks, pa.int64()).cast(pa.timestamp(unit, zone))
        assert epoch_seconds(cells, "UTC").to_pylist() == seconds
        assert encoded("date", cells) == well([f"$D_{second}" for second in seconds])


@given(st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))))  # noqa: DTZ001
def test_naive_moments_are_read_in_the_zone_of_the_import(moments: list[datetime]) -> None:
    zone = ZoneInfo("Asia/Kolkata")
    seconds = [math.floor(moment.replace(tzinfo=zone, microsecond=0).timestamp()) for moment in moments]
    cells = pa.array(moments, pa.timestamp("us"))
    assert encoded("date", cells, "Asia/Kolkata") == well([f"$D_{second}" for second in seconds])


@given(st.lists(st.dates()))
def test_days_begin_at_midnight_in_the_zone_of_the_import(days: list[date]) -> None:
    midnights = [datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() for day in days]
    cells = pa.array(days, pa.date32())
    assert encoded("date", cells) == well([f"$D_{midnight:.0f}" for midnight in midnights])


@pytest.mark.parametrize(
    ("wall", "seconds"),
    [
        ("2026-03-29T02:30:00", "2026-03-29T01:00:00+00:00"),  # never shown by a clock in Oslo
        ("2026-10-25T02:30:00", "2026-10-25T00:30:00+00:00"),  # shown twice
    ],
)
def test_hours_that_clocks_skip_are_the_moment_of_the_change_and_repeated_ones_the_first(
    wall: str, seconds: str
) -> None:
    expected = math.floor(datetime.fromisoformat(seconds).timestamp())
    for unit in ("s", "us", "ns"):
        cells = pa.array([datetime.fromisoformat(wall)], pa.timestamp(unit))
        assert epoch_seconds(cells, "Europe/Oslo").to_pylist() == [expected]


def test_a_dictionary_column_is_read_as_what_it_holds() -> None:
    assert encoded("integer", pa.array(["1", "x", None]).dictionary_encode()) == (
        [1, None, None],
        [None, "not_an_integer", None],
    )
