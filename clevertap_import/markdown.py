"""Texts of people and data for Dagster's UI, which reads descriptions as Markdown."""

import re

MEANT = re.compile(
    r"[\\`*\[\]<>&|~#!@]|(?<![^\W_])_|_(?![^\W_])|(?<=:)/(?=/)|(?<=www)\."
    r"|^[-+=](?=[ \t=-]|$)|^\d{1,9}[.)](?=\s|$)",
    re.IGNORECASE | re.MULTILINE,
)
"""Characters with a meaning in Markdown: emphasis, code, links, images, HTML, tables, headings, lists,
and addresses, which become links by themselves."""

INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
"""It would begin a block of code, in which an escape is shown."""


ESCAPE = re.compile(r"\\(.)")


def as_plain(text: str) -> str:
    """`text` in Markdown that shows it letter by letter, without links, images or HTML."""
    return MEANT.sub(lambda found: found[0][:-1] + "\\" + found[0][-1], INDENT.sub("", text))


def as_written(plain: str) -> str:
    """The text that `as_plain` made `plain` of, but for its indents."""
    return ESCAPE.sub(r"\1", plain)
