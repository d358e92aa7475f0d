"""The commands for monitoring: their options, their help, and the function that each runs."""

from pathlib import Path

import click

from clevertap_import.cli.conventions import BoundCommand, as_json


@click.command("list", cls=BoundCommand, target="cli.listing:list_imports")
@click.option("--status", multiple=True, help="Running, Scheduled, Ready, Paused, Stopped or Draft.")
@click.option("--health", multiple=True, help="green, yellow, red, no_data, failed or none.")
@click.option("--sync-type", multiple=True, help="profiles or events.")
@click.option("--frequency", multiple=True, help="Such as 'Repeat Intervals'.")
@click.option(
    "--created-by",
    "--owner",
    "created_by",
    multiple=True,
    help="The owner in the YAML; without one, the author in Git.",
)
@click.option("--created-after", type=click.DateTime(["%Y-%m-%d"]), help="The day included.")
@click.option("--created-before", type=click.DateTime(["%Y-%m-%d"]), help="The day included.")
@click.option("--late", is_flag=True, help="Only imports whose run has not come in time.")
@click.option("--wide", is_flag=True, help="All columns.")
@click.option("--watch", is_flag=True, help="Refresh the listing every few seconds, until Ctrl-C.")
@as_json
def list_imports(watch: bool, json_output: bool, **_: object) -> None:
    """List all imports with their status and health, the worst first. Repeat a filter for several values."""
    if watch and json_output:
        raise click.UsageError("--watch and --json exclude each other.")


@click.command(cls=BoundCommand, target="cli.monitoring:health")
@as_json
def health(**_: object) -> None:
    """Say whether all imports and Dagster's daemon are well.

    Ends with 1 if an import has an error, such as a failed or missing run, a health below 50 % or a wrong
    YAML, or if schedules wait for a daemon that does not run.
    """


@click.command(cls=BoundCommand, target="cli.monitoring:metrics")
def metrics(**_: object) -> None:
    """Print the state of all imports as OpenMetrics text, for Prometheus."""


@click.command(cls=BoundCommand, target="cli.report:report")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="F.html",
    help="Write the page to this file. Only its owner can read it.",
)
@click.option(
    "--days", type=click.IntRange(1, 400), default=30, show_default=True, help="Runs of this many days."
)
def report(**_: object) -> None:
    """Write a page of HTML with the state of all imports, and plots of health, rows, errors and cost."""


@click.command(cls=BoundCommand, target="cli.listing:stats")
@click.argument("name")
@click.option(
    "--run", "run_id", metavar="ID", help="The details of this run: its id, or the beginning of its id."
)
@click.option("--since", metavar="TIME", help="Only runs of this time, such as 12h or 30d; at most 1,000.")
@click.option(
    "--by", type=click.Choice(["day"]), help="Sums for each day in UTC, without --since of 30 days."
)
@as_json
def stats(run_id: str | None, since: str | None, by: str | None, **_: object) -> None:
    """Show a line for each run of the import NAME, newest first; with --run, one run and its failed rows.

    If the YAML names an old nickname (renamed_from), its runs are shown too.
    """
    if run_id and (since or by):
        raise click.UsageError("--run excludes --since and --by.")


@click.group()
def alerts() -> None:
    """Test where alerts go. The file alerts.yaml in the folder of imports says it."""


@alerts.command(cls=BoundCommand, target="cli.alerts:test")
@as_json
def test(**_: object) -> None:
    """Send a test message to every channel, and show who gets the alerts of each import.

    Ends with 1 if a channel does not take its message, or if alerts.yaml is wrong.
    """


@click.command(cls=BoundCommand, target="cli.alerts:mute")
@click.argument("name")
@click.option("--for", "duration", required=True, metavar="TIME", help="Such as 30m, 4h, 2d or '4 hours'.")
@click.option("--because", "reason", required=True, metavar="TEXT", help="Why; the listing shows it.")
def mute(**_: object) -> None:
    """Send no alert about NAME for some time. What is wrong at its end is alerted then."""


@click.command(cls=BoundCommand, target="cli.alerts:unmute")
@click.argument("name")
def unmute(**_: object) -> None:
    """Send alerts about NAME again. What is wrong now is alerted."""


@click.command(cls=BoundCommand, target="cli.trace:trace")
@click.argument("name")
@click.option("--identity", required=True, metavar="X", help="The identity of the person.")
@as_json
def trace(**_: object) -> None:
    """Show the row and the record of one person of NAME, and what became of it.

    Shows values of the row. Ends with 1 if the person is neither in Snowflake nor known.
    """


MONITORING_COMMANDS = (list_imports, health, metrics, report, stats, trace, alerts, mute, unmute)
