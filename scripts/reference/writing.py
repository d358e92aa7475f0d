"""Markdown as the reference needs it: headings, tables, code."""

from collections.abc import Iterable, Sequence

import yaml


def heading(level: int, title: str, words: str) -> Iterable[str]:
    yield f"{'#' * level} {title}"
    yield ""
    if words:
        yield words
        yield ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    yield line(heads)
    yield line(["---"] * len(heads))
    for row in rows:
        yield line(row)
    yield ""


def line(cells: Sequence[str]) -> str:
    """A bar in a cell would end it."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def example(value: object) -> str:
    """A value as YAML on one line."""
    if isinstance(value, str) and ":" in value:
        # Some YAML readers take an unquoted time for a number.
        return f'"{value}"'
    text: str = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=float("inf"), allow_unicode=True
    )
    return text.removesuffix("\n").removesuffix("\n...")
