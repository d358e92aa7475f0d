"""Windows by the moment at which Snowflake committed a row: a late row is in the window of its commit."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import ConfigError, QueryFailed
from clevertap_import.mapping.column_types import resolve_types
from clevertap_import.snowflake.session import SnowflakeSettings, open_snowflake, snowflake_settings
from clevertap_import.snowflake.window_query import source_query, window_query
from clevertap_import.window import GRIDS, Grid, Window
from clevertap_import_tests.testing.builders import profiles_import
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake

NOW = datetime.now(UTC)
GRID = Grid(GRIDS["day"], (NOW - timedelta(days=9)).replace(hour=0, minute=0, second=0, microsecond=0))
AROUND_NOW = Window(GRID.floor(NOW - timedelta(hours=1)), GRID.floor(NOW) + timedelta(days=2))
BEFORE = Window(None, AROUND_NOW.lower or NOW)


def config(**source: str) -> ImportConfig:
    return profiles_import(
        {"column": "CITY", "property": "City"},
        updated_on="commit_time",
        start=f"{GRID.start:%Y-%m-%d}",
        source=source or {"kind": "table", "table": "T"},
    )


@pytest.fixture
def settings(local_snowflake: LocalSnowflake, fresh_database: str) -> SnowflakeSettings:
    return snowflake_settings("snowflake", local_snowflake.environment(fresh_database))


def fill(server: LocalSnowflake, settings: SnowflakeSettings, *statements: str) -> None:
    with server.connect(database=settings.database, schema="PUBLIC") as connection:
        for statement in statements:
            connection.cursor().execute(statement)


def read(settings: SnowflakeSettings, imported: ImportConfig, window: Window) -> list[Any]:
    with open_snowflake(settings, "test") as snowflake:
        columns = snowflake.describe(source_query(imported))
        resolve_types(imported, columns)
        sql = window_query(imported, columns, window)
        return sorted(row["ID"] for batch in snowflake.batches(sql) for row in batch.to_pylist())


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"kind": "sql", "sql": "select ID, CITY, METADATA$ROW_LAST_COMMIT_TIME as COMMIT_TIME from T"},
    ],
    ids=["table", "sql"],
)
def test_a_row_is_in_the_window_of_its_commit_whatever_its_own_time_says(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings, source: dict[str, str]
) -> None:
    fill(
        local_snowflake,
        settings,
        "create table T (ID varchar, CITY varchar, UPDATED_AT timestamp_ntz) row_timestamp = true",
        "insert into T (ID, CITY, UPDATED_AT) values ('late', 'Pune', '2020-01-01')",
        "insert into T (ID, CITY, UPDATED_AT) values ('before', 'Pune', '2020-01-01')",
        # Of rows that are older than the table's row timestamps, Snowflake has none.
        "update T set METADATA$ROW_LAST_COMMIT_TIME = null where ID = 'before'",
    )
    assert read(settings, config(**source), AROUND_NOW) == ["late"]
    assert read(settings, config(**source), BEFORE) == ["before"]


def test_a_table_without_row_timestamps_is_reported_with_what_to_do(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings
) -> None:
    fill(local_snowflake, settings, "create table T (ID varchar, CITY varchar)")
    with pytest.raises(
        QueryFailed, match=r"METADATA\$ROW_LAST_COMMIT_TIME.* The table has no row timestamps\. "
    ):
        read(settings, config(), BEFORE)


def test_a_query_that_does_not_select_it_says_how(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings
) -> None:
    fill(local_snowflake, settings, "create table T (ID varchar, CITY varchar)")
    with pytest.raises(ConfigError) as caught:
        read(settings, config(kind="sql", sql="select * from T"), BEFORE)
    assert str(caught.value) == (
        "updated_on: No column 'COMMIT_TIME' in the query result. It has ID, CITY. With updated_on:"
        " commit_time a query selects METADATA$ROW_LAST_COMMIT_TIME as COMMIT_TIME."
    )


def test_a_table_with_a_column_of_that_name_is_reported_what_to_write(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings
) -> None:
    fill(
        local_snowflake,
        settings,
        "create table T (ID varchar, CITY varchar, COMMIT_TIME date) row_timestamp = true",
    )
    with pytest.raises(ConfigError, match=r"^source: T has a column COMMIT_TIME of its own.* Write a query "):
        read(settings, config(), BEFORE)
