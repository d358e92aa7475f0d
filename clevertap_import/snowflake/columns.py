"""The columns of a query, with the type names that Snowflake uses.

The connector stores a number for each type, and reads every type that it does not know as number 0: NUMBER.
"""

from typing import Any
from uuid import uuid4

from snowflake.connector import SnowflakeConnection
from snowflake.connector.constants import FIELD_ID_TO_NAME, FIELD_NAME_TO_ID, FIELD_TYPES

from clevertap_import.snowflake.window_query import SourceColumn

UNKNOWN = "unknown"


def source_columns(connection: SnowflakeConnection, sql: str) -> tuple[SourceColumn, ...]:
    """The columns that `sql` would return, without running it."""
    with connection.cursor() as cursor:
        described = cursor.describe(sql)
    columns = tuple(
        SourceColumn(column.name, FIELD_ID_TO_NAME[column.type_code], column.scale) for column in described
    )
    if not may_be_mistaken(columns):
        return columns
    return tuple(
        SourceColumn(column.name, name, column.scale)
        for column, name in zip(columns, names_of_types(connection, sql, len(columns)), strict=True)
    )


def may_be_mistaken(columns: tuple[SourceColumn, ...]) -> bool:
    """Whether one of these NUMBER columns may have a type that the connector does not know.

    The connector records the names of unknown types, and a true NUMBER always has a scale.
    """
    numbers = [column for column in columns if column.type == FIELD_TYPES[0].name]
    has_seen_others = bool(FIELD_NAME_TO_ID.keys() - {each.name for each in FIELD_TYPES})
    return any(column.scale is None for column in numbers) or bool(numbers and has_seen_others)


def names_of_types(connection: SnowflakeConnection, sql: str, size: int) -> list[str]:
    """The type names from Snowflake's response, in capitals."""
    connection.sequence_counter += 1
    answer = connection.cmd_query(sql, connection.sequence_counter, uuid4(), describe_only=True)
    rowtype = (answer.get("data") or {}).get("rowtype") or []
    if len(rowtype) != size:
        return [UNKNOWN] * size
    return [name_of_type(column) for column in rowtype]


def name_of_type(column: dict[str, Any]) -> str:
    name = str(column.get("extTypeName") or column["type"]).upper()
    return UNKNOWN if name == "FIXED" and column.get("scale") is None else name
