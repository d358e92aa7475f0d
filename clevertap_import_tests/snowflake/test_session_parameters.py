"""An account whose parameters are unkind: what is read is the same, or the session is not used at all."""

from typing import Any

import pytest

from clevertap_import.snowflake.session import SnowflakeSettings, open_snowflake, snowflake_settings
from clevertap_import.snowflake.session_parameters import (
    PINNED,
    SessionUnusable,
    check_parameters,
    session_parameters,
)
from clevertap_import.snowflake.window_query import source_query, window_query
from clevertap_import_tests.snowflake.test_windows_in_snowflake import START, TAG, WINDOWS
from clevertap_import_tests.testing.builders import events_import
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake

ROWS = 9_000
NUMBERS = f'select seq8() as "n", 7 as "N" from table(generator(rowcount => {ROWS}))'


@pytest.fixture
def settings(local_snowflake: LocalSnowflake) -> SnowflakeSettings:
    return snowflake_settings("snowflake", local_snowflake.environment())


@pytest.mark.parametrize(
    "account",
    [
        {"rows_per_resultset": 1000},
        {"quoted_identifiers_ignore_case": True},
        {"result_format": "json"},
    ],
    ids=str,
)
def test_a_result_is_whole_and_named_as_asked_whatever_the_account_says(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings, account: dict[str, Any]
) -> None:
    with local_snowflake.answering(account), open_snowflake(settings, TAG) as snowflake:
        batches = list(snowflake.batches(NUMBERS))
    assert sum(batch.num_rows for batch in batches) == ROWS
    assert {tuple(batch.schema.names) for batch in batches} == {("n", "N")}


@pytest.mark.parametrize("kind", ["timestamp_ntz", "timestamp_ltz", "timestamp_tz"])
def test_a_window_is_cut_whatever_input_format_the_account_has(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings, kind: str
) -> None:
    sql = f"select '1' as ID, to_{kind}({int(START.timestamp())}) as UPDATED"
    config = events_import(
        source={"kind": "sql", "sql": sql},
        updated_on={"column": "UPDATED"},
        start="2026-11-01",
        target={"created_on": None},
    )
    account = {"timestamp_input_format": "DD/MM/YYYY HH24:MI"}
    with local_snowflake.answering(account), open_snowflake(settings, TAG) as snowflake:
        columns = snowflake.describe(source_query(config))
        found = [
            sum(batch.num_rows for batch in snowflake.batches(window_query(config, columns, window)))
            for window in WINDOWS[1:]
        ]
    assert found == [1, 0, 0]


@pytest.mark.parametrize(
    ("account", "problem"),
    [
        (
            {"rows_per_resultset": 1000},
            "Snowflake has ROWS_PER_RESULTSET at 1000, but 0 was requested:"
            " results would be cut after this number of rows.",
        ),
        (
            {"quoted_identifiers_ignore_case": True},
            "Snowflake has QUOTED_IDENTIFIERS_IGNORE_CASE at true, but False was requested:"
            " columns that differ only in upper and lower case could not be distinguished.",
        ),
    ],
    ids=str,
)
def test_a_session_that_does_not_keep_what_was_asked_is_not_used(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings, account: dict[str, Any], problem: str
) -> None:
    with (
        local_snowflake.answering({"ignores_session": True, **account}),
        pytest.raises(SessionUnusable) as caught,
        open_snowflake(settings, TAG),
    ):
        pass
    assert str(caught.value) == (
        f"{problem} Ask an administrator of the account why this user may not set it for a session."
    )


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_limit_that_cuts_the_list_of_parameters_itself_is_noticed(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings, limit: int
) -> None:
    with (
        local_snowflake.answering({"ignores_session": True, "rows_per_resultset": limit}),
        pytest.raises(SessionUnusable, match=f"^Snowflake has ROWS_PER_RESULTSET at {limit}, but 0 "),
        open_snowflake(settings, TAG),
    ):
        pass


def test_an_account_that_knows_none_of_the_parameters_is_used() -> None:
    check_parameters({})
    check_parameters({each.name: str(each.value).lower() for each in PINNED})


def test_every_parameter_is_pinned_once_with_its_reason() -> None:
    names = [each.name for each in PINNED]
    assert len(set(names)) == len(names)
    assert all(each.reason.endswith(".") for each in PINNED)
    assert session_parameters("tag") == {each.name: each.value for each in PINNED} | {"QUERY_TAG": "tag"}
