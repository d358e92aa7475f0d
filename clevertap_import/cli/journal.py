"""Commands about the journal: settle unanswered batches, copy and restore it, record a moved account."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clevertap_import.cli.conventions import EXIT_FAILED, as_json, echo_stderr, exit_on_error
from clevertap_import.selection import imports_named, runnable_imports

if TYPE_CHECKING:
    from clevertap_import.config.model import ImportConfig

COLUMNS = ("run_id", "batch_number", "records", "sent_at", "window_start", "window_end")
SHOWN_IDENTITIES = 10

KEY_APART = (
    "Store the key of the journal in another place: the file journal.key beside the journal, or the text in"
    " CLEVERTAP_IMPORT_JOURNAL_KEY. Without the key nobody can read the copy."
)

UNCHANGED = "Nothing was changed."
SAME_PROJECT = (
    "The new address must be the same CleverTap project as the old one. If another project or a test server"
    " was behind the old address, these rows are never sent to the new one."
)

Line = dict[str, Any]


@click.command()
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
@exit_on_error
def settle(
    name: str,
    run_id: str | None,
    batch_number: int | None,
    with_people: bool,
    found: str | None,
    json_output: bool,
) -> None:
    """Show the unanswered batches of NAME; with --as, settle them.

    Look in CleverTap whether the persons of a batch have events of the time when it was sent. Without --as
    nothing changes.
    """
    from clevertap_import.cli.printing import print_json, print_table

    (config,) = runnable_imports([name]) if with_people else imports_named([name])
    if found and with_people:
        raise click.UsageError("--identities and --as exclude each other. Use --identities first, then --as.")
    lines = (
        settled(config, run_id, batch_number, found)
        if found
        else shown(config, run_id, batch_number, with_people=with_people)
    )
    if json_output:
        print_json(lines)
    elif lines:
        columns = (*COLUMNS, "identities", "not_found") if with_people else COLUMNS
        print_table(f"{name}: sent, answer unknown", columns, [sampled(line) for line in lines])
    if not lines:
        echo_stderr(f"{name!r} has nothing to settle.")
    elif found:
        echo_stderr(f"{sum(line['records'] for line in lines):,} records of {name!r} count as {found} now.")


def sampled(line: Line) -> Line:
    """A line for people, with some of its identities, one below the other."""
    from clevertap_import.cli.printing import printable

    names = line.get("identities", [])
    left = len(names) - SHOWN_IDENTITIES
    more = [f"({left:,} more: --json)"] if left > 0 else []
    return {**line, "identities": "\n".join([*map(printable, names[:SHOWN_IDENTITIES]), *more])}


def shown(
    config: "ImportConfig", run_id: str | None, batch_number: int | None, *, with_people: bool
) -> list[Line]:
    from clevertap_import.orchestration.unanswered import batches_with_people, unanswered_batches

    if with_people:
        return batches_with_people(config, run_id or "", batch_number, os.environ)
    return unanswered_batches(config, run_id or "", batch_number)


def settled(config: "ImportConfig", run_id: str | None, batch_number: int | None, found: str) -> list[Line]:
    """The batches that were settled: those of the named run; without one, those that were shown last."""
    from clevertap_import.orchestration.unanswered import settle_batches, shown_batches, unanswered_batches

    if run_id:
        lines, newer = unanswered_batches(config, run_id, batch_number), 0
    else:
        lines, newer = shown_batches(config, batch_number)
    settle_batches(config, lines, arrived=found == "delivered")
    if newer:
        echo_stderr(f"{newer:,} batches are newer than the last list that you saw; they were not settled.")
    return lines


@click.group()
def journal() -> None:
    """Copy the journal, put a copy back, or say that an account has moved.

    Only the journal records what CleverTap has.
    """


@journal.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@exit_on_error
def backup(file: Path) -> None:
    """Write a complete copy of the journal to FILE, even during runs. FILE must not exist yet.

    A plain copy of journal.db lacks the newest writes. The copy does not contain the key of the journal.
    """
    from clevertap_import.cli.printing import say
    from clevertap_import.journal.copies import back_up
    from clevertap_import.orchestration.resources import journal_url

    contents = back_up(journal_url(), file)
    say(f"{file}: {contents}.")
    echo_stderr(KEY_APART)


@journal.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@exit_on_error
def restore(file: Path) -> None:
    """Replace the journal by the copy in FILE. No process may use the journal. The old one stays beside it.

    The next runs say so if Dagster has deliveries that are not in the copy.
    """
    from datetime import UTC, datetime

    from clevertap_import.cli.printing import say
    from clevertap_import.journal.copies import put_back
    from clevertap_import.orchestration.resources import journal_url

    found, old, kept = put_back(journal_url(), file, datetime.now(UTC))
    say(f"The journal is that of {file} now: {found}.")
    if kept:
        echo_stderr(f"Before it had {old or 'nothing that can be read'}; it is kept in {kept}.")


@journal.command()
@click.argument("name")
@exit_on_error
def accept(name: str) -> None:
    """Accept an older copy of the journal for NAME: records that are not in it are sent as new.

    Events that were sent after the copy was made may be stored twice. The windows that Dagster shows as done
    stay done. No run of NAME sends events before this, or before all windows that are not done are forced.
    """
    from clevertap_import.cli.printing import say
    from clevertap_import.orchestration.instance import open_instance
    from clevertap_import.orchestration.older_journal import accept_older_journal

    (config,) = imports_named([name])
    with open_instance() as instance:
        was_behind = accept_older_journal(instance, config)
    if was_behind:
        say(f"The journal now counts as complete for {name!r}.")
    else:
        echo_stderr(f"The journal is complete for {name!r}. Nothing was changed.")


MOVED_COLUMNS = ("nickname", "from", "to", "batches", "last_sent")


@journal.command()
@click.argument("account")
@click.option(
    "--from", "before", metavar="ADDRESS", help="Only imports that were delivered to this address before."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@exit_on_error
def moved(account: str, before: str | None, yes: bool) -> None:
    """Say that ACCOUNT has another address for good, and what was delivered stays delivered.

    For a change of region or domain: the same CleverTap project, with the same account id. If another
    project or a test server was behind the old address, rows that it has are never sent to the new one.
    """
    from clevertap_import.cli.printing import print_table, say
    from clevertap_import.orchestration.moved import enter_moved
    from clevertap_import.orchestration.moved import moved as what_moved
    from clevertap_import.selection import all_imports

    found = what_moved([each.config for each in all_imports().loaded], account, before, os.environ)
    if not found.moves:
        echo_stderr(
            f"No import of {account!r} was delivered to this account id at another address. {UNCHANGED}"
        )
        return
    print_table(f"{account}: what was delivered counts as delivered to", MOVED_COLUMNS, found.lines)
    echo_stderr(SAME_PROJECT)
    if not yes and not click.confirm("Is it the same project?", err=True):
        echo_stderr(UNCHANGED)
        sys.exit(EXIT_FAILED)
    enter_moved(found)
    say(f"{len(found.moves):,} imports go on at {found.settings.url}.")
