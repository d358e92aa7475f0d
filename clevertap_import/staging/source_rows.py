"""The unchanged rows of a query, on disk, to find the row of a record that CleverTap refuses.

Memory: a few pieces of bounded size, for any number of rows.
"""

import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby

import pyarrow as pa

PIECES_IN_MEMORY = 4


class SourceRows:
    """Rows by their number, from 1, in the order in which they were added."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="clevertap-import-rows-")  # noqa: SIM115
        self._first_rows: list[int] = []
        self._offsets: list[int] = [0]
        self._in_memory: dict[int, pa.RecordBatch] = {}
        self._rows = 0

    def add(self, chunk: pa.RecordBatch) -> None:
        """Store `chunk`. Pieces of one result may differ in their types: the width of integers follows the
        values."""
        self._in_memory = {len(self._first_rows): chunk}
        self._first_rows.append(self._rows + 1)
        self._rows += chunk.num_rows
        # Each chunk has its own stream, because a stream has one schema.
        with pa.ipc.new_stream(pa.PythonFile(self._file, mode="w"), chunk.schema) as writer:
            writer.write_batch(chunk)
        self._offsets.append(self._file.tell())

    def finish(self) -> None:
        """Release the last piece. Nothing can be added afterwards."""
        self._in_memory.clear()
        self._file.flush()

    def take(self, numbers: Sequence[int]) -> Iterator[pa.RecordBatch]:
        """The rows with these ascending numbers, in pieces."""
        for index, group in groupby(numbers, lambda number: bisect_right(self._first_rows, number) - 1):
            places = [number - self._first_rows[index] for number in group]
            yield self._chunk(index).take(pa.array(places, pa.int64()))

    def _chunk(self, index: int) -> pa.RecordBatch:
        if index not in self._in_memory:
            if len(self._in_memory) == PIECES_IN_MEMORY:
                del self._in_memory[next(iter(self._in_memory))]
            self._in_memory[index] = self._read(index)
        return self._in_memory[index]

    def _read(self, index: int) -> pa.RecordBatch:
        self._file.flush()
        begin, end = self._offsets[index : index + 2]
        with pa.ipc.open_stream(os.pread(self._file.fileno(), end - begin, begin)) as reader:
            return reader.read_next_batch()

    def close(self) -> None:
        # A write error does not matter: the rows are no longer needed.
        with suppress(OSError):
            self._file.close()
