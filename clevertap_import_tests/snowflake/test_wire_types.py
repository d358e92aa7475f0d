"""Types that the connector does not know, over HTTP: called by their names, sent exactly or refused."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import QueryFailed
from clevertap_import.mapping.column_types import column_problems, resolve_types
from clevertap_import.mapping.mapper import Mapper
from clevertap_import.project.preview import previewed
from clevertap_import.snowflake.session import SnowflakeSettings, open_snowflake, snowflake_settings
from clevertap_import.snowflake.window_query import SourceColumn, source_query, window_query
from clevertap_import_tests.testing.builders import profiles_import
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.sent_records import sent

TAG = "clevertap_import:test"
SOURCE = "select 'u1' as ID, 7::number(9,2) as AMOUNT, 'odd' as ODD"
DIGITS = "-1234567890.1234567890123456789012345678"


@pytest.fixture
def environment(local_snowflake: LocalSnowflake) -> dict[str, str]:
    return local_snowflake.environment()


@pytest.fixture
def settings(environment: dict[str, str]) -> SnowflakeSettings:
    return snowflake_settings("snowflake", environment)


def import_of(*properties: dict[str, Any]) -> ImportConfig:
    return profiles_import(*properties, source={"kind": "sql", "sql": SOURCE})


def amount(kind: str | None = None) -> dict[str, Any]:
    return {"column": "AMOUNT", "property": f"As {kind}", "type": kind}


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ({"type": "decfloat", "precision": 38, "scale": None}, "DECFLOAT"),
        ({"type": "hologram", "scale": None}, "HOLOGRAM"),
        ({"type": "hologram", "scale": 3}, "HOLOGRAM"),
        ({"type": "fixed", "scale": None}, "unknown"),
        ({"type": "fixed", "scale": 0}, "FIXED"),
    ],
)
def test_each_type_has_its_own_name(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings, column: Mapping[str, Any], name: str
) -> None:
    with (
        local_snowflake.answering({"columns": {"ODD": column}}),
        open_snowflake(settings, TAG) as snowflake,
    ):
        found = snowflake.describe(SOURCE)
    assert found[:2] == (SourceColumn("ID", "TEXT"), SourceColumn("AMOUNT", "FIXED", 2))
    assert found[2].type == name


@pytest.mark.parametrize("kind", [None, "string", "integer"])
def test_check_refuses_a_type_that_it_does_not_know(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings, kind: str | None
) -> None:
    config = import_of({"column": "ODD", "property": "Odd", "type": kind})
    with (
        local_snowflake.answering({"columns": {"ODD": {"type": "hologram", "scale": None}}}),
        open_snowflake(settings, TAG) as snowflake,
    ):
        ((key, message),) = column_problems(config, snowflake.describe(source_query(config)))
    assert key == "target.properties[0].column"
    assert message.startswith("ODD: A column of type HOLOGRAM cannot be ")


def test_a_decimal_float_is_sent_with_all_its_digits_or_as_the_nearest_double(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings
) -> None:
    config = import_of(amount("string"), amount("float"), amount(None))
    decimal = {"type": "decfloat", "precision": 38, "scale": None, "values": [DIGITS]}
    with (
        local_snowflake.answering({"columns": {"AMOUNT": decimal}}),
        open_snowflake(settings, TAG) as snowflake,
    ):
        columns = snowflake.describe(source_query(config))
        assert list(column_problems(config, columns)) == []
        mapper = Mapper(config, 1, resolve_types(config, columns))
        (batch,) = snowflake.batches(window_query(config, columns, None))
    (record,) = sent(mapper.map(batch, np.zeros(1, np.int64), 1))
    assert record["profileData"] == {"As string": DIGITS, "As float": float(DIGITS), "As None": float(DIGITS)}


def test_preview_reads_the_columns_that_it_needs(
    local_snowflake: LocalSnowflake, environment: dict[str, str]
) -> None:
    odd = {"type": "hologram", "scale": None, "values": ["?"]}
    decimal = {"type": "decfloat", "precision": 38, "scale": None, "values": ["1e3", None]}
    with local_snowflake.answering({"columns": {"ODD": odd, "AMOUNT": decimal}}):
        found = previewed(import_of(amount(None)), 5, environment)
    assert found.document == {
        "columns": [
            {"name": "ID", "type": "VARCHAR"},
            {"name": "AMOUNT", "type": "DECFLOAT"},
            {"name": "ODD", "type": "HOLOGRAM"},
        ],
        "rows": [{"ID": "u1", "AMOUNT": "1e3"}],
        "records": [{"identity": "u1", "type": "profile", "profileData": {"As None": 1000.0}}],
    }


def test_preview_shows_a_moment_that_no_calendar_has(
    local_snowflake: LocalSnowflake, environment: dict[str, str]
) -> None:
    config = profiles_import(
        {"column": "AT", "property": "At", "type": "date"},
        source={"kind": "sql", "sql": "select * from (select 'u1' as ID, '2024-05-01'::timestamp_ntz as AT)"},
    )
    late = {"scale": 0, "values": [[1_714_558_830_123, 0]]}
    with local_snowflake.answering({"columns": {"AT": late}}):
        found = previewed(config, 5, environment)
    assert (len(found.rows), [each.code for each in found.rejections]) == (1, ["date_out_of_range"])


def test_structured_columns_that_come_nested_are_read_as_all_others(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings
) -> None:
    config = import_of({"column": "ODD", "property": "Tags", "type": "list"}, amount("string"))
    tags = {"type": "array", "layout": "nested", "values": ['["a", "b"]']}
    shape = {"type": "object", "layout": "nested", "values": ['{"n": 1, "in": {"t": "x", "r": 0.5}}']}
    with (
        local_snowflake.answering({"columns": {"ODD": tags, "AMOUNT": shape}}),
        open_snowflake(settings, TAG) as snowflake,
    ):
        columns = snowflake.describe(source_query(config))
        mapper = Mapper(config, 1, resolve_types(config, columns))
        (batch,) = snowflake.batches(window_query(config, columns, None))
    (record,) = sent(mapper.map(batch, np.zeros(1, np.int64), 1))
    assert record["profileData"]["Tags"] == {"$set": ["a", "b"]}
    assert json.loads(record["profileData"]["As string"]) == {"n": 1, "in": {"t": "x", "r": 0.5}}


def test_a_failure_inside_the_connector_is_an_error_of_ours(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings
) -> None:
    column = {"type": "hologram", "scale": None, "values": ["77"]}
    with (
        local_snowflake.answering({"columns": {"ODD": column}}),
        open_snowflake(settings, TAG) as snowflake,
        pytest.raises(QueryFailed) as caught,
    ):
        list(snowflake.batches(SOURCE))
    assert str(caught.value).startswith(
        "Snowflake could not run the query: its connector failed on the answer ("
    )
    assert "cast(X as varchar)" in str(caught.value)
    assert "77" not in str(caught.value)
