"""Property types: each turns a column into JSON values, and says which cells it cannot turn.

Everything works on whole Arrow columns. A wrong cell becomes null, so that it can never be sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .errors import ConfigError
from .rules import Finding, found

TICKS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
INTEGER_TEXT = r"\A[+-]?[0-9]{1,38}\z"
NUMBER_TEXT = r"\A[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\z"
TRUE_TEXTS = pa.array(["1", "true"])
BOOLEAN_TEXTS = pa.array(["0", "1", "false", "true"])
EXACT = pa.decimal128(38, 0)
MAX_WHOLE_FLOAT = 1e37

Encoded = tuple[pa.Array, list[Finding]]


class PropertyTypeUnusable(ConfigError):
    """A column's type cannot become the property type that the import asks for."""


@dataclass(frozen=True, slots=True)
class PropertyType:
    """`encode` takes a column and the zone of naive timestamps, and raises PropertyTypeUnusable."""

    name: str
    reads: str
    encode: Callable[[pa.Array, str], Encoded]


def plain(cells: pa.Array) -> pa.Array:
    """The column in one of the few layouts that the rules know: no dictionaries, no large or view strings."""
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if pa.types.is_large_string(cells.type) or pa.types.is_string_view(cells.type):
        return cells.cast(pa.string())
    if pa.types.is_null(cells.type):
        return cells.cast(pa.string())
    return cells


def without(cells: pa.Array, findings: list[Finding]) -> pa.Array:
    """`cells` with null in place of each wrong one."""
    for finding in findings:
        cells = pc.if_else(finding.wrong, pa.scalar(None, cells.type), cells)
    return cells


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
    texts = cells.cast(pa.string())
    has_exponents = pa.types.is_decimal(cells.type) or pa.types.is_floating(cells.type)
    return plain_digits(texts) if has_exponents else texts


def plain_digits(numbers: pa.StringArray) -> pa.StringArray:
    """Numbers without exponent. Only very large and very small ones have one, so few are rewritten."""
    exponents = pc.fill_null(pc.match_substring(numbers, "e", ignore_case=True), False)
    if not pc.any(exponents).as_py():
        return numbers
    plain = [format(Decimal(number), "f") for number in numbers.filter(exponents).to_pylist()]
    return pc.replace_with_mask(numbers, exponents, pa.array(plain, pa.string()))


def whole_digits(decimals: pa.Array) -> pa.StringArray:
    """Decimals as text; whole ones without a decimal point."""
    return pc.replace_substring_regex(as_text(decimals), r"\.0*\z", "")


def encode_string(cells: pa.Array, timezone: str) -> Encoded:
    findings = not_finite(cells) if pa.types.is_floating(cells.type) else []
    return without(as_text(cells), findings), findings


def not_finite(numbers: pa.Array) -> list[Finding]:
    return found("not_finite", pc.invert(pc.is_finite(numbers)))


def encode_integer(cells: pa.Array, timezone: str) -> Encoded:
    return whole(cells, "integer")


def encode_long(cells: pa.Array, timezone: str) -> Encoded:
    return whole(cells, "long")


def whole(cells: pa.Array, name: str) -> Encoded:
    if pa.types.is_integer(cells.type):
        return cells, []
    if pa.types.is_string(cells.type):
        findings = found("not_an_integer", pc.invert(pc.match_substring_regex(cells, INTEGER_TEXT)))
        return without(cells, findings).cast(EXACT), findings
    if pa.types.is_decimal(cells.type) or pa.types.is_floating(cells.type):
        findings = fractional(cells)
        return without(cells, findings).cast(EXACT), findings
    raise unusable(cells, name)


def fractional(cells: pa.Array) -> list[Finding]:
    """Cells that are no whole number."""
    if pa.types.is_floating(cells.type):
        small = pc.less(pc.abs(cells), MAX_WHOLE_FLOAT)
        is_whole = pc.and_(pc.and_(pc.is_finite(cells), small), pc.equal(pc.trunc(cells), cells))
        return found("not_an_integer", pc.invert(is_whole))
    return found("not_an_integer", pc.not_equal(pc.trunc(cells), cells))


def encode_float(cells: pa.Array, timezone: str) -> Encoded:
    if pa.types.is_integer(cells.type) or pa.types.is_decimal(cells.type):
        return cells, []
    if pa.types.is_floating(cells.type):
        findings = not_finite(cells)
        return without(cells, findings), findings
    if pa.types.is_string(cells.type):
        findings = found("not_a_number", pc.invert(pc.match_substring_regex(cells, NUMBER_TEXT)))
        numbers = without(cells, findings).cast(pa.float64())
        too_large = not_finite(numbers)
        return without(numbers, too_large), findings + too_large
    raise unusable(cells, "float")


def encode_boolean(cells: pa.Array, timezone: str) -> Encoded:
    if pa.types.is_boolean(cells.type):
        return cells, []
    if pa.types.is_decimal(cells.type):
        cells = whole_digits(cells)
    if not (pa.types.is_string(cells.type) or pa.types.is_integer(cells.type)):
        raise unusable(cells, "boolean")
    texts = pc.utf8_lower(cells.cast(pa.string()))
    findings = found("not_a_boolean", pc.and_(pc.is_valid(texts), pc.invert(pc.is_in(texts, BOOLEAN_TEXTS))))
    truths = pc.if_else(pc.is_valid(texts), pc.is_in(texts, TRUE_TEXTS), pa.scalar(None, pa.bool_()))
    return without(truths, findings), findings


def encode_date(cells: pa.Array, timezone: str) -> Encoded:
    seconds = epoch_seconds(cells, timezone).cast(pa.string())
    return pc.binary_join_element_wise("$D_", seconds, ""), []


def epoch_seconds(cells: pa.Array, timezone: str) -> pa.Int64Array:
    """Seconds since 1970, rounded down, of a date or timestamp column; naive ones are read in `timezone`."""
    if pa.types.is_date(cells.type):
        cells = cells.cast(pa.timestamp("s"))
    if not pa.types.is_timestamp(cells.type):
        raise unusable(cells, "date")
    if cells.type.tz is None and timezone != "UTC":
        cells = pc.assume_timezone(cells, timezone, ambiguous="earliest", nonexistent="earliest")
    ticks = cells.cast(pa.int64())
    # numpy, because Arrow's integer division rounds toward zero: one second late for all before 1970.
    floored = ticks.fill_null(0).to_numpy() // TICKS_PER_SECOND[cells.type.unit]
    return pa.array(floored, pa.int64(), mask=np.asarray(ticks.is_null()))


PROPERTY_TYPES = {
    entry.name: entry
    for entry in (
        PropertyType("string", "text, numbers, booleans, dates and timestamps", encode_string),
        PropertyType("integer", "whole numbers, also as text", encode_integer),
        PropertyType("long", "whole numbers, also as text", encode_long),
        PropertyType("float", "numbers, also as text", encode_float),
        PropertyType("boolean", "booleans, and true, false, 1, 0 as text or whole number", encode_boolean),
        PropertyType("date", "DATE and TIMESTAMP columns", encode_date),
    )
}

INFERRED: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "integer"),
    (pa.types.is_decimal, "float"),
    (pa.types.is_floating, "float"),
    (pa.types.is_date, "date"),
    (pa.types.is_timestamp, "date"),
)


def inferred(column_type: pa.DataType) -> str:
    """The property type of a column whose mapping names none; text for all that has no type of its own."""
    return next((name for matches, name in INFERRED if matches(column_type)), "string")
