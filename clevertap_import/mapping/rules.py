"""CleverTap's rules, as masks over whole columns: true where a cell breaks the rule.

Also the conversion of Arrow columns to the few layouts that the rules read.
"""

from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from clevertap_import.mapping.blanks import blank_cells
from clevertap_import.mapping.rejection_codes import CODES

MAX_IDENTITY_CHARS = 1024
"""For an identity (Map Data for Import page). CleverTap IDs are shorter."""

MAX_NAME_BYTES = 120
"""For a property's name (Upload User Profiles API page; other pages say characters, which is less strict)."""

MAX_EVENT_NAME_BYTES = 512
"""For an event's name: CleverTap's own SDKs cut longer names."""

MAX_VALUE_BYTES = 512
"""For a property's text (Upload User Profiles API page; other pages say characters, which is less strict)."""

FORBIDDEN_CHARACTERS = "%><!|&.:;$'\"\\#"
"""Not allowed in names of properties and events (Platform Considerations and Map Data for Import pages)."""

FORBIDDEN_TEXT = r"[%><!|&.:;$'\"\\#]"

JUNK_IDENTITIES = (
    *(
        "undefined",
        "null",
        "na",
        "n/a",
        "0",
        "nil",
        "-1",
        "infinity",
        "-infinity",
        "inf",
        "-inf",
        "nan",
        "-nan",
    ),
    *("empty", "xxxxxx", "none"),
)
"""Identities that CleverTap's own importers refuse (Map Data for Import and CSV Upload pages)."""

CLEVERTAP_ID_TEXT = r"\A[A-Za-z0-9()!:@$_-]{1,64}\z"
"""The form of a CleverTap ID (Set CleverTap ID page)."""

RESERVED_EVENTS = (
    *("Notification Sent", "Notification Viewed", "Notification Clicked", "Notification Delivered"),
    *(
        "Notification Replied",
        "UTM Visited",
        "App Launched",
        "App Uninstalled",
        "App Version Changed",
        "Stayed",
    ),
    *(
        "Reply Sent",
        "Experiment Rendered",
        "Reachable By",
        "Identity Reset",
        "Identity Set",
        "Identity Error",
    ),
)
"""Names that CleverTap reserves (Platform Considerations page). An account may have more."""

FOLDED_RESERVED = tuple(name.replace(" ", "").lower() for name in RESERVED_EVENTS)
"""CleverTap ignores case and spaces in event names (Platform Considerations page)."""


@dataclass(frozen=True, slots=True)
class Violation:
    """The cells of one column that break one rule: a mask without nulls, as long as the column."""

    code: str
    wrong: pa.BooleanArray
    place: str = ""
    """The part of the cell that is wrong, such as `item 2`."""

    @property
    def reason(self) -> str:
        reason = CODES[self.code].reason
        return f"{self.place}: {reason}" if self.place else reason


def violation_if_any(code: str, wrong: pa.BooleanArray, place: str = "") -> list[Violation]:
    """One violation if any cell is wrong, otherwise none. A null in `wrong` is not wrong."""
    # Most columns have nothing wrong, and `any` ignores nulls.
    return [Violation(code, pc.fill_null(wrong, False), place)] if pc.any(wrong).as_py() else []


def each_once(violations: list[Violation]) -> list[Violation]:
    """`violations` without cells that an earlier violation has: one reason for each cell is enough."""
    first_reasons: list[Violation] = []
    for violation in violations:
        wrong = violation.wrong
        for earlier in first_reasons:
            wrong = pc.and_not(wrong, earlier.wrong)
        first_reasons += violation_if_any(violation.code, wrong)
    return first_reasons


def unicode_violations(texts: pa.StringArray) -> list[Violation]:
    """Texts that are not valid UTF-8, which JSON cannot represent. Arrow validates only on request."""
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        cells = texts.cast(pa.binary()).to_pylist()
        return violation_if_any(
            "not_unicode", pa.array([cell is not None and not is_utf8(cell) for cell in cells])
        )
    return []


def is_utf8(cell: bytes) -> bool:
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True


def identity_violations(identities: pa.StringArray) -> list[Violation]:
    """Identities that are missing, blank, placeholders or too long."""
    filled = pc.fill_null(identities, "")
    bare = pc.utf8_lower(pc.utf8_trim_whitespace(filled))
    wrong = pc.is_in(bare, value_set=pa.array(JUNK_IDENTITIES))
    # A text has at most as many characters as bytes, and bytes are counted without reading the text.
    if (pc.max(pc.binary_length(filled)).as_py() or 0) > MAX_IDENTITY_CHARS:
        wrong = pc.or_(wrong, pc.greater(pc.utf8_length(filled), MAX_IDENTITY_CHARS))
    blank = blank_cells(filled)
    return violation_if_any("523", wrong if blank is None else pc.or_(wrong, blank))


def clevertap_id_violations(ids: pa.StringArray) -> list[Violation]:
    """The rules for identities, and the characters and the length of CleverTap IDs."""
    misspelt = pc.invert(pc.match_substring_regex(ids, CLEVERTAP_ID_TEXT))
    return each_once([*identity_violations(ids), *violation_if_any("526", misspelt)])


def event_name_violations(names: pa.StringArray) -> list[Violation]:
    """Event names that are missing, reserved or too long, or have a forbidden character."""
    filled = pc.fill_null(names, "")
    blank = blank_cells(filled)
    folded = pc.utf8_lower(pc.replace_substring_regex(filled, r"[\s\p{Z}]+", ""))
    return [
        *([] if blank is None else violation_if_any("509", blank)),
        *violation_if_any("513", pc.is_in(folded, value_set=pa.array(FOLDED_RESERVED))),
        *violation_if_any("forbidden_character", pc.match_substring_regex(filled, FORBIDDEN_TEXT)),
        *violation_if_any("name_too_long", pc.greater(pc.binary_length(filled), MAX_EVENT_NAME_BYTES)),
    ]


def event_time_violations(seconds: pa.Int64Array) -> list[Violation]:
    """Event times that are missing or not positive: CleverTap refuses 0 (seen in recorded answers)."""
    return violation_if_any("525", pc.less_equal(pc.fill_null(seconds, 0), 0))


def text_violations(texts: pa.StringArray) -> list[Violation]:
    """Texts that are too long, or that CleverTap would read as a date."""
    return [
        *violation_if_any("value_too_long", pc.greater(pc.binary_length(texts), MAX_VALUE_BYTES)),
        *violation_if_any("date_marker", pc.starts_with(texts, "$D_")),
    ]


def normalized(cells: pa.Array) -> pa.Array:
    """The column in one of the few layouts that the rules know: no dictionaries, no large or view strings."""
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if pa.types.is_large_string(cells.type) or pa.types.is_string_view(cells.type):
        return cells.cast(pa.string())
    if pa.types.is_null(cells.type):
        return cells.cast(pa.string())
    return cells


def nulled(cells: pa.Array, violations: list[Violation]) -> pa.Array:
    """`cells` with null in place of each wrong one."""
    for violation in violations:
        cells = pc.if_else(violation.wrong, pa.scalar(None, cells.type), cells)
    return cells


def plain_digits(numbers: pa.StringArray) -> pa.StringArray:
    """Numbers without exponent. Only very large and very small ones have one, so few are rewritten."""
    exponents = pc.fill_null(pc.match_substring(numbers, "e", ignore_case=True), False)
    if not pc.any(exponents).as_py():
        return numbers
    plain = [format(Decimal(number), "f") for number in numbers.filter(exponents).to_pylist()]
    return pc.replace_with_mask(numbers, exponents, pa.array(plain, pa.string()))
