"""The command `clevertap-import`: the options and the help of each command, and the function that it runs.

The commands of the journal and of monitoring have a file each. These files import nothing that is slow, so
that help and wrong options are answered at once.
"""

from datetime import datetime
from pathlib import Path

import click

from clevertap_import import __version__
from clevertap_import.bounds import bounds_problem, moment_of
from clevertap_import.cli.conventions import (
    EXIT_USAGE,
    BoundCommand,
    as_json,
    exit_on_error,
    function_at,
    spelled,
)
from clevertap_import.cli.conventions import stop as stop_with
from clevertap_import.cli.journal_commands import journal
from clevertap_import.cli.monitoring_commands import MONITORING_COMMANDS
from clevertap_import.errors import ConfigError
from clevertap_import.process_end import end_without_collection

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
        stop_with(
            "The folder in which this command was started does not exist any more."
            " Start it in another folder.",
            EXIT_USAGE,
        )
    if context.invoked_subcommand not in ON_OWN_SERVERS:
        exit_on_error(function_at("config.env_files:take_variables"))(folder)


def moment(_: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    try:
        return None if text is None else moment_of(text)
    except ConfigError as error:
        raise click.BadParameter(str(error)) from None


@main.command(cls=BoundCommand, target="cli.checks:check")
@click.option("--offline", is_flag=True, help="Check only the files, without Snowflake: for a Git hook.")
@as_json
def check(**_: object) -> None:
    """Check all imports: YAML, login, query, columns and new nicknames. Runs no query."""


@main.command("test-connection", cls=BoundCommand, target="cli.connections:test_connection")
@click.option("--connection", metavar="NAME", help="This Snowflake connection.")
@click.option("--account", metavar="NAME", help="This CleverTap account.")
@as_json
def test_connection(**_: object) -> None:
    """Test the logins step by step: the named ones, or those of all imports. Stores nothing."""


@main.command(cls=BoundCommand, target="cli.probe:probe")
@click.option(
    "--test-project",
    is_flag=True,
    help="Confirm that the account is a test project. Without it nothing is sent.",
)
@click.option(
    "--account", default="clevertap", show_default=True, metavar="NAME", help="This CleverTap account."
)
@click.option(
    "--wait",
    type=click.IntRange(0, 3600),
    default=60,
    show_default=True,
    help="Seconds to wait until the profile shows an effect.",
)
@as_json
def probe(**_: object) -> None:
    """Test which operations the API of a test project accepts, on an invented profile that stays there.

    Ends with 1 if a result is unclear. Refuses an account that looks like production.
    """


@main.command(cls=BoundCommand, target="cli.checks:preview")
@click.argument("name")
@click.option(
    "--rows", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The most rows to show."
)
@as_json
def preview(**_: object) -> None:
    """Show a few rows of the import NAME, their column types, and the records that are made of them."""


@main.command("dry-run", cls=BoundCommand, target="cli.dry_run:dry_run")
@click.argument("name")
@click.option(
    "--rows",
    type=click.IntRange(1, 1_000_000),
    help="Number of random rows; default: the import's sample_rows.",
)
@click.option("--all", "all_rows", is_flag=True, help="Every row.")
@as_json
def dry_run(rows: int | None, all_rows: bool, **_: object) -> None:
    """Make the checks of a run on rows of NAME. Sends nothing. Ends with 1 if the checks would stop a run."""
    if rows and all_rows:
        raise click.UsageError("--rows and --all exclude each other.")


@main.command(cls=BoundCommand, target="cli.rejects:rejects")
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
def rejects(**_: object) -> None:
    """Show the rejected rows of the newest run of NAME that has any, with their values."""


@main.command(cls=BoundCommand, target="cli.run:retry")
@click.argument("name")
@as_json
def retry(**_: object) -> None:
    """Run the windows of NAME with rejected rows again. Does not send again what CleverTap has."""


@main.command(cls=BoundCommand, target="cli.settle:settle")
@click.argument("name")
@click.option(
    "--run", "run_id", metavar="ID", help="Only batches of this run: its id, or the beginning of its id."
)
@click.option("--batch", "batch_number", type=click.IntRange(0), metavar="N", help="Only this batch.")
@click.option(
    "--identities",
    "with_people",
    is_flag=True,
    help="Read the rows again, and show the persons in each batch. Look them up in CleverTap.",
)
@click.option(
    "--as",
    "found",
    type=click.Choice(["delivered", "lost"]),
    help="delivered: CleverTap has the events. lost: it does not; the next run sends them. "
    "Without --run: the batches that settle showed last.",
)
@as_json
def settle(found: str | None, with_people: bool, **_: object) -> None:
    """Show the unanswered batches of NAME; with --as, settle them.

    Look in CleverTap whether the persons of a batch have events of the time when it was sent. Without --as
    nothing changes.
    """
    if found and with_people:
        raise click.UsageError("--identities and --as exclude each other. Use --identities first, then --as.")


@main.command(cls=BoundCommand, target="cli.schedules:pause")
@click.argument("name")
def pause(**_: object) -> None:
    """Pause the schedule of NAME: no new run starts until resume. A run that has begun goes on."""


@main.command(cls=BoundCommand, target="cli.schedules:resume")
@click.argument("name")
def resume(**_: object) -> None:
    """Resume the schedule of NAME. Its next run imports all windows that are not done."""


@main.command(cls=BoundCommand, target="cli.schedules:stop")
@click.argument("name")
def stop(**_: object) -> None:
    """End the schedule of NAME, and cancel its waiting runs."""


@main.command(cls=BoundCommand, target="cli.run:run")
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
def run(start: datetime | None, end: datetime | None, full: bool, **_: object) -> None:
    """Import NAME now: all windows that are not done, and the window in progress."""
    if problem := bounds_problem(start, end, spelled, full=full):
        raise click.UsageError(problem)


@main.command(cls=BoundCommand, target="cli.local_sandbox:sandbox")
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
def sandbox(**_: object) -> None:
    """Start a local Snowflake and a local CleverTap, and Dagster's UI on the examples, until Ctrl-C."""


@main.command(cls=BoundCommand, target="cli.demo:demo")
def demo(**_: object) -> None:
    """Run the examples in a new sandbox with Dagster, twice, and print the counts."""


for each in (journal, *MONITORING_COMMANDS):
    main.add_command(each)
