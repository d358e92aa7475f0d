"""Escapes text from strangers, so that a terminal and Dagster's UI show it and do not interpret it."""

import re

UNESCAPED_IN_WORDS = "\n\u00a0\u200c\u200d\u202f"
"""Line breaks, no-break spaces, and the joiners that some scripts need."""

NOT_PLAIN = re.compile(r"[^ -~]")

MEANT = re.compile(
    r"[\\`*\[\]<>&|~#!@]|(?<![^\W_])_|_(?![^\W_])|(?<=:)/(?=/)|(?<=www)\."
    r"|^[-+=](?=[ \t=-]|$)|^\d{1,9}[.)](?=\s|$)",
    re.IGNORECASE | re.MULTILINE,
)
"""Characters with a meaning in Markdown, as which Dagster's UI reads descriptions: emphasis, code, links,
images, HTML, tables, headings, lists, and addresses, which become links by themselves."""

INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
"""It would begin a block of code, in which an escape is shown."""

ESCAPE = re.compile(r"\\(.)")


def escaped(text: str, unescaped: str = UNESCAPED_IN_WORDS) -> str:
    """`text` without terminal control characters: unprintable characters become escapes as in Python's
    literals.

    Strangers write rows, titles and answers, which could move the cursor, or hide or reverse words.
    """

    def shown(found: re.Match[str]) -> str:
        letter = found[0]
        is_harmless = letter.isprintable() or letter in unescaped
        return letter if is_harmless else letter.encode("unicode_escape").decode()

    return NOT_PLAIN.sub(shown, text)


def as_plain(text: str) -> str:
    """`text` in Markdown that shows it letter by letter, without links, images or HTML."""
    return MEANT.sub(lambda found: found[0][:-1] + "\\" + found[0][-1], INDENT.sub("", text))


def as_written(plain: str) -> str:
    """The text that `as_plain` made `plain` of, but for its indents."""
    return ESCAPE.sub(r"\1", plain)
