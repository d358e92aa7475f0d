"""Cells that contain JSON: VARIANT, OBJECT and ARRAY columns arrive as text.

Only such columns are read cell by cell, in microseconds per cell; other columns need a fraction of one.
"""

import json
import re
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from clevertap_import.mapping.blanks import blank_cells
from clevertap_import.mapping.rules import MAX_VALUE_BYTES, Violation, violation_if_any

MAX_ITEMS = 100
"""The limit of a list in a profile; CleverTap drops the oldest items beyond (Platform Considerations
page)."""

NOT_UNICODE = object()

DOUBLE_TEXT = r"-?[0-9]\.[0-9]{15}e[+-][0-9]{2,3}"
"""How Snowflake writes a FLOAT inside JSON (ARRAY_CONSTRUCT page): 3 as 3.000000000000000e+00."""


def scalar_texts(cells: pa.StringArray) -> tuple[pa.StringArray, list[Violation]]:
    """VARIANT cells as the text of their value: strings without quotes, JSON null as NULL."""
    quoted = pc.fill_null(pc.starts_with(cells, '"'), False)
    nulls = pc.fill_null(pc.equal(cells, "null"), False)
    cells = plain_doubles(pc.if_else(nulls, pa.scalar(None, pa.string()), cells))
    if not pc.any(quoted).as_py():
        return cells, []
    inner = [decoded(text) for text in cells.filter(quoted).to_pylist()]
    texts = pa.array([text if isinstance(text, str) else None for text in inner], pa.string())
    broken = pa.array([text is NOT_UNICODE for text in inner], pa.bool_())
    wrong = pc.replace_with_mask(pa.repeat(False, len(cells)), quoted, broken)
    return pc.replace_with_mask(cells, quoted, texts), violation_if_any("not_unicode", wrong)


def blank_json_cells(cells: pa.StringArray) -> pa.BooleanArray | None:
    """Like `blank_cells`, for the texts inside JSON strings."""
    quoted = pc.fill_null(pc.starts_with(cells, '"'), False)
    if not pc.any(quoted).as_py():
        return blank_cells(cells)
    return blank_cells(scalar_texts(cells)[0])


def plain_doubles(cells: pa.StringArray) -> pa.StringArray:
    doubles = pc.fill_null(pc.match_substring_regex(cells, rf"\A{DOUBLE_TEXT}\z"), False)
    if not pc.any(doubles).as_py():
        return cells
    plain = [plain_number(text) for text in cells.filter(doubles).to_pylist()]
    return pc.replace_with_mask(cells, doubles, pa.array(plain, pa.string()))


def plain_number(text: str) -> str:
    """A number as it is written; a FLOAT of Snowflake's without its exponent and trailing zeros."""
    return format(Decimal(text).normalize(), "f") if re.fullmatch(DOUBLE_TEXT, text) else text


def decoded(text: str) -> object:
    """The text of a JSON string; NOT_UNICODE for half a surrogate pair, the text itself if it is not JSON."""
    try:
        inner = json.loads(text)
        return inner if is_unicode(inner) else NOT_UNICODE
    except ValueError:
        return text


def is_unicode(text: object) -> bool:
    try:
        str(text).encode()
    except UnicodeEncodeError:
        return False
    return True


def lists(cells: pa.StringArray) -> tuple[pa.ListArray, list[Violation]]:
    """JSON lists as lists of distinct texts. NULL items are left out; a cell that is not a list is wrong."""
    items = [items_of(text) for text in cells.to_pylist()]
    codes = [item if isinstance(item, str) else None for item in items]
    values = pa.array([None if isinstance(item, str) else item for item in items], pa.list_(pa.string()))
    violations = [
        violation
        for code in sorted({code for code in codes if code})
        for violation in violation_if_any(code, mask(codes, code))
    ]
    return values, violations


def mask(codes: list[str | None], code: str) -> pa.BooleanArray:
    return pa.array([each == code for each in codes], pa.bool_())


def items_of(text: str | None) -> list[str] | str | None:
    """The items of one cell, or the code of its problem."""
    if text is None:
        return None
    try:
        parsed = json.loads(text, parse_float=plain_number, parse_constant=lambda _: {})
    except (ValueError, RecursionError):
        return "not_a_list"
    if parsed is None:
        return None
    if not isinstance(parsed, list) or any(isinstance(item, list | dict) for item in parsed):
        return "not_a_list"
    return limited(list(dict.fromkeys(item_text(item) for item in parsed if item is not None)))


def limited(items: list[str]) -> list[str] | str:
    if not all(is_unicode(item) for item in items):
        return "not_unicode"
    if len(items) > MAX_ITEMS:
        return "too_many_items"
    if any(len(item.encode()) > MAX_VALUE_BYTES for item in items):
        return "value_too_long"
    if any(item.startswith("$D_") for item in items):
        return "date_marker"
    return items


def item_text(item: Any) -> str:  # noqa: ANN401 - any JSON scalar
    """CleverTap stores lists as texts (Platform Considerations page)."""
    return str(item).lower() if isinstance(item, bool) else str(item)
