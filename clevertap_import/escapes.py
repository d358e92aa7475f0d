"""Words of strangers, so that they move no cursor, and hide or turn around nothing on a terminal."""

import re

KEPT_IN_WORDS = "\n\u00a0\u200c\u200d\u202f"
"""Line breaks, hard blanks, and the joiners without which some scripts cannot be written."""

NOT_PLAIN = re.compile(r"[^ -~]")


def escaped(text: str, kept: str = KEPT_IN_WORDS) -> str:
    """`text` without anything that a terminal obeys: what cannot be printed is shown as in Python's literals.

    Rows, titles and answers are written by strangers, and may move the cursor, hide or turn around words.
    """

    def shown(found: re.Match[str]) -> str:
        letter = found[0]
        is_harmless = letter.isprintable() or letter in kept
        return letter if is_harmless else letter.encode("unicode_escape").decode()

    return NOT_PLAIN.sub(shown, text)
