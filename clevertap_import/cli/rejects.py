"""The commands for rejected rows: rejects shows them, retry imports them again."""

import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clevertap_import.cli.conventions import (
    EXIT_FAILED,
    EXIT_OK,
    as_json,
    echo_stderr,
    exit_on_error,
    report_runs,
)
from clevertap_import.selection import runnable_imports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clevertap_import.staging.rejected_rows import KeptRejects, RejectedRow

MAX_SHOWN_ROWS = 1000
MAX_SHOWN_CHARS = 2000
"""Of a cell, in a table: CleverTap itself accepts no longer text."""


@click.command()
@click.argument("name")
@click.option(
    "--run", "run_id", metavar="ID", help="This run or dry run: its id, or the beginning of its id."
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="F.csv",
    help="Write the rows to this file. Only its owner can read it.",
)
@as_json
@exit_on_error
def rejects(name: str, run_id: str | None, output: Path | None, json_output: bool) -> None:
    """Show the rejected rows of the newest run of NAME that has any, with their values."""
    from clevertap_import.cli.printing import print_json_rows
    from clevertap_import.frames import rejected_chunks
    from clevertap_import.staging.rejected_rows import read_rejects
    from clevertap_import.tables import rejects_kept

    found, why_none = rejects_kept(name, run_id)
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
    from shutil import copyfileobj

    from clevertap_import.errors import ConfigError
    from clevertap_import.private_files import private

    try:
        with source.open("rb") as file, open(output, "wb", opener=private) as copy:
            copyfileobj(file, copy)
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {(error.strerror or '').lower()}.") from None


def print_rejects(kept: "KeptRejects", rows: "Iterator[RejectedRow]") -> None:
    """Our columns, then those of the source. The whole table is in memory, so it has a limit."""
    from clevertap_import.cli.printing import print_rows
    from clevertap_import.frames import lines_of, rejected_chunks
    from clevertap_import.tables import described

    chunk = next(rejected_chunks(kept.run_id, islice(rows, MAX_SHOWN_ROWS), MAX_SHOWN_ROWS), None)
    if chunk:
        lines = lines_of(chunk.frame.drop(columns="run_id"))
        shown = [{key: shown_part(value) for key, value in line.items()} for line in lines]
        print_rows(f"Rejected rows of run {described(kept)}", shown)
    if more := sum(1 for _ in rows):
        echo_stderr(f"{more:,} more rows; --output or --json shows all.")


def shown_part(value: object) -> object:
    """A cell, or its beginning if it is a whole document."""
    if not isinstance(value, str) or len(value) <= MAX_SHOWN_CHARS:
        return value
    return f"{value[:MAX_SHOWN_CHARS]}... ({len(value):,} characters; --output or --json shows all)"


@click.command()
@click.argument("name")
@as_json
@exit_on_error
def retry(name: str, json_output: bool) -> None:
    """Run the windows of NAME with rejected rows again. Does not send again what CleverTap has."""
    from clevertap_import.cli.printing import progress_bars
    from clevertap_import.definitions import defs
    from clevertap_import.frames import REPORTS, frame_of, lines_of
    from clevertap_import.orchestration.instance import open_instance
    from clevertap_import.orchestration.resources import home
    from clevertap_import.orchestration.retry_rejected import retried
    from clevertap_import.orchestration.runs import until_canceled

    (config,) = runnable_imports([name])
    with open_instance() as instance, progress_bars():
        found = frame_of(until_canceled(retried(instance, defs, config, home(), echo_stderr)), REPORTS)
    lines = lines_of(found)
    nothing = "No finished window has rejected rows; there is nothing to retry."
    report_runs([config], lines, nothing, json_output=json_output)
    sys.exit(EXIT_OK if all(line["status"] == "Success" for line in lines) else EXIT_FAILED)
