"""The rows of a query as they came, on disk: a record that CleverTap refuses is led back to its row.

Memory: a few pieces of bounded size, whatever the number of rows.
"""

import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby

import pyarrow as pa

PIECES_HELD = 4


class SourceRows:
    """Rows by their number, from 1, in the order in which they were added."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="clevertap-import-rows-")  # noqa: SIM115
        self._first_rows: list[int] = []
        self._offsets: list[int] = [0]
        self._held: dict[int, pa.RecordBatch] = {}
        self._rows = 0

    def add(self, chunk: pa.RecordBatch) -> None:
        """Keep `chunk`. Pieces of one result may differ in their types: integers are as wide as they need."""
        self._held = {len(self._first_rows): chunk}
        self._first_rows.append(self._rows + 1)
        self._rows += chunk.num_rows
        # A stream of its own for each piece, because a stream has one schema.
        with pa.ipc.new_stream(pa.PythonFile(self._file, mode="w"), chunk.schema) as writer:
            writer.write_batch(chunk)
        self._offsets.append(self._file.tell())

    def finish(self) -> None:
        """Let go of the last piece. Nothing can be added after."""
        self._held.clear()
        self._file.flush()

    def take(self, numbers: Sequence[int]) -> Iterator[pa.RecordBatch]:
        """The rows with these numbers, which ascend, in pieces."""
        for index, group in groupby(numbers, lambda number: bisect_right(self._first_rows, number) - 1):
            places = [number - self._first_rows[index] for number in group]
            yield self._chunk(index).take(pa.array(places, pa.int64()))

    def _chunk(self, index: int) -> pa.RecordBatch:
        if index not in self._held:
            if len(self._held) == PIECES_HELD:
                del self._held[next(iter(self._held))]
            self._held[index] = self._read(index)
        return self._held[index]

    def _read(self, index: int) -> pa.RecordBatch:
        self._file.flush()
        begin, end = self._offsets[index : index + 2]
        with pa.ipc.open_stream(os.pread(self._file.fileno(), end - begin, begin)) as reader:
            return reader.read_next_batch()

    def close(self) -> None:
        # What could not be written is not needed any more.
        with suppress(OSError):
            self._file.close()
