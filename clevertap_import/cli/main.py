"""The command `clevertap-import`. Each command imports Dagster only when it runs, so that help is fast."""

import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clevertap_import import __version__
from clevertap_import.cli.checks import check, dry_run, preview, test_connection
from clevertap_import.cli.conventions import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    as_json,
    echo_stderr,
    exit_on_error,
    report_runs,
    spelled,
    spelled_with_value,
)
from clevertap_import.cli.conventions import stop as leave
from clevertap_import.cli.journal import journal, settle
from clevertap_import.cli.probe import probe
from clevertap_import.cli.rejects import rejects, retry
from clevertap_import.cli.schedules import pause, resume, stop
from clevertap_import.process_end import end_without_collection
from clevertap_import.selection import (
    all_imports,
    bounds_problem,
    runnable_imports,
    take_variables,
    vague_force,
)

if TYPE_CHECKING:
    import pandas as pd

    from clevertap_import.config.model import ImportConfig


end_without_collection()

ON_OWN_SERVERS = ("demo", "sandbox")
"""Commands that use only the package's examples and their own servers; they read no .env."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="clevertap-import")
@click.pass_context
def main(context: click.Context) -> None:
    """Move user profiles and events from Snowflake into CleverTap.

    Each import is a YAML file in the folder that CLEVERTAP_IMPORT_DEFS names, or in
    clevertap_import/defs/ of a clone.
    Exit codes: 0 success, 1 the data is wrong or a service refuses, 2 the command or configuration is wrong.
    """
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        leave(
            "The folder in which this command was started does not exist any more."
            " Start it in another folder.",
            EXIT_USAGE,
        )
    if context.invoked_subcommand not in ON_OWN_SERVERS:
        exit_on_error(take_variables)(folder)


COMMANDS = (
    check,
    test_connection,
    probe,
    preview,
    dry_run,
    rejects,
    retry,
    settle,
    journal,
    pause,
    resume,
    stop,
)

for command in COMMANDS:
    main.add_command(command)


def day(value: datetime | None) -> date | None:
    return value.date() if value else None


@main.command("list")
@click.option("--status", help="Running, Scheduled, Ready, Paused, Stopped or Draft.")
@click.option("--health", help="green, yellow, red, no_data, failed or none.")
@click.option("--sync-type", help="profiles or events.")
@click.option("--frequency", help="Such as 'Repeat Intervals'.")
@click.option("--created-by", help="The owner in the YAML; without one, the author in Git.")
@click.option("--created-after", type=click.DateTime(["%Y-%m-%d"]), help="The day included.")
@click.option("--created-before", type=click.DateTime(["%Y-%m-%d"]), help="The day included.")
@as_json
@exit_on_error
def list_imports(
    json_output: bool, created_after: datetime | None, created_before: datetime | None, **words: str | None
) -> None:
    """List all imports with their status and health."""
    from clevertap_import.cli.printing import LIST_COLUMNS, print_json, print_table
    from clevertap_import.frames import lines_of
    from clevertap_import.orchestration.listing import Filters
    from clevertap_import.tables import imports_table

    filters = Filters(**words, created_after=day(created_after), created_before=day(created_before))
    lines = lines_of(imports_table(filters, echo_stderr))
    if json_output:
        print_json(lines)
        return
    print_table("Imports", LIST_COLUMNS, lines)
    for line in lines:
        for problem in line["problems"]:
            echo_stderr(problem)
        for note in line["notes"]:
            echo_stderr(f"{line['nickname']}: {note}")


@main.command()
@click.argument("name")
@click.option(
    "--run", "run_id", metavar="ID", help="The details of this run: its id, or the beginning of its id."
)
@as_json
@exit_on_error
def stats(name: str, run_id: str | None, json_output: bool) -> None:
    """Show a line for each run of the import NAME, newest first; with --run, one run and its failed rows.

    If the YAML names an old nickname (renamed_from), its runs are shown too.
    """
    from clevertap_import.cli.printing import CODE_COLUMNS, STATS_COLUMNS, print_json, print_table
    from clevertap_import.frames import lines_of
    from clevertap_import.tables import runs_table

    lines = lines_of(runs_table(name, run_id))
    if json_output:
        print_json(lines)
        return
    print_table(name, STATS_COLUMNS, lines)
    if run_id is not None and lines[0]["problem"]:
        echo_stderr(f"{name}: {lines[0]['problem']}")
    if run_id is not None and lines[0]["errors_by_code"]:
        print_table("Rows that failed, by code", CODE_COLUMNS, lines[0]["errors_by_code"])


def moment(_: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    from clevertap_import.errors import ConfigError
    from clevertap_import.selection import moment_of

    try:
        return None if text is None else moment_of(text)
    except ConfigError as error:
        raise click.BadParameter(str(error)) from None


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--window", "start", callback=moment, metavar="START", help="The window that contains this moment."
)
@click.option(
    "--until", "end", callback=moment, metavar="END", help="With --window: all windows up to this moment."
)
@click.option("--full", is_flag=True, help="All windows, beginning with the first.")
@click.option("--force", is_flag=True, help="Send every record, even if CleverTap has it.")
@click.option("--limit", type=click.IntRange(1), help="At most this many rows; marks no window as done.")
@as_json
@exit_on_error
def run(names: tuple[str, ...], json_output: bool, **options: Any) -> None:  # noqa: ANN401 - click's own types
    """Import NAME now: all windows that are not done, and the window in progress."""
    from clevertap_import.frames import lines_of

    if problem := bounds_problem(options["start"], options["end"], spelled, full=options["full"]):
        raise click.UsageError(problem)
    configs = runnable_imports(names)
    is_vague = options["force"] and not options["full"] and not options["start"]
    if is_vague and (problem := vague_force(configs, spelled_with_value)):
        raise click.UsageError(problem)
    lines = lines_of(run_now(configs, options))
    report_runs(configs, lines, "Every window is done; there is nothing to import.", json_output=json_output)
    sys.exit(EXIT_OK if all(line["status"] == "Success" for line in lines) else EXIT_FAILED)


def run_now(configs: Sequence["ImportConfig"], options: dict[str, Any]) -> "pd.DataFrame":
    """Run each import in this process, with bars on a terminal; a row of stats for each run."""
    from clevertap_import.cli.printing import progress_bars
    from clevertap_import.orchestration.runs import RunRange
    from clevertap_import.tables import run_table

    with progress_bars():
        return run_table(configs, RunRange(**options), echo_stderr)


@main.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=3000,
    show_default=True,
    help="The port of Dagster's UI; 0: any free port.",
)
@click.option(
    "--no-ui", is_flag=True, help="Start only the two servers, and print the environment to export."
)
@exit_on_error
def sandbox(port: int, no_ui: bool) -> None:
    """Start a local Snowflake and a local CleverTap, and Dagster's UI on the examples, until Ctrl-C."""
    from clevertap_import.cli.local_sandbox import serve

    serve(None if no_ui else port)


@main.command()
@exit_on_error
def demo() -> None:
    """Run the examples in a new sandbox with Dagster, twice, and print the counts."""
    from clevertap_import.cli.local_sandbox import demonstrate
    from clevertap_import.frames import lines_of

    def run_all() -> list[dict[str, Any]]:
        return lines_of(run_now([each.config for each in all_imports().loaded], {}))

    sys.exit(EXIT_OK if demonstrate(run_all) else EXIT_FAILED)
