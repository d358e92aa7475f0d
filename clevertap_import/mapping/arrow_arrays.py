"""Whole Arrow columns in the layouts that the rules know."""

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from clevertap_import.mapping.rules import Violation


def normalized(cells: pa.Array) -> pa.Array:
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


def nulled(cells: pa.Array, violations: list[Violation]) -> pa.Array:
    """`cells` with null in place of each wrong one."""
    for violation in violations:
        cells = pc.if_else(violation.wrong, pa.scalar(None, cells.type), cells)
    return cells


def plain_digits(numbers: pa.StringArray) -> pa.StringArray:
    """Numbers without exponent. Only very large and very small ones have one, so few are rewritten."""
    exponents = pc.fill_null(pc.match_substring(numbers, "e", ignore_case=True), False)
    if not pc.any(exponents).as_py():
        return numbers
    plain = [format(Decimal(number), "f") for number in numbers.filter(exponents).to_pylist()]
    return pc.replace_with_mask(numbers, exponents, pa.array(plain, pa.string()))
