"""The commands for the journal: their options, their help, and the function that each runs."""

from pathlib import Path

import click

from clevertap_import.cli.conventions import BoundCommand


@click.group()
def journal() -> None:
    """Copy the journal, put a copy back, or say that an account has moved.

    Only the journal records what CleverTap has.
    """


@journal.command(cls=BoundCommand, target="cli.journal:backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(**_: object) -> None:
    """Write a complete copy of the journal to FILE, even during runs. FILE must not exist yet.

    A plain copy of journal.db lacks the newest writes. The copy does not contain the key of the journal.
    """


@journal.command(cls=BoundCommand, target="cli.journal:restore")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def restore(**_: object) -> None:
    """Replace the journal by the copy in FILE. No process may use the journal. The old one stays beside it.

    The next runs say so if Dagster has deliveries that are not in the copy.
    """


@journal.command(cls=BoundCommand, target="cli.journal:accept")
@click.argument("name")
def accept(**_: object) -> None:
    """Accept an older copy of the journal for NAME: records that are not in it are sent as new.

    Events that were sent after the copy was made may be stored twice. The windows that Dagster shows as done
    stay done. No run of NAME sends events before this, or before all windows that are not done are forced.
    """


@journal.command(cls=BoundCommand, target="cli.journal:moved")
@click.argument("account")
@click.option(
    "--from", "before", metavar="ADDRESS", help="Only imports that were delivered to this address before."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def moved(**_: object) -> None:
    """Say that ACCOUNT has another address for good, and what was delivered stays delivered.

    For a change of region or domain: the same CleverTap project, with the same account id. If another
    project or a test server was behind the old address, rows that it has are never sent to the new one.
    """
