"""Which rows of an import may be late: committed after a run has read the window that they belong to."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from clevertap_import.config.model import COMMIT_TIME, COMMIT_TIME_COLUMN, ImportConfig, UpdatedOn
from clevertap_import.errors import ConfigError
from clevertap_import.snowflake.user_sql import tables_named
from clevertap_import.snowflake.window_query import ROW_COMMIT_TIME, SourceColumn, resolved

DAY = timedelta(days=1)

COMMIT_SECONDS = 60
"""How long before a run's reading a window must have ended to be done, by commit time.

A commit takes its time a moment before other sessions see its rows, and clocks of a cloud differ a little.
"""

NO_ROW_TIMESTAMPS = (
    "The table has no row timestamps. Its owner can switch them on: alter table ... set row_timestamp = true."
    " Views, external, hybrid and Iceberg tables have none: name a column for updated_on."
)


def late_notes(config: ImportConfig) -> Iterator[str]:
    """What should be known of late rows, by the YAML alone."""
    updated_on = config.updated_on
    if updated_on is None:
        return
    if config.is_by_commit_time:
        yield from commit_time_notes(config)
        return
    yield (
        f"A row that is committed {behind(updated_on)} may be left out. Where the table has row timestamps,"
        " updated_on: commit_time knows no late rows."
    )
    tables = tables_named(config.source.text) if config.source.kind == "sql" else ()
    if len(tables) > 1:
        yield (
            f"The query reads {', '.join(tables)}: a row that appears because one of them was changed later"
            f" has an older {updated_on.column} and is late. Take the greatest of their times in SQL."
        )


def behind(updated_on: UpdatedOn) -> str:
    if updated_on.lookback:
        return f"more than {updated_on.lookback} after its {updated_on.column}"
    return f"after the window of its {updated_on.column} was read"


def commit_time_notes(config: ImportConfig) -> Iterator[str]:
    if config.is_events:
        yield (
            "An event whose row is changed or written anew has a new commit time, and is stored once more in"
            " CleverTap. Read events by commit time from tables that rows are only added to."
        )


def late_days(config: ImportConfig, columns: Sequence[SourceColumn]) -> Iterator[str]:
    """What should be known if Updated On is a DATE: rows come all day long, with the time of its midnight."""
    updated_on = config.updated_on
    if updated_on is None or resolved(columns, updated_on.column).type != "DATE":
        return
    is_whole_day = config.window == "day" and updated_on.timezone == "UTC"
    if not is_whole_day and updated_on.lookback < DAY:
        yield (
            f"{updated_on.column} is a DATE, so the rows of a day count as of its midnight, and those that"
            " are committed later in the day may be left out. Write lookback: 1 day; or, in UTC, window: day."
        )


def own_commit_time(table: str) -> str:
    """What is wrong if the table of an import by commit time has a column of that name itself."""
    return (
        f"{table} has a column {COMMIT_TIME_COLUMN} of its own, the name under which an import with"
        f" updated_on: {COMMIT_TIME} reads the commit time. Write a query instead: it selects"
        f" {ROW_COMMIT_TIME} as {COMMIT_TIME_COLUMN}, and the table's own column, if it is needed,"
        " under another name."
    )


def commit_time_missing(error: ConfigError) -> str:
    """What is wrong if the query of an import by commit time does not return it once."""
    return f"{error} With updated_on: commit_time a query selects {ROW_COMMIT_TIME} as {COMMIT_TIME_COLUMN}."
