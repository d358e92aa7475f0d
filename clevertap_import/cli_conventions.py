"""What all commands have alike: exit codes, --json, errors as messages, imports by their names."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec

import click

if TYPE_CHECKING:
    from clevertap_import.io.import_files import Imports
    from clevertap_import.pure.config import ImportConfig

P = ParamSpec("P")

WELL, NO, WRONG = 0, 1, 2
"""Exit codes: all is well; the data or a service says no; the command or the configuration is wrong."""

as_json = click.option("--json", "json_output", is_flag=True, help="Print one JSON document, for programs.")


def stop(message: str, code: int) -> NoReturn:
    aside(message)
    sys.exit(code)


def aside(message: str) -> None:
    """Words for a person, beside the command's own output."""
    from clevertap_import.console import say

    say(message, err=True)


def told(command: Callable[P, None]) -> Callable[P, None]:
    """Our own errors become a message and an exit code; a stack trace would help nobody."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from clevertap_import.pure.errors import CleverTapImportError, ConfigError

        try:
            command(*args, **kwargs)
        except ConfigError as error:
            stop(str(error), WRONG)
        except CleverTapImportError as error:
            stop(str(error), NO)
        except Exception as error:
            from clevertap_import.orchestration.storage_trouble import storage_trouble

            trouble = storage_trouble(error)
            if trouble is None:
                raise
            stop(str(trouble), NO)

    return run


def all_imports() -> "Imports":
    """Every import, drafts included. Raises ConfigError if there is none at all."""
    from clevertap_import.io.import_files import NoImports, imports_folder, load_folder

    folder = imports_folder(os.environ)
    imports = load_folder(folder)
    if not imports.loaded and not imports.drafts:
        raise NoImports(folder)
    return imports


def chosen(names: Sequence[str]) -> list["ImportConfig"]:
    """The imports called `names`. Raises ConfigError for a name that is unknown or a draft."""
    imports = all_imports()
    return [imports.called(name).config for name in names]


def ready(names: Sequence[str]) -> list["ImportConfig"]:
    """The same, if the environment describes what they read from and send to. Raises ConfigError if not."""
    from clevertap_import.io.clevertap import account_settings
    from clevertap_import.io.snowflake import snowflake_settings

    configs = chosen(names)
    for config in configs:
        snowflake_settings(config.connection, os.environ)
        account_settings(config.account, os.environ)
    return configs


def report_runs(
    configs: Sequence["ImportConfig"], lines: Sequence[Mapping[str, Any]], nothing: str, *, json_output: bool
) -> None:
    """A line for each run, why runs failed, and what else is to be known of the imports.

    The word `nothing` to people, if there was no run.
    """
    from clevertap_import.console import STATS_COLUMNS, print_json, print_table, say

    if json_output:
        print_json(lines)
    elif lines:
        print_table("Runs", ("nickname", *STATS_COLUMNS), lines)
    else:
        say(nothing)
    for line in lines:
        if line["problem"]:
            aside(f"{line['nickname']}: {line['problem']}")
    failed = {line["nickname"] for line in lines if line["problem"]}
    for words in notes_of([config for config in configs if config.nickname not in failed], lines):
        aside(words)


def notes_of(configs: Sequence["ImportConfig"], lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What to say of runs that went well, and of their imports after them."""
    from clevertap_import.orchestration.changed import counts_for_commands
    from clevertap_import.orchestration.notes import changed_note, no_rows_note

    changed = counts_for_commands(configs, aside)
    for config in configs:
        own = [line for line in lines if line["nickname"] == config.nickname]
        notes = [*(no_rows_note(config, line) for line in own)]
        notes.append(changed_note(config, changed.get(config.nickname, 0)))
        yield from (f"{config.nickname}: {note}" for note in notes if note)
