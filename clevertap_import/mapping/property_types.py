"""Property types: each converts a column to JSON values, and reports the cells that it cannot convert.

All code works on whole Arrow columns. A wrong cell becomes null, so that it is never sent. The Snowflake
types that each property type reads are in `type_compatibility.py`; columns of other types never arrive here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clevertap_import.config.field_types import PER_SECOND
from clevertap_import.errors import ConfigError
from clevertap_import.mapping.dates import (
    column_seconds,
    impossible_moments,
    in_zone,
    number_seconds,
    outside_years,
    text_seconds,
)
from clevertap_import.mapping.json_values import lists
from clevertap_import.mapping.objects import items_of_charged, subscription_groups
from clevertap_import.mapping.rules import Violation, nulled, plain_digits, text_violations, violation_if_any

INTEGER_TEXT = r"\A[+-]?[0-9]+\z"
INTEGER_TEXT_BEYOND_DECIMALS = r"\A[+-]?0*[1-9][0-9]{38,}\z"
NUMBER_TEXT = r"\A[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\z"
TRUE_TEXTS, BOOLEAN_TEXTS = ("1", "true"), ("0", "1", "false", "true")
EXACT = pa.decimal128(38, 0)
LARGEST, SMALLEST = Decimal(2**63 - 1), Decimal(-(2**63))

Encoded = tuple[pa.Array, list[Violation]]


class PropertyTypeUnusable(ConfigError):
    """A column's type cannot become the property type that the import asks for."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a column is read: the zone of moments without a zone, the format of dates, the operation of a
    list."""

    timezone: str = "UTC"
    format: str | None = None
    operation: str = "set"


@dataclass(frozen=True, slots=True)
class PropertyType:
    """`encode` converts a column by the read options, and may raise PropertyTypeUnusable.

    `accepts` are texts with the JSON value that they become, `rejects` texts with the code of the reason.
    """

    name: str
    reads: str
    encode: Callable[[pa.Array, ReadOptions], Encoded]
    accepts: tuple[tuple[str, object], ...]
    rejects: tuple[tuple[str, str], ...]
    example_format: str | None = None
    is_json: bool = False
    """Whether `encode` returns JSON text, which is written into the record unchanged."""


def unusable(cells: pa.Array, name: str) -> PropertyTypeUnusable:
    reads = PROPERTY_TYPES[name].reads
    return PropertyTypeUnusable(
        f"A column of type {cells.type} cannot be read as {name}. {name} reads {reads}."
    )


def as_text(cells: pa.Array) -> pa.StringArray:
    """Numbers as plain digits, without exponent; other types as Arrow prints them."""
    if pa.types.is_string(cells.type):
        return cells
    if pa.types.is_binary(cells.type) or pa.types.is_nested(cells.type):
        raise unusable(cells, "string")
    if pa.types.is_timestamp(cells.type) and cells.type.tz:
        # Arrow writes Z only for the zone name UTC; the connector calls the zone Etc/UTC.
        cells = cells.cast(pa.timestamp(cells.type.unit, "UTC"))
    texts = cells.cast(pa.string())
    if pa.types.is_temporal(cells.type):
        return pc.replace_substring_regex(texts, r"\.0+(Z?)\z", r"\1")
    has_exponents = pa.types.is_decimal(cells.type) or pa.types.is_floating(cells.type)
    return plain_digits(texts) if has_exponents else texts


def whole_digits(decimals: pa.Array) -> pa.StringArray:
    """Decimals as text; whole numbers without a decimal point."""
    return pc.replace_substring_regex(as_text(decimals), r"\.0*\z", "")


def encode_string(cells: pa.Array, reading: ReadOptions) -> Encoded:
    violations = not_finite(cells) if pa.types.is_floating(cells.type) else impossible_moments(cells)
    texts = nulled(as_text(cells), violations)
    limits = text_violations(texts)
    return nulled(texts, limits), violations + limits


def not_finite(numbers: pa.Array) -> list[Violation]:
    return violation_if_any("not_finite", pc.invert(pc.is_finite(numbers)))


def encode_integer(cells: pa.Array, reading: ReadOptions) -> Encoded:
    return whole(cells, "integer")


def encode_long(cells: pa.Array, reading: ReadOptions) -> Encoded:
    return whole(cells, "long")


def whole(cells: pa.Array, name: str) -> Encoded:
    if pa.types.is_integer(cells.type):
        return cells, []
    if pa.types.is_string(cells.type):
        violations = [
            *violation_if_any("not_an_integer", pc.invert(pc.match_substring_regex(cells, INTEGER_TEXT))),
            *violation_if_any(
                "number_too_large", pc.match_substring_regex(cells, INTEGER_TEXT_BEYOND_DECIMALS)
            ),
        ]
    elif pa.types.is_decimal(cells.type) or pa.types.is_floating(cells.type):
        violations = fractional(cells)
    else:
        raise unusable(cells, name)
    numbers = nulled(cells, violations).cast(EXACT)
    too_large = violation_if_any(
        "number_too_large", pc.or_(pc.greater(numbers, LARGEST), pc.less(numbers, SMALLEST))
    )
    return nulled(numbers, too_large), violations + too_large


def fractional(cells: pa.Array) -> list[Violation]:
    """Cells that are not whole numbers, and floats that are too large for a decimal."""
    if pa.types.is_floating(cells.type):
        is_finite = pc.is_finite(cells)
        is_whole = pc.and_(is_finite, pc.equal(pc.trunc(cells), cells))
        too_large = pc.and_(is_finite, pc.greater_equal(pc.abs(cells), 2.0**64))
        return [
            *violation_if_any("not_an_integer", pc.invert(is_whole)),
            *violation_if_any("number_too_large", too_large),
        ]
    # Arrow cannot round a decimal type that has no digit before the point.
    all_fraction = cells.type.precision == cells.type.scale
    truncated = pa.scalar(Decimal(0), cells.type) if all_fraction else pc.trunc(cells)
    return violation_if_any("not_an_integer", pc.not_equal(truncated, cells))


def encode_float(cells: pa.Array, reading: ReadOptions) -> Encoded:
    if pa.types.is_integer(cells.type) or pa.types.is_decimal(cells.type):
        return cells, []
    if pa.types.is_floating(cells.type):
        violations = not_finite(cells)
        return nulled(cells, violations), violations
    if pa.types.is_string(cells.type):
        violations = violation_if_any("not_a_number", pc.invert(pc.match_substring_regex(cells, NUMBER_TEXT)))
        numbers = nulled(cells, violations).cast(pa.float64())
        too_large = not_finite(numbers)
        return nulled(numbers, too_large), violations + too_large
    raise unusable(cells, "float")


def encode_boolean(cells: pa.Array, reading: ReadOptions) -> Encoded:
    if pa.types.is_boolean(cells.type):
        return cells, []
    if pa.types.is_decimal(cells.type):
        cells = whole_digits(cells)
    if not (pa.types.is_string(cells.type) or pa.types.is_integer(cells.type)):
        raise unusable(cells, "boolean")
    texts = pc.utf8_lower(cells.cast(pa.string()))
    known, allowed = pc.is_valid(texts), pa.array(BOOLEAN_TEXTS)
    violations = violation_if_any("not_a_boolean", pc.and_(known, pc.invert(pc.is_in(texts, allowed))))
    truths = pc.if_else(known, pc.is_in(texts, pa.array(TRUE_TEXTS)), pa.scalar(None, pa.bool_()))
    return nulled(truths, violations), violations


def encode_date(cells: pa.Array, reading: ReadOptions) -> Encoded:
    seconds, violations = moment_seconds(cells, reading)
    return pc.binary_join_element_wise("$D_", seconds.cast(pa.string()), ""), violations


def moment_seconds(cells: pa.Array, reading: ReadOptions) -> tuple[pa.Int64Array, list[Violation]]:
    """Epoch seconds of moments, for every type of column."""
    if reading.format is None or pa.types.is_temporal(cells.type):
        seconds = epoch_seconds(cells, reading.timezone)
        return seconds, outside_years(cells, seconds)
    if reading.format in PER_SECOND:
        numbers, _ = whole(cells, "date")
        seconds = number_seconds(numbers, reading.format)
    elif pa.types.is_string(cells.type):
        seconds = text_seconds(cells, reading.format, reading.timezone)
    else:
        raise unusable(cells, "date")
    # A value that is not a number is also not a moment; one reason is enough.
    wrong = pc.and_(pc.is_valid(cells), pc.is_null(seconds))
    return seconds, violation_if_any("not_a_date", wrong)


def encode_list(cells: pa.Array, reading: ReadOptions) -> Encoded:
    if not pa.types.is_string(cells.type):
        raise unusable(cells, "list")
    items, violations = lists(cells)
    missing = pc.is_null(items)
    return pa.StructArray.from_arrays([items], [f"${reading.operation}"], mask=missing), violations


def encode_items(cells: pa.Array, reading: ReadOptions) -> Encoded:
    if not pa.types.is_string(cells.type):
        raise unusable(cells, "items")
    return items_of_charged(cells)


def encode_groups(cells: pa.Array, reading: ReadOptions) -> Encoded:
    if not pa.types.is_string(cells.type):
        raise unusable(cells, "groups")
    return subscription_groups(cells)


def epoch_seconds(cells: pa.Array, timezone: str) -> pa.Int64Array:
    """Seconds since 1970, rounded down, of a date or timestamp column; naive ones are read in `timezone`.

    Null outside the years 1 to 9999.
    """
    if not (pa.types.is_date(cells.type) or pa.types.is_timestamp(cells.type)):
        raise unusable(cells, "date")
    seconds = column_seconds(cells)
    if timezone == "UTC" or (pa.types.is_timestamp(cells.type) and cells.type.tz is not None):
        return seconds
    instants = in_zone(seconds.fill_null(0).to_numpy(zero_copy_only=False), timezone)
    return pa.array(instants, pa.int64(), mask=np.asarray(seconds.is_null()))


PROPERTY_TYPES = {
    entry.name: entry
    for entry in (
        PropertyType(
            "string",
            "text, numbers, booleans, dates, times and timestamps",
            encode_string,
            (("Ann", "Ann"), ("", ""), ("007", "007")),
            (("x" * 513, "value_too_long"), ("$D_7", "date_marker")),
        ),
        PropertyType(
            "integer",
            "whole numbers, also as text",
            encode_integer,
            (("42", 42), ("-7", -7), ("9007199254740993", 9007199254740993)),
            (("12.5", "not_an_integer"), ("9223372036854775808", "number_too_large")),
        ),
        PropertyType(
            "long",
            "whole numbers, also as text",
            encode_long,
            (("9223372036854775807", 9223372036854775807),),
            (("1e3", "not_an_integer"), ("-9223372036854775809", "number_too_large")),
        ),
        PropertyType(
            "float",
            "numbers, also as text",
            encode_float,
            (("1.5", 1.5), ("-.5", -0.5), ("1e3", 1000.0)),
            (("1,5", "not_a_number"), ("NaN", "not_a_number"), ("1e999", "not_finite")),
        ),
        PropertyType(
            "boolean",
            "booleans, and true, false, 1, 0 as text or whole number",
            encode_boolean,
            (("1", True), ("TRUE", True), ("0", False), ("false", False)),
            (("yes", "not_a_boolean"), ("2", "not_a_boolean")),
        ),
        PropertyType(
            "date",
            "DATE and TIMESTAMP columns; text and whole numbers with a `format`",
            encode_date,
            (("18/03/2024", "$D_1710720000"), ("31/12/1969", "$D_-86400")),
            (("30/02/2024", "not_a_date"), ("2024-03-18", "not_a_date")),
            example_format="dd/MM/yyyy",
        ),
        PropertyType(
            "list",
            "ARRAY columns, and JSON lists as text",
            encode_list,
            (
                ('["a", "b", "a"]', {"$set": ["a", "b"]}),
                ("[1, true, null]", {"$set": ["1", "true"]}),
                ("[]", {"$set": []}),
            ),
            (('{"a": 1}', "not_a_list"), ("a, b", "not_a_list"), ("[[1]]", "not_a_list")),
        ),
        PropertyType(
            "items",
            "ARRAY and VARIANT columns, and JSON as text: lists of flat objects, for `Items` of Charged",
            encode_items,
            (
                ('[{"sku": "A7", "price": 9.5, "size": null}]', [{"price": 9.5, "sku": "A7"}]),
                ("[]", []),
            ),
            (('{"sku": "A7"}', "not_items"), ('["A7"]', "item_not_flat"), ('[{"a": [1]}]', "item_not_flat")),
            is_json=True,
        ),
        PropertyType(
            "groups",
            "OBJECT and VARIANT columns, and JSON as text: lists of subscription groups by channel",
            encode_groups,
            (('{"email": ["Marketing", null]}', {"email": ["Marketing"]}),),
            (('["Marketing"]', "not_groups"), ('{"email": "Marketing"}', "not_groups")),
            is_json=True,
        ),
    )
}

ARROW_INFERRED: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "integer"),
    (pa.types.is_decimal, "float"),
    (pa.types.is_floating, "float"),
    (pa.types.is_date, "date"),
    (pa.types.is_timestamp, "date"),
)


def arrow_inferred(column_type: pa.DataType) -> str:
    """The property type if only the Arrow type is known, as for constants; all other types become text."""
    return next((name for matches, name in ARROW_INFERRED if matches(column_type)), "string")
