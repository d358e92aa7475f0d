"""Text and JSON that commands print."""

import json
from collections.abc import Iterable

import click

from clevertap_import.escapes import NOT_PLAIN, escaped


def say(words: str, *, err: bool = False) -> None:
    """Print text to the terminal. Everything except tables is printed here."""
    click.echo(escaped(words), err=err)


def json_text(document: object, indent: int | None = None) -> str:
    """JSON of `document`, without control characters for a terminal."""
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    # The remaining control characters are inside texts, so they can be written as JSON escapes.
    return NOT_PLAIN.sub(
        lambda found: found[0] if found[0].isprintable() or found[0] == "\n" else json.dumps(found[0])[1:-1],
        text,
    )


def print_json(document: object) -> None:
    click.echo(json_text(document, indent=2))


def print_json_rows(rows: Iterable[object]) -> None:
    """Like `print_json` of the list of rows, with one row at a time in memory."""
    before = "[\n"
    for row in rows:
        text = json_text(row, indent=2).replace("\n", "\n  ")
        click.echo(f"{before}  {text}", nl=False)
        before = ",\n"
    click.echo("[]" if before == "[\n" else "\n]")


def record_text(record: object) -> str:
    """A record on one line, as it is sent to CleverTap."""
    return json_text(record)


def printable(value: object) -> str:
    text = "NULL" if value is None else value if isinstance(value, str) else json.dumps(value, default=str)
    return escaped(text, unescaped="")
