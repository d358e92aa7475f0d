"""Words of people and data as Dagster's UI shows them: it takes descriptions for Markdown."""

import re

MEANT = re.compile(
    r"[\\`*\[\]<>&|~#!@]|(?<![^\W_])_|_(?![^\W_])|(?<=:)/(?=/)|(?<=www)\."
    r"|^[-+=](?=[ \t=-]|$)|^\d{1,9}[.)](?=\s|$)",
    re.IGNORECASE | re.MULTILINE,
)
"""What Markdown takes for more than itself: emphasis, code, links, images, HTML, tables, headings, lists,
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
