"""Snowflake's parameters that change what our SQL means or how a result looks, pinned for each session.

An account, a user or a role's default may say otherwise. What only the user's own SQL reads is left alone,
so that it means what it means in a worksheet: the input formats, TIMESTAMP_TYPE_MAPPING, WEEK_START,
WEEK_OF_YEAR_POLICY and TWO_DIGIT_CENTURY_START. Our own literals name their formats.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clevertap_import.errors import SourceError

Value = str | int | bool

CHUNK_MB = 16
"""Of one chunk of a result, unpacked: the least that CLIENT_RESULT_CHUNK_SIZE takes, whose default is 160."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A parameter, its value, and why. Without an `effect`, a session that keeps another value goes on."""

    name: str
    value: Value
    reason: str
    effect: str | None = None


PINNED = (
    Pinned("TIMEZONE", "UTC", "Another zone would move every time that is converted to or from one without."),
    Pinned(
        "ROWS_PER_RESULTSET",
        0,
        "A limit cuts every result short, and the server announces no more rows than it sends.",
        "results would be cut after so many rows",
    ),
    Pinned(
        "QUOTED_IDENTIFIERS_IGNORE_CASE",
        False,
        "Columns are asked for by their exact names, and come back under them.",
        "columns could not be told apart by upper and lower case",
    ),
    Pinned("PYTHON_CONNECTOR_QUERY_RESULT_FORMAT", "ARROW", "Results are read as Arrow, never as JSON."),
    Pinned("MULTI_STATEMENT_COUNT", 1, "A query is one statement, whatever the user's SQL holds."),
    Pinned("STRICT_JSON_OUTPUT", True, "NULL in an ARRAY would come as `undefined`, which is no JSON."),
    Pinned("JSON_INDENT", 0, "An OBJECT would come over many lines, and other text is another content."),
    # Dates, times and bytes inside VARIANT, ARRAY and OBJECT are text of these formats; so are those that
    # the user's SQL casts to text. The values are Snowflake's defaults, down to the last.
    Pinned("DATE_OUTPUT_FORMAT", "YYYY-MM-DD", "Text of dates would change with the account."),
    Pinned("TIME_OUTPUT_FORMAT", "HH24:MI:SS", "Text of times would change with the account."),
    Pinned(
        "TIMESTAMP_OUTPUT_FORMAT",
        "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
        "Text of timestamps would change with the account.",
    ),
    Pinned("TIMESTAMP_NTZ_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF3", "It goes before the one above."),
    Pinned(
        "TIMESTAMP_LTZ_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM", "It goes before the one above."
    ),
    Pinned("TIMESTAMP_TZ_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM", "It goes before the one above."),
    Pinned("BINARY_OUTPUT_FORMAT", "HEX", "Text of bytes would change with the account."),
    Pinned("GEOGRAPHY_OUTPUT_FORMAT", "GeoJSON", "The type of a GEOGRAPHY column follows its format."),
    Pinned("GEOMETRY_OUTPUT_FORMAT", "GeoJSON", "The type of a GEOMETRY column follows its format."),
    Pinned("CLIENT_RESULT_CHUNK_SIZE", CHUNK_MB, "Two chunks of the default size are memory for nothing."),
)
"""Every parameter of Snowflake's parameter page was asked two questions: do our expressions read it, and does
it change the rows, the names, the types or the text of a result? These are all that say yes."""

NEEDED = tuple(each.name for each in PINNED if each.effect)
"""What a session has to keep."""


def session_parameters(query_tag: str) -> dict[str, Value]:
    """What a login asks for."""
    return {**{each.name: each.value for each in PINNED}, "QUERY_TAG": query_tag}


class SessionUnusable(SourceError):
    """Snowflake does not keep a session parameter without which results would be wrong in silence."""


def check_kept(shown: Mapping[str, str]) -> None:
    """Raises SessionUnusable, by what SHOW PARAMETERS says of a session.

    A parameter that is not shown is none of this account's: then there is nothing to undo.
    """
    for problem in kept_otherwise(shown):
        raise SessionUnusable(
            f"{problem} Ask an administrator of the account why this user may not set it for a session."
        )


def kept_otherwise(shown: Mapping[str, str]) -> Iterator[str]:
    for each in PINNED:
        kept = shown.get(each.name)
        if each.effect and kept is not None and kept.upper() != str(each.value).upper():
            yield f"Snowflake keeps {each.name} at {kept}, though {each.value} was asked for: {each.effect}."
