"""The Snowflake types that each property type reads, and the property type of a column without a mapping."""

from clevertap_import.config.field_types import PER_SECOND
from clevertap_import.errors import ConfigError

NUMBERS = ("FIXED", "REAL", "DECFLOAT")
MOMENTS = ("DATE", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ")
JSON = ("VARIANT", "OBJECT", "ARRAY")

SNOWFLAKE_NAMES = {"FIXED": "NUMBER", "REAL": "FLOAT", "TEXT": "VARCHAR"}
"""Types that have other names in the connector than in Snowflake."""

READS = {
    "string": ("TEXT", *NUMBERS, "BOOLEAN", *MOMENTS, "TIME", *JSON),
    "integer": (*NUMBERS, "TEXT", "VARIANT"),
    "long": (*NUMBERS, "TEXT", "VARIANT"),
    "float": (*NUMBERS, "TEXT", "VARIANT"),
    "boolean": ("BOOLEAN", "FIXED", "TEXT", "VARIANT"),
    "date": MOMENTS,
    "list": ("ARRAY", "VARIANT", "TEXT"),
    "items": ("ARRAY", "VARIANT", "TEXT"),
    "groups": ("OBJECT", "VARIANT", "TEXT"),
}

READS_WITH_FORMAT = {"date": (*MOMENTS, "TEXT", "FIXED", "VARIANT")}

INFERRED = {
    "TEXT": "string",
    "FIXED": "float",
    "REAL": "float",
    "DECFLOAT": "float",
    "BOOLEAN": "boolean",
    **dict.fromkeys(MOMENTS, "date"),
    "TIME": "string",
    "VARIANT": "string",
    "ARRAY": "list",
}
"""By Snowflake type; a NUMBER without decimals is an integer. BINARY and OBJECT have no property type."""


class PairRefused(ConfigError):
    """A Snowflake type cannot become a property type."""


def shown(snowflake_type: str) -> str:
    return SNOWFLAKE_NAMES.get(snowflake_type, snowflake_type)


def inferred(snowflake_type: str, scale: int | None) -> str:
    """The property type of a column whose mapping has no type. Raises PairRefused."""
    if snowflake_type == "FIXED" and not scale:
        return "integer"
    if snowflake_type == "OBJECT":
        raise PairRefused(
            "CleverTap does not accept objects here, and an object as text is rarely useful. Select single"
            " values in SQL, such as SHAPE:city. With type: string the JSON is sent as text."
        )
    if snowflake_type not in INFERRED:
        raise PairRefused(
            f"A column of type {shown(snowflake_type)} cannot be sent. Convert it to text in SQL."
        )
    return INFERRED[snowflake_type]


def check_pair(snowflake_type: str, property_type: str, date_format: str | None) -> None:
    """Raises PairRefused with a remedy, unless the property type reads this Snowflake type."""
    reads = READS[property_type]
    if date_format is not None and property_type in READS_WITH_FORMAT:
        # Only the formats that count from 1970 read numbers; a BIGINT is never 18/03/2024.
        is_number = date_format in PER_SECOND
        reads = tuple(name for name in READS_WITH_FORMAT[property_type] if is_number or name != "FIXED")
    if snowflake_type in reads:
        return
    known = ", ".join(dict.fromkeys(shown(name) for name in reads))
    needs_format = date_format is None and snowflake_type in READS_WITH_FORMAT.get(property_type, ())
    hint = " Write the format of the column." if needs_format else " Cast it in SQL, or choose another type."
    raise PairRefused(
        f"A column of type {shown(snowflake_type)} cannot be read as {property_type};"
        f" {property_type} reads {known}.{hint}"
    )
