"""The command `clevertap-import`: a thin door. Commands import Dagster themselves, so that help is quick."""

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clevertap_import import __version__
from clevertap_import.cli_checks import check, dry_run, preview, test_connection
from clevertap_import.cli_conventions import (
    NO,
    WELL,
    WRONG,
    all_imports,
    as_json,
    aside,
    chosen,
    ready,
    report_runs,
    told,
)
from clevertap_import.cli_conventions import stop as leave
from clevertap_import.cli_journal import journal, settle
from clevertap_import.cli_probe import probe
from clevertap_import.cli_rejects import rejects, retry
from clevertap_import.cli_schedules import pause, resume, stop

if TYPE_CHECKING:
    from clevertap_import.pure.config import ImportConfig


ON_OWN_SERVERS = ("demo", "sandbox")
"""Commands that know only the package's examples and their own servers; a .env is of no use to them."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="clevertap-import")
@click.pass_context
def main(context: click.Context) -> None:
    """Move user profiles and events from Snowflake into CleverTap.

    Each import is a YAML file in the folder that CLEVERTAP_IMPORT_DEFS names, or in
    clevertap_import/defs/ of a clone.
    Exit codes: 0 all is well, 1 the data or a service says no, 2 the command or the configuration is wrong.
    """
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        leave("The folder in which this command was started is gone. Start it in another.", WRONG)
    if context.invoked_subcommand not in ON_OWN_SERVERS:
        take_variables(folder)


def take_variables(folder: Path) -> None:
    """Those of the .env in `folder`, and in that of its project; what is set already stays as it is."""
    from dotenv import load_dotenv

    from clevertap_import.io.env_files import env_files

    for file in env_files(folder):
        try:
            load_dotenv(file)
        except ValueError:
            leave(f"{file} is not UTF-8 text. Save it as UTF-8.", WRONG)
        except OSError as error:
            leave(f"{file} cannot be read: {error.strerror}.", WRONG)


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
@click.option("--created-by", help="The owner in the YAML, else the author in Git.")
@click.option("--created-after", type=click.DateTime(["%Y-%m-%d"]), help="The day included.")
@click.option("--created-before", type=click.DateTime(["%Y-%m-%d"]), help="The day included.")
@as_json
@told
def list_imports(
    json_output: bool, created_after: datetime | None, created_before: datetime | None, **words: str | None
) -> None:
    """List all imports with their status and health."""
    from clevertap_import.console import LIST_COLUMNS, print_json, print_table
    from clevertap_import.io.import_files import imports_folder
    from clevertap_import.orchestration.changed import counts_for_commands
    from clevertap_import.orchestration.instance import open_instance
    from clevertap_import.orchestration.listing import Filters, listing

    filters = Filters(**words, created_after=day(created_after), created_before=day(created_before))
    folder = imports_folder(os.environ)
    with open_instance() as instance:
        imports = all_imports()
        changed = counts_for_commands([each.config for each in imports.loaded], aside)
        lines = listing(instance, imports, folder, filters, changed)
    if json_output:
        print_json(lines)
        return
    print_table("Imports", LIST_COLUMNS, lines)
    for line in lines:
        for problem in line["problems"]:
            aside(problem)
        for note in line["notes"]:
            aside(f"{line['nickname']}: {note}")


@main.command()
@click.argument("name")
@click.option("--run", "run_id", metavar="ID", help="The details of this run; its first letters will do.")
@as_json
@told
def stats(name: str, run_id: str | None, json_output: bool) -> None:
    """Show a line for each run of the import NAME, newest first; or one run, and why rows failed in it.

    Also the runs under the nickname that it had before, as long as its YAML names it (renamed_from).
    """
    from clevertap_import.console import CODE_COLUMNS, STATS_COLUMNS, print_json, print_table
    from clevertap_import.orchestration.instance import open_instance
    from clevertap_import.orchestration.stats import import_stats, run_details

    (config,) = chosen([name])
    with open_instance() as instance:
        if run_id is None:
            lines = [line for each in config.nicknames for line in import_stats(instance, each)]
        else:
            lines = [run_details(instance, config.nicknames, run_id)]
    if json_output:
        print_json(lines)
        return
    print_table(name, STATS_COLUMNS, lines)
    if run_id is not None and lines[0]["problem"]:
        aside(f"{name}: {lines[0]['problem']}")
    if run_id is not None and lines[0]["errors_by_code"]:
        print_table("Rows that failed, by code", CODE_COLUMNS, lines[0]["errors_by_code"])


def moment(_: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    """A moment as ISO 8601; UTC where it names no zone."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not a moment. Write it as 2026-11-01 or 2026-11-01T09:00."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--window", "start", callback=moment, metavar="START", help="The window that holds this moment."
)
@click.option(
    "--until", "end", callback=moment, metavar="END", help="With --window: all windows up to this moment."
)
@click.option("--full", is_flag=True, help="All windows from the first.")
@click.option("--force", is_flag=True, help="Send every record, also those that CleverTap has.")
@click.option("--limit", type=click.IntRange(1), help="At most this many rows; nothing is marked done.")
@as_json
@told
def run(names: tuple[str, ...], json_output: bool, **wish: Any) -> None:  # noqa: ANN401 - click's own types
    """Import NAME now: all windows that are not done, the one in progress included."""
    if wish["end"] and not wish["start"]:
        raise click.UsageError("--until goes with --window.")
    if wish["end"] and wish["end"] < wish["start"]:
        raise click.UsageError(
            f"--until is {wish['end']:%Y-%m-%d %H:%M}, before --window, {wish['start']:%Y-%m-%d %H:%M}."
            " Give the earlier moment as --window."
        )
    if wish["full"] and wish["start"]:
        raise click.UsageError("--full and --window exclude each other.")
    configs = ready(names)
    if wish["force"]:
        refuse_vague_force(configs, wish)
    lines = run_now(configs, wish)
    report_runs(configs, lines, "Every window is done; there is nothing to import.", json_output=json_output)
    sys.exit(WELL if all(line["status"] == "Success" for line in lines) else NO)


def refuse_vague_force(configs: Sequence["ImportConfig"], wish: Mapping[str, Any]) -> None:
    """Without windows it would only mean those that are not done, of which CleverTap has next to nothing."""
    windowed = [config.nickname for config in configs if config.updated_on]
    if windowed and not wish["full"] and not wish["start"]:
        raise click.UsageError(
            f"--force alone would send only the windows of {', '.join(windowed)} that are not done."
            " Say which windows are sent again: --window START, with --until END for several; or --full for"
            " all of them."
        )


def run_now(configs: Sequence["ImportConfig"], wish: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Run each import in this process, with bars on a terminal; a line of stats for each run."""
    from clevertap_import.console import progress_bars
    from clevertap_import.definitions import defs
    from clevertap_import.orchestration.instance import open_instance
    from clevertap_import.orchestration.launch import Wish, runs, until_canceled

    with open_instance() as instance, progress_bars():
        asked = Wish(**wish)
        every = (line for config in configs for line in runs(instance, defs, config, asked, aside))
        return list(until_canceled(every))


@main.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=3000,
    show_default=True,
    help="Where Dagster's UI listens; 0: any free one.",
)
@click.option(
    "--no-ui", is_flag=True, help="Start the two servers only, and print the environment to export."
)
@told
def sandbox(port: int, no_ui: bool) -> None:
    """Start a local Snowflake and a local CleverTap, and Dagster's UI on the examples, until Ctrl-C."""
    from clevertap_import.playground import serve

    serve(None if no_ui else port)


@main.command()
@told
def demo() -> None:
    """Run the examples in a fresh sandbox through Dagster, twice, and print what came of it."""
    from clevertap_import.playground import demonstrate

    sys.exit(WELL if demonstrate(lambda: run_now([each.config for each in all_imports().loaded], {})) else NO)
