"""Columns in Snowflake's wire types and layouts: timestamps by scale, DECFLOAT, casts."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import cycle, islice
from typing import Any

import pyarrow as pa
import sqlglot
from sqlglot import exp

from clevertap_import.sandbox.snowflake.answers import Cell, WireColumn

LARGEST_INTEGER_SCALE = 7
"""Timestamps with more digits need two numbers: seconds and nanoseconds."""

LARGEST_INTEGER_SCALE_WITH_ZONE = 3
NO_OFFSET = 1440
"""For TIMESTAMP_TZ: minutes east of UTC, plus a day."""

CASTS = {
    exp.DataType.Type.TIMESTAMPNTZ: "timestamp_ntz",
    exp.DataType.Type.TIMESTAMP: "timestamp_ntz",
    exp.DataType.Type.TIMESTAMPLTZ: "timestamp_ltz",
    exp.DataType.Type.TIMESTAMPTZ: "timestamp_tz",
    exp.DataType.Type.TIME: "time",
    exp.DataType.Type.VARCHAR: "text",
    exp.DataType.Type.TEXT: "text",
    exp.DataType.Type.DOUBLE: "real",
    exp.DataType.Type.FLOAT: "real",
}

Parts = tuple[int, int, int]
"""Seconds since 1970 or midnight, nanoseconds, minutes east of UTC."""


def casts(sql: str) -> dict[str, tuple[str, int | None]]:
    """The columns that the outermost SELECT casts: their new type, and scale if it has one."""
    try:
        tree = sqlglot.parse_one(sql, read="snowflake")
    except sqlglot.errors.SqlglotError:
        return {}
    found = {}
    for each in tree.selects if isinstance(tree, exp.Query) else ():
        inner = each.unalias()
        if isinstance(inner, exp.Cast) and inner.to.this in CASTS:
            kind = CASTS[inner.to.this]
            digits = inner.to.find(exp.Literal)
            scale = (int(digits.this) if digits else 9) if kind.startswith("time") else None
            found[each.alias_or_name] = (kind, scale)
    return found


def uncastable(sql: str, columns: Mapping[str, WireColumn]) -> str | None:
    """The first structured column that the query casts to text, which Snowflake refuses."""
    nested = {name for name, column in columns.items() if column.layout == "nested"}
    for each in sqlglot.parse_one(sql, read="snowflake").find_all(exp.Cast) if nested else ():
        if CASTS.get(each.to.this) == "text" and each.this.name in nested:
            return str(each.this.name)
    return None


def as_declared(rowtype: Sequence[dict[str, Any]], columns: Mapping[str, WireColumn], sql: str) -> None:
    """Change the description of a result to the declared types of its source, or to the query's casts."""
    cast = casts(sql)
    for described in rowtype:
        column = columns.get(described["name"])
        if column is None:
            continue
        described["type"] = column.type or described["type"]
        described["precision"] = column.precision or described["precision"]
        if column.scale != "missing":
            described["scale"] = column.scale
        if described["name"] in cast:
            described["type"], described["scale"] = cast[described["name"]]


def sent(table: pa.Table, rowtype: Sequence[dict[str, Any]], columns: Mapping[str, WireColumn]) -> pa.Table:
    """The table with each of `columns` in the type, scale and layout of its description."""
    for place, described in enumerate(rowtype):
        column = columns.get(described["name"])
        if column is not None:
            field, cells = sent_column(table.field(place), table.column(place), described, column)
            table = table.set_column(place, field, cells)
    return table


def sent_column(
    field: pa.Field, cells: pa.ChunkedArray, described: Mapping[str, Any], column: WireColumn
) -> tuple[pa.Field, pa.Array]:
    kind = str(described["type"]).upper()
    scale = int(described["scale"] or 0)
    metadata = {"logicalType": kind, "scale": str(scale), "precision": str(described["precision"] or 38)}
    if kind.startswith("TIMESTAMP") or kind == "TIME":
        values = column.values or [parts_of(cell) for cell in true_cells(cells)]
        array = moments(kind, scale, list(islice(cycle(values), len(cells))), column.layout)
        metadata["byteLength"] = "8" if is_short_with_zone(array) else "16"
    elif column.layout == "nested":
        return nested(field.name, cells if column.values is None else pa.array(column.values), metadata)
    elif column.values is not None:
        array = plain_cells(kind, list(islice(cycle(column.values), len(cells))))
    elif kind == "DECFLOAT":
        array = plain_cells(kind, [None if cell is None else str(cell) for cell in cells.to_pylist()])
    else:
        array = cells.combine_chunks()
    return pa.field(field.name, array.type, True, {**(field.metadata or {}), **encoded(metadata)}), array


def nested(name: str, cells: pa.Array, metadata: Mapping[str, str]) -> tuple[pa.Field, pa.Array]:
    """JSON text as lists and structs, whose inner fields have descriptions too."""
    parsed = pa.array([None if cell is None else json.loads(cell) for cell in cells.to_pylist()])
    kind = described_inside(parsed.type)
    return pa.field(name, kind, True, encoded(metadata)), parsed.cast(kind)


def described_inside(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.list_(inner_field("item", kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([inner_field(each.name, each.type) for each in kind])
    return kind


def inner_field(name: str, kind: pa.DataType) -> pa.Field:
    logical = {pa.int64(): "FIXED", pa.float64(): "REAL", pa.bool_(): "BOOLEAN"}.get(kind, "TEXT")
    logical = "ARRAY" if pa.types.is_list(kind) else "OBJECT" if pa.types.is_struct(kind) else logical
    metadata = {"logicalType": logical, "scale": "0", "precision": "38"}
    return pa.field(name, described_inside(kind), True, encoded(metadata))


def encoded(metadata: Mapping[str, str]) -> dict[bytes, bytes]:
    return {key.encode(): value.encode() for key, value in metadata.items()}


def true_cells(cells: pa.ChunkedArray) -> list[Any]:
    found: list[Any] = cells.to_pylist()
    return found


def parts_of(cell: Any) -> Cell:  # noqa: ANN401 - a cell of any timestamp
    """[seconds, nanoseconds, minutes] of a timestamp as a struct, or of a TIME in nanoseconds."""
    match cell:
        case None:
            return None
        case dict():
            minutes = int(cell.get("timezone", NO_OFFSET)) - NO_OFFSET
            return [int(cell["epoch"]), int(cell["fraction"]), minutes]
        case int():
            return list(divmod(cell, 1_000_000_000))
    raise TypeError(type(cell))


def moments(kind: str, scale: int, values: Sequence[Cell], layout: str | None) -> pa.Array:
    """Timestamps and times as the connector expects them at this scale."""
    parts = [None if value is None else as_parts(value, scale) for value in values]
    if kind == "TIME":
        return pa.array([None if part is None else scaled(part, scale) for part in parts], pa.int64())
    most = LARGEST_INTEGER_SCALE_WITH_ZONE if kind == "TIMESTAMP_TZ" else LARGEST_INTEGER_SCALE
    is_integer = layout == "integer" or (layout is None and scale <= most)
    if kind != "TIMESTAMP_TZ":
        return integers(parts, scale) if is_integer else structs(parts, ("epoch", "fraction"))
    if is_integer:
        whole = [None if part is None else (scaled(part, scale), 0, part[2]) for part in parts]
        return structs(whole, ("epoch", "timezone"))
    return structs(parts, ("epoch", "fraction", "timezone"))


def as_parts(value: Cell, scale: int) -> Parts:
    """The parts, without digits beyond the scale of the column."""
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no [seconds, nanoseconds]")
    seconds, nanoseconds, minutes = (*value, 0, 0)[:3]
    return seconds, nanoseconds - nanoseconds % 10 ** (9 - scale), minutes


def scaled(parts: Parts, scale: int) -> int:
    return int(parts[0] * 10**scale + parts[1] // 10 ** (9 - scale))


def integers(parts: Sequence[Parts | None], scale: int) -> pa.Array:
    return pa.array([None if part is None else scaled(part, scale) for part in parts], pa.int64())


def structs(parts: Sequence[Parts | None], names: Sequence[str]) -> pa.StructArray:
    filled = [part or (0, 0, 0) for part in parts]
    columns = {
        "epoch": pa.array([part[0] for part in filled], pa.int64()),
        "fraction": pa.array([part[1] for part in filled], pa.int32()),
        "timezone": pa.array([part[2] + NO_OFFSET for part in filled], pa.int32()),
    }
    fields = [pa.field(name, columns[name].type, nullable=False) for name in names]
    mask = pa.array([part is None for part in parts], pa.bool_())
    return pa.StructArray.from_arrays([columns[name] for name in names], fields=fields, mask=mask)


def is_short_with_zone(array: pa.Array) -> bool:
    names = [child.name for child in array.type] if pa.types.is_struct(array.type) else []
    return names == ["epoch", "timezone"]


def plain_cells(kind: str, values: Sequence[Cell]) -> pa.Array:
    if kind == "DECFLOAT":
        return decfloats([None if value is None else Decimal(str(value)) for value in values])
    if kind == "REAL":
        return pa.array([None if value is None else float(str(value)) for value in values], pa.float64())
    if kind == "DATE":
        return pa.array(values, pa.int32()).cast(pa.date32())
    if kind in ("FIXED", "BOOLEAN"):
        return pa.array(values)
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def decfloats(values: Sequence[Decimal | None]) -> pa.StructArray:
    """(exponent, significand): a big-endian integer of as many bytes as it needs."""
    pairs = [(0, b"\0") if value is None else exponent_and_significand(value) for value in values]
    arrays = [pa.array([pair[0] for pair in pairs], pa.int16()), pa.array([pair[1] for pair in pairs])]
    mask = pa.array([value is None for value in values], pa.bool_())
    return pa.StructArray.from_arrays(arrays, ["exponent", "significand"], mask=mask)


def exponent_and_significand(value: Decimal) -> tuple[int, bytes]:
    sign, digits, exponent = value.as_tuple()
    number = int("".join(map(str, digits))) * (-1 if sign else 1)
    return int(exponent), number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def json_cell(value: object, described: Mapping[str, Any]) -> str | None:
    """A cell as in JSON results."""
    match value:
        case None:
            return None
        case bool():
            return str(int(value))
        case dict() if "epoch" in value:
            zone = f" {value['timezone']}" if "timezone" in value else ""
            return f"{value['epoch']}.{value.get('fraction', 0):09d}{zone}"
        case int():
            return str(Decimal(value).scaleb(-int(described["scale"] or 0)))
        case date():
            return str((value - date(1970, 1, 1)).days)
        case bytes():
            return value.hex()
        case _:
            return str(value)
