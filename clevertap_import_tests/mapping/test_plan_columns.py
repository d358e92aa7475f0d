"""What is refused before a row is read, of the columns that the query returns; and the plan of the rest."""

from typing import Any

import pytest

from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import ConfigError
from clevertap_import.mapping.column_types import column_problems, resolve_types
from clevertap_import.snowflake.window_query import EPOCH_COLUMN, SourceColumn
from clevertap_import_tests.testing.builders import events_import, profiles_import

COLUMNS = (
    SourceColumn("ID", "TEXT"),
    SourceColumn("AT", "TIMESTAMP_NTZ", 9),
    SourceColumn("CITY", "TEXT"),
    SourceColumn("POINTS", "FIXED", 0),
    SourceColumn("PRICE", "FIXED", 2),
    SourceColumn("SCORE", "REAL"),
    SourceColumn("VIP", "BOOLEAN"),
    SourceColumn("DAY", "DATE"),
    SourceColumn("HOUR", "TIME", 9),
    SourceColumn("PHOTO", "BINARY"),
    SourceColumn("NOTE", "VARIANT"),
    SourceColumn("SHAPE", "OBJECT"),
    SourceColumn("TAGS", "ARRAY"),
    SourceColumn("Twice", "TEXT"),
    SourceColumn("TWICE", "TEXT"),
)


def unusable(config: ImportConfig) -> list[tuple[str, str]]:
    return list(column_problems(config, COLUMNS))


def test_a_missing_column_is_reported_with_the_nearest_name() -> None:
    ((key, message),) = unusable(profiles_import({"column": "CITTY", "property": "City"}))
    assert key == "target.properties[0].column"
    assert message.startswith("No column 'CITTY' in the query result. Did you mean 'CITY'? It has ")


def test_a_column_named_as_one_of_the_query_around_it_is_refused() -> None:
    config = profiles_import({"column": EPOCH_COLUMN, "property": "City"})
    ((key, message),) = column_problems(config, (*COLUMNS, SourceColumn(EPOCH_COLUMN, "TEXT")))
    assert key == "target.properties[0].column"
    assert message == (f"{EPOCH_COLUMN}: The query of a run adds a column of this name. Rename yours in SQL.")


def test_a_column_is_found_in_any_case_unless_two_differ_in_case_alone() -> None:
    assert unusable(profiles_import({"column": "city", "property": "City"})) == []
    assert unusable(profiles_import({"column": "Twice", "property": "City"})) == []
    ((key, message),) = unusable(profiles_import({"column": "twice", "property": "City"}))
    assert key == "target.properties[0].column"
    assert "may mean 'Twice', 'TWICE'" in message


@pytest.mark.parametrize(
    ("column", "date_format"),
    [
        ("CITY", "timestamp"),
        ("POINTS", "timestamp"),
        ("NOTE", "timestamp"),
        ("AT", "epoch_seconds"),
        ("CITY", "epoch_milliseconds"),
        ("HOUR", "timestamp"),
    ],
)
def test_an_updated_on_column_of_an_unusable_type_is_reported(column: str, date_format: str) -> None:
    config = profiles_import(updated_on={"column": column, "format": date_format}, start="2026-11-01")
    ((key, message),) = unusable(config)
    assert key == "updated_on.column"
    assert f"Updated On column {column!r} is " in message
    assert f"its format is {date_format}" in message


@pytest.mark.parametrize(
    ("column", "date_format"), [("AT", "timestamp"), ("DAY", "timestamp"), ("POINTS", "epoch_seconds")]
)
def test_an_updated_on_column_that_can_be_used_is_taken(column: str, date_format: str) -> None:
    config = profiles_import(updated_on={"column": column, "format": date_format}, start="2026-11-01")
    assert unusable(config) == []


@pytest.mark.parametrize("key", ["identity", "clevertap_id"])
@pytest.mark.parametrize("column", ["SCORE", "DAY", "NOTE", "PRICE", "VIP", "AT", "PHOTO", "TAGS"])
def test_an_identity_is_text_or_a_whole_number(key: str, column: str) -> None:
    target: dict[str, Any] = {"identity": None, key: {"column": column}}
    ((found, message),) = unusable(profiles_import(target=target))
    assert found == f"target.{key}.column"
    assert message == f"{column}: An identity is text or a whole number. Cast the column in SQL."
    for usable in ("ID", "POINTS"):
        assert unusable(profiles_import(target=target | {key: {"column": usable}})) == []


@pytest.mark.parametrize(
    ("mapping", "shown"),
    [
        ({"column": "VIP", "type": "integer"}, "VIP: A column of type BOOLEAN cannot be read as integer;"),
        ({"column": "CITY", "type": "date"}, "Write the format of the column."),
        ({"column": "PHOTO"}, "PHOTO: A column of type BINARY cannot be sent."),
        ({"column": "PHOTO", "type": "string"}, "BINARY cannot be read as string"),
        ({"column": "SCORE", "type": "boolean"}, "FLOAT cannot be read as boolean"),
        ({"column": "SHAPE", "type": "list"}, "OBJECT cannot be read as list"),
        ({"column": "CITY", "property": "DOB"}, "VARCHAR cannot be read as date"),
        ({"column": "TAGS", "property": "MSG-email"}, "ARRAY cannot be read as boolean"),
    ],
)
def test_a_pair_of_types_that_cannot_be_is_an_error_of_its_column(
    mapping: dict[str, Any], shown: str
) -> None:
    ((key, message),) = unusable(profiles_import({"property": "P"} | mapping))
    assert key == "target.properties[0].column"
    assert shown in message


def test_an_event_takes_an_array_as_text_only_where_the_import_says_so() -> None:
    ((_, message),) = unusable(events_import({"column": "TAGS", "property": "Tags"}))
    assert "CleverTap accepts no lists in events" in message
    assert unusable(events_import({"column": "TAGS", "property": "Tags", "type": "string"})) == []


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ({"event_name": {"column": "PHOTO"}}, "target.event_name.column"),
        ({"created_on": {"column": "CITY"}}, "target.created_on.column"),
        ({"created_on": {"column": "SCORE", "format": "epoch_seconds"}}, "target.created_on.column"),
        ({"event_name": {"column": "NAMES"}}, "target.event_name.column"),
        ({"created_on": {"column": "WHEN"}}, "target.created_on.column"),
    ],
)
def test_the_columns_of_an_events_name_and_time_are_checked(target: dict[str, Any], key: str) -> None:
    assert [found for found, _ in unusable(events_import(target=target))] == [key]


def test_all_unusable_columns_are_reported_and_the_plan_raises_the_first() -> None:
    config = profiles_import(
        {"column": "VIP", "property": "A", "type": "integer"},
        {"column": "MISSING", "property": "B"},
        target={"identity": {"column": "SCORE"}},
    )
    keys = [key for key, _ in unusable(config)]
    assert keys == ["target.identity.column", *(f"target.properties[{number}].column" for number in (0, 1))]
    with pytest.raises(ConfigError, match=r"^target\.identity\.column: SCORE: An identity is text"):
        resolve_types(config, COLUMNS)


def test_a_plan_has_the_types_of_columns_and_properties_under_the_imports_own_names() -> None:
    config = profiles_import(
        {"column": "city", "property": "City"},
        {"column": "POINTS", "property": "Points"},
        {"column": "PRICE", "property": "Price"},
        {"column": "PRICE", "property": "Whole price", "type": "integer"},
        {"column": "TAGS", "property": "Tags"},
        {"column": "NOTE", "property": "MSG-push"},
        {"constant": 1, "property": "One"},
    )
    plan = resolve_types(config, COLUMNS)
    assert plan.source_types == {
        "ID": "TEXT",
        "city": "TEXT",
        "POINTS": "FIXED",
        "PRICE": "FIXED",
        "TAGS": "ARRAY",
        "NOTE": "VARIANT",
    }
    assert plan.property_types == {
        "City": "string",
        "Points": "integer",
        "Price": "float",
        "Whole price": "integer",
        "Tags": "list",
        "MSG-push": "boolean",
    }
