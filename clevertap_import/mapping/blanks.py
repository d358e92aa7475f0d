"""Text in which nothing is to be seen: empty, or white space alone.

White space is what Unicode calls so, with control characters (tabs, newlines, NUL) and characters of no width
(the zero-width space and joiners, the soft hyphen, the byte order mark, marks of direction). What CleverTap
itself calls blank is published nowhere; its pages treat an empty cell as no value, and nobody's name, address
or number is made of these alone.
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
"""Whether a blank text in UTF-8 may begin with a byte."""


def blank_cells(texts: pa.StringArray) -> pa.BooleanArray | None:
    """A mask of the blank cells, NULL being none; None if no cell is blank.

    Only texts that begin as a blank one does are read: most columns have none.
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
    """Texts that are empty or begin as blank ones do, told by their first byte; some cells of NULL, too."""
    _, offsets, data = texts.buffers()
    if not len(texts) or offsets is None:
        return np.zeros(len(texts), dtype=bool)
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    is_empty: np.ndarray = np.equal(bounds[:-1], bounds[1:])
    maybe = is_empty & np.asarray(texts.is_valid()) if texts.null_count else is_empty
    if data:
        # The first byte of an empty text is that of another one, or none.
        first_bytes = np.take(np.frombuffer(data, np.uint8), bounds[:-1], mode="clip")
        maybe = maybe | (MAY_BEGIN[first_bytes] & ~is_empty)
    return maybe
