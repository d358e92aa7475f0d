"""Conventions of all commands: where their work is, exit codes, --json, errors as messages."""

import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any, NoReturn, ParamSpec

import click

from clevertap_import.cli.printing import say
from clevertap_import.cli.spinner import spinner
from clevertap_import.errors import CleverTapImportError, ConfigError

P = ParamSpec("P")

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
"""Exit codes: success; the data is wrong or a service refuses; the command or configuration is wrong."""

as_json = click.option("--json", "json_output", is_flag=True, help="Print one JSON document, for programs.")


class BoundCommand(click.Command):
    """A command that runs the function `target`, which takes the options by their names.

    `target` is `package.module:function` in this package. The module is imported when the command runs, so
    that help and wrong options wait neither for Dagster nor for pandas. The function that is declared with
    the options checks which of them exclude each other.
    """

    def __init__(self, *args: Any, target: str, **settings: Any) -> None:  # noqa: ANN401 - click's own types
        super().__init__(*args, **settings)
        self.target = target

    def invoke(self, context: click.Context) -> None:
        refuse_broken_text(context)
        super().invoke(context)
        with spinner(context.command_path):
            context.invoke(exit_on_error(self.work), **context.params)

    def work(self, **options: object) -> None:
        function_at(self.target)(**options)


def refuse_broken_text(context: click.Context) -> None:
    """No query, no file and no database takes a text that is not UTF-8. Paths of files may be any bytes."""
    for option in context.command.params:
        value = context.params.get(option.name or "")
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and any("\ud800" <= letter <= "\udfff" for letter in text):
                raise click.BadParameter("The text is not UTF-8.", context, option)


def function_at(target: str) -> Callable[..., None]:
    module, _, name = target.partition(":")
    function: Callable[..., None] = getattr(import_module(f"clevertap_import.{module}"), name)
    return function


def stop(message: str, code: int) -> NoReturn:
    echo_stderr(message)
    sys.exit(code)


def echo_stderr(message: str) -> None:
    """Print a message for a person on standard error; standard output has the command's result."""
    say(message, err=True)


def exit_on_error(command: Callable[P, None]) -> Callable[P, None]:
    """Our own errors become a message and an exit code; a stack trace would help nobody."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except ConfigError as error:
            stop(str(error), EXIT_USAGE)
        except CleverTapImportError as error:
            stop(str(error), EXIT_FAILED)
        except Exception as error:
            # Rarely needed: SQLAlchemy takes a quarter of a second to import.
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
