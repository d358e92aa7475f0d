"""Conventions of all commands: exit codes, --json, errors as messages."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec

import click

if TYPE_CHECKING:
    from clevertap_import.config.model import ImportConfig

P = ParamSpec("P")

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
"""Exit codes: success; the data is wrong or a service refuses; the command or configuration is wrong."""

as_json = click.option("--json", "json_output", is_flag=True, help="Print one JSON document, for programs.")


def stop(message: str, code: int) -> NoReturn:
    echo_stderr(message)
    sys.exit(code)


def echo_stderr(message: str) -> None:
    """Print a message for a person on standard error; standard output has the command's result."""
    from clevertap_import.cli.printing import say

    say(message, err=True)


def exit_on_error(command: Callable[P, None]) -> Callable[P, None]:
    """Our own errors become a message and an exit code; a stack trace would help nobody."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from clevertap_import.errors import CleverTapImportError, ConfigError

        try:
            command(*args, **kwargs)
        except ConfigError as error:
            stop(str(error), EXIT_USAGE)
        except CleverTapImportError as error:
            stop(str(error), EXIT_FAILED)
        except Exception as error:
            from clevertap_import.orchestration.storage_trouble import storage_trouble

            trouble = storage_trouble(error)
            if trouble is None:
                raise
            stop(str(trouble), EXIT_FAILED)

    return run


def spelled(option: str) -> str:
    """As it is typed."""
    return f"--{option}"


def spelled_with_value(option: str) -> str:
    return {"window": "--window START", "until": "--until END"}.get(option, spelled(option))


def report_runs(
    configs: Sequence["ImportConfig"], lines: Sequence[Mapping[str, Any]], nothing: str, *, json_output: bool
) -> None:
    """Print a line for each run, the reasons of failed runs, and notes about the imports.

    Without a run, print the text `nothing` for people.
    """
    from clevertap_import.cli.printing import STATS_COLUMNS, print_json, print_table, say

    if json_output:
        print_json(lines)
    elif lines:
        print_table("Runs", ("nickname", *STATS_COLUMNS), lines)
    else:
        say(nothing)
    for line in lines:
        if line["problem"]:
            echo_stderr(f"{line['nickname']}: {line['problem']}")
    failed = {line["nickname"] for line in lines if line["problem"]}
    for words in notes_of([config for config in configs if config.nickname not in failed], lines):
        echo_stderr(words)


def notes_of(configs: Sequence["ImportConfig"], lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Notes about runs that succeeded, and about their imports."""
    from clevertap_import.orchestration.changed_definitions import counts_for_commands
    from clevertap_import.orchestration.notes import changed_note, no_rows_note

    changed = counts_for_commands(configs, echo_stderr)
    for config in configs:
        own = [line for line in lines if line["nickname"] == config.nickname]
        notes = [*(no_rows_note(config, line) for line in own)]
        notes.append(changed_note(config, changed.get(config.nickname, 0)))
        yield from (f"{config.nickname}: {note}" for note in notes if note)
