"""The models of an import: defaults, rules between keys, words of refusal, the facts of the reference."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from clevertap_import.config.field_types import UNITS, Duration
from clevertap_import.config.model import ImportConfig, SqlSource
from clevertap_import.config.schedule import Every, Manual
from clevertap_import.config.strict_model import Strict
from clevertap_import.config.target import DateFormat, PropertyType
from clevertap_import.errors import ConfigError

Attributes = dict[str, Any]
PROFILES: Attributes = {
    "nickname": "customers",
    "source": {"kind": "table", "table": "SHOP.PUBLIC.CUSTOMERS"},
    "target": {"kind": "profiles", "identity": {"column": "CUSTOMER_ID"}},
}

DATE_FORMATS = [  # CleverTap's own, then ours
    "epoch_seconds",
    "epoch_milliseconds",
    "dd/MM/yyyy HH:mm:ss",
    "MM/dd/yyyy HH:mm:ss",
    "yyyy/dd/MM HH:mm:ss",
    "yyyy/MM/dd HH:mm:ss",
    "dd MMM yyyy HH:mm:ss",
    "dd/MM/yyyy",
    "MM/dd/yyyy",
    "yyyy/dd/MM",
    "yyyy/MM/dd",
    "ddMMMyyyy",
    "dd MMM yyyy",
    *("iso8601", "clevertap"),
]


def with_target(**target: object) -> Attributes:
    return PROFILES | {"target": {"kind": "profiles", "identity": {"column": "ID"}} | target}


def with_property(**mapping: object) -> Attributes:
    return with_target(properties=[{"column": "A", "property": "B"} | mapping])


def messages(attributes: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        ImportConfig.model_validate(attributes)
    return [error["msg"] for error in caught.value.errors()]


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for child in model.__subclasses__():
        yield from models(child)


def test_what_is_left_out_has_the_defaults_of_the_contract() -> None:
    config = ImportConfig.model_validate(PROFILES)
    others = {"source", "target", "dry_run", "schedule", "deps", "alerts", "tags"}
    assert config.model_dump(mode="json", exclude=others) == {
        "nickname": "customers",
        **dict.fromkeys(("title", "description", "created_by", "renamed_from")),
        "connection": "snowflake",
        "account": "clevertap",
        "updated_on": None,
        "start": None,
        "window": "hour",
        "on_invalid": "skip_row",
        "on_null": "skip",
        "on_blank": "as_null",
        "uncertain_events": "resend",
        "journal_retention_days": 30,
        "show_values": False,
        "max_event_properties": 100,
        "expect": {"within": None, "health": 100.0, "rows": {"min": 0}},
    }
    assert (config.schedule, config.deps) == (Manual(), ())
    assert (config.dry_run.sample_rows, config.dry_run.max_rejected_percent) == (1000, 5)


def test_updated_on_is_a_timestamp_in_utc_with_an_hour_of_lookback() -> None:
    config = ImportConfig.model_validate(PROFILES | {"updated_on": {"column": "U"}, "start": "2026-11-01"})
    assert config.updated_on is not None
    assert config.updated_on.model_dump() == {
        "column": "U",
        "format": "timestamp",
        "timezone": "UTC",
        "lookback": Duration("1 hour"),
    }
    assert config.updated_on.lookback.total_seconds() == 3600
    assert config.start == config.anchor == date(2026, 11, 1)


def test_columns_are_those_the_query_must_return_once_each_in_order() -> None:
    config = ImportConfig.model_validate(
        {
            "nickname": "views",
            "source": {"kind": "sql", "sql": "select 1"},
            "target": {
                "kind": "events",
                "clevertap_id": {"column": "ID"},
                "event_name": {"column": "NAME"},
                "created_on": {"column": "AT"},
                "properties": [
                    {"column": "PRICE", "property": "Price"},
                    {"constant": "shop", "property": "Source"},
                    {"column": "PRICE", "property": "Amount"},
                    {"column": "AT", "property": "When"},
                ],
            },
            "updated_on": {"column": "UPDATED_AT"},
            "start": "2026-11-01",
        }
    )
    assert config.identity_column == "ID"
    assert config.columns == ("ID", "UPDATED_AT", "AT", "NAME", "PRICE")


@pytest.mark.parametrize("type_name", get_args(PropertyType))
def test_every_property_type_is_taken(type_name: str) -> None:
    config = ImportConfig.model_validate(with_property(type=type_name))
    assert config.target.properties[0].type == type_name


@pytest.mark.parametrize("date_format", DATE_FORMATS)
def test_every_date_format_is_taken(date_format: str) -> None:
    config = ImportConfig.model_validate(with_property(type="date", format=date_format))
    assert config.target.properties[0].format == date_format


def test_there_are_no_other_date_formats() -> None:
    assert set(get_args(DateFormat)) == set(DATE_FORMATS)


@pytest.mark.parametrize("table", ["T", "PUBLIC.T", "SHOP.PUBLIC.T$1", 'SHOP."my schema"."a ""b"" . c"'])
def test_a_table_has_one_to_three_names(table: str) -> None:
    config = ImportConfig.model_validate(PROFILES | {"source": {"kind": "table", "table": table}})
    assert config.source.kind == "table"


@pytest.mark.parametrize(
    "table", ["", "A.B.C.D", "T; drop table T", "my table", "A..B", '"open', "T -- x", "T\n"]
)
def test_a_table_is_nothing_else(table: str) -> None:
    (message,) = messages(PROFILES | {"source": {"kind": "table", "table": table}})
    assert "is not a table. Write one to three names with dots between" in message


@pytest.mark.parametrize("value", ["shop", 5, 2.5, True])
def test_a_constant_keeps_its_type(value: object) -> None:
    mapping = ImportConfig.model_validate(with_target(properties=[{"constant": value, "property": "P"}]))
    assert repr(mapping.target.properties[0].constant) == repr(value)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (
            PROFILES | {"nickname": "My Import"},
            "'My Import' is not a name. Allowed: a to z, 0 to 9 and _, up to 63 of them.",
        ),
        (
            PROFILES | {"nickname": "a" * 64},
            f"'{'a' * 64}' is not a name. Allowed: a to z, 0 to 9 and _, up to 63 of them.",
        ),
        (
            PROFILES | {"created_by": "bob"},
            "'bob' is not an owner. Write an email address as Dagster takes it (letters, digits "
            "and ._%+- before the @, 2 to 7 letters at the end), or a team as team:growth.",
        ),
        (PROFILES | {"title": 5}, "title is 5. Write text, in quotes."),
        (
            PROFILES | {"window": "1 hour"},
            "window is '1 hour'. Did you mean 'hour'? Allowed: hour, day, 30 minutes, 15 minutes.",
        ),
        (PROFILES | {"start": 20261101}, "20261101 is not a day. Write year-month-day, such as 2026-11-01."),
        (
            PROFILES | {"start": datetime(2026, 11, 1, 9, tzinfo=UTC)},
            "2026-11-01T09:00:00+00:00 is not a day. Write year-month-day, such as 2026-11-01.",
        ),
        (
            PROFILES | {"schedule": {"kind": "after", "assets": [5]}},
            "this is 5. Write text, in quotes.",
        ),
        (
            PROFILES | {"updated_on": {"column": "U"}},
            "'start' is missing. With updated_on, write the day the windows begin, such as 2026-11-01.",
        ),
        (PROFILES | {"expect": {"health": 101}}, "health is 101. Write 100 or less."),
        (PROFILES | {"max_event_properties": 257}, "max_event_properties is 257. Write 256 or less."),
        (PROFILES | {"show_values": "perhaps"}, "show_values is 'perhaps'. Write true or false."),
        (
            PROFILES | {"dry_run": 5},
            "5 is not a block of keys. Write a block with these keys: sample_rows, max_rejected_percent.",
        ),
        (PROFILES | {"source": None}, "empty is not a block of keys. Write a block with these keys: kind."),
        (PROFILES | {"source": {"table": "T"}}, "'kind' is missing. Allowed: table, sql."),
        (PROFILES | {"source": {"kind": "sql"}}, "'sql' or 'sql_file' is missing. Give one of them."),
        (
            PROFILES | {"source": {"kind": "sql", "sql": "select 1", "sql_file": "q.sql"}},
            "'sql' and 'sql_file' are both given. Keep one of them.",
        ),
        (
            with_target(clevertap_id={"column": "C"}),
            "'identity' and 'clevertap_id' are both given. Keep one of them.",
        ),
        (with_target(identity=None), "'identity' or 'clevertap_id' is missing. Give one of them."),
        (with_target(properties={"column": "A"}), "properties is a block of keys. Write a list."),
        (with_property(constant="x"), "'column' and 'constant' are both given. Keep one of them."),
        (with_property(column=None), "'column' or 'constant' is missing. Give one of them."),
        (
            with_property(column=None, constant=[1]),
            "constant is a list. Write text, a number, true or false.",
        ),
        (with_property(format="yyyy/MM/dd"), "'format' is only for type: date; here no type is given."),
        (
            with_property(type="string", timezone="UTC"),
            "'timezone' is only for type: date; here type is 'string'.",
        ),
        (
            with_property(type="date", operation="add"),
            "'operation' is only for type: list; here type is 'date'.",
        ),
        (
            with_property(type="dat"),
            f"type is 'dat'. Did you mean 'date'? Allowed: {', '.join(get_args(PropertyType))}.",
        ),
        (
            with_target(
                properties=[{"column": "A", "property": "Email"}, {"constant": 5, "property": "Email"}]
            ),
            "'Email' is given twice: by column 'A' and by constant 5. Keep one of them.",
        ),
        (
            with_target(kind="events", event_name={"constant": 5}),
            "constant is 5. An event's name is text; write it in quotes.",
        ),
    ],
)
def test_a_wrong_import_says_what_is_allowed(attributes: Attributes, message: str) -> None:
    assert messages(attributes) == [message]


def test_problems_of_different_kinds_are_reported_together() -> None:
    wrong = with_target(
        clevertap_id={"column": "C"},
        properties=[{"column": "A", "property": "P"}, {"column": "B", "property": "P", "typ": "list"}],
    )
    assert messages(wrong | {"on_null": "drop"}) == [
        "'identity' and 'clevertap_id' are both given. Keep one of them.",
        "'typ' is not a key here. Did you mean 'type'? Allowed: column, constant, property, type, format, "
        "timezone, operation, on_null, on_blank, custom.",
        "'P' is given twice: by column 'A' and by column 'B'. Keep one of them.",
        "on_null is 'drop'. Allowed: skip, delete.",
    ]


def test_nothing_can_be_changed_afterwards() -> None:
    config = ImportConfig.model_validate(PROFILES)
    with pytest.raises(ValidationError):
        config.nickname = "other"  # type: ignore[misc]


def test_a_sql_file_that_was_not_read_has_no_text() -> None:
    assert SqlSource(sql="select 1").text == "select 1"
    with pytest.raises(ConfigError, match=r"q\.sql has not been read"):
        _ = SqlSource(sql_file="q.sql").text


@pytest.mark.parametrize("model", sorted(set(models(Strict)), key=str))
def test_every_field_has_a_description_and_an_example(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
        assert field.examples, name


def test_the_json_schema_refuses_unknown_keys_and_knows_the_kinds() -> None:
    schema = ImportConfig.model_json_schema()
    assert all(each["additionalProperties"] is False for each in schema["$defs"].values())
    assert set(schema["properties"]["schedule"]["discriminator"]["mapping"]) == {
        "every",
        "weekly",
        "monthly",
        "once",
        "manual",
        "after",
        "change",
    }
    assert schema["$defs"]["Every"]["properties"]["every"]["type"] == "string"


mappings = st.fixed_dictionaries(
    {"property": st.text(min_size=1)},
    optional={
        "on_null": st.sampled_from(["skip", "delete"]),
        "type": st.sampled_from(get_args(PropertyType)),
    },
).flatmap(
    lambda mapping: st.one_of(
        st.text(min_size=1).map(lambda column: mapping | {"column": column}),
        st.one_of(
            st.text(), st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)
        ).map(lambda constant: mapping | {"constant": constant}),
    )
)
YEARS = (datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("2999-12-31"))

schedules = st.one_of(
    st.just({"kind": "manual"}),
    st.builds(
        lambda count, unit: {"kind": "every", "every": f"{count} {unit}"},
        st.integers(15, 52),
        st.sampled_from(UNITS),
    ),
    st.builds(
        lambda day, hour: {"kind": "monthly", "at": [{"day": day, "time": f"{hour}:05"}]},
        st.one_of(st.integers(1, 31), st.just("last")),
        st.integers(0, 23),
    ),
    st.datetimes(*YEARS).map(lambda moment: {"kind": "once", "at": moment}),
)


@given(
    st.lists(mappings, unique_by=lambda mapping: mapping["property"]),
    schedules,
    st.dates(*(year.date() for year in YEARS)),
)
def test_what_is_dumped_loads_equal(properties: list[Attributes], schedule: Attributes, start: date) -> None:
    config = ImportConfig.model_validate(
        with_target(properties=properties)
        | {"schedule": schedule, "start": start, "updated_on": {"column": "U"}}
    )
    assert ImportConfig.model_validate(config.model_dump()) == config
    assert ImportConfig.model_validate_json(config.model_dump_json()) == config


def test_a_dump_keeps_the_unit_of_an_interval() -> None:
    config = ImportConfig.model_validate(PROFILES | {"schedule": {"kind": "every", "every": "24 hours"}})
    again = ImportConfig.model_validate(config.model_dump())
    assert isinstance(again.schedule, Every)
    assert (again.schedule.every.unit, again.schedule.every) == ("hours", Duration("1 day"))
