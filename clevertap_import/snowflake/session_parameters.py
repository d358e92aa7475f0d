"""Snowflake's parameters that change the meaning of our SQL or the form of a result, pinned for each session.

The defaults of an account, a user or a role may differ. Parameters that only the user's own SQL reads stay
unchanged, so that it means the same as in a worksheet: the input formats, TIMESTAMP_TYPE_MAPPING, WEEK_START,
WEEK_OF_YEAR_POLICY and TWO_DIGIT_CENTURY_START. Our own literals name their formats.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clevertap_import.errors import SourceError

Value = str | int | bool

CHUNK_MB = 16
"""The size of one unpacked chunk of a result: the minimum of CLIENT_RESULT_CHUNK_SIZE; its default is 160."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A parameter, its value, and why. Without an `effect`, a session with another value is still usable."""

    name: str
    value: Value
    reason: str
    effect: str | None = None


PINNED = (
    Pinned("TIMEZONE", "UTC", "Another zone would shift every time that is converted between zones."),
    Pinned(
        "ROWS_PER_RESULTSET",
        0,
        "A limit cuts every result, and the server then announces only the rows that it sends.",
        "results would be cut after this number of rows",
    ),
    Pinned(
        "QUOTED_IDENTIFIERS_IGNORE_CASE",
        False,
        "Columns are requested and returned by their exact names.",
        "columns that differ only in upper and lower case could not be distinguished",
    ),
    Pinned("PYTHON_CONNECTOR_QUERY_RESULT_FORMAT", "ARROW", "Results are read as Arrow, never as JSON."),
    Pinned("MULTI_STATEMENT_COUNT", 1, "A query is one statement, even if the user's SQL has more."),
    Pinned("STRICT_JSON_OUTPUT", True, "NULL in an ARRAY would come as `undefined`, which is no JSON."),
    Pinned("JSON_INDENT", 0, "An OBJECT would have many lines, and different text counts as a change."),
    # Dates, times and bytes inside VARIANT, ARRAY and OBJECT, and those that the user's SQL casts to text,
    # become text in these formats. The values are Snowflake's defaults.
    Pinned("DATE_OUTPUT_FORMAT", "YYYY-MM-DD", "Text of dates would change with the account."),
    Pinned("TIME_OUTPUT_FORMAT", "HH24:MI:SS", "Text of times would change with the account."),
    Pinned(
        "TIMESTAMP_OUTPUT_FORMAT",
        "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
        "Text of timestamps would change with the account.",
    ),
    Pinned("TIMESTAMP_NTZ_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF3", "It overrides the one above."),
    Pinned("TIMESTAMP_LTZ_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM", "It overrides the one above."),
    Pinned("TIMESTAMP_TZ_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM", "It overrides the one above."),
    Pinned("BINARY_OUTPUT_FORMAT", "HEX", "Text of bytes would change with the account."),
    Pinned("GEOGRAPHY_OUTPUT_FORMAT", "GeoJSON", "The type of a GEOGRAPHY column follows its format."),
    Pinned("GEOMETRY_OUTPUT_FORMAT", "GeoJSON", "The type of a GEOMETRY column follows its format."),
    Pinned("CLIENT_RESULT_CHUNK_SIZE", CHUNK_MB, "Two chunks of the default size waste memory."),
)
"""All session parameters that our expressions read, or that change the rows, names, types or text of a
result. Each parameter of Snowflake's documentation was checked for this."""

NEEDED = tuple(each.name for each in PINNED if each.effect)
"""Parameters that a session must have at these values."""


def session_parameters(query_tag: str) -> dict[str, Value]:
    """The parameters that a login sets."""
    return {**{each.name: each.value for each in PINNED}, "QUERY_TAG": query_tag}


class SessionUnusable(SourceError):
    """The session has another value for a parameter, and results would be wrong without an error."""


def check_parameters(shown: Mapping[str, str]) -> None:
    """Check the output of SHOW PARAMETERS of a session. Raises SessionUnusable.

    A parameter that is not shown does not exist in this account, and has no effect.
    """
    for problem in wrong_parameters(shown):
        raise SessionUnusable(
            f"{problem} Ask an administrator of the account why this user may not set it for a session."
        )


def wrong_parameters(shown: Mapping[str, str]) -> Iterator[str]:
    for each in PINNED:
        actual = shown.get(each.name)
        if each.effect and actual is not None and actual.upper() != str(each.value).upper():
            yield f"Snowflake has {each.name} at {actual}, but {each.value} was requested: {each.effect}."
