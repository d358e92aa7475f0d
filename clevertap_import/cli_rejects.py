"""The commands for rejected rows: rejects shows them, retry imports them again."""

import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clevertap_import.cli_conventions import NO, WELL, as_json, aside, chosen, ready, report_runs, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clevertap_import.io.rejects import KeptRejects, RejectedRow

MAX_SHOWN_ROWS = 1000
MAX_SHOWN_CHARS = 2000
"""Of a cell, in a table: CleverTap itself takes no longer text."""


@click.command()
@click.argument("name")
@click.option(
    "--run", "run_id", metavar="ID", help="This run, also a dry run; the beginning of its id will do."
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="F.csv",
    help="Write them to this file, readable by its owner only.",
)
@as_json
@told
def rejects(name: str, run_id: str | None, output: Path | None, json_output: bool) -> None:
    """Show the rejected rows of the import NAME, values included: those of its newest run that has any."""
    from clevertap_import.console import print_json_rows
    from clevertap_import.io.rejects import kept_rejects, read_rejects, rejects_of_run
    from clevertap_import.orchestration.resources import home

    (config,) = chosen([name])
    kept = [each for nickname in config.nicknames for each in kept_rejects(home(), nickname)]
    found = rejects_of_run(kept, run_id)
    if found is None:
        aside(nothing_kept(name, run_id, kept))
    rows = read_rejects(found.path) if found else iter(())
    if found and output:
        write_copy(found.path, output)
        aside(f"The rejected rows of run {found.run_id} are in {output}.")
    if json_output:
        print_json_rows(row_document(found.run_id, row) for row in rows if found)
    elif found and not output:
        print_rejects(found, rows)


def nothing_kept(name: str, run_id: str | None, kept: "Sequence[KeptRejects]") -> str:
    """Why there is nothing to show. Raises ConfigError for a run that nobody knows, or that is not clear."""
    from clevertap_import.orchestration.instance import open_instance
    from clevertap_import.pure.errors import ConfigError

    known = "; ".join(described(each) for each in kept) or "none"
    if run_id is None:
        dry = " Of dry runs there are some; name one with --run." if kept else ""
        return f"No run of {name!r} has rejected rows.{dry}" + (f" They are {known}." if kept else "")
    with open_instance() as instance:
        is_known = instance.get_run_by_id(run_id) is not None
    if not is_known:
        raise ConfigError(
            f"No run {run_id!r} of {name!r} has rejected rows, or several begin so."
            f" Runs with rejected rows: {known}."
        )
    return (
        f"Run {run_id} of {name!r} has no rejected rows, or ended so long ago that they are gone"
        " (journal_retention_days)."
    )


def described(kept: "KeptRejects") -> str:
    kind = ", a dry run" if kept.is_dry_run else ""
    return f"{kept.run_id} ({kept.written_at:%Y-%m-%d %H:%M} UTC{kind})"


def write_copy(source: Path, output: Path) -> None:
    """A copy for its owner only. Raises ConfigError if it cannot be written."""
    from shutil import copyfileobj

    from clevertap_import.io.private_files import private
    from clevertap_import.pure.errors import ConfigError

    try:
        with source.open("rb") as file, open(output, "wb", opener=private) as copy:
            copyfileobj(file, copy)
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {(error.strerror or '').lower()}.") from None


def row_document(run_id: str, row: "RejectedRow") -> dict[str, Any]:
    from clevertap_import.io.rejects import REASONS

    told = {key: getattr(row.rejection, key) for key in REASONS}
    return {"run_id": run_id, **told, "source": row.source}


def print_rejects(kept: "KeptRejects", rows: "Iterator[RejectedRow]") -> None:
    """Our columns, then the source's under their own names. A table is drawn whole, so it has a limit."""
    from clevertap_import.console import print_rows

    lines = [row_line(row) for row in islice(rows, MAX_SHOWN_ROWS)]
    if lines:
        print_rows(f"Rejected rows of run {described(kept)}", lines)
    if more := sum(1 for _ in rows):
        aside(f"{more:,} more rows; --output or --json gives all.")


def row_line(row: "RejectedRow") -> dict[str, Any]:
    from clevertap_import.io.rejects import REASONS

    told = {key: getattr(row.rejection, key) for key in REASONS}
    # A column of the source may have one of our names.
    named = {f"{key} (source)" if key in told else key: value for key, value in row.source.items()}
    return {key: shown_part(value) for key, value in {**told, **named}.items()}


def shown_part(value: object) -> object:
    """A cell, or its beginning if it is a whole document."""
    if not isinstance(value, str) or len(value) <= MAX_SHOWN_CHARS:
        return value
    return f"{value[:MAX_SHOWN_CHARS]}... ({len(value):,} characters; --output or --json gives all)"


@click.command()
@click.argument("name")
@as_json
@told
def retry(name: str, json_output: bool) -> None:
    """Run the windows of NAME that have rejected rows again. What CleverTap has is not sent again."""
    from clevertap_import.console import progress_bars
    from clevertap_import.definitions import defs
    from clevertap_import.orchestration.instance import open_instance
    from clevertap_import.orchestration.launch import until_canceled
    from clevertap_import.orchestration.resources import home
    from clevertap_import.orchestration.retrying import retried

    (config,) = ready([name])
    with open_instance() as instance, progress_bars():
        lines = list(until_canceled(retried(instance, defs, config, home(), aside)))
    nothing = "No window that is done has rejected rows; there is nothing to retry."
    report_runs([config], lines, nothing, json_output=json_output)
    sys.exit(WELL if all(line["status"] == "Success" for line in lines) else NO)
