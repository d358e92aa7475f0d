"""Blank text: empty, or only characters that are not visible.

These are Unicode's white space, control characters (tabs, newlines, NUL) and characters without width (the
zero-width space and joiners, the soft hyphen, the byte order mark, marks of direction). CleverTap does not
publish what it treats as blank; its documentation treats an empty cell as no value, and no name, address or
number consists only of these characters.
"""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BLANK_RANGES = (
    *((0x00, 0x20), (0x7F, 0xA0), (0xAD, 0xAD), (0x61C, 0x61C), (0x1680, 0x1680), (0x180E, 0x180E)),
    *((0x2000, 0x200F), (0x2028, 0x202F), (0x205F, 0x206F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
"""First and last code points. No-break spaces are A0, 202F and FEFF; 3000 is the wide one of East Asia."""

BLANK_TEXT = r"\A[" + "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in BLANK_RANGES) + r"]*\z"

BLANKS = re.compile("[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in BLANK_RANGES) + "]+")

MAY_BEGIN = np.isin(
    np.arange(256), [chr(code).encode()[0] for first, last in BLANK_RANGES for code in range(first, last + 1)]
)
"""For each byte: whether a blank text in UTF-8 may begin with it."""


def blank_cells(texts: pa.StringArray) -> pa.BooleanArray | None:
    """A mask of the blank cells, in which NULL is not blank; None if no cell is blank.

    Only texts whose first byte allows a blank text are read: most columns have none.
    """
    places = np.flatnonzero(may_be_blank(texts))
    if not places.size:
        return None
    candidates = texts.take(pa.array(places))
    is_blank = pc.fill_null(pc.match_substring_regex(candidates, BLANK_TEXT), False)
    places = places[is_blank.to_numpy(zero_copy_only=False)]
    if not places.size:
        return None
    mask = np.zeros(len(texts), dtype=bool)
    mask[places] = True
    return pa.array(mask)


def may_be_blank(texts: pa.StringArray) -> np.ndarray:
    """Texts that are empty or begin like a blank text, by their first byte; the mask may include NULL
    cells."""
    _, offsets, data = texts.buffers()
    if not len(texts) or offsets is None:
        return np.zeros(len(texts), dtype=bool)
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    is_empty: np.ndarray = np.equal(bounds[:-1], bounds[1:])
    maybe = is_empty & np.asarray(texts.is_valid()) if texts.null_count else is_empty
    if data:
        # An empty text has no first byte: this is the byte of another text, or none.
        first_bytes = np.take(np.frombuffer(data, np.uint8), bounds[:-1], mode="clip")
        maybe = maybe | (MAY_BEGIN[first_bytes] & ~is_empty)
    return maybe
