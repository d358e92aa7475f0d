"""Results of the local Snowflake: NULL timestamps stay NULL, and large results go to disk as chunks."""

import gzip
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
import fakesnow.arrow
import pyarrow as pa
import pyarrow.compute as pc
from snowflake.connector.errors import ProgrammingError

from clevertap_import.sandbox.snowflake.answers import AnswerRule

BATCH_ROWS = 2_000
INLINE_ROWS = 4_000
CHUNK_ROWS = 20_000
# Results are freed when read or when their session ends; this limits those of sessions that never end.
MAX_RESULTS = 32
# Level 1: the server must not be the slow part of a benchmark.
GZIP_LEVEL = 1

RowType = list[Any]


@dataclass(frozen=True)
class Chunk:
    """Rows on disk, as DuckDB returned them; they are converted to Snowflake's Arrow only when fetched."""

    path: Path
    rows: int

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size


@dataclass
class SpooledResult:
    """A large result: the first rows in memory, the rest on disk. It replaces a pa.Table of fakesnow."""

    id: str
    first: pa.Table
    chunks: list[Chunk] = field(default_factory=list)
    rowtype: RowType = field(default_factory=list)
    session: str = ""
    fetched: set[int] = field(default_factory=set)
    sql: str = ""
    rule: AnswerRule | None = None

    @property
    def num_rows(self) -> int:
        return int(self.first.num_rows) + sum(chunk.rows for chunk in self.chunks)

    @property
    def is_read(self) -> bool:
        return len(self.fetched) == len(self.chunks)

    def chunk_body(self, number: int) -> bytes:
        """The chunk as Snowflake serves it: an Arrow stream, gzipped."""
        with pa.OSFile(str(self.chunks[number].path)) as source, pa.ipc.open_stream(source) as reader:
            table = reader.read_all()
        body = gzip.compress(
            memoryview(fakesnow.arrow.to_ipc(to_snowflake(table, self.rowtype))), compresslevel=GZIP_LEVEL
        )
        self.fetched.add(number)
        return body


class ResultSpool:
    """The large results of all sessions, in one folder. In memory: a chunk for each active query."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._results: OrderedDict[str, SpooledResult] = OrderedDict()
        self._lock = Lock()
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob("*.arrow"):
            leftover.unlink()

    def __getitem__(self, result_id: str) -> SpooledResult:
        return self._results[result_id]

    def take(self, reader: pa.RecordBatchReader) -> "pa.Table | SpooledResult":
        """A plain table if the result is small; otherwise its rows are on disk when this returns."""
        batches = iter(reader)
        first: list[pa.RecordBatch] = []
        for batch in batches:
            first.append(batch)
            if sum(one.num_rows for one in first) > INLINE_ROWS:
                return self._spooled(reader.schema, first, batches)
        return pa.Table.from_batches(first, schema=reader.schema)

    def free_session(self, session: str, only_read: bool = False) -> None:
        """Remove the results of a session; `only_read`: only those whose chunks were all fetched."""
        with self._lock:
            of_session = [result for result in self._results.values() if result.session == session]
            for result in of_session:
                if result.is_read or not only_read:
                    self._free(result.id)

    def _spooled(
        self, schema: pa.Schema, first: list[pa.RecordBatch], rest: Iterator[pa.RecordBatch]
    ) -> SpooledResult:
        result = SpooledResult(secrets.token_hex(12), pa.Table.from_batches(first, schema=schema))
        try:
            for number, batches in enumerate(_grouped(rest)):
                path = self._folder / f"{result.id}-{number}.arrow"
                with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
                    for batch in batches:
                        writer.write_batch(batch)
                result.chunks.append(Chunk(path, sum(batch.num_rows for batch in batches)))
        except BaseException:
            _unlink(result)
            raise
        with self._lock:
            self._results[result.id] = result
            while len(self._results) > MAX_RESULTS:
                self._free(next(iter(self._results)))
        return result

    def _free(self, result_id: str) -> None:
        _unlink(self._results.pop(result_id))


class SpoolingConnection:
    """fakesnow's DuckDB connection, except that it returns large results as chunks on disk."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, spool: ResultSpool) -> None:
        self._connection = connection
        self._spool = spool

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def to_arrow_table(self) -> "pa.Table | SpooledResult":
        try:
            return self._spool.take(self._connection.to_arrow_reader(BATCH_ROWS))
        except duckdb.Error as problem:
            # A streamed result fails while it is read, where fakesnow does not expect it.
            message = str(problem).split("\n")[0]
            raise ProgrammingError(msg=message, errno=100038, sqlstate="22018") from problem


class RecentResults(dict[str, tuple[Any, ...]]):
    """fakesnow's cache for RESULT_SCAN, limited to the last results; it would store every result forever."""

    def __setitem__(self, query_id: str, result: tuple[Any, ...]) -> None:
        super().__setitem__(query_id, result)
        while len(self) > MAX_RESULTS:
            # Another session may evict the same one at the same time.
            self.pop(next(iter(self)), None)


def to_snowflake(table: pa.Table, rowtype: RowType) -> pa.Table:
    """The table in the Arrow layout that Snowflake's connector reads."""
    return narrowed(fakesnow.arrow.to_sf(table, rowtype))


def timestamps_as_structs(timestamps: pa.Array | pa.ChunkedArray) -> pa.StructArray:
    """Snowflake's (epoch, fraction[, timezone]); unlike fakesnow's own, a NULL stays NULL."""
    if isinstance(timestamps, pa.ChunkedArray):
        timestamps = timestamps.combine_chunks()
    nanoseconds = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}[timestamps.type.unit]
    ticks = pc.fill_null(timestamps.cast(pa.int64()), 0)
    # Seconds round down, also before 1970; integer division would round toward zero.
    seconds = pc.fill_null(pc.floor_temporal(timestamps, unit="second").cast(pa.int64()), 0)
    per_second = 1_000_000_000 // nanoseconds
    epoch = pc.divide(seconds, per_second)
    fraction = pc.multiply(pc.subtract(ticks, seconds), nanoseconds).cast(pa.int32())
    arrays = [epoch, fraction]
    fields = [pa.field("epoch", pa.int64(), nullable=False), pa.field("fraction", pa.int32(), nullable=False)]
    if timestamps.type.tz:
        # DuckDB stores instants without their offset, so all are shown in UTC, which is 1440.
        arrays.append(pa.repeat(pa.scalar(1440, pa.int32()), len(timestamps)))
        fields.append(pa.field("timezone", pa.int32(), nullable=False))
    return pa.StructArray.from_arrays(arrays, fields=fields, mask=timestamps.is_null())


def _grouped(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Batches for one chunk each: CHUNK_ROWS rows or one batch more."""
    group: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        group.append(batch)
        rows += batch.num_rows
        if rows >= CHUNK_ROWS:
            yield group
            group, rows = [], 0
    if group:
        yield group


def _unlink(result: SpooledResult) -> None:
    for chunk in result.chunks:
        chunk.path.unlink(missing_ok=True)


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
