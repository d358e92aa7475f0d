"""Imports that run when their Snowflake table has changed, asked of a local Snowflake."""

from datetime import UTC, datetime

import pytest

from clevertap_import.config.model import ImportConfig
from clevertap_import.orchestration.partitions import KeyRange
from clevertap_import.orchestration.sensors import import_sensor, look_at_tables
from clevertap_import.orchestration.table_changes import TableStateUnknown, table_states
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.testing.requested_runs import reason, requested
from clevertap_import_tests.testing.workshop import Workshop, days_ago


def watching(workshop: Workshop, **attributes: object) -> ImportConfig:
    workshop.write("watching", schedule={"kind": "change", "check_every": "2 minutes"}, **attributes)
    return load_folder(workshop.folder).called("watching").config


def test_a_change_starts_the_import_once_over_one_session(workshop: Workshop) -> None:
    config, now = watching(workshop), datetime.now(UTC)
    whole = [KeyRange(f"{days_ago(2)}", f"{now:%Y-%m-%d}")]
    workshop.people([("a", "Asha", now)])
    workshop.snowflake.reset_queries()
    tick, cursor = look_at_tables(workshop.instance, config, now, None)
    assert requested(tick) == whole
    again, cursor = look_at_tables(workshop.instance, config, now, cursor)
    assert reason(again) == "No table has changed."
    assert len(workshop.snowflake.received()["logins"]) == 1
    workshop.add_people([("b", "Zoë", now)])
    changed, cursor = look_at_tables(workshop.instance, config, now, cursor)
    assert requested(changed) == whole
    assert reason(look_at_tables(workshop.instance, config, now, cursor)[0])
    # A query that names a table, also one of INFORMATION_SCHEMA, would wake the warehouse.
    assert [text for text in workshop.snowflake.queries() if " from " in text.lower()] == []


def test_a_name_in_quotes_is_asked_for_with_them(workshop: Workshop) -> None:
    """Without them Snowflake would look at LOWER_T. DuckDB finds either, so the test reads the query."""
    workshop.sql("create table \"lower_t\" as select 1 as ID, 'a' as NAME, current_timestamp as UPDATED_AT")
    full_name = f'{workshop.database}.PUBLIC."lower_t"'
    sources = (
        {"kind": "table", "table": full_name},
        {"kind": "sql", "sql": f"select * from {full_name}"},
    )
    workshop.snowflake.reset_queries()
    before = [table_states(watching(workshop, source=source)) for source in sources]
    asked_for = f"select SYSTEM$LAST_CHANGE_COMMIT_TIME('{full_name}') as TOKEN"
    assert workshop.snowflake.queries() == [asked_for, asked_for]
    workshop.sql("""insert into "lower_t" select 2, 'b', current_timestamp""")
    after = [table_states(watching(workshop, source=source)) for source in sources]
    assert all(now != then for now, then in zip(after, before, strict=True))


def test_a_view_changes_with_the_table_that_it_reads(workshop: Workshop) -> None:
    now = datetime.now(UTC)
    workshop.people([("a", "Asha", now)])
    workshop.sql("create or replace view V as select * from T where NAME is not null")
    config = watching(workshop, source={"kind": "table", "table": "V"})
    before = table_states(config)
    assert table_states(config) == before
    workshop.add_people([("b", "Zoë", now)])
    assert table_states(config) != before


def test_a_session_that_has_ended_starts_and_stops_no_import(workshop: Workshop) -> None:
    config, now = watching(workshop), datetime.now(UTC)
    workshop.people([("a", "Asha", now)])
    _, cursor = look_at_tables(workshop.instance, config, now, None)
    for code in ("390111", "390114"):
        workshop.snowflake.end_sessions(code)
        assert reason(look_at_tables(workshop.instance, config, now, cursor)[0]) == "No table has changed."


def test_a_table_that_is_not_there_is_reported(workshop: Workshop) -> None:
    config = watching(workshop, source={"kind": "table", "table": "NOWHERE"})
    with pytest.raises(TableStateUnknown, match=r"does not show when NOWHERE changes\. .*NOWHERE"):
        table_states(config)


def test_sql_whose_tables_are_not_known_is_reported(workshop: Workshop) -> None:
    config = watching(workshop, source={"kind": "sql", "sql": "select 1 as ID, 2 as NAME, 3 as UPDATED_AT"})
    with pytest.raises(TableStateUnknown, match="'watching' names no table that is known from its SQL"):
        table_states(config)


def test_snowflake_is_asked_as_often_as_the_yaml_says(workshop: Workshop) -> None:
    sensor = import_sensor(watching(workshop))
    assert sensor
    assert (sensor.name, sensor.minimum_interval_seconds) == ("watching_sensor", 120)
