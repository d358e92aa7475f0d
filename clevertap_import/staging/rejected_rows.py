"""The rejected rows of a run, with their source columns, as a CSV file that only its owner can read."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from clevertap_import.errors import Unfinished
from clevertap_import.journal.open_rejects import FoundRejects
from clevertap_import.mapping.dates import LAST_SECOND
from clevertap_import.private_files import private
from clevertap_import.reasons import Reason, count_reason
from clevertap_import.records import Rejection
from clevertap_import.snowflake.cell_texts import texts
from clevertap_import.snowflake.window_query import OWN_COLUMNS
from clevertap_import.staging.stage import Stage, window_starts
from clevertap_import.window import Grid

REASONS = ("row_number", "identity", "column", "property", "code", "reason")
HEADER = (*REASONS, "window_start")
"""The columns before the source columns, which have their own names."""

OURS = re.compile(r"(?P<run_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?P<dry>\.dry-run)?\.csv")

# Strangers type names and addresses, and a spreadsheet runs a cell that begins like a formula. So such a cell
# gets an apostrophe in front; phone numbers and other plain numbers do not. Reading removes exactly what
# writing added, so every value comes back unchanged.
FORMULA_BEGINNINGS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""The last four are the wide forms of the first four."""

PLAIN_NUMBER = re.compile(r"[+-][0-9][0-9 ().,-]*(?:[eE][+-]?[0-9]+)?")


class RejectsUnwritable(Unfinished):
    """Rows were rejected, and their file cannot be written."""


@dataclass(frozen=True, slots=True)
class StoredRejects:
    """A file of rejected rows, and the run that wrote it."""

    run_id: str
    is_dry_run: bool
    path: Path
    written_at: datetime


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A line of such a file. NULL and empty text are both None. `source`: the source columns by name."""

    rejection: Rejection
    window_start: datetime | None
    source: dict[str, str | None]


def rejects_folder(home: Path, import_name: str) -> Path:
    return home / "clevertap_import" / "rejects" / import_name


def rejects_path(home: Path, import_name: str, run_id: str, *, is_dry_run: bool = False) -> Path:
    return rejects_folder(home, import_name) / f"{run_id}{'.dry-run' if is_dry_run else ''}.csv"


class RejectsFile:
    """Written as rejections come; the file exists only if there is one. `grid` is None for a full import."""

    def __init__(self, path: Path, grid: Grid | None) -> None:
        self.path = path
        self.grid = grid
        self.rows = 0
        self._file: IO[str] | None = None
        self._csv: Any = None

    def add(self, rejections: Sequence[Rejection], sources: Iterable[pa.RecordBatch]) -> None:
        """Write `rejections` with their rows of the query, both in the order of the rows.

        Raises RejectsUnwritable. When this returns, everything that was added is in the file.
        """
        left = iter(rejections)
        with translated(self.path):
            for source in sources:
                names = [name for name in source.schema.names if name not in OWN_COLUMNS]
                file = self._file or self.opened(names)
                columns = [self.windows(source), *(texts(source[name]) for name in names)]
                # The sources first: zip would lose a rejection for which it then finds no row.
                for values, rejection in zip(zip(*columns, strict=True), left, strict=False):
                    cells = (*(getattr(rejection, name) for name in REASONS), *values)
                    self._csv.writerow(["" if cell is None else guarded(str(cell)) for cell in cells])
                    self.rows += 1
                file.flush()

    def opened(self, names: Sequence[str]) -> IO[str]:
        for folder in (self.path.parent.parent.parent, self.path.parent.parent, self.path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = open(self.path, "w", newline="", encoding="utf-8", opener=private)  # noqa: SIM115 - closed in close()
        self._csv = csv.writer(self._file)
        self._csv.writerow([guarded(name) for name in (*HEADER, *names)])
        return self._file

    def windows(self, source: pa.RecordBatch) -> list[str | None]:
        """The start of each row's window; None in a full import, which has no windows.

        It is also None after the year 9999: such values are milliseconds that were read as seconds.
        """
        if self.grid is None:
            return [None] * source.num_rows
        return [
            datetime.fromtimestamp(at, UTC).isoformat() if at <= LAST_SECOND else None
            for at in window_starts(source, self.grid)
        ]

    def close(self) -> None:
        if self._file is not None:
            # All rejections were written at once; for the rest, an error was raised before.
            with suppress(OSError):
                self._file.close()


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Translates the disk's errors into ours. No other code of this file does."""
    try:
        yield
    except OSError as error:
        raise RejectsUnwritable(
            f"Rows were rejected, and their file {path} cannot be written:"
            f" {(error.strerror or type(error).__name__).lower()}. Nothing more is sent without it."
            " Free some space, or correct the folder, and run again."
        ) from None


@contextmanager
def rejects_file(path: Path, grid: Grid | None) -> Iterator[RejectsFile]:
    rejects = RejectsFile(path, grid)
    try:
        yield rejects
    finally:
        rejects.close()


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would run `text`, without the apostrophes in front of it."""
    bare = text.lstrip("'")
    return bare[:1] in FORMULA_BEGINNINGS and bool(bare) and not PLAIN_NUMBER.fullmatch(bare)


def guarded(text: str) -> str:
    return f"'{text}" if is_formula(text) else text


def unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") and is_formula(text) else text


def read_rejects(path: Path) -> Iterator[RejectedRow]:
    """The lines of a file, one at a time."""
    # One cell may be a large document.
    csv.field_size_limit(2**31 - 1)
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.reader(file)
        header = [unguarded(name) for name in next(lines, [])]
        for cells in lines:
            if len(cells) == len(header):  # otherwise a run was killed, or the disk was full, within the line
                yield rejected_row(header[len(HEADER) :], [unguarded(cell) or None for cell in cells])


def rejected_row(names: Sequence[str], cells: Sequence[str | None]) -> RejectedRow:
    number, identity, column, name, code, reason, window = cells[: len(HEADER)]
    return RejectedRow(
        Rejection(int(number or 0), column, name, code or "", reason or "", identity),
        datetime.fromisoformat(window) if window else None,
        dict(zip(names, cells[len(HEADER) :], strict=True)),
    )


def stored_rejects(home: Path, import_name: str) -> list[StoredRejects]:
    """The files of an import, newest first; other files in the folder are ignored."""
    folder = rejects_folder(home, import_name)
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        # Another run of the import may remove old files at the same time.
        with suppress(FileNotFoundError):
            if ours := OURS.fullmatch(path.name):
                written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                found.append(StoredRejects(ours["run_id"], bool(ours["dry"]), path, written_at))
    return sorted(found, key=lambda each: each.written_at, reverse=True)


def remove_old_rejects(home: Path, import_name: str, days: int) -> list[Path]:
    """Remove the files of an import that are older than `days` days; returns those that could not be
    removed."""
    left = []
    for each in stored_rejects(home, import_name):
        if each.written_at < datetime.now(UTC) - timedelta(days=days):
            try:
                each.path.unlink(missing_ok=True)
            except OSError:
                left.append(each.path)
    return left


def rejects_of_run(stored: Sequence[StoredRejects], run_id: str | None) -> StoredRejects | None:
    """The file of the run whose id begins with `run_id`; if None, of the newest run that is not a dry run."""
    if run_id is None:
        return next((each for each in stored if not each.is_dry_run), None)
    found = [each for each in stored if each.run_id.startswith(run_id)]
    return found[0] if len(found) == 1 else None


def rejecting(
    codes: dict[Reason, int], rejects: RejectsFile | None, stage: Stage, found: FoundRejects
) -> Callable[[Sequence[Rejection]], None]:
    """Counts rejections in `codes`, adds them to `found`, and to the file with their source rows."""

    def reject(rejections: Sequence[Rejection]) -> None:
        for rejection in rejections:
            count_reason(codes, (rejection.code, rejection.reason))
        found.add(rejections)
        if rejects:
            numbers = [rejection.row_number for rejection in rejections]
            rejects.add(rejections, stage.sources.take(numbers))

    return reject
