"""What Snowflake tells of the tables that an import reads, asked again and again over one session."""

import os
from functools import cache, partial

from clevertap_import.io.kept_snowflake import KeptSnowflake
from clevertap_import.io.snowflake import open_snowflake, snowflake_settings
from clevertap_import.orchestration.assets import source_tables
from clevertap_import.pure.config import ImportConfig
from clevertap_import.pure.errors import SourceError
from clevertap_import.pure.table_state import state_query

IDLE_SECONDS = 3600.0

TableStates = dict[str, list[str | int | None]]


class TableStateUnknown(SourceError):
    """Snowflake does not say when the data of what an import reads has changed."""


@cache
def kept_session(connection: str) -> KeptSnowflake:
    """The session of this process for a connection; sensors of many imports share it."""
    settings = snowflake_settings(connection, os.environ)
    return KeptSnowflake(partial(open_snowflake, settings, "clevertap_import:changes"), IDLE_SECONDS)


def table_states(config: ImportConfig) -> TableStates:
    """For each table: when it was altered last, its rows and bytes. Raises TableStateUnknown for a view."""
    tables = source_tables(config)
    if not tables:
        raise TableStateUnknown(
            f"{config.nickname!r} names no table that is known from its SQL. Choose another kind of schedule."
        )
    session = kept_session(config.connection)
    return {table: table_state(session, table) for table in tables}


def table_state(session: KeptSnowflake, table: str) -> list[str | int | None]:
    rows = session.rows(state_query(table))
    if not rows:
        raise TableStateUnknown(
            f"Snowflake shows no table {table}. Check the name, and that the role may select from it."
        )
    if "VIEW" in rows[0]["KIND"]:
        raise TableStateUnknown(
            f"{table} is a view, and Snowflake does not say when the data of a view changes."
            " Choose another kind of schedule, such as every."
        )
    return [rows[0]["ALTERED"], int(rows[0]["N_ROWS"] or 0), int(rows[0]["N_BYTES"] or 0)]
