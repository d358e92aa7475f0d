"""When the tables of an import have changed, by regular queries over one Snowflake session."""

import os
from functools import cache, partial

from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import QueryFailed, SourceError
from clevertap_import.orchestration.upstream_tables import source_tables
from clevertap_import.snowflake.cached_session import CachedSession
from clevertap_import.snowflake.session import open_snowflake, snowflake_settings
from clevertap_import.snowflake.table_changes import change_query

IDLE_SECONDS = 3600.0
RETRY_SECONDS = 10.0
"""So that a query without an answer delays the queries of other imports only briefly."""

TableStates = dict[str, str]


class TableStateUnknown(SourceError):
    """Snowflake does not show when the tables of an import have changed."""


@cache
def cached_session(connection: str) -> CachedSession:
    """The session of this process for a connection; sensors of many imports share it."""
    settings = snowflake_settings(connection, os.environ)
    log_in = partial(open_snowflake, settings, "clevertap_import:changes", RETRY_SECONDS)
    return CachedSession(log_in, IDLE_SECONDS)


def table_states(config: ImportConfig) -> TableStates:
    """For each table or view a text that is different after each change. Raises TableStateUnknown."""
    tables = source_tables(config)
    if not tables:
        raise TableStateUnknown(
            f"{config.nickname!r} names no table that is known from its SQL. Choose another kind of schedule."
        )
    session = cached_session(config.connection)
    return {table: table_state(session, table) for table in tables}


def table_state(session: CachedSession, table: str) -> str:
    try:
        rows = session.rows(change_query(table))
    except QueryFailed as error:
        raise TableStateUnknown(
            f"Snowflake does not show when {table} changes. {error} For a view, change tracking may have"
            " to be on for the tables that it reads. Or choose another kind of schedule, such as every."
        ) from None
    if not rows or rows[0]["TOKEN"] is None:
        raise TableStateUnknown(
            f"Snowflake does not show when {table} changes. Choose another kind of schedule, such as every."
        )
    return str(rows[0]["TOKEN"])
