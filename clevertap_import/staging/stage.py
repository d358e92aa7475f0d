"""The stage: every row of a run mapped and checked, its records in a temporary file, before any is sent.

Memory: one chunk of the query's result and less than one batch of records, for any number of rows.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np
import pyarrow as pa

from clevertap_import.errors import Unfinished
from clevertap_import.journal.delivered import DeliveredBefore
from clevertap_import.mapping.columns import CellProblem
from clevertap_import.mapping.mapper import Mapped, Mapper
from clevertap_import.mapping.rejection_codes import CODES
from clevertap_import.records import (
    MAX_BODY_BYTES,
    MAX_RECORDS_PER_REQUEST,
    RECORD_SCHEMA,
    Batch,
    Rejection,
    sliced,
    without_digests,
)
from clevertap_import.snowflake.cell_texts import texts
from clevertap_import.snowflake.window_query import EPOCH_COLUMN, SUPERSEDED_COLUMN
from clevertap_import.staging.source_rows import SourceRows
from clevertap_import.staging.window_counts import WindowCounts
from clevertap_import.window import Grid

ROWS_PER_STEP = 20_000
BYTES_PER_STEP = 32_000_000
MAX_SHOWN_CHARS = 80


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One kind of problem in one column, which a ProblemCount counts."""

    code: str
    column: str | None
    property: str | None
    type: str
    reason: str


@dataclass(slots=True)
class ProblemCount:
    """How many rows have a problem, and the number of the first; its value only if the import shows values.

    `example_place` is the part of the first row's cell that has it, such as `item 2`.
    """

    rows: int
    example_row: int
    example_value: str | None = None
    example_place: str = ""


@dataclass(slots=True)
class StageCounts:
    """Rows by the result of the stage. Their sum is `read`:
    superseded + invalid + unchanged + outdated + withheld + staged.

    superseded: older rows of an identity, which the query left out. outdated: rows of an identity that has a
    content of a later window than the run reads. changed: rows of `staged` whose identity was delivered
    before with another content. withheld: events that may be stored, because their answers were lost, and
    that are not sent again. sent_again: rows of `staged` that may be stored and are sent again. Besides, rows
    by their Updated On: NULL; later than the start of the run; and late, that is new in windows before those
    of the run. blanks: for each property the cells that were blank and counted as NULL. future_events: rows
    whose event is later than the start of the run. newest: the latest Updated On of all rows, in epoch
    seconds.
    """

    read: int = 0
    superseded: int = 0
    invalid: int = 0
    unchanged: int = 0
    outdated: int = 0
    withheld: int = 0
    sent_again: int = 0
    staged: int = 0
    without_updated_on: int = 0
    future: int = 0
    late: int = 0
    changed: int = 0
    batches: int = 0
    problems: dict[ProblemKind, ProblemCount] = field(default_factory=dict)
    blanks: Counter[str] = field(default_factory=Counter)
    future_events: int = 0
    newest: int | None = None

    @property
    def blank_values(self) -> int:
        return self.blanks.total()


class StageUnwritable(Unfinished):
    """The rows of a run cannot be stored on the local disk."""


@contextmanager
def written() -> Iterator[None]:
    """Translates the disk's errors into ours. No other code of this file does."""
    try:
        yield
    except OSError as error:
        raise StageUnwritable(
            f"The rows of the run cannot be stored in {tempfile.gettempdir()}:"
            f" {(error.strerror or type(error).__name__).lower()}. Nothing was sent."
            " Free some space there, or name another folder in TMPDIR, and run again."
        ) from None


class Stage:
    """Records and their source rows on disk. No other user can read them, and they are deleted when
    closed."""

    def __init__(self) -> None:
        self.counts = StageCounts()
        self.sources = SourceRows()
        self._file = tempfile.TemporaryFile(prefix="clevertap-import-stage-")  # noqa: SIM115
        self._writer = pa.ipc.new_stream(pa.PythonFile(self._file, mode="w"), RECORD_SCHEMA)
        self._unwritten: list[pa.RecordBatch] = []
        self._unwritten_rows = 0

    def __enter__(self) -> "Stage":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.sources.close()
        # A write error does not matter: the records are no longer needed.
        with suppress(OSError):
            self._file.close()

    @written()
    def add(self, records: pa.RecordBatch) -> None:
        """Store `records`: full batches go to disk, the rest waits for more."""
        if not records.num_rows:
            return
        self.counts.staged += records.num_rows
        self._unwritten.append(records)
        self._unwritten_rows += records.num_rows
        if self._unwritten_rows >= MAX_RECORDS_PER_REQUEST:
            self._write(without_last=True)

    @written()
    def add_source(self, rows: pa.RecordBatch) -> None:
        """Store the next rows of the query, whether or not they become records."""
        self.sources.add(rows)

    @written()
    def finish(self) -> None:
        """Write the remaining records. Nothing can be added afterwards."""
        self.sources.finish()
        if self._unwritten_rows:
            self._write(without_last=False)
        self._writer.close()

    def _write(self, *, without_last: bool) -> None:
        unwritten = pa.Table.from_batches(self._unwritten).combine_chunks().to_batches()[0]
        batches = list(sliced(unwritten, MAX_RECORDS_PER_REQUEST, MAX_BODY_BYTES))
        last = [batches.pop()] if without_last and batches[-1].num_rows < MAX_RECORDS_PER_REQUEST else []
        for batch in batches:
            self._writer.write_batch(batch)
        self.counts.batches += len(batches)
        self._unwritten, self._unwritten_rows = last, sum(batch.num_rows for batch in last)

    def batches(self) -> Iterator[Batch]:
        """The records in the order of the rows, one request at a time, from the beginning."""
        self._file.seek(0)
        with pa.ipc.open_stream(pa.PythonFile(self._file, mode="r")) as reader:
            for number, rows in enumerate(reader):
                yield Batch(number, rows)


@dataclass(frozen=True, slots=True)
class Stager:
    """Fills a stage from the chunks of a query. `on_rejections` gets each invalid row once, in order.

    `first_window`: the first window of the run, in epoch seconds; earlier windows are the lookback.
    `sends_known`: whether records that CleverTap has are sent again; the journal then counts them once.
    `windows`: counts the rows by window; None if the run has no windows.
    """

    mapper: Mapper
    grid: Grid
    delivered: DeliveredBefore
    on_rejections: Callable[[Sequence[Rejection]], None]
    on_progress: Callable[[StageCounts], None]
    on_unchanged: Callable[[pa.RecordBatch], None] | None = None
    first_window: int | None = None
    sends_known: bool = False
    windows: WindowCounts | None = None

    def fill(self, stage: Stage, chunks: Iterable[pa.RecordBatch]) -> None:
        """Map and check all `chunks`, and store the records that are new to CleverTap."""
        counts = stage.counts
        for chunk in steps(chunks):
            stage.add_source(chunk)
            first_row = counts.read - counts.superseded + 1
            starts = window_starts(chunk, self.grid)
            mapped = self.mapper.map(chunk, starts, first_row)
            self.count_read(counts, chunk, starts)
            self.count_problems(counts, mapped, chunk)
            self.count_times(counts, chunk)
            stage.add(self.to_send(counts, mapped.records))
            if mapped.rejections:
                if self.windows:
                    self.windows.reject("invalid", mapped.rejections)
                self.on_rejections(mapped.rejections)
            self.on_progress(counts)
        stage.finish()

    def to_send(self, counts: StageCounts, records: pa.RecordBatch) -> pa.RecordBatch:
        """The records that are sent."""
        is_new = self.delivered.is_new(records)
        if self.sends_known:
            records = without_digests(records, ~is_new)
            is_new[:] = True
        new = picked(records, is_new)
        if self.on_unchanged and new.num_rows < records.num_rows:
            self.on_unchanged(picked(records, ~is_new))
        counts.unchanged += records.num_rows - new.num_rows
        self.count_windows("unchanged", records, ~is_new)
        outdated = self.delivered.is_outdated(new)
        counts.outdated += int(np.count_nonzero(outdated))
        self.count_windows("superseded", new, outdated)
        new = picked(new, ~outdated)
        may_be_stored = self.delivered.may_be_stored(new)
        if self.mapper.config.uncertain_events == "hold":
            counts.withheld += int(np.count_nonzero(may_be_stored))
            self.count_windows("uncertain", new, may_be_stored)
            new = picked(new, ~may_be_stored)
        else:
            counts.sent_again += int(np.count_nonzero(may_be_stored))
        counts.changed += int(np.count_nonzero(self.delivered.was_delivered(new)))
        if self.first_window is not None:
            counts.late += int(np.count_nonzero(new["window"].to_numpy() < self.first_window))
        self.count_windows("staged", new, np.ones(new.num_rows, bool))
        return new

    def count_windows(self, outcome: str, records: pa.RecordBatch, mask: np.ndarray) -> None:
        if self.windows:
            self.windows.add(outcome, records["window"].to_numpy(zero_copy_only=False)[mask])

    def count_read(self, counts: StageCounts, chunk: pa.RecordBatch, starts: np.ndarray) -> None:
        superseded = superseded_rows(chunk)
        counts.read += chunk.num_rows + superseded
        counts.superseded += superseded
        if self.windows and superseded:
            older = chunk[SUPERSEDED_COLUMN].to_numpy(zero_copy_only=False)
            self.windows.add("superseded", starts, older)

    def count_times(self, counts: StageCounts, chunk: pa.RecordBatch) -> None:
        epochs = chunk[EPOCH_COLUMN]
        if self.mapper.config.updated_on:
            counts.without_updated_on += epochs.null_count
            newest = pa.compute.max(epochs).as_py()
            if newest is not None:
                counts.newest = max(int(newest), counts.newest or int(newest))
            counts.future += int(
                pa.compute.sum(pa.compute.greater(epochs, self.mapper.run_seconds)).as_py() or 0
            )

    def count_problems(self, counts: StageCounts, mapped: Mapped, chunk: pa.RecordBatch) -> None:
        counts.invalid += len(mapped.rejections)
        counts.blanks.update(mapped.blank_values)
        counts.future_events += mapped.future_events
        for problem in mapped.problems:
            places = problem.places()
            first = int(places[0])
            if problem_kind(problem) not in counts.problems:
                value = shown_value(problem, chunk, first) if self.mapper.config.show_values else None
                row, place = mapped.first_row + first, problem.violation.place
                counts.problems[problem_kind(problem)] = ProblemCount(0, row, value, place)
            counts.problems[problem_kind(problem)].rows += len(places)


def picked(records: pa.RecordBatch, mask: np.ndarray) -> pa.RecordBatch:
    return records if mask.all() else records.filter(pa.array(mask))


def shown_value(problem: CellProblem, chunk: pa.RecordBatch, place: int) -> str | None:
    """The wrong value itself, shortened for a table."""
    if problem.column is None:
        return None
    cell = chunk[problem.column].slice(place, 1)
    # Texts in quotes, which show blanks at their ends; numbers and dates without.
    text = repr(cell[0].as_py()) if pa.types.is_string(cell.type) else python_text(cell)
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}..."


def python_text(cell: pa.Array) -> str:
    try:
        return str(cell[0].as_py())
    except (ValueError, OverflowError):
        # Arrow supports years that Python does not.
        return str(texts(cell)[0])


def problem_kind(problem: CellProblem) -> ProblemKind:
    """One kind for all items of a list: a table of problems has a line for each kind, not for each item."""
    code = problem.violation.code
    return ProblemKind(code, problem.column, problem.property, problem.type, CODES[code].reason)


def steps(chunks: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Chunks of any size, cut into steps of limited rows and bytes; a larger row is a step of its own."""
    for chunk in chunks:
        ends = np.cumsum(row_bytes(chunk))
        start = 0
        while start < chunk.num_rows:
            before = int(ends[start - 1]) if start else 0
            fitting = int(np.searchsorted(ends, before + BYTES_PER_STEP, side="right"))
            end = min(start + ROWS_PER_STEP, max(fitting, start + 1))
            yield chunk.slice(start, end - start)
            start = end


def row_bytes(chunk: pa.RecordBatch) -> np.ndarray:
    """The bytes of each row. A few cells may have nearly all bytes, so an average would not be enough."""
    sizes = np.zeros(chunk.num_rows, np.int64)
    for column in chunk.columns:
        if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
            sizes += pa.compute.binary_length(column).fill_null(0).to_numpy(zero_copy_only=False)
        elif chunk.num_rows:
            sizes += column.nbytes // chunk.num_rows
    return sizes


def window_starts(chunk: pa.RecordBatch, grid: Grid) -> np.ndarray:
    """The window of each row, as its start in epoch seconds; older rows and NULL are in the first."""
    epochs = chunk[EPOCH_COLUMN].cast(pa.int64()).fill_null(grid.start_seconds).to_numpy(zero_copy_only=False)
    starts: np.ndarray = np.maximum(epochs // grid.size_seconds * grid.size_seconds, grid.start_seconds)
    return starts


def superseded_rows(chunk: pa.RecordBatch) -> int:
    if SUPERSEDED_COLUMN not in chunk.schema.names:
        return 0
    return int(pa.compute.sum(chunk[SUPERSEDED_COLUMN]).as_py() or 0)
