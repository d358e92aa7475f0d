"""Text and JSON that commands print."""

import json
import os
from collections.abc import Iterable

import click

from clevertap_import.cli.spinner import end_spinner
from clevertap_import.escapes import NOT_PLAIN, escaped


def say(words: str, *, err: bool = False) -> None:
    """Print text to the terminal. Everything except tables is printed here."""
    end_spinner()
    click.echo(escaped(words), err=err)


def say_verdict(words: str, *, ok: bool, indent: int = 0) -> None:
    """Print whether something is well, in color on a terminal, and what was found."""
    verdict = click.style("ok   ", fg="green") if ok else click.style("WRONG", fg="red")
    end_spinner()
    # click does not know NO_COLOR (no-color.org), and takes colors out where there is no terminal.
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(f"{' ' * indent}{verdict} {escaped(words)}", color=color)


def json_text(document: object, indent: int | None = None) -> str:
    """JSON of `document`, without control characters for a terminal."""
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    # The remaining control characters are inside texts, so they can be written as JSON escapes.
    return NOT_PLAIN.sub(
        lambda found: found[0] if found[0].isprintable() or found[0] == "\n" else json.dumps(found[0])[1:-1],
        text,
    )


def print_json(document: object) -> None:
    end_spinner()
    click.echo(json_text(document, indent=2))


def print_json_rows(rows: Iterable[object]) -> None:
    """Like `print_json` of the list of rows, with one row at a time in memory."""
    before = "[\n"
    for row in rows:
        end_spinner()
        text = json_text(row, indent=2).replace("\n", "\n  ")
        click.echo(f"{before}  {text}", nl=False)
        before = ",\n"
    end_spinner()
    click.echo("[]" if before == "[\n" else "\n]")


def record_text(record: object) -> str:
    """A record on one line, as it is sent to CleverTap."""
    return json_text(record)


def printable(value: object) -> str:
    text = "NULL" if value is None else value if isinstance(value, str) else json.dumps(value, default=str)
    return escaped(text, unescaped="")
