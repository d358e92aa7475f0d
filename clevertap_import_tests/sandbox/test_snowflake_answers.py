"""The local Snowflake with changed answers, read by the real connector."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from snowflake.connector import SnowflakeConnection, errors

from clevertap_import.sandbox.snowflake.results import CHUNK_ROWS, INLINE_ROWS
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake

MANY = 2 * CHUNK_ROWS
NUMBERS = f"select seq8() as N, 'x' as \"low\" from table(generator(rowcount => {MANY}))"


@pytest.fixture
def connection(local_snowflake: LocalSnowflake) -> Iterator[SnowflakeConnection]:
    with local_snowflake.connect() as connection:
        yield connection


def read(connection: SnowflakeConnection, sql: str) -> tuple[int | None, int, list[str]]:
    """The rows that are announced, those that come in Arrow, and the names of the columns."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        tables = list(cursor.fetch_arrow_batches(force_microsecond_precision=True))
        names = tables[0].column_names if tables else []
        return cursor.rowcount, sum(table.num_rows for table in tables), names


@pytest.mark.parametrize(
    ("rule", "announced", "came"),
    [
        ({}, MANY, MANY),
        ({"inline_rows": 7}, MANY, lambda first: MANY - first + 7),
        ({"inline_is_empty": True}, MANY, lambda first: MANY - first),
        ({"inline_twice": True}, MANY, lambda first: MANY + first),
        ({"chunk_rows": 5, "chunks": 1}, MANY, lambda first: first + 5),
        ({"chunks": 0}, MANY, lambda first: first),
        ({"total": "missing"}, None, MANY),
        ({"total": 17}, 17, MANY),
        ({"rows_per_resultset": 10}, 10, 10),
        ({"match": "another query", "chunks": 0}, MANY, MANY),
        ({"describe": True, "chunks": 0}, MANY, MANY),
        ({"after": 1, "chunks": 0}, MANY, MANY),
    ],
    # Of a function the text holds its address, which differs between the processes of a test run.
    ids=lambda value: "from_first" if callable(value) else str(value),
)
def test_results_are_shorter_than_announced(
    local_snowflake: LocalSnowflake,
    connection: SnowflakeConnection,
    rule: dict[str, Any],
    announced: int | None,
    came: Any,  # noqa: ANN401 - a number, or how it follows from the rows of the answer itself
) -> None:
    with connection.cursor() as cursor:
        first = cursor.execute(NUMBERS).get_result_batches()[0].rowcount
    assert first >= INLINE_ROWS
    with local_snowflake.answering(rule):
        assert read(connection, NUMBERS)[:2] == (announced, came(first) if callable(came) else came)
    assert read(connection, NUMBERS)[:2] == (MANY, MANY)


def test_parameters_of_the_account_hold_unless_the_session_says_otherwise(
    local_snowflake: LocalSnowflake,
) -> None:
    ours = {
        "ROWS_PER_RESULTSET": 0,
        "QUOTED_IDENTIFIERS_IGNORE_CASE": False,
        "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": "ARROW",
    }
    rule = {"rows_per_resultset": 10, "quoted_identifiers_ignore_case": True}
    with local_snowflake.answering(rule):
        with local_snowflake.connect() as theirs:
            assert read(theirs, NUMBERS) == (10, 10, ["N", "LOW"])
        with local_snowflake.connect(session_parameters=ours) as pinned:
            assert read(pinned, NUMBERS) == (MANY, MANY, ["N", "low"])
    with local_snowflake.answering({"result_format": "json"}):
        with local_snowflake.connect() as theirs, pytest.raises(errors.NotSupportedError):
            read(theirs, "select 1 as X")
        with local_snowflake.connect() as theirs, theirs.cursor() as cursor:
            (row,) = cursor.execute("select 1.50::number(9,2) as X, 'a' as Y, null as Z").fetchall()
            assert row == (Decimal("1.50"), "a", None)
        with local_snowflake.connect(session_parameters=ours) as pinned:
            assert read(pinned, "select 1 as X") == (1, 1, ["X"])


def test_queries_logins_and_sessions_are_refused_on_demand(
    local_snowflake: LocalSnowflake, connection: SnowflakeConnection
) -> None:
    with (
        local_snowflake.answering({"match": "as X", "code": "002003", "message": "no such", "times": 1}),
        pytest.raises(errors.ProgrammingError, match="no such"),
    ):
        read(connection, "select 1 as X")
    with (
        local_snowflake.answering({"at": "login", "code": "390422", "message": "not from here"}),
        pytest.raises(errors.DatabaseError, match="not from here"),
    ):
        local_snowflake.connect()
    local_snowflake.end_sessions("390111", "Session no longer exists.")
    with pytest.raises(errors.Error, match="no longer exists"):
        read(connection, "select 1 as X")
    with local_snowflake.connect() as another:
        assert read(another, "select 1 as X")[1] == 1


def test_columns_come_in_the_type_scale_and_layout_of_their_source(
    local_snowflake: LocalSnowflake, connection: SnowflakeConnection
) -> None:
    sql = (
        "select A, A as B, A::timestamp_ntz(9) as C, D"
        " from (select '2024-05-01 10:20:30.123'::timestamp_ntz as A, 'x' as D)"
    )
    declared = {name: {"scale": 3} for name in "ABC"} | {"D": {"type": "decfloat", "values": ["-1.5e30"]}}
    with local_snowflake.answering({"columns": declared}), connection.cursor() as cursor:
        assert [each.scale for each in cursor.describe(sql)] == [3, 3, 9, None]
        (row,) = cursor.execute(sql).fetchall()
    moment = datetime(2024, 5, 1, 10, 20, 30, 123_000, UTC).replace(tzinfo=None)
    assert row == (moment, moment, moment, Decimal("-1.5e30"))


def test_a_rule_that_does_not_exist_is_refused(local_snowflake: LocalSnowflake) -> None:
    with pytest.raises(AssertionError, match="chunk_row"), local_snowflake.answering({"chunk_row": 1}):
        pass
