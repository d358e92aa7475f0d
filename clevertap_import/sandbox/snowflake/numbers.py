"""NUMBER columns on the wire: Snowflake sends the narrowest integers that hold a chunk's unscaled values."""

import pyarrow as pa
import pyarrow.compute as pc

_WIDTHS = ((pa.int8(), 1 << 7), (pa.int16(), 1 << 15), (pa.int32(), 1 << 31), (pa.int64(), 1 << 63))


def narrowed(table: pa.Table) -> pa.Table:
    """12.34 as NUMBER(12,2) becomes 1234, its scale stays in the metadata; chunks may differ in width."""
    for index, column in enumerate(table.itercolumns()):
        if pa.types.is_decimal128(column.type) or pa.types.is_integer(column.type):
            field = table.field(index)
            # A TIME is an integer too, and keeps its 64 bits.
            if field.metadata[b"logicalType"] == b"FIXED":
                numbers = _narrowest(_unscaled(column))
                table = table.set_column(index, field.with_type(numbers.type), numbers)
    return table


def _unscaled(column: pa.ChunkedArray) -> pa.Array:
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if not pa.types.is_decimal128(array.type):
        return array
    unscaled = pa.decimal128(array.type.precision, 0)
    return pa.Array.from_buffers(unscaled, len(array), array.buffers(), offset=array.offset)


def _narrowest(numbers: pa.Array) -> pa.Array:
    """As integers of the least width, or as it is if 64 bits are too few."""
    bounds = pc.min_max(numbers).as_py()
    least, most = int(bounds["min"] or 0), int(bounds["max"] or 0)
    for width, limit in _WIDTHS:
        if -limit <= least and most < limit:
            return numbers.cast(width)
    return numbers
