"""The seeded shop, on the local Snowflake: deterministic, dirty in the known places, changed as it says."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from snowflake.connector import SnowflakeConnection

from clevertap_import.sandbox.shop.bad_rows import DIRT, FINE, SUPERSEDED, BadRows
from clevertap_import.sandbox.shop.rows import (
    CUSTOMERS,
    PRODUCT_EVENTS,
    TABLES,
    Table,
    shop_rows,
    snowflake_text,
)
from clevertap_import.sandbox.shop.tables import change_rows, generate_customers, seed
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
TYPES = {table.name: table for table in TABLES}
Rows = list[tuple[object, ...]]


def rows_of(connection: SnowflakeConnection, sql: str, *binds: object) -> Rows:
    with connection.cursor() as cursor:
        rows: Rows = cursor.execute(sql, binds or None).fetchall()
    return rows


def contents(connection: SnowflakeConnection, database: str, table: Table) -> list[str]:
    """All rows as text, since NaN equals nothing, not even itself."""
    return sorted(map(repr, rows_of(connection, f"select * from {database}.PUBLIC.{table.name}")))


@pytest.fixture(scope="module")
def seeded(local_snowflake: LocalSnowflake) -> str:
    """A database with a shop that no test changes."""
    database = local_snowflake.create_database()
    with local_snowflake.connect() as connection:
        seed(connection, NOW, database)
    return database


def test_seeding_is_deterministic(local_snowflake: LocalSnowflake, seeded: str, fresh_database: str) -> None:
    with local_snowflake.connect() as connection:
        seed(connection, NOW, fresh_database)
        for table in TABLES:
            assert contents(connection, fresh_database, table) == contents(connection, seeded, table)


def test_another_now_moves_the_times_only() -> None:
    early, late = (list(shop_rows(CUSTOMERS, now)) for now in (NOW, NOW + timedelta(days=1)))
    stamps = {CUSTOMERS.names.index("SIGNED_UP"), CUSTOMERS.names.index("UPDATED_AT")}
    assert early != late
    assert [[cell for index, cell in enumerate(row) if index not in stamps] for row in early] == [
        [cell for index, cell in enumerate(row) if index not in stamps] for row in late
    ]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_has_its_rows_and_the_dirt(
    local_snowflake: LocalSnowflake, seeded: str, table: Table
) -> None:
    dirty = sum(one.table == table.name for one in DIRT)
    with local_snowflake.connect() as connection:
        assert rows_of(connection, f"select count(*) from {seeded}.PUBLIC.{table.name}") == [
            (table.rows + dirty,)
        ]


@pytest.mark.parametrize("one", DIRT, ids=lambda one: f"{one.code}-{one.reason}")
def test_every_dirty_row_is_there(local_snowflake: LocalSnowflake, seeded: str, one: BadRows) -> None:
    conditions, binds = ["1 = 1"], []
    for column, value in one.values.items():
        if value is None:
            conditions.append(f"{column} is null")
        else:
            kind = dict(TYPES[one.table].columns)[column]
            conditions.append(f"cast({column} as varchar) = cast(cast(? as {kind}) as varchar)")
            binds.append(snowflake_text(NOW + value) if isinstance(value, timedelta) else value)
    equal = DIRT.count(one)
    sql = f"select count(*) from {seeded}.PUBLIC.{one.table} where {' and '.join(conditions)}"
    with local_snowflake.connect() as connection:
        assert rows_of(connection, sql, *binds) == [(equal,)]


def test_dirty_rows_have_reasons_and_every_kind_of_code() -> None:
    assert all(one.reason for one in DIRT)
    assert {one.code for one in DIRT} >= {
        *("523", "514", "515", "516", "value_too_long", "not_finite", SUPERSEDED, FINE, "equal", "future")
    }


def test_ordinary_rows_are_ones_that_clevertap_takes(local_snowflake: LocalSnowflake, seeded: str) -> None:
    wrong = (
        "not regexp_like(EMAIL_ID, '[^@]+@[^@]+[.][a-z]+') or not regexp_like(PHONE, '[+][0-9]{5,}')"
        " or GENDER not in ('M', 'F') or BIRTHDAY < '1930-01-01'::date or BIRTHDAY > '2005-12-31'::date"
    )
    with local_snowflake.connect() as connection:
        ordinary = f"from {seeded}.PUBLIC.CUSTOMERS where regexp_like(CUSTOMER_ID, 'C[0-9]{{6}}')"
        assert rows_of(connection, f"select count(*), count(distinct CUSTOMER_ID) {ordinary}") == [
            (3_000, 3_000)
        ]
        assert rows_of(connection, f"select count(*) {ordinary} and ({wrong})") == [(0,)]


def test_updates_spread_over_ninety_days_with_some_in_the_last_hours(
    local_snowflake: LocalSnowflake, seeded: str
) -> None:
    now = f"'{snowflake_text(NOW)}'::timestamp_ntz"
    with local_snowflake.connect() as connection:
        (row,) = rows_of(
            connection,
            f"select count(distinct UPDATED_AT::date), min(UPDATED_AT) >= dateadd(day, -90, {now}),"
            f" max(UPDATED_AT) <= {now}, count_if(UPDATED_AT >= dateadd(hour, -6, {now})) between 20 and 300"
            f" from {seeded}.PUBLIC.ORDERS",
        )
    assert row == (91, True, True, True)


def test_change_rows_changes_what_it_says_and_nothing_else(
    local_snowflake: LocalSnowflake, fresh_database: str
) -> None:
    later = NOW + timedelta(hours=1)
    with local_snowflake.connect() as connection:
        seed(connection, NOW, fresh_database)
        before = [contents(connection, fresh_database, table) for table in TABLES]
        changes = change_rows(connection, later, fresh_database)
        after = [contents(connection, fresh_database, table) for table in TABLES]
        changed = [
            rows_of(
                connection,
                f"select {table.names[0]} from {fresh_database}.PUBLIC.{table.name} where UPDATED_AT ="
                f" '{snowflake_text(later)}'::timestamp_ntz order by 1",
            )
            for table in TABLES
        ]
    keys = (changes.customers, changes.orders, changes.events)
    assert [len(names) for names in keys] == [10, 5, 10]
    assert changed == [[(name,) for name in sorted(names)] for names in keys]
    assert [len(Counter(new) - Counter(old)) for old, new in zip(before, after, strict=True)] == [10, 5, 10]
    assert [len(new) - len(old) for old, new in zip(before, after, strict=True)] == [0, 5, 10]


def test_changes_of_another_moment_have_other_keys(
    local_snowflake: LocalSnowflake, fresh_database: str
) -> None:
    with local_snowflake.connect() as connection:
        seed(connection, NOW, fresh_database)
        first = change_rows(connection, NOW, fresh_database)
        second = change_rows(connection, NOW + timedelta(seconds=1), fresh_database)
    assert not {*first.events, *first.orders} & {*second.events, *second.orders}


def test_generated_customers_are_as_many_as_asked_with_the_shops_columns(
    local_snowflake: LocalSnowflake, fresh_database: str
) -> None:
    with local_snowflake.connect() as connection, connection.cursor() as cursor:
        generate_customers(connection, 12_345, "MANY", NOW, fresh_database)
        table = f"{fresh_database}.PUBLIC.MANY"
        sql = f"select count(*), count(distinct CUSTOMER_ID), max(UPDATED_AT) from {table}"
        assert rows_of(connection, sql) == [(12_345, 12_345, NOW.replace(tzinfo=None))]
        generated = {(column.name, column.type_code) for column in cursor.describe(f"select * from {table}")}
        seed(connection, NOW, fresh_database)
        shop = cursor.describe(f"select * from {fresh_database}.PUBLIC.CUSTOMERS")
    assert generated == {(column.name, column.type_code) for column in shop if column.name != "TAGS"}


def test_the_command_seeds_where_the_environment_says(local_snowflake: LocalSnowflake) -> None:
    command = [sys.executable, "-m", "clevertap_import.sandbox.shop", "seed", "--now", NOW.isoformat()]
    environment = {**os.environ, **local_snowflake.environment()}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == {table.name: table.rows for table in TABLES}
    with local_snowflake.connect() as connection:
        (row,) = rows_of(connection, "select count(*) from SHOP.PUBLIC.PRODUCT_EVENTS")
    assert row[0] == PRODUCT_EVENTS.rows + sum(one.table == PRODUCT_EVENTS.name for one in DIRT)
