"""Commands about the journal: to settle what it cannot know, to copy it, to say that an account has moved."""

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
    "Keep the key of the journal elsewhere: journal.key beside it, or the text in"
    " CLEVERTAP_IMPORT_JOURNAL_KEY. Without it the copy cannot be read."
)

UNCHANGED = "Nothing was changed."
SAME_PROJECT = (
    "The new address must be the same CleverTap project as the old one. If another project or a test server"
    " was behind the old address, these rows are never sent to the new one."
)

Line = dict[str, Any]


@click.command()
@click.argument("name")
@click.option("--run", "run_id", metavar="ID", help="Only batches of this run; its first letters will do.")
@click.option("--batch", "batch_number", type=click.IntRange(0), metavar="N", help="Only this batch.")
@click.option(
    "--identities",
    "with_people",
    is_flag=True,
    help="Read the rows again, and show whose records the batches hold: persons to look up in CleverTap.",
)
@click.option(
    "--as",
    "found",
    type=click.Choice(["delivered", "lost"]),
    help="delivered: CleverTap has them. lost: it has not; the next run sends them. "
    "Without --run: all that you were shown last.",
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
    """Show what NAME sent without getting an answer, or settle it once you know what became of it.

    Look in CleverTap for a person of such a batch at the time when it was sent. Without --as nothing changes.
    """
    from clevertap_import.cli.printing import print_json, print_table

    (config,) = runnable_imports([name]) if with_people else imports_named([name])
    if found and with_people:
        raise click.UsageError("--identities and --as exclude each other: look first.")
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
    from clevertap_import.orchestration.unanswered import batches_with_people, held_batches

    if with_people:
        return batches_with_people(config, run_id or "", batch_number, os.environ)
    return held_batches(config, run_id or "", batch_number)


def settled(config: "ImportConfig", run_id: str | None, batch_number: int | None, found: str) -> list[Line]:
    """The batches that were settled: those of the run that is named, or else those that were shown."""
    from clevertap_import.orchestration.unanswered import held_batches, settle_batches, shown_batches

    if run_id:
        lines, newer = held_batches(config, run_id, batch_number), 0
    else:
        lines, newer = shown_batches(config, batch_number)
    settle_batches(config, lines, arrived=found == "delivered")
    if newer:
        echo_stderr(f"{newer:,} batches have come since you looked, and were left as they are.")
    return lines


@click.group()
def journal() -> None:
    """Copy the journal, put a copy back, or say that an account has moved.

    The journal alone knows what CleverTap has.
    """


@journal.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@exit_on_error
def backup(file: Path) -> None:
    """Write a whole copy of the journal to FILE, which must not be there yet; runs may go on meanwhile.

    A plain copy of journal.db lacks what SQLite keeps beside it. The key of the journal is not in the copy.
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
    """Put the copy in FILE in place of the journal, while nothing uses it; the old one is kept beside it.

    Runs tell if Dagster knows of deliveries that the copy lacks.
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
    """Go on with an older copy of the journal: what it lacks of NAME is sent as new.

    Events that were sent after the copy was made may come twice. The windows that Dagster knows as done
    stay done. Until then, or until all windows that are not done are forced, no run of NAME sends events.
    """
    from clevertap_import.cli.printing import say
    from clevertap_import.orchestration.instance import open_instance
    from clevertap_import.orchestration.older_journal import accept_older_journal

    (config,) = imports_named([name])
    with open_instance() as instance:
        was_behind = accept_older_journal(instance, config)
    if was_behind:
        say(f"The journal counts as whole for {name!r} from now on.")
    else:
        echo_stderr(f"The journal lacks nothing of {name!r}. Nothing was changed.")


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
