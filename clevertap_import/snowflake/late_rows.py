"""Late rows of an import: rows that are committed after a run has read their window."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.updated_on import COMMIT_TIME, COMMIT_TIME_COLUMN, UpdatedOn
from clevertap_import.errors import ConfigError
from clevertap_import.snowflake.user_sql import tables_named
from clevertap_import.snowflake.window_query import ROW_COMMIT_TIME, SourceColumn, resolved

DAY = timedelta(days=1)

COMMIT_SECONDS = 60
"""With commit time: how long before the run's query a window must have ended, so that it can be marked done.

A commit gets its time a moment before other sessions see its rows, and the clocks of a cloud differ a little.
"""

NO_ROW_TIMESTAMPS = (
    "The table has no row timestamps. Its owner can switch them on: alter table ... set row_timestamp = true."
    " Views, external, hybrid and Iceberg tables have none: name a column for updated_on."
)


def late_notes(config: ImportConfig) -> Iterator[str]:
    """Notes about late rows that follow from the YAML alone."""
    updated_on = config.updated_on
    if updated_on is None:
        return
    if config.is_by_commit_time:
        yield from commit_time_notes(config)
        return
    yield (
        f"A row that is committed {how_late(updated_on)} may be missed. Where the table has row timestamps,"
        " updated_on: commit_time misses no late rows."
    )
    tables = tables_named(config.source.text) if config.source.kind == "sql" else ()
    if len(tables) > 1:
        yield (
            f"The query reads {', '.join(tables)}: if a later change of one of them makes a row appear, the"
            f" row has an older {updated_on.column} and is late. Use the greatest of their times in SQL."
        )


def how_late(updated_on: UpdatedOn) -> str:
    if updated_on.lookback:
        return f"more than {updated_on.lookback} after its {updated_on.column}"
    return f"after the window of its {updated_on.column} was read"


def commit_time_notes(config: ImportConfig) -> Iterator[str]:
    if config.is_events:
        yield (
            "An event whose row is updated or inserted again has a new commit time, and CleverTap stores it"
            " again. Read events by commit time only from tables to which rows are only added."
        )


def late_days(config: ImportConfig, columns: Sequence[SourceColumn]) -> Iterator[str]:
    """A note for an Updated On column of type DATE: rows arrive all day, and count as of its midnight."""
    updated_on = config.updated_on
    if updated_on is None or resolved(columns, updated_on.column).type != "DATE":
        return
    is_whole_day = config.window == "day" and updated_on.timezone == "UTC"
    if not is_whole_day and updated_on.lookback < DAY:
        yield (
            f"{updated_on.column} is a DATE, so all rows of a day count as of its midnight, and rows that are"
            " committed later in the day may be missed. Write lookback: 1 day; or, in UTC, window: day."
        )


def own_commit_time(table: str) -> str:
    """The message for a table whose own column has the name of the commit time."""
    return (
        f"{table} has a column {COMMIT_TIME_COLUMN} of its own. With updated_on: {COMMIT_TIME} this name is"
        f" needed for the commit time. Write a query instead: select {ROW_COMMIT_TIME} as"
        f" {COMMIT_TIME_COLUMN} in it, and the table's own column, if you need it, under another name."
    )


def commit_time_missing(error: ConfigError) -> str:
    """The message for a query by commit time that does not return the commit time exactly once."""
    return f"{error} With updated_on: commit_time a query selects {ROW_COMMIT_TIME} as {COMMIT_TIME_COLUMN}."
