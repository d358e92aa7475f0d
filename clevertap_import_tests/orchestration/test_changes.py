"""Imports that run when their Snowflake table has changed, asked of a local Snowflake."""

import json
from datetime import UTC, datetime

import pytest

from clevertap_import.io.import_files import load_folder
from clevertap_import.orchestration.changes import TableStateUnknown, table_states
from clevertap_import.orchestration.partitions import KeyRange
from clevertap_import.orchestration.sensors import import_sensor, look_at_tables
from clevertap_import.pure.config import ImportConfig
from clevertap_import_tests.orchestration.asked_runs import asked, reason
from clevertap_import_tests.workshop import Workshop, days_ago


def watching(workshop: Workshop, **attributes: object) -> ImportConfig:
    workshop.write("watching", schedule={"kind": "change", "check_every": "2 minutes"}, **attributes)
    return load_folder(workshop.folder).called("watching").config


def test_a_change_starts_the_import_once_over_one_session(workshop: Workshop) -> None:
    config, now = watching(workshop), datetime.now(UTC)
    whole = [KeyRange(f"{days_ago(2)}", f"{now:%Y-%m-%d}")]
    workshop.people([("a", "Asha", now)])
    workshop.snowflake.reset_queries()
    tick, cursor = look_at_tables(workshop.instance, config, now, None)
    assert asked(tick) == whole
    again, cursor = look_at_tables(workshop.instance, config, now, cursor)
    assert reason(again) == "No table has changed."
    assert len(workshop.snowflake.received()["logins"]) == 1
    workshop.add_people([("b", "Zoë", now)])
    changed, cursor = look_at_tables(workshop.instance, config, now, cursor)
    assert asked(changed) == whole
    assert reason(look_at_tables(workshop.instance, config, now, cursor)[0])
    # The table itself is never read.
    assert [text for text in workshop.snowflake.queries() if "from T" in text] == []


def test_what_is_remembered_is_when_and_how_much(workshop: Workshop) -> None:
    workshop.people([("a", "Asha", datetime.now(UTC))])
    states = table_states(watching(workshop))
    assert json.loads(json.dumps(states)) == states
    assert states["T"][1:] == [1, 0]


def test_a_table_that_is_not_there_is_told(workshop: Workshop) -> None:
    config = watching(workshop, source={"kind": "table", "table": "NOWHERE"})
    with pytest.raises(TableStateUnknown, match="Snowflake shows no table NOWHERE"):
        table_states(config)


def test_sql_whose_tables_are_not_known_is_told(workshop: Workshop) -> None:
    config = watching(workshop, source={"kind": "sql", "sql": "select 1 as ID, 2 as NAME, 3 as UPDATED_AT"})
    with pytest.raises(TableStateUnknown, match="'watching' names no table that is known from its SQL"):
        table_states(config)


def test_snowflake_is_asked_as_often_as_the_yaml_says(workshop: Workshop) -> None:
    sensor = import_sensor(watching(workshop))
    assert sensor
    assert (sensor.name, sensor.minimum_interval_seconds) == ("watching_sensor", 120)
