"""The commands about the journal: copy and restore it, accept an older copy, record a moved account."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from clevertap_import.cli.conventions import EXIT_FAILED, echo_stderr
from clevertap_import.cli.drawing import print_table
from clevertap_import.cli.printing import say
from clevertap_import.journal.copies import back_up, put_back
from clevertap_import.orchestration.instance import open_instance
from clevertap_import.orchestration.moved import enter_moved
from clevertap_import.orchestration.moved import moved as what_moved
from clevertap_import.orchestration.older_journal import accept_older_journal
from clevertap_import.orchestration.resources import journal_url
from clevertap_import.selection import all_imports, imports_named

MOVED_COLUMNS = ("nickname", "from", "to", "batches", "last_sent")

KEY_APART = (
    "Store the key of the journal in another place: the file journal.key beside the journal, or the text in"
    " CLEVERTAP_IMPORT_JOURNAL_KEY. Without the key nobody can read the copy."
)

UNCHANGED = "Nothing was changed."
SAME_PROJECT = (
    "The new address must be the same CleverTap project as the old one. If another project or a test server"
    " was behind the old address, these rows are never sent to the new one."
)


def backup(file: Path) -> None:
    contents = back_up(journal_url(), file)
    say(f"{file}: {contents}.")
    echo_stderr(KEY_APART)


def restore(file: Path) -> None:
    found, old, previous_file = put_back(journal_url(), file, datetime.now(UTC))
    say(f"The journal is that of {file} now: {found}.")
    if previous_file:
        contents = old or "nothing that can be read"
        echo_stderr(f"Before it had {contents}. That journal is now in {previous_file}.")


def accept(name: str) -> None:
    (config,) = imports_named([name])
    with open_instance() as instance:
        was_behind = accept_older_journal(instance, config)
    if was_behind:
        say(f"The journal now counts as complete for {name!r}.")
    else:
        echo_stderr(f"The journal is complete for {name!r}. Nothing was changed.")


def moved(account: str, before: str | None, yes: bool) -> None:
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
