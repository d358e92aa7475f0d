"""The command rejects."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from shutil import copyfileobj

from clevertap_import.cli.conventions import echo_stderr
from clevertap_import.cli.drawing import print_remedies, print_rows
from clevertap_import.cli.printing import print_json_rows
from clevertap_import.errors import ConfigError
from clevertap_import.frames import lines_of, rejected_chunks
from clevertap_import.private_files import private
from clevertap_import.staging.rejected_rows import RejectedRow, StoredRejects, read_rejects
from clevertap_import.tables import described, stored_rejects_of

MAX_SHOWN_ROWS = 1000
MAX_SHOWN_CHARS = 2000
"""Of a cell, in a table: CleverTap itself accepts no longer text."""


def rejects(name: str, run_id: str | None, output: Path | None, json_output: bool) -> None:
    found, why_none = stored_rejects_of(name, run_id)
    if found is None:
        echo_stderr(why_none)
    rows = read_rejects(found.path) if found else iter(())
    if found and output:
        write_copy(found.path, output)
        echo_stderr(f"The rejected rows of run {found.run_id} are in {output}.")
    if json_output:
        chunks = rejected_chunks(found.run_id if found else "", rows)
        print_json_rows(row for chunk in chunks for row in chunk.documents)
    elif found and not output:
        print_rejects(found, rows)


def write_copy(source: Path, output: Path) -> None:
    """A copy for its owner only. Raises ConfigError if it cannot be written."""
    try:
        with source.open("rb") as file, open(output, "wb", opener=private) as copy:
            copyfileobj(file, copy)
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {(error.strerror or '').lower()}.") from None


def print_rejects(stored: StoredRejects, rows: Iterator[RejectedRow]) -> None:
    """Our columns, then those of the source. The whole table is in memory, so it has a limit."""
    chunk = next(rejected_chunks(stored.run_id, islice(rows, MAX_SHOWN_ROWS), MAX_SHOWN_ROWS), None)
    if chunk:
        lines = lines_of(chunk.frame.drop(columns="run_id"))
        shown = [{key: shown_part(value) for key, value in line.items()} for line in lines]
        print_rows(f"Rejected rows of run {described(stored)}", shown)
        print_remedies(chunk.frame["code"])
    if more := sum(1 for _ in rows):
        echo_stderr(f"{more:,} more rows; --output or --json shows all.")


def shown_part(value: object) -> object:
    """A cell, or its beginning if it is a whole document."""
    if not isinstance(value, str) or len(value) <= MAX_SHOWN_CHARS:
        return value
    return f"{value[:MAX_SHOWN_CHARS]}... ({len(value):,} characters; --output or --json shows all)"
