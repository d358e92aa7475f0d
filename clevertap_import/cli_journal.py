"""The command that settles what the journal cannot know by itself."""

from typing import Any

import click

from clevertap_import.cli_conventions import as_json, aside, chosen, told

COLUMNS = ("run_id", "batch_number", "records", "sent_at", "window_start", "window_end")


@click.command()
@click.argument("name")
@click.option("--run", "run_id", metavar="ID", help="Only batches of this run; its first letters will do.")
@click.option("--batch", "batch_number", type=click.IntRange(0), metavar="N", help="Only this batch.")
@click.option(
    "--as",
    "found",
    type=click.Choice(["delivered", "lost"]),
    help="delivered: CleverTap has them. lost: it has not; the next run sends them.",
)
@as_json
@told
def settle(
    name: str, run_id: str | None, batch_number: int | None, found: str | None, json_output: bool
) -> None:
    """Show what NAME sent without getting an answer, or settle it once you know what became of it.

    Look in CleverTap for a person of such a batch at the time when it was sent. Without --as nothing changes.
    """
    from clevertap_import.console import print_json, print_table
    from clevertap_import.orchestration.held import held_batches, settle_batches

    (config,) = chosen([name])
    lines: list[dict[str, Any]] = held_batches(config, run_id or "", batch_number)
    if found:
        settle_batches(config, lines, arrived=found == "delivered")
    if json_output:
        print_json(lines)
    elif lines:
        print_table(f"{name}: sent, answer unknown", COLUMNS, lines)
    records = sum(line["records"] for line in lines)
    if found:
        aside(f"{records:,} records of {name!r} count as {found} now.")
    elif not lines:
        aside(f"{name!r} has nothing to settle.")
