"""Cells of a result as readable text: exact values, ISO 8601 dates with their zone, bytes in hex."""

import json
import math
from datetime import date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

UNREADABLE = "(a value that cannot be shown)"


def texts(cells: pa.Array) -> list[str | None]:
    """Each cell as text; NULL is None."""
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
        return list(cells.to_pylist())
    try:
        return [text(value) for value in cells.to_pylist()]
    except (ValueError, OverflowError):
        # Arrow supports years that Python does not.
        return written_by_arrow(cells)


def written_by_arrow(cells: pa.Array) -> list[str | None]:
    try:
        return list(pc.cast(cells, pa.string()).to_pylist())
    except pa.ArrowException:
        return [UNREADABLE if cell.is_valid else None for cell in cells]


def text(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float() if math.isnan(value):
            return "NaN"
        case Decimal():
            return format(value, "f")
        case datetime() | date() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, default=text)
        case _:
            return str(value)


def json_text(value: object) -> str:
    """A list or object as JSON. A decimal is a number if a double can represent it; other values are text."""
    return json.dumps(value, ensure_ascii=False, default=json_scalar)


def json_scalar(value: object) -> object:
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            return int(value)
        if Decimal(repr(float(value))) == value:
            return float(value)
    return text(value)
