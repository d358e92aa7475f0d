"""The local Snowflake, by the real connector: what fakesnow gets wrong, and what Snowflake refuses."""

import pickle
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import DatabaseError, ProgrammingError
from snowflake.connector.result_batch import ArrowResultBatch

from clevertap_import.sandbox.shop.tables import generate_customers
from clevertap_import.sandbox.snowflake.logins import PASSWORD
from clevertap_import.sandbox.snowflake.results import CHUNK_ROWS, INLINE_ROWS, ResultSpool
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake, running_snowflake

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
MEBIBYTE = 1 << 20

# The texts of rows 0 to n - 1, as one column.
NUMBERS = "select seq8() as N from table(generator(rowcount => {rows}))"


def rows_of(connection: SnowflakeConnection, sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        rows: list[tuple[object, ...]] = cursor.execute(sql).fetchall()
    return rows


def peak_bytes(process_id: int) -> int:
    """The peak memory of the process, from Linux's /proc."""
    (line,) = (
        line for line in Path(f"/proc/{process_id}/status").read_text().splitlines() if "VmHWM" in line
    )
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("kind", ["timestamp_ntz", "timestamp_ltz", "timestamp_tz"])
def test_null_timestamps_arrive_as_null(local_snowflake: LocalSnowflake, kind: str) -> None:
    with local_snowflake.connect() as connection:
        (row,) = rows_of(connection, f"select X, max(X) over () from (select null::{kind} as X)")
    assert row == (None, None)


def test_timestamps_keep_their_microseconds_on_both_sides_of_1970(local_snowflake: LocalSnowflake) -> None:
    with local_snowflake.connect() as connection:
        (row,) = rows_of(
            connection,
            "select '1955-01-01 00:00:00.123456'::timestamp_ntz, '2026-11-01 23:59:59.999999'::timestamp_ntz,"
            " '2026-11-01 05:30:00 +05:30'::timestamp_tz",
        )
    assert row == (
        datetime(1955, 1, 1, 0, 0, 0, 123456),  # noqa: DTZ001 - TIMESTAMP_NTZ has no zone
        datetime(2026, 11, 1, 23, 59, 59, 999999),  # noqa: DTZ001
        datetime(2026, 11, 1, tzinfo=UTC),
    )


def test_epoch_seconds_round_down(local_snowflake: LocalSnowflake) -> None:
    with local_snowflake.connect() as connection:
        (row,) = rows_of(
            connection,
            "select date_part(epoch_second, '2026-11-01 00:00:00.999'::timestamp_ntz),"
            " date_part(epoch_second, '1969-12-31 23:59:58.3'::timestamp_ntz)",
        )
    assert row == (1_793_491_200, -2)


def test_a_small_result_is_one_batch(local_snowflake: LocalSnowflake) -> None:
    with local_snowflake.connect() as connection, connection.cursor() as cursor:
        cursor.execute(NUMBERS.format(rows=INLINE_ROWS))
        assert [batch.rowcount for batch in cursor.get_result_batches()] == [INLINE_ROWS]


def test_a_large_result_is_remote_batches_that_other_processes_can_read(
    local_snowflake: LocalSnowflake,
) -> None:
    rows = 4 * CHUNK_ROWS
    with local_snowflake.connect() as connection, connection.cursor() as cursor:
        cursor.execute(NUMBERS.format(rows=rows))
        first, *rest = cursor.get_result_batches()
        assert len(rest) >= 3
        assert all(isinstance(batch, ArrowResultBatch) and not batch._local for batch in rest)
        sent = [pickle.loads(pickle.dumps(batch)) for batch in (first, *rest)]  # noqa: S301
        assert len(pickle.dumps(rest[0])) < 5_000
        numbers = [number for batch in sent for number in batch.to_arrow()["N"].to_pylist()]
    assert sorted(numbers) == list(range(rows))


def test_batches_stream_also_when_the_session_ends_meanwhile(local_snowflake: LocalSnowflake) -> None:
    with local_snowflake.connect() as connection, connection.cursor() as cursor:
        cursor.execute(NUMBERS.format(rows=10 * CHUNK_ROWS))
        batches = cursor.fetch_arrow_batches(force_microsecond_precision=True)
        first = next(batches).num_rows
    assert first < CHUNK_ROWS
    assert first + sum(batch.num_rows for batch in batches) == 10 * CHUNK_ROWS


def test_results_of_an_ended_session_are_freed(tmp_path: Path) -> None:
    with running_snowflake(tmp_path, "--linger-seconds", "0") as server:
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(NUMBERS.format(rows=100_000))
            assert list((tmp_path / "results").glob("*.arrow"))
        server.received()  # an answer later than that to the end of the session
        assert not list((tmp_path / "results").glob("*.arrow"))


def test_a_result_that_was_read_is_freed_by_the_next_query(tmp_path: Path) -> None:
    with running_snowflake(tmp_path) as server, server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(NUMBERS.format(rows=100_000)).fetchall()
        assert list((tmp_path / "results").glob("*.arrow"))
        cursor.execute("select 1")
        assert not list((tmp_path / "results").glob("*.arrow"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_million_rows_need_little_memory_in_the_server(tmp_path: Path) -> None:
    with running_snowflake(tmp_path) as server, server.connect() as connection:
        generate_customers(connection, 1_000_000, "BIG", NOW)
        with connection.cursor() as cursor:
            cursor.execute("select * from SHOP.PUBLIC.BIG")
            batches = cursor.fetch_arrow_batches(force_microsecond_precision=True)
            assert sum(batch.num_rows for batch in batches) == 1_000_000
        assert peak_bytes(server.process_id) < 700 * MEBIBYTE


def test_numbers_are_as_narrow_as_each_chunk_allows(local_snowflake: LocalSnowflake) -> None:
    sql = "select 1::number(38,0) as SMALL, 3000000000::number(38,0) as LARGE, 12.34::number(12,2) as MONEY"
    with local_snowflake.connect() as connection, connection.cursor() as cursor:
        table = cursor.execute(sql).fetch_arrow_all()
    assert [field.type for field in table.schema] == [pa.int8(), pa.int64(), pa.float64()]
    with local_snowflake.connect(arrow_number_to_decimal=True) as connection, connection.cursor() as cursor:
        assert cursor.execute(sql).fetch_arrow_all()["MONEY"].to_pylist() == [Decimal("12.34")]


def test_numbers_keep_value_sign_scale_and_null(local_snowflake: LocalSnowflake) -> None:
    with local_snowflake.connect() as connection:
        rows = rows_of(
            connection,
            "select column1::number(12,2), column2::number(38,0), column3::number(38,10) from values"
            " ('-0.01', '-129', '12345678901234567890.0123456789'), (null, null, null),"
            " ('9999999999.99', '9007199254740993', '-1')",
        )
    assert set(rows) == {
        (Decimal("-0.01"), -129, Decimal("12345678901234567890.0123456789")),
        (None, None, None),
        (Decimal("9999999999.99"), 9_007_199_254_740_993, Decimal(-1)),
    }


def test_databases_survive_a_restart(tmp_path: Path) -> None:
    with running_snowflake(tmp_path) as server, server.connect() as connection:
        rows_of(connection, "create database STAYS")
        rows_of(connection, "create schema if not exists STAYS.PUBLIC")
        rows_of(connection, "create table STAYS.PUBLIC.T as select 7 as X")
    with running_snowflake(tmp_path) as server, server.connect() as connection:
        assert rows_of(connection, "select X from STAYS.PUBLIC.T") == [(7,)]


def test_databases_survive_a_killed_server(tmp_path: Path) -> None:
    with running_snowflake(tmp_path, kill=True) as server, server.connect() as connection:
        rows_of(connection, "create database STAYS")
        rows_of(connection, "create schema if not exists STAYS.PUBLIC")
        rows_of(connection, "create table STAYS.PUBLIC.T as select 7 as X")
    with running_snowflake(tmp_path) as server, server.connect() as connection:
        assert rows_of(connection, "select X from STAYS.PUBLIC.T") == [(7,)]


def test_sessions_share_the_storage_at_the_same_time(
    local_snowflake: LocalSnowflake, fresh_database: str
) -> None:
    table = f"{fresh_database}.PUBLIC.T"
    with local_snowflake.connect() as connection:
        rows_of(connection, f"create table {table} (X number(38,0))")

    def insert(number: int) -> None:
        with local_snowflake.connect() as own:
            rows_of(own, f"insert into {table} values ({number})")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(insert, range(32)))
    with local_snowflake.connect() as connection:
        assert rows_of(connection, f"select count(distinct X) from {table}") == [(32,)]


def test_threads_may_share_a_session(local_snowflake: LocalSnowflake) -> None:
    with local_snowflake.connect() as connection, ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda number: rows_of(connection, f"select {number} as X"), range(40))
        assert list(answers) == [[(number,)] for number in range(40)]


@pytest.mark.parametrize("wrong", [{"password": PASSWORD + "x"}, {"user": "SOMEBODY"}])
def test_a_wrong_login_is_refused(local_snowflake: LocalSnowflake, wrong: dict[str, str]) -> None:
    with pytest.raises(DatabaseError, match="Incorrect username or password") as refused:
        local_snowflake.connect(**wrong)
    # What connector 4.8 makes of Snowflake's own code; older ones say 250001.
    assert (refused.value.errno, refused.value.sqlstate) == (390100, "28000")


@pytest.mark.parametrize(("user", "accepted"), [("SANDBOX", True), ("SOMEBODY", False)])
def test_a_key_pair_logs_in_the_sandbox_user(
    local_snowflake: LocalSnowflake, user: str, accepted: bool
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    keys = {"user": user, "password": None, "private_key": key, "authenticator": "SNOWFLAKE_JWT"}
    if accepted:
        with local_snowflake.connect(**keys) as connection:
            assert rows_of(connection, "select 1") == [(1,)]
    else:
        with pytest.raises(DatabaseError, match="JWT token is invalid"):
            local_snowflake.connect(**keys)


def test_a_database_that_is_not_there_is_not_created(local_snowflake: LocalSnowflake) -> None:
    with local_snowflake.connect(database="NO_SUCH", schema="PUBLIC") as connection:
        assert connection.database is None
        with pytest.raises(ProgrammingError, match="does not have a current database"):
            rows_of(connection, "select * from T")


def test_the_login_answer_names_database_schema_role_and_warehouse(
    local_snowflake: LocalSnowflake, fresh_database: str
) -> None:
    options = {"database": fresh_database, "schema": "PUBLIC", "role": "LOADER", "warehouse": "SMALL"}
    with local_snowflake.connect(**options) as connection:
        assert options == {name: getattr(connection, name) for name in options}


@pytest.mark.parametrize(
    ("sql", "errno"),
    [
        ("select * from NO_SUCH_DATABASE.PUBLIC.T", 2003),
        ("selec 1", 1003),
        ("select NO_SUCH from (select 1 as X)", 2043),
        (f"select ('x' || N)::number(38,0) from ({NUMBERS.format(rows=9)})", 100035),
        ("explain select 1", 603),
    ],
)
def test_a_query_that_cannot_run_fails_at_once(local_snowflake: LocalSnowflake, sql: str, errno: int) -> None:
    with local_snowflake.connect() as connection, pytest.raises(ProgrammingError) as refused:
        rows_of(connection, sql)
    assert refused.value.errno == errno


def test_a_row_that_fails_late_fails_the_query_and_the_session_goes_on(
    local_snowflake: LocalSnowflake,
) -> None:
    numbers = NUMBERS.format(rows=1_000_000)
    sql = f"select case when N < 999999 then '1' else 'x' end::number(38,0) as X from ({numbers})"
    with local_snowflake.connect() as connection:
        with pytest.raises(ProgrammingError, match="Could not convert"):
            rows_of(connection, sql)
        assert rows_of(connection, "select 1") == [(1,)]


def test_a_result_that_breaks_off_leaves_no_files(tmp_path: Path) -> None:
    batch = pa.record_batch({"X": list(range(CHUNK_ROWS))})

    def breaking_off() -> Iterator[pa.RecordBatch]:
        yield from (batch, batch, batch)
        assert list(tmp_path.glob("*.arrow"))
        raise OSError("broken off")

    with pytest.raises(OSError, match="broken off"):
        ResultSpool(tmp_path).take(pa.RecordBatchReader.from_batches(batch.schema, breaking_off()))
    assert not list(tmp_path.glob("*.arrow"))


def test_the_control_door_lists_queries_and_session_parameters(tmp_path: Path) -> None:
    with running_snowflake(tmp_path) as server:
        parameters = {"QUERY_TAG": "clevertap_import:customers", "TIMEZONE": "Asia/Kolkata"}
        with server.connect(session_parameters=dict(parameters)) as connection:
            (row,) = rows_of(connection, "select '2026-11-01 12:00:00'::timestamp_ntz::timestamp_ltz")
            with connection.cursor() as cursor:
                cursor.describe("select 2")
        assert row == (datetime(2026, 11, 1, 6, 30, tzinfo=UTC),)
        (login,) = server.received()["logins"]
        assert login["user"] == "SANDBOX"
        assert parameters.items() <= login["session_parameters"].items()
        assert {query["query_tag"] for query in server.received()["queries"]} == {parameters["QUERY_TAG"]}
        assert server.queries() == ["select '2026-11-01 12:00:00'::timestamp_ntz::timestamp_ltz"]
        server.reset_queries()
        assert server.received() == {"queries": [], "logins": [], "aborted": []}
