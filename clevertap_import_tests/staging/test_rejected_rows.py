"""The file of rejected rows: each with its source columns, exact, and for nobody else to read."""

import csv
import os
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.mapping.dates import LAST_SECOND
from clevertap_import.records import Rejection
from clevertap_import.snowflake.cell_texts import texts
from clevertap_import.snowflake.window_query import EPOCH_COLUMN, SUPERSEDED_COLUMN
from clevertap_import.staging.rejected_rows import (
    HEADER,
    RejectedRow,
    RejectsFile,
    RejectsUnwritable,
    guarded,
    read_rejects,
    rejects_file,
    rejects_of_run,
    rejects_path,
    remove_old_rejects,
    stored_rejects,
    unguarded,
)
from clevertap_import.window import GRIDS, Grid
from clevertap_import_tests.testing.arrow_columns import WORDS, chunks

START = datetime(2026, 11, 1, tzinfo=UTC)
HOURS = Grid(GRIDS["hour"], START)
RUN = "0b7e1c9e-6d1f-4f0f-8f41-2c3a4b5d6e7f"
OLDER = "1b7e1c9e-6d1f-4f0f-8f41-2c3a4b5d6e7f"
FIRST = Rejection(2, "EMAIL", "Email", "515", 'Email "x, y" is not valid.', "u2")
SECOND = Rejection(7, None, None, "555", "später\nnochmal")
DAY_SECONDS = 86_400


def sources(*epochs: int | None) -> pa.RecordBatch:
    """A row for each, with what the query adds for us."""
    size = len(epochs)
    columns = {"ID": [f"u{place}" for place in range(size)], "EMAIL": ["=1+1"] * size}
    helpers = {EPOCH_COLUMN: pa.array(epochs, pa.int64()), SUPERSEDED_COLUMN: pa.array([0] * size)}
    return pa.RecordBatch.from_pydict({**columns, **helpers})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return rejects_path(tmp_path, "customers", RUN)


def test_rejected_rows_are_written_in_order_with_their_source_columns(path: Path) -> None:
    with rejects_file(path, HOURS) as rejects:
        # Pieces of the query's result, as the rows are found in them.
        rejects.add([FIRST, SECOND], [sources(HOURS.start_seconds + 7200), sources(None)])
    assert rejects.rows == 2
    with open(path, newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    assert lines == [
        [*HEADER, "ID", "EMAIL"],
        [
            "2",
            "u2",
            "EMAIL",
            "Email",
            "515",
            'Email "x, y" is not valid.',
            "2026-11-01T02:00:00+00:00",
            "u0",
            "'=1+1",
        ],
        ["7", "", "", "", "555", "später\nnochmal", "2026-11-01T00:00:00+00:00", "u0", "'=1+1"],
    ]


@given(st.lists(chunks(), min_size=1, max_size=4), WORDS, WORDS)
def test_what_is_written_is_read_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[pa.RecordBatch], identity: str, reason: str
) -> None:
    path = rejects_path(tmp_path_factory.mktemp("home"), "customers", RUN)
    size = sum(chunk.num_rows for chunk in chunks)
    rejections = [Rejection(row, None, "Name", "515", reason, identity or None) for row in range(1, size + 1)]
    with rejects_file(path, None) as rejects:
        rejects.add(rejections, iter(chunks))
    names = chunks[0].schema.names
    cells = [row for chunk in chunks for row in zip(*(texts(chunk[name]) for name in names), strict=True)]
    assert list(read_rejects(path)) == [
        RejectedRow(rejection, None, {name: cell or None for name, cell in zip(names, row, strict=True)})
        for rejection, row in zip(rejections, cells, strict=True)
    ]


risky = st.text(st.sampled_from("'=+-@\t\r1e5. x"), max_size=6)


@given(risky | WORDS)
def test_the_guard_against_formulas_can_be_taken_off_exactly(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert guarded(text) in (text, f"'{text}")


def test_a_moment_after_the_year_9999_has_no_window(path: Path) -> None:
    milliseconds = 1_700_000_000_000
    with rejects_file(path, HOURS) as rejects:
        rejects.add([FIRST, SECOND], [sources(milliseconds, LAST_SECOND)])
    starts = [row.window_start for row in read_rejects(path)]
    assert starts == [None, datetime(9999, 12, 31, 23, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=HYPERLINK(A1)", "'=HYPERLINK(A1)"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("'=1", "''=1"),
        ("+91 98765-43210", "+91 98765-43210"),
        ("-1.5e-07", "-1.5e-07"),
        ("'t Hooft", "'t Hooft"),
        ("", ""),
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_is_guarded(text: str, written: str) -> None:
    assert guarded(text) == written


def test_a_cell_of_any_length_is_read_back(path: Path) -> None:
    long = pa.RecordBatch.from_pydict({"DOCUMENT": ["x" * 1_000_000]})
    with rejects_file(path, None) as rejects:
        rejects.add([FIRST], [long])
    ((row),) = read_rejects(path)
    assert row.source == {"DOCUMENT": "x" * 1_000_000}


def test_only_its_owner_can_read_it_whatever_the_umask(path: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with rejects_file(path, HOURS) as rejects:
            rejects.add([FIRST], [sources(0)])
    finally:
        os.umask(before)
    modes = {each.name: each.stat().st_mode & 0o777 for each in (path, *path.parents[:3])}
    assert modes == {path.name: 0o600, "customers": 0o700, "rejects": 0o700, "clevertap_import": 0o700}


def test_without_a_rejected_row_there_is_no_file(path: Path, tmp_path: Path) -> None:
    with rejects_file(path, HOURS) as rejects:
        assert rejects.rows == 0
    assert list(tmp_path.iterdir()) == []


def test_what_was_rejected_is_in_the_file_at_once(path: Path) -> None:
    """A run may be killed at any moment."""
    with rejects_file(path, HOURS) as rejects:
        rejects.add([FIRST], [sources(0)])
        assert [row.rejection for row in read_rejects(path)] == [FIRST]


def test_a_line_that_was_not_finished_is_left_out(path: Path) -> None:
    with rejects_file(path, HOURS) as rejects:
        rejects.add([FIRST], [sources(0)])
    with path.open("a") as file:
        file.write("8,u8,EMA")
    assert [row.rejection for row in read_rejects(path)] == [FIRST]


def full_disk(path: Path) -> None:
    """Linux's device that takes nothing."""
    path.parent.mkdir(parents=True)
    path.symlink_to("/dev/full")


def blocked_folder(path: Path) -> None:
    path.parent.parent.mkdir(parents=True)
    path.parent.write_text("not a folder")


@pytest.mark.parametrize(
    ("spoil", "message"), [(full_disk, "no space left on device"), (blocked_folder, "file exists")]
)
def test_a_file_that_cannot_be_written_is_reported_at_once_without_values(
    path: Path, spoil: object, message: str
) -> None:
    assert callable(spoil)
    spoil(path)
    with pytest.raises(RejectsUnwritable, match=message) as raised, rejects_file(path, HOURS) as rejects:
        rejects.add([FIRST], [sources(0)])
    assert str(path) in str(raised.value)
    assert "u2" not in str(raised.value)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Of one import: a file of today, one of 31 days ago, a dry run's of now; and what is not ours."""
    now = datetime.now(UTC).timestamp()
    for run, is_dry_run, days in ((RUN, False, 0.5), (OLDER, False, 31), (OLDER, True, 0)):
        path = rejects_path(tmp_path, "customers", run, is_dry_run=is_dry_run)
        with rejects_file(path, HOURS) as rejects:
            rejects.add([FIRST], [sources(0)])
        os.utime(path, (now - days * DAY_SECONDS,) * 2)
    for name in ("notes.csv", f"{RUN}.csv.old", f"copy of {RUN}.csv"):
        path = rejects_path(tmp_path, "customers", RUN).with_name(name)
        path.write_text("mine")
        os.utime(path, (0, 0))
    return tmp_path


def test_the_files_of_an_import_are_found_newest_first(home: Path) -> None:
    found = [(each.run_id, each.is_dry_run) for each in stored_rejects(home, "customers")]
    assert found == [(OLDER, True), (RUN, False), (OLDER, False)]
    assert stored_rejects(home, "orders") == []


def test_the_newest_run_is_meant_if_none_is_named_and_never_a_dry_run(home: Path) -> None:
    stored = stored_rejects(home, "customers")
    assert rejects_of_run(stored, None) == stored[1]
    assert rejects_of_run(stored, RUN[:4]) == stored[1]
    assert rejects_of_run(stored, "") is None
    assert rejects_of_run(stored[:1], None) is None


def test_only_files_of_ours_that_are_too_old_are_removed(home: Path) -> None:
    folder = rejects_path(home, "customers", RUN).parent
    before = {path.name for path in folder.iterdir()}
    assert remove_old_rejects(home, "customers", 30) == []
    assert before - {path.name for path in folder.iterdir()} == {f"{OLDER}.csv"}


def test_a_file_that_was_there_is_closed_to_others_when_it_is_written_again(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("old")
    path.chmod(0o644)
    with rejects_file(path, None) as rejects:
        rejects.add([FIRST], [sources(0)])
    assert path.stat().st_mode & 0o777 == 0o600
    assert csv.DictReader(StringIO(path.read_text())).fieldnames == [*HEADER, "ID", "EMAIL"]
    assert isinstance(rejects, RejectsFile)
