"""Results that are not what Snowflake announced, over HTTP: no row of them passes for the whole."""

from typing import Any

import pytest
from snowflake.connector.result_batch import DownloadMetrics

from clevertap_import.errors import (
    CleverTapImportError,
    QueryFailed,
    ResultIncomplete,
    WarehouseUnavailable,
)
from clevertap_import.sandbox.snowflake.results import CHUNK_ROWS, INLINE_ROWS
from clevertap_import.snowflake.results import PARTS_AHEAD, arrow_batches
from clevertap_import.snowflake.session import SnowflakeSettings, open_snowflake, snowflake_settings
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake

TAG = "clevertap_import:test"
MANY = 2 * CHUNK_ROWS
ROWS = f"select seq8() as N from table(generator(rowcount => {MANY}))"


@pytest.fixture
def settings(local_snowflake: LocalSnowflake) -> SnowflakeSettings:
    return snowflake_settings("snowflake", local_snowflake.environment())


def rows_read(settings: SnowflakeSettings, sql: str = ROWS) -> int:
    with open_snowflake(settings, TAG) as snowflake:
        return sum(batch.num_rows for batch in snowflake.batches(sql))


@pytest.mark.parametrize("rows", [0, 1, INLINE_ROWS, MANY])
def test_a_whole_result_is_read(settings: SnowflakeSettings, rows: int) -> None:
    assert rows_read(settings, f"select * from ({ROWS}) where N < {rows}") == rows


@pytest.mark.parametrize(
    "rule",
    [
        {"inline_is_empty": True},
        {"inline_rows": 0},
        {"inline_rows": 7},
        {"inline_twice": True},
        {"chunk_rows": CHUNK_ROWS // 2},
        {"chunk_rows": 0},
        {"chunks": 0},
        {"chunks": 1},
        {"row_count": CHUNK_ROWS // 2},
        {"row_count": MANY},
        {"total": MANY - 1},
        {"total": MANY + 1},
        {"total": 0},
        # Too many rows in one part, too few in another: the sums are as announced.
        {"inline_rows": INLINE_ROWS, "chunk_rows": 10, "total": INLINE_ROWS + 20},
    ],
    ids=str,
)
def test_other_rows_than_announced_are_an_error(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings, rule: dict[str, Any]
) -> None:
    with local_snowflake.answering(rule), pytest.raises(ResultIncomplete) as caught:
        rows_read(settings)
    assert "The result is not used. Run again" in str(caught.value)


def test_the_error_says_what_was_announced_and_what_came(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings
) -> None:
    with local_snowflake.answering({"inline_rows": 7}), pytest.raises(ResultIncomplete) as caught:
        rows_read(settings)
    message, _, query_id = str(caught.value).partition(" The result is not used. ")
    assert message.startswith("Snowflake announced 40,000 rows, but the result differs: part 1 of 3 has")
    assert query_id.startswith("Run again; if this happens again, give Snowflake's support the query ID ")


@pytest.mark.parametrize("sql", ["select 1 as X", ROWS])
def test_first_rows_that_come_when_asked_for_again_are_read(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings, sql: str
) -> None:
    with local_snowflake.answering({"inline_is_empty": True, "inline_recovers": True}):
        assert rows_read(settings, sql) == (1 if sql == "select 1 as X" else MANY)


@pytest.mark.parametrize("sql", ["select 1 as X", ROWS])
def test_a_result_without_a_number_of_rows_is_an_error(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings, sql: str
) -> None:
    with (
        local_snowflake.answering({"total": "missing"}),
        pytest.raises(ResultIncomplete, match=r"^Snowflake did not say how many rows the result has"),
    ):
        rows_read(settings, sql)


@pytest.mark.parametrize(
    "rule", [{"inline_is_empty": True}, {"inline_rows": 0}, {"inline_twice": True}, {"total": "missing"}]
)
def test_the_clock_is_read_from_a_whole_result_only(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings, rule: dict[str, Any]
) -> None:
    with (
        local_snowflake.answering(rule),
        open_snowflake(settings, TAG) as snowflake,
        pytest.raises(ResultIncomplete),
    ):
        snowflake.now()


def test_no_clock_is_an_error_of_ours(local_snowflake: LocalSnowflake, settings: SnowflakeSettings) -> None:
    with (
        local_snowflake.answering({"inline_rows": 0, "total": 0}),
        open_snowflake(settings, TAG) as snowflake,
        pytest.raises(CleverTapImportError, match=r"^Snowflake could not return its clock"),
    ):
        snowflake.now()


def test_a_result_in_json_names_the_parameter(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings
) -> None:
    # For all parameters of the session.
    rule = {"columns": {}, "result_format": "json", "is_pinned": False}
    with local_snowflake.answering(rule), pytest.raises(QueryFailed) as caught:
        rows_read(settings, "select 1 as X")
    assert "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT" in str(caught.value)


def test_a_chunk_that_is_no_arrow_is_an_error_without_a_traceback(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings
) -> None:
    with (
        local_snowflake.answering({"chunk_body": "alice@example.com"}),
        pytest.raises(CleverTapImportError, match=r"^Snowflake could not run the query") as caught,
    ):
        rows_read(settings)
    assert "alice" not in str(caught.value)


CUT: dict[str, dict[str, Any]] = {
    "an answer": {"answer_bytes": 100},
    "an answer whose connection ends": {"answer_bytes": 100, "breaks_off": True},
    "a chunk": {"chunk_bytes": 50},
    "a chunk whose connection ends": {"chunk_bytes": 50, "breaks_off": True},
    "a chunk in its last bytes": {"chunk_bytes": 30_000},
    "a chunk that cannot be reached": {"chunk_url": "http://127.0.0.1:1/part?X-Amz-Signature=SECRET&x=1"},
}


@pytest.mark.parametrize("name", CUT)
def test_what_stays_cut_is_not_asked_for_without_end_and_its_link_is_not_reported(
    local_snowflake: LocalSnowflake,
    settings: SnowflakeSettings,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    with (
        local_snowflake.answering({"match": "generator", **CUT[name]}),
        open_snowflake(settings, TAG, retry_seconds=0) as snowflake,
        pytest.raises(CleverTapImportError, match=r"^Snowflake could not run the query") as caught,
    ):
        list(snowflake.batches(ROWS))
    assert "SECRET" not in str(caught.value) + caplog.text


def test_an_answer_that_is_cut_once_is_read_when_asked_for_again(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings
) -> None:
    with local_snowflake.answering({"match": "generator", "answer_bytes": 100, "times": 1}):
        assert rows_read(settings) == MANY


@pytest.mark.parametrize("code", ["390104", "390111", "390113", "390114", "390115"])
def test_a_session_that_ends_before_its_query_is_no_fault_of_the_query(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings, code: str
) -> None:
    with open_snowflake(settings, TAG) as snowflake:
        local_snowflake.end_sessions(code)
        with pytest.raises(WarehouseUnavailable, match=r"no longer exists\. Run again; that logs in\.$"):
            list(snowflake.batches(ROWS))


def test_a_short_result_is_reported_though_its_session_has_ended_too(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings
) -> None:
    rule = {"match": "generator", "chunk_rows": 5}
    with local_snowflake.answering(rule), open_snowflake(settings, TAG) as snowflake:
        batches = snowflake.batches(ROWS)
        next(batches)
        local_snowflake.end_sessions()
        with pytest.raises(ResultIncomplete):
            list(batches)


def test_few_parts_are_fetched_ahead(settings: SnowflakeSettings) -> None:
    with open_snowflake(settings, TAG) as snowflake, snowflake._connection.cursor() as cursor:
        cursor.execute(f"select seq8() as N from table(generator(rowcount => {5 * MANY}))")
        parts = cursor.get_result_batches() or []
        assert len(parts) > 2 * PARTS_AHEAD
        for number, _ in enumerate(arrow_batches(cursor), 1):
            fetched = [part for part in parts if DownloadMetrics.download.value in part._metrics]
            assert len(fetched) <= number + PARTS_AHEAD
