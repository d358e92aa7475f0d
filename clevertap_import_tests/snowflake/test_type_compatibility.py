"""Snowflake type x property type: each pair is mapped, or refused in words that say what is read."""

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from clevertap_import.mapping.mapper import ColumnTypes, Mapper
from clevertap_import.mapping.property_types import PROPERTY_TYPES
from clevertap_import.snowflake.type_compatibility import INFERRED, READS, PairRefused, check_pair, inferred
from clevertap_import_tests.testing.builders import profiles_import

HALF_PAST_MIDNIGHT = 86_400_500_000  # in microseconds

SAMPLES: dict[str, list[pa.Array]] = {
    "FIXED": [
        *(pa.array([1], width) for width in (pa.int8(), pa.int16(), pa.int32(), pa.int64())),
        pa.array([1], pa.decimal128(38, 0)),
    ],
    "REAL": [pa.array([1.0])],
    "DECFLOAT": [pa.array(["1"]), pa.array(["1e0"]), pa.array(["0.1E+1"]), pa.array(["1.0"])],
    "TEXT": [pa.array(["1"])],
    "BOOLEAN": [pa.array([True])],
    "DATE": [pa.array([1], pa.date32())],
    "TIME": [pa.array([1_000_000], pa.time64("us"))],
    "TIMESTAMP_NTZ": [pa.array([HALF_PAST_MIDNIGHT], pa.timestamp("us"))],
    "TIMESTAMP_LTZ": [pa.array([HALF_PAST_MIDNIGHT], pa.timestamp("us", "Etc/UTC"))],
    "TIMESTAMP_TZ": [pa.array([HALF_PAST_MIDNIGHT], pa.timestamp("us", "Etc/UTC"))],
    "BINARY": [pa.array([b"1"])],
    "VARIANT": [pa.array(['"1"'])],
    "OBJECT": [pa.array(['{"a":1}'])],
    "ARRAY": [pa.array(['["a"]'])],
}
"""What the connector delivers of each Snowflake type."""

JSON_TEXT = {
    "list": {"TEXT": "[1]", "VARIANT": "[1]"},
    "items": dict.fromkeys(("TEXT", "VARIANT", "ARRAY"), '[{"a":1}]'),
    "groups": dict.fromkeys(("TEXT", "VARIANT", "OBJECT"), '{"email":["a"]}'),
}
"""Samples for the types to which those above do not fit."""

MAPPED: dict[tuple[str, str], object] = {
    ("FIXED", "string"): "1",
    ("FIXED", "integer"): 1,
    ("FIXED", "long"): 1,
    ("FIXED", "float"): 1,
    ("FIXED", "boolean"): True,
    ("REAL", "string"): "1",
    ("REAL", "integer"): 1,
    ("REAL", "long"): 1,
    ("REAL", "float"): 1.0,
    ("DECFLOAT", "string"): "1",
    ("DECFLOAT", "integer"): 1,
    ("DECFLOAT", "long"): 1,
    ("DECFLOAT", "float"): 1.0,
    ("TEXT", "string"): "1",
    ("TEXT", "integer"): 1,
    ("TEXT", "long"): 1,
    ("TEXT", "float"): 1.0,
    ("TEXT", "boolean"): True,
    ("TEXT", "list"): {"$set": ["1"]},
    ("BOOLEAN", "string"): "true",
    ("BOOLEAN", "boolean"): True,
    ("DATE", "string"): "1970-01-02",
    ("DATE", "date"): "$D_86400",
    ("TIME", "string"): "00:00:01",
    ("TIMESTAMP_NTZ", "string"): "1970-01-02 00:00:00.500000",
    ("TIMESTAMP_NTZ", "date"): "$D_86400",
    ("TIMESTAMP_LTZ", "string"): "1970-01-02 00:00:00.500000Z",
    ("TIMESTAMP_LTZ", "date"): "$D_86400",
    ("TIMESTAMP_TZ", "string"): "1970-01-02 00:00:00.500000Z",
    ("TIMESTAMP_TZ", "date"): "$D_86400",
    ("VARIANT", "string"): "1",
    ("VARIANT", "integer"): 1,
    ("VARIANT", "long"): 1,
    ("VARIANT", "float"): 1.0,
    ("VARIANT", "boolean"): True,
    ("VARIANT", "list"): {"$set": ["1"]},
    ("OBJECT", "string"): '{"a":1}',
    ("ARRAY", "string"): '["a"]',
    ("ARRAY", "list"): {"$set": ["a"]},
    **{(name, "items"): [{"a": 1}] for name in JSON_TEXT["items"]},
    **{(name, "groups"): {"email": ["a"]} for name in JSON_TEXT["groups"]},
}
"""What becomes of the samples, written by hand. Every other pair is refused."""

INFERENCES = {
    ("FIXED", 0): "integer",
    ("FIXED", None): "integer",
    ("FIXED", 2): "float",
    ("REAL", None): "float",
    ("DECFLOAT", None): "float",
    ("TEXT", None): "string",
    ("BOOLEAN", None): "boolean",
    ("DATE", None): "date",
    ("TIME", 9): "string",
    ("TIMESTAMP_NTZ", 9): "date",
    ("TIMESTAMP_LTZ", 9): "date",
    ("TIMESTAMP_TZ", 9): "date",
    ("VARIANT", None): "string",
    ("ARRAY", None): "list",
}

WITH_FORMAT = [
    ("TEXT", "dd/MM/yyyy", pa.array(["02/01/1970"])),
    ("VARIANT", "dd/MM/yyyy", pa.array(['"02/01/1970"'])),
    ("VARIANT", "epoch_seconds", pa.array(["86400"])),
    ("FIXED", "epoch_milliseconds", pa.array([86_400_999])),
    ("FIXED", "epoch_seconds", pa.array([Decimal(86_400)], pa.decimal128(38, 0))),
    ("TEXT", "clevertap", pa.array(["$D_86400"])),
    ("VARIANT", "clevertap", pa.array(['"$D_86400"'])),
    # A format does no harm where none is needed.
    ("DATE", "dd/MM/yyyy", pa.array([1], pa.date32())),
    ("TIMESTAMP_TZ", "iso8601", SAMPLES["TIMESTAMP_TZ"][0]),
]


def mapped(cells: pa.Array, snowflake_type: str, property_type: str | None, **more: object) -> Any:  # noqa: ANN401
    """What the one cell is sent as. `property_type` None: as the type table infers it."""
    config = profiles_import({"column": "V", "property": "P", "type": property_type} | more)
    plan = ColumnTypes({"V": snowflake_type}, {"P": property_type or inferred(snowflake_type, None)})
    rows = pa.record_batch({"ID": pa.array(["u"]), "V": cells})
    result = Mapper(config, 1, plan).map(rows, np.zeros(1, np.int64), 1)
    assert result.rejections == ()
    (record,) = result.records["record"].to_pylist()
    return json.loads(record)["profileData"].get("P")


def test_the_table_has_every_type() -> None:
    assert SAMPLES.keys() - {"BINARY", "OBJECT"} == INFERRED.keys() == {name for name, _ in INFERENCES}
    assert READS.keys() == PROPERTY_TYPES.keys()
    assert len(SAMPLES) == 14


@pytest.mark.parametrize("property_type", READS)
@pytest.mark.parametrize("snowflake_type", SAMPLES)
def test_each_pair_is_mapped_or_refused(snowflake_type: str, property_type: str) -> None:
    pair = (snowflake_type, property_type)
    if pair in MAPPED:
        check_pair(*pair, None)
        text = JSON_TEXT.get(property_type, {}).get(snowflake_type)
        for cells in [pa.array([text])] if text else SAMPLES[snowflake_type]:
            assert mapped(cells, *pair) == MAPPED[pair]
            assert mapped(pa.nulls(1, cells.type), *pair) is None
        return
    with pytest.raises(PairRefused) as caught:
        check_pair(*pair, None)
    reads = [name for name, wanted in MAPPED if wanted == property_type]
    names = {"FIXED": "NUMBER", "REAL": "FLOAT", "TEXT": "VARCHAR"}
    message, _, listed = str(caught.value).partition(f"; {property_type} reads ")
    assert (
        message
        == f"A column of type {names.get(snowflake_type, snowflake_type)} cannot be read as {property_type}"
    )
    assert sorted(listed.split(". ")[0].split(", ")) == sorted(names.get(name, name) for name in reads)


def test_moments_at_a_whole_second_are_text_without_a_fraction() -> None:
    for zone, text in ((None, "1970-01-02 00:00:00"), ("Etc/UTC", "1970-01-02 00:00:00Z")):
        cells = pa.array([86_400_000_000], pa.timestamp("us", zone))
        assert mapped(cells, "TIMESTAMP_TZ", "string") == text


def test_a_number_with_a_scale_keeps_its_digits() -> None:
    cells = pa.array([Decimal("1.10")], pa.decimal128(38, 2))
    assert mapped(cells, "FIXED", "float") == 1.1
    assert mapped(cells, "FIXED", "string") == "1.10"
    whole = pa.array([Decimal("1.00")], pa.decimal128(38, 2))
    assert [mapped(whole, "FIXED", name) for name in ("integer", "long", "boolean")] == [1, 1, True]


@pytest.mark.parametrize(
    ("cell", "text", "number"),
    [
        (
            "12345678901234567890123456789012345678",
            "12345678901234567890123456789012345678",
            1.2345678901234568e37,
        ),
        ("-1.5E-7", "-0.00000015", -1.5e-07),
        ("1.25e+40", "125" + "0" * 38, 1.25e40),
        ("0", "0", 0.0),
    ],
)
def test_a_decimal_float_keeps_all_digits_as_text_and_is_the_nearest_double_as_a_number(
    cell: str, text: str, number: float
) -> None:
    assert mapped(pa.array([cell]), "DECFLOAT", "string") == text
    assert mapped(pa.array([cell]), "DECFLOAT", None) == number


@pytest.mark.parametrize(("snowflake_type", "date_format", "cells"), WITH_FORMAT)
def test_dates_are_read_from_text_and_numbers_with_a_format(
    snowflake_type: str, date_format: str, cells: pa.Array
) -> None:
    check_pair(snowflake_type, "date", date_format)
    assert mapped(cells, snowflake_type, "date", format=date_format) == "$D_86400"


@pytest.mark.parametrize("snowflake_type", ["TEXT", "FIXED", "VARIANT"])
def test_a_refusal_says_that_a_format_is_what_is_missing(snowflake_type: str) -> None:
    with pytest.raises(PairRefused, match=r"Write the format of the column\.$"):
        check_pair(snowflake_type, "date", None)


@pytest.mark.parametrize("snowflake_type", ["BOOLEAN", "REAL", "TIME", "BINARY", "OBJECT", "ARRAY"])
def test_no_format_makes_a_date_of_these(snowflake_type: str) -> None:
    with pytest.raises(PairRefused, match=r"Cast it in SQL, or choose another type\.$"):
        check_pair(snowflake_type, "date", "epoch_seconds")


@pytest.mark.parametrize("date_format", ["dd/MM/yyyy", "iso8601", "clevertap"])
def test_a_number_is_no_date_in_a_format_of_text(date_format: str) -> None:
    with pytest.raises(PairRefused, match=r"^A column of type NUMBER cannot be read as date"):
        check_pair("FIXED", "date", date_format)


@pytest.mark.parametrize(("column", "expected"), INFERENCES.items())
def test_each_type_infers_a_type_that_reads_it(column: tuple[str, int | None], expected: str) -> None:
    assert inferred(*column) == expected
    check_pair(column[0], expected, None)


def test_an_object_infers_nothing_and_says_what_to_do() -> None:
    with pytest.raises(PairRefused, match=r"SHAPE:city\. With type: string the JSON is sent as text\.$"):
        inferred("OBJECT", None)


def test_binary_infers_nothing_and_says_what_to_do() -> None:
    with pytest.raises(PairRefused, match=r"^A column of type BINARY cannot be sent\. Convert it to text "):
        inferred("BINARY", None)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("3.000000000000000e+00", "3"),
        ("-1.250000000000000e-01", "-0.125"),
        ("1.000000000000000e+22", "1" + "0" * 22),
        ("0.000000000000000e+00", "0"),
    ],
)
def test_a_float_inside_json_is_read_without_the_exponent_that_snowflake_writes(
    written: str, plain: str
) -> None:
    assert mapped(pa.array([written]), "VARIANT", "string") == plain
    assert mapped(pa.array([written]), "VARIANT", "float") == float(plain)
    assert mapped(pa.array([f"[{written}]"]), "ARRAY", "list") == {"$set": [plain]}
    # As text it is what somebody wrote.
    assert mapped(pa.array([f'"{written}"']), "VARIANT", "string") == written
    assert mapped(pa.array([f'["{written}"]']), "ARRAY", "list") == {"$set": [written]}


def test_a_whole_float_in_a_variant_is_an_integer_and_a_boolean() -> None:
    cells = pa.array(["1.000000000000000e+00"])
    assert mapped(cells, "VARIANT", "integer") == 1
    assert mapped(cells, "VARIANT", "boolean") is True
