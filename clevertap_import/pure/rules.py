"""What CleverTap would refuse, as masks over whole columns: true where a cell breaks the rule."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

MAX_IDENTITY_CHARS = 1024
"""Of an identity or a CleverTap ID (Map Data for Import page)."""

MAX_VALUE_BYTES = 512
"""Of a property's text (Upload User Profiles API page; other pages say characters, this is the stricter)."""

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
"""Refused as an identity by CleverTap's own importers (Map Data for Import and CSV Upload pages)."""


@dataclass(frozen=True, slots=True)
class Code:
    """A reason for which a row is not imported. CleverTap's own number where it has one, else a word of ours.

    `check` is the asset check that reports it.
    """

    code: str
    check: str
    reason: str


CODES = {
    entry.code: entry
    for entry in (
        Code(
            "523",
            "identity",
            f"identity is missing, a placeholder such as 'null', or over {MAX_IDENTITY_CHARS:,} characters",
        ),
        Code("509", "limits", "event name is missing"),
        Code("525", "mapping", "event time is missing or not after 1970"),
        Code("not_an_integer", "mapping", "not a whole number"),
        Code("not_a_number", "mapping", "not a number"),
        Code("not_finite", "mapping", "NaN or infinite, which JSON cannot carry"),
        Code("not_a_boolean", "mapping", "none of true, false, 1, 0"),
        Code("value_too_long", "limits", f"over {MAX_VALUE_BYTES:,} bytes of text"),
    )
}


@dataclass(frozen=True, slots=True)
class Finding:
    """The cells of one column that break one rule: a mask without nulls, as long as the column."""

    code: str
    wrong: pa.BooleanArray

    @property
    def reason(self) -> str:
        return CODES[self.code].reason


def found(code: str, wrong: pa.BooleanArray) -> list[Finding]:
    """One finding if any cell is wrong, else none. A null in `wrong` is not wrong."""
    mask = pc.fill_null(wrong, False)
    return [Finding(code, mask)] if pc.any(mask).as_py() else []


def identity_findings(identities: pa.StringArray) -> list[Finding]:
    """Identities that are missing, blank, placeholders or too long."""
    filled = pc.fill_null(identities, "")
    bare = pc.utf8_lower(pc.utf8_trim_whitespace(filled))
    junk = pc.is_in(bare, value_set=pa.array(("", *JUNK_IDENTITIES)))
    too_long = pc.greater(pc.utf8_length(filled), MAX_IDENTITY_CHARS)
    return found("523", pc.or_(junk, too_long))


def event_name_findings(names: pa.StringArray) -> list[Finding]:
    """Event names that are missing or blank."""
    return found("509", pc.equal(pc.utf8_trim_whitespace(pc.fill_null(names, "")), ""))


def event_time_findings(seconds: pa.Int64Array) -> list[Finding]:
    """Event times that are missing or not positive: CleverTap refuses 0 (seen in recorded answers)."""
    return found("525", pc.less_equal(pc.fill_null(seconds, 0), 0))


def value_findings(values: pa.Array) -> list[Finding]:
    """Texts over the limit; other types have none."""
    if not pa.types.is_string(values.type):
        return []
    return found("value_too_long", pc.greater(pc.binary_length(values), MAX_VALUE_BYTES))
