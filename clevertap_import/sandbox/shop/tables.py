"""The seeded shop: customers, orders and product events, with bad rows in known places.

    python -m clevertap_import.sandbox.shop seed
    python -m clevertap_import.sandbox.shop change
    python -m clevertap_import.sandbox.shop generate --rows 1000000 --table BIG

The connection comes from SNOWFLAKE_ACCOUNT, _USER, _PASSWORD, _HOST, _PORT and _PROTOCOL, as the sandbox
prints them. It replaces tables, so it writes only to this machine.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import snowflake.connector
from snowflake.connector import SnowflakeConnection

from clevertap_import.errors import ConfigError
from clevertap_import.sandbox.shop.rows import (
    ORDERS,
    PRODUCT_EVENTS,
    SEED,
    TABLES,
    Row,
    Table,
    batched,
    customer_id,
    ordinary_row,
    shop_rows,
    snowflake_text,
)
from clevertap_import.sandbox.this_machine import enter_clean, refuse_elsewhere

LOGIN = ("account", "user", "password", "host", "port", "protocol")
LOGIN_SECONDS = 15
DATABASE = "SHOP"
SCHEMA = "PUBLIC"
# A statement binds one JSON text, for which Snowflake allows 16 MB.
ROWS_A_STATEMENT = 2_500

CHANGED_CUSTOMERS = 10
NEW_EVENTS = 10
NEW_ORDERS = 5


@dataclass(frozen=True)
class Changes:
    """The result of `change_rows`: the keys of the rows that now have UPDATED_AT = now."""

    customers: tuple[str, ...]
    events: tuple[str, ...]
    orders: tuple[str, ...]


def seed(connection: SnowflakeConnection, now: datetime, database: str = DATABASE) -> None:
    """Make the shop again; existing tables are replaced."""
    with connection.cursor() as cursor:
        cursor.execute(f"create database if not exists {database}")
        cursor.execute(f"create schema if not exists {database}.{SCHEMA}")
        for table in TABLES:
            columns = ", ".join(f"{name} {kind}" for name, kind in table.columns)
            cursor.execute(f"create or replace table {database}.{SCHEMA}.{table.name} ({columns})")
    for table in TABLES:
        for rows in batched(shop_rows(table, now), ROWS_A_STATEMENT):
            insert_rows(connection, table, rows, database)


def change_rows(connection: SnowflakeConnection, now: datetime, database: str = DATABASE) -> Changes:
    """Update ten customers, add ten product events and five orders, all of them updated at `now`."""
    customers = tuple(customer_id(number) for number in range(CHANGED_CUSTOMERS))
    listed = ", ".join(f"'{customer}'" for customer in customers)
    with connection.cursor() as cursor:
        cursor.execute(
            f"update {database}.{SCHEMA}.CUSTOMERS set POINTS = POINTS + 1, BALANCE = BALANCE + 1.25,"  # noqa: S608
            f" UPDATED_AT = '{snowflake_text(now)}'::timestamp_ntz where CUSTOMER_ID in ({listed})"
        )
    events = _new_rows(PRODUCT_EVENTS, NEW_EVENTS, now)
    orders = _new_rows(ORDERS, NEW_ORDERS, now)
    insert_rows(connection, PRODUCT_EVENTS, events, database)
    insert_rows(connection, ORDERS, orders, database)
    return Changes(customers, tuple(str(row[0]) for row in events), tuple(str(row[0]) for row in orders))


def generate_customers(
    connection: SnowflakeConnection, rows: int, table: str, now: datetime, database: str = DATABASE
) -> None:
    """Any number of clean customers, made inside the server: a million in seconds."""
    with connection.cursor() as cursor:
        cursor.execute(f"create database if not exists {database}")
        cursor.execute(f"create schema if not exists {database}.{SCHEMA}")
        cursor.execute(
            _GENERATE.format(table=f"{database}.{SCHEMA}.{table}", rows=rows, now=snowflake_text(now))
        )


def insert_rows(
    connection: SnowflakeConnection, table: Table, rows: Sequence[Row], database: str = DATABASE
) -> None:
    """One statement with one bind, an array of arrays: the fastest way here and in Snowflake."""
    cells = ", ".join(f"value[{index}]::{kind}" for index, (_, kind) in enumerate(table.columns))
    bind = "%s" if connection.is_pyformat else "?"
    with connection.cursor() as cursor:
        cursor.execute(
            f"insert into {database}.{SCHEMA}.{table.name} select {cells}"  # noqa: S608
            f" from table(flatten(input => parse_json({bind})))",
            (json.dumps(rows),),
        )


def _new_rows(table: Table, count: int, now: datetime) -> list[Row]:
    """Rows of this moment, with keys that no other moment has."""
    random = Random(f"{SEED} {now.isoformat()}")  # noqa: S311 - made-up rows, not secrets
    rows = []
    for number in range(count):
        row = dict(zip(table.names, ordinary_row(table, number, now, random), strict=True))
        happened = "OCCURRED_AT" if table is PRODUCT_EVENTS else "ORDERED_AT"
        row |= {
            table.names[0]: f"{table.name[0]}{now:%Y%m%d%H%M%S%f}-{number}",
            "UPDATED_AT": snowflake_text(now),
            happened: snowflake_text(now),
        }
        rows.append(list(row.values()))
    return rows


_GENERATE = """
create or replace table {table} as select
    'C' || lpad(N::varchar, 9, '0') as CUSTOMER_ID,
    case mod(N, 4) when 0 then 'Zoë O''Brien ' when 1 then 'Ravi "R" ' when 2 then '李 ' else 'Asha ' end
        || N::varchar as NAME,
    case when mod(N, 20) = 0 then null else 'shopper' || N::varchar || '@example.com' end as EMAIL_ID,
    '+91' || (7000000000 + N)::varchar as PHONE,
    case when mod(N, 2) = 0 then 'F' else 'M' end as GENDER,
    dateadd(day, mod(N * 7, 27500), '1930-01-01'::date) as BIRTHDAY,
    dateadd(second, mod(N, 100000000), '2022-01-01 00:00:00'::timestamp_ntz) as SIGNED_UP,
    mod(N, 50000)::number(38,0) as POINTS,
    (mod(N, 1000000) / 100)::number(12,2) as BALANCE,
    (mod(N, 997) / 7)::float as SCORE,
    mod(N, 10) = 0 as IS_VIP,
    mod(N, 3) <> 0 as OPT_IN_EMAIL,
    case mod(N, 3) when 0 then 'Köln' when 1 then 'Mumbai' else 'São Paulo' end as CITY,
    dateadd(second, -mod(N, 7776000), '{now}'::timestamp_ntz) as UPDATED_AT
from (select seq8() as N from table(generator(rowcount => {rows})))
"""


def connect(environment: Mapping[str, str]) -> SnowflakeConnection:
    """A connection from the SNOWFLAKE_* variables. Raises ConfigError unless they name this machine."""
    names = {key: f"SNOWFLAKE_{key.upper()}" for key in LOGIN}
    missing = [name for name in names.values() if not environment.get(name)]
    if missing:
        raise ConfigError(
            f"{', '.join(missing)}: not set. Start the sandbox with"
            " clevertap-import sandbox --no-ui, and copy the export lines that it prints."
        )
    refuse_elsewhere(names["host"], environment[names["host"]])
    settings: dict[str, Any] = {key: environment[name] for key, name in names.items()}
    # Without the last one, each login searches for a cloud, which takes seconds if names do not resolve.
    return snowflake.connector.connect(
        **settings,
        session_parameters={"TIMEZONE": "UTC"},
        platform_detection_timeout_seconds=0.0,
        login_timeout=LOGIN_SECONDS,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("seed", "change", "generate"))
    parser.add_argument("--rows", type=int, default=1_000_000, help="how many customers to generate")
    parser.add_argument("--table", default="BIG_CUSTOMERS", help="the table to generate")
    parser.add_argument(
        "--now", type=datetime.fromisoformat, default=None, help="ISO 8601 with zone; default: now"
    )
    options = parser.parse_args(arguments)
    names = (f"SNOWFLAKE_{key.upper()}" for key in LOGIN)
    # Without proxies and other variables of a shell: they could lead to another machine.
    enter_clean(os.environ, **{name: os.environ[name] for name in names if name in os.environ})
    try:
        with connect(os.environ) as connection:
            done = acted(connection, options, options.now or datetime.now(UTC))
    except ConfigError as error:
        parser.exit(2, f"{error}\n")
    except snowflake.connector.errors.Error as error:
        words = " ".join(str(error.msg).split())
        parser.exit(1, f"The local Snowflake refused. Check that the sandbox still runs. {words}\n")
    sys.stdout.write(json.dumps(done) + "\n")


def acted(connection: SnowflakeConnection, options: argparse.Namespace, now: datetime) -> dict[str, Any]:
    """Do the requested action; returns its result."""
    if options.action == "seed":
        seed(connection, now)
        return {table.name: table.rows for table in TABLES}
    if options.action == "change":
        return asdict(change_rows(connection, now))
    generate_customers(connection, options.rows, options.table, now)
    return {options.table: options.rows}
