"""The benchmark's rows in the local Snowflake: a table for each number of rows that is asked for."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from clevertap_import_tests.testing.fixtures_snowflake import running_snowflake

from .ours_from_snowflake import DATABASE, table
from .rows import IDENTITY_COLUMN, START, Rows

COLUMNS = {
    IDENTITY_COLUMN: "varchar",
    "NAME": "varchar",
    "EMAIL": "varchar",
    "PHONE": "varchar",
    "CITY": "varchar",
    "STORE_ID": "varchar",
    "BORN_ON": "date",
    "SIGNED_UP_AT": "timestamp_ntz",
    "SEEN_AT": "timestamp_tz",
    "BALANCE": "number(24, 2)",
    "SCORE": "float",
    "ORDERS": "number(5, 0)",
    "IS_MEMBER": "boolean",
    "UPDATED_AT": "timestamp_ntz",
}


@contextmanager
def warehouse(counts: Sequence[int]) -> Iterator[Mapping[str, str]]:
    """A running local Snowflake with a table of each of `counts` rows; the variables that lead to it."""
    with tempfile.TemporaryDirectory(prefix="clevertap-import-benchmark-") as folder:
        data = Path(folder)
        create_tables(data, counts)
        for rows in counts:
            fill_table(data / f"{DATABASE}.db", rows)
        with running_snowflake(data) as server:
            yield server.environment()


def create_tables(data: Path, counts: Sequence[int]) -> None:
    """By statements, so that fakesnow knows the types of the columns."""
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    with running_snowflake(data) as server, server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"create database {DATABASE}")
        cursor.execute(f"create schema if not exists {DATABASE}.PUBLIC")
        for rows in counts:
            cursor.execute(f"create table {table(rows)} ({columns})")


def fill_table(database: Path, count: int) -> None:
    """Straight into the file, while no server has it open: hundreds of times faster than by statements."""
    rows = Rows(count)
    chunks = pa.RecordBatchReader.from_batches(rows.ring[0].schema, rows)
    with duckdb.connect(str(database)) as connection:
        connection.register("chunks", chunks)
        connection.execute(f"insert into {table(count)} select *, timestamp '{START:%Y-%m-%d}' from chunks")
