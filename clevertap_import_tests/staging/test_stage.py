"""The stage: what goes in comes out in order, in batches that CleverTap takes, and every row is counted."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.journal.delivered import DeliveredBefore, EventsDelivered, NothingDelivered, Spread
from clevertap_import.mapping.mapper import Mapper
from clevertap_import.mapping.rejection_codes import CODES
from clevertap_import.records import Rejection
from clevertap_import.snowflake.window_query import EPOCH_COLUMN, SUPERSEDED_COLUMN
from clevertap_import.staging.stage import (
    BYTES_PER_STEP,
    ROWS_PER_STEP,
    ProblemCount,
    ProblemKind,
    Stage,
    StageCounts,
    Stager,
    steps,
    window_starts,
)
from clevertap_import.window import GRIDS, Grid
from clevertap_import_tests.testing.builders import events_import, profiles_import, record_rows

START = datetime(2026, 11, 1, tzinfo=UTC)
HOURS = Grid(GRIDS["hour"], START)
SECONDS = HOURS.start_seconds
POINTS = {"column": "POINTS", "property": "Points", "type": "integer"}


def chunk(rows: Sequence[tuple[str | None, str, int, int | None]]) -> pa.RecordBatch:
    """Rows of (ID, POINTS, superseded, epoch), as a query for profiles returns them."""
    columns = zip(*rows, strict=True) if rows else ((), (), (), ())
    types = (pa.string(), pa.string(), pa.int64(), pa.int64())
    arrays = [pa.array(list(column), kind) for column, kind in zip(columns, types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, ["ID", "POINTS", SUPERSEDED_COLUMN, EPOCH_COLUMN])


def filled(
    stage: Stage, chunks: Sequence[pa.RecordBatch], delivered: DeliveredBefore | None = None
) -> tuple[list[Rejection], list[int]]:
    """Fill `stage` with profiles; the rejections, and the rows read at each step."""
    rejections: list[Rejection] = []
    progress: list[int] = []
    mapper = Mapper(profiles_import(POINTS), 0)
    Stager(
        mapper,
        HOURS,
        delivered or NothingDelivered(),
        rejections.extend,
        lambda counts: progress.append(counts.read),
    ).fill(stage, chunks)
    return rejections, progress


@given(st.lists(st.integers(0, 2500), max_size=6))
def test_what_goes_in_comes_out_in_order_in_batches_of_at_most_1000(sizes: list[int]) -> None:
    lines = [b'{"n":%d}' % number for number in range(sum(sizes))]
    with Stage() as stage:
        start = 0
        for size in sizes:
            stage.add(record_rows(lines[start : start + size], first_row=1 + start))
            start += size
        stage.finish()
        batches = list(stage.batches())
    assert [line for batch in batches for line in batch.rows["record"].to_pylist()] == lines
    assert [batch.number for batch in batches] == list(range(len(batches)))
    assert all(len(batch) == 1000 for batch in batches[:-1])
    assert all(1 <= len(batch) <= 1000 for batch in batches[-1:])
    assert (stage.counts.staged, stage.counts.batches) == (len(lines), len(batches))


def test_batches_stay_below_the_size_of_a_body() -> None:
    lines = [b'{"n":"%s"}' % (b"x" * 999_000)] * 12
    with Stage() as stage:
        stage.add(record_rows(lines))
        stage.finish()
        assert [len(batch.body) < 5_100_000 for batch in stage.batches()] == [True] * 3


def test_batches_can_be_read_again_from_the_beginning() -> None:
    with Stage() as stage:
        stage.add(record_rows([b"{}"] * 1500))
        stage.finish()
        assert [len(batch) for batch in stage.batches()] == [1000, 500]
        assert [len(batch) for batch in stage.batches()] == [1000, 500]


rows = st.tuples(
    st.sampled_from(["a", "b", "c", None]),
    st.sampled_from(["1", "x"]),
    st.integers(0, 3),
    st.none() | st.integers(SECONDS - 9000, SECONDS + 9000),
)


@given(st.lists(st.lists(rows, max_size=6), max_size=4), st.booleans())
def test_every_row_is_counted_exactly_once(
    chunks: list[list[tuple[str, str, int, int]]], is_old: bool
) -> None:
    class Old(NothingDelivered):
        def is_new(self, records: pa.RecordBatch) -> np.ndarray:
            return super().is_new(records) ^ is_old

    with Stage() as stage:
        rejections, progress = filled(stage, [chunk(rows) for rows in chunks], Old())
        counts = stage.counts
        staged = [batch.row_number(place) for batch in stage.batches() for place in range(len(batch))]
    everything = [row for rows in chunks for row in rows]
    well = [row for row in everything if row[0] and row[1] == "1"]
    assert counts.superseded == sum(row[2] for row in everything)
    assert counts.read == len(everything) + counts.superseded
    assert counts.invalid == len(rejections) == len(everything) - len(well)
    assert (counts.unchanged, counts.staged) == ((len(well), 0) if is_old else (0, len(well)))
    assert progress == sorted(progress)
    if not is_old:
        numbers = [rejection.row_number for rejection in rejections]
        assert sorted(staged + numbers) == list(range(1, len(everything) + 1))


@given(st.lists(st.lists(rows, max_size=6), max_size=4))
def test_every_row_number_leads_back_to_its_source(chunks: list[list[tuple[str, str, int, int]]]) -> None:
    with Stage() as stage:
        rejections, _ = filled(stage, [chunk(rows) for rows in chunks])
        staged = [batch.row_number(place) for batch in stage.batches() for place in range(len(batch))]
        numbers = sorted([*staged, *(rejection.row_number for rejection in rejections)])
        found = [tuple(row.values()) for chunk in stage.sources.take(numbers) for row in chunk.to_pylist()]
    assert found == [row for rows in chunks for row in rows]


FULL_DISK = """
import resource, sys
import pyarrow as pa
from clevertap_import.staging.stage import Stage, StageUnwritable
# As a full disk does, this lets files grow no further.
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
with Stage() as stage:
    try:
        for _ in range(20):
            stage.add_source(pa.record_batch({"TEXT": ["secret" * 50_000]}))
        stage.finish()
    except StageUnwritable as error:
        sys.stdout.write(str(error))
"""


def test_rows_for_which_the_disk_has_no_room_end_the_run_before_anything_is_sent() -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("The rows of the run cannot be stored in ")
    assert ": file too large. Nothing was sent. Free some space there, or name another" in done.stdout
    assert "secret" not in done.stdout + done.stderr


def test_faults_are_tallied_with_the_first_row_that_has_them() -> None:
    with Stage() as stage:
        filled(stage, [chunk([("a", "1", 2, 0)]), chunk([("b", "x", 0, 0), ("c", "y", 0, 0)])])
        assert stage.counts == StageCounts(
            read=5,
            superseded=2,
            invalid=2,
            staged=1,
            batches=1,
            problems={
                ProblemKind(
                    "not_an_integer", "POINTS", "Points", "integer", "not a whole number"
                ): ProblemCount(2, 2)
            },
        )


def test_a_kind_of_problem_is_one_line_whichever_items_have_it() -> None:
    """A list has up to 256 items: a line for each would bury all else."""
    cells = ["[" + "{}, " * place + "7]" for place in range(30)]
    rows = pa.record_batch(
        {
            "ID": ["a"] * len(cells),
            "ITEMS": cells,
            "AT": pa.array([SECONDS] * len(cells), pa.timestamp("s")),
            EPOCH_COLUMN: pa.array([SECONDS] * len(cells)),
        }
    )
    charged = events_import(
        {"column": "ITEMS", "property": "Items"}, target={"event_name": {"constant": "Charged"}}
    )
    rejected: list[Rejection] = []
    with Stage() as stage:
        Stager(Mapper(charged, 0), HOURS, NothingDelivered(), rejected.extend, lambda counts: None).fill(
            stage, [rows]
        )
        ((fault, tally),) = stage.counts.problems.items()
    assert (fault.reason, tally) == (CODES["item_not_flat"].reason, ProblemCount(30, 1, None, "item 1"))
    assert rejected[-1].reason == f"item 30: {CODES['item_not_flat'].reason}"


def test_an_event_of_the_same_window_that_was_accepted_is_unchanged() -> None:
    source = pa.record_batch(
        {
            "ID": ["a", "a"],
            "AT": pa.array([SECONDS, SECONDS], pa.timestamp("s")),
            EPOCH_COLUMN: pa.array([SECONDS, SECONDS + 7200]),
        }
    )
    mapper = Mapper(events_import(), 0)

    def staged(delivered: DeliveredBefore) -> tuple[StageCounts, bytes]:
        with Stage() as stage:
            Stager(mapper, HOURS, delivered, lambda rejections: None, lambda counts: None).fill(
                stage, [source]
            )
            return stage.counts, b"".join(batch.digests for batch in stage.batches())

    counts, digests = staged(NothingDelivered())
    assert (counts.staged, len(digests)) == (2, 32)
    counts, left = staged(EventsDelivered(Spread(bytearray(digests[:16])), Spread(bytearray())))
    assert (counts.staged, counts.unchanged, left) == (1, 1, digests[16:])


@given(st.lists(st.integers(0, 3 * ROWS_PER_STEP), max_size=3))
def test_chunks_of_any_size_are_taken_in_steps_of_bounded_size(sizes: list[int]) -> None:
    chunks = [pa.record_batch({"N": pa.array(np.arange(size))}) for size in sizes]
    parts = list(steps(chunks))
    assert all(1 <= part.num_rows <= ROWS_PER_STEP for part in parts)
    assert [n for part in parts for n in part["N"].to_pylist()] == [n for size in sizes for n in range(size)]


@pytest.mark.parametrize(
    ("epoch", "start"),
    [
        (SECONDS + 3599, SECONDS),
        (SECONDS + 3600, SECONDS + 3600),
        (SECONDS - 1, SECONDS),
        (-1, SECONDS),
        (None, SECONDS),
    ],
)
def test_a_row_is_in_the_window_of_its_updated_on_and_older_ones_in_the_first(
    epoch: int | None, start: int
) -> None:
    assert window_starts(chunk([("a", "1", 0, epoch)]), HOURS).tolist() == [start]


def open_files(below: Path) -> Iterator[str]:
    """This process's open files below a folder, also those without a name (from Linux's /proc)."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:
            continue
        if target.startswith(str(below)):
            yield target


def test_the_file_is_gone_after_closing_and_has_no_name_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Stage() as stage:
        stage.add(record_rows([b"{}"] * 1000))
        assert list(tmp_path.iterdir()) == []
        assert len(list(open_files(tmp_path))) == 2
    assert list(open_files(tmp_path)) == []


@given(st.lists(st.sampled_from([0, 1, 40, 9_000_000]), max_size=60))
def test_a_step_has_few_rows_or_few_bytes_whatever_the_average(sizes: list[int]) -> None:
    rows = chunk([("i", "x" * size, 0, 0) for size in sizes])
    parts = list(steps([rows]))
    assert [row for part in parts for row in part["POINTS"].to_pylist()] == rows["POINTS"].to_pylist()
    for part in parts:
        assert part.num_rows == 1 or sum(map(len, part["POINTS"].to_pylist())) <= BYTES_PER_STEP


def test_large_cells_among_many_small_ones_are_not_taken_together() -> None:
    rows = chunk([("i", "x", 0, 0)] * 5_000 + [("i", "x" * BYTES_PER_STEP, 0, 0)] * 3)
    assert [chunk.num_rows for chunk in steps([rows])] == [5_000, 1, 1, 1]
