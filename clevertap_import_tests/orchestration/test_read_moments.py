"""Which windows are done, from Dagster's history: by when they were read, and quickly for a year of them."""

import sys
import time
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.config.model import ImportConfig
from clevertap_import.orchestration.done import undone_ranges
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.partitions import (
    KeyRange,
    keys_until,
    partitions_def,
    read_moments,
    reading_version,
)
from clevertap_import.window import GRIDS
from clevertap_import_tests.testing.builders import profiles_import
from clevertap_import_tests.testing.cost import calls_of
from clevertap_import_tests.testing.dagster_internals import AssetEventTagsTable, SqlEventLogStorageTable
from clevertap_import_tests.testing.workshop import Workshop, daily_windows

VERSION_TAG = "dagster/data_version"
CALLS_OF_A_WINDOW = 15


def materialize(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str, read: datetime) -> None:
    tags = {VERSION_TAG: reading_version(read.timestamp()).value}
    instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=partition, tags=tags))


@pytest.mark.parametrize("window", GRIDS)
def test_keys_are_those_of_dagster(window: str) -> None:
    config = profiles_import(updated_on={"column": "U"}, start="2026-03-28", window=window)
    definition = partitions_def(config)
    assert definition
    for text in (
        "2026-03-01T00:00",
        "2026-03-27T23:59",
        "2026-03-28T00:00",
        "2026-03-28T00:15",
        "2026-03-30T23:59",
    ):
        now = datetime.fromisoformat(text).replace(tzinfo=UTC)
        assert keys_until(config, now) == list(definition.get_partition_keys(current_time=now))


def test_a_run_says_when_it_began_to_read(workshop: Workshop) -> None:
    workshop.write("customers")
    workshop.people([("a", "Asha", datetime.now(UTC))])
    before = datetime.now(UTC).replace(microsecond=0).timestamp()
    workshop.run("customers")
    moments = read_moments(workshop.instance, asset_key("customers"))
    assert sorted(moments) in daily_windows(2)
    reported = {record.timestamp for record in workshop.materializations("customers")}
    assert all(before <= moment < min(reported) for moment in moments.values())


def test_a_window_that_ended_while_its_run_delivered_is_not_done(instance: dg.DagsterInstance) -> None:
    """Dagster gets it now, long after its end; but it was read before."""
    key, day = dg.AssetKey("half_read"), datetime(2026, 3, 2, tzinfo=UTC)
    config = profiles_import(updated_on={"column": "U"}, start="2026-03-01", window="day")
    materialize(instance, key, "2026-03-01", day)
    materialize(instance, key, "2026-03-02", day + timedelta(hours=23))
    now = day + timedelta(days=1, hours=5)
    assert undone_ranges(instance, config, key, now) == [KeyRange("2026-03-02", "2026-03-03")]


def test_a_clock_that_runs_ahead_marks_nothing_as_read_in_the_future(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day ahead for the whole run; Snowflake's clock is right."""
    workshop.write("ahead")
    workshop.people([("a", "Asha", datetime.now(UTC))])
    real = time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: real() + 86_400)
        workshop.run("ahead")
    after = datetime.now(UTC).timestamp()
    made = [record.asset_materialization for record in workshop.materializations("ahead")]
    versions = [(each.tags or {})[VERSION_TAG] for each in made if each]
    assert len(versions) >= 3
    assert all(datetime.fromisoformat(each.removeprefix("read ")).timestamp() <= after for each in versions)


def test_windows_that_pass_for_read_in_the_future_are_not_done(instance: dg.DagsterInstance) -> None:
    """The clock ran ahead, and was set back after the run."""
    key, now = dg.AssetKey("of_the_future"), datetime.now(UTC)
    config = profiles_import(updated_on={"column": "U"}, start=now.date() - timedelta(days=1), window="day")
    yesterday, today = keys_until(config, now)
    materialize(instance, key, yesterday, now)
    materialize(instance, key, today, now + timedelta(days=3))
    tomorrow = now + timedelta(days=1)
    assert [keys.first for keys in undone_ranges(instance, config, key, tomorrow)] == [today]


@given(st.lists(st.floats(0, 4e9), min_size=1))
def test_the_earliest_of_several_clocks_counts(clocks: list[float]) -> None:
    read_at = datetime.fromisoformat(str(reading_version(*clocks).value).removeprefix("read ")).timestamp()
    assert all(read_at <= clock for clock in clocks)
    assert min(clocks) - read_at < 1


def test_the_last_run_of_a_window_counts_whatever_made_it(instance: dg.DagsterInstance) -> None:
    key, day = dg.AssetKey("by_hand"), datetime(2026, 3, 1, tzinfo=UTC)
    config = profiles_import(updated_on={"column": "U"}, start="2026-03-01", window="day")
    materialize(instance, key, "2026-03-01", day)
    instance.report_runless_asset_event(dg.AssetMaterialization(key, partition="2026-03-01"))
    assert undone_ranges(instance, config, key, day + timedelta(days=1)) == [
        KeyRange("2026-03-02", "2026-03-02")
    ]


def test_a_year_of_windows_that_are_done_is_reported_quickly(instance: dg.DagsterInstance) -> None:
    now = datetime(2026, 11, 23, 16, 7, tzinfo=UTC)
    key = dg.AssetKey("a_year")
    config = profiles_import(updated_on={"column": "U"}, start="2025-11-23", window="15 minutes")
    keys = keys_until(config, now)
    assert len(keys) > 35_040
    fill(instance, key, config, keys[:-2])
    found: list[KeyRange] = []
    calls = calls_of(lambda: found.extend(undone_ranges(instance, config, key, now)))
    sys.stdout.write(f"{calls / len(keys):.1f} calls for a window\n")
    assert calls < CALLS_OF_A_WINDOW * len(keys)
    assert found == [KeyRange(keys[-2], keys[-1])]


def fill(instance: dg.DagsterInstance, key: dg.AssetKey, config: ImportConfig, keys: list[str]) -> None:
    """Each of `keys` materialized at its end: one event reported to Dagster, and its rows copied in bulk."""
    ends = [
        datetime.fromisoformat("2025-11-23T00:15+00:00") + n * GRIDS["15 minutes"] for n in range(len(keys))
    ]
    materialize(instance, key, keys[0], ends[0])
    event, tag = SqlEventLogStorageTable, AssetEventTagsTable
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        known = sa.select(event).where(event.c.asset_key == key.to_string())
        row = dict(connection.execute(known).mappings().one())
        named = sa.select(tag).where(tag.c.event_id == row.pop("id"))
        tag_row = {
            name: value for name, value in connection.execute(named).mappings().one().items() if name != "id"
        }
        copies = [{**row, "partition": other} for other in keys[1:]]
        connection.execute(sa.insert(event), copies)
        ids = sa.select(event.c.partition, event.c.id).where(event.c.asset_key == key.to_string())
        numbers = {row.partition: row.id for row in connection.execute(ids)}
        versions = [
            {**tag_row, "event_id": numbers[other], "value": reading_version(end.timestamp()).value}
            for other, end in zip(keys[1:], ends[1:], strict=True)
        ]
        connection.execute(sa.insert(tag), versions)
