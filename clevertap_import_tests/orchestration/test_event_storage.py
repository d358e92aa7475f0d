"""Dagster's history of a run of many windows, written together: as Dagster writes it, in few transactions."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from clevertap_import.orchestration.event_storage import BatchingSqliteStorage
from clevertap_import.orchestration.instance import open_instance
from clevertap_import_tests.testing.full_disk import fill_disk
from clevertap_import_tests.testing.workshop import DAGSTER_YAML, migrated_home

HOURS = dg.HourlyPartitionsDefinition("2026-01-01-00:00", end_date="2026-02-01-00:00")
KEYS = HOURS.get_partition_keys()
KEY = dg.AssetKey("hours")
TAG = "dagster/data_version"


@dg.asset(name="hours", partitions_def=HOURS, backfill_policy=dg.BackfillPolicy.single_run())
def hours() -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult(metadata={"rows": 7}, data_version=dg.DataVersion("read it"))


@dg.asset_check(asset="hours")
def is_well() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@contextmanager
def instance_in(folder: Path, *, batching: bool) -> Iterator[dg.DagsterInstance]:
    shutil.copytree(migrated_home(), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder))
        if batching:
            patch.setenv("DAGSTER_EVENT_BATCH_SIZE", "8")
        else:
            patch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)
        with open_instance() if batching else dg.DagsterInstance.get() as instance:
            yield instance


def run_range(instance: dg.DagsterInstance, first: str, last: str, *, succeeds: bool = True) -> str:
    job = dg.define_asset_job("job", selection="*", executor_def=dg.in_process_executor)
    found = dg.Definitions(assets=[hours], asset_checks=[is_well], jobs=[job]).resolve_job_def("job")
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    result = found.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    assert result.success == succeeds
    return result.run_id


def recorded(instance: dg.DagsterInstance, run_id: str) -> dict[str, object]:
    """All that our code and the UI ask of a run's history, without times and ids."""
    storage, kind = instance.event_log_storage, dg.DagsterEventType.ASSET_MATERIALIZATION
    (record,) = instance.get_asset_records([KEY])
    latest = record.asset_entry.last_materialization_record
    pages = instance.fetch_materializations(KEY, limit=100, ascending=True).records
    check = dg.AssetCheckKey(KEY, "is_well")
    executions = instance.event_log_storage.get_asset_check_execution_history(check, limit=2000)
    return {
        "events of the run": sorted(
            (str(entry.dagster_event_type), str(entry.get_dagster_event().partition))
            for entry in instance.all_logs(run_id)
            if entry.is_dagster_event
        ),
        "tags": storage.get_latest_tags_by_partition(KEY, kind, [TAG]),
        "order": [
            partition
            for partition, _ in sorted(
                storage.get_latest_storage_id_by_partition(KEY, kind).items(), key=lambda pair: pair[1]
            )
        ],
        "materialized": storage.get_materialized_partitions(KEY),
        "last": (latest.partition_key if latest else None, record.asset_entry.last_run_id == run_id),
        "metadata": [each.asset_materialization.metadata for each in pages if each.asset_materialization],
        "checks": sorted((each.status.value, str(each.partition)) for each in executions),
    }


def test_a_range_is_reported_as_by_dagsters_own_storage(tmp_path: Path) -> None:
    found = []
    for batching in (False, True):
        with instance_in(tmp_path / f"{batching}", batching=batching) as instance:
            run_range(instance, KEYS[0], KEYS[20])
            found.append(recorded(instance, run_range(instance, KEYS[15], KEYS[24])))
    for name, theirs in found[0].items():
        assert found[1][name] == theirs, name


def test_a_home_that_dagster_has_written_is_read_and_written_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with instance_in(home, batching=False) as instance:
        run_range(instance, KEYS[0], KEYS[2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        with open_instance() as instance:
            run_range(instance, KEYS[3], KEYS[5])
        with dg.DagsterInstance.get() as instance:
            assert instance.get_materialized_partitions(KEY) == set(KEYS[:6])


def test_windows_that_the_index_does_not_take_are_not_left_in_the_run(tmp_path: Path) -> None:
    """Dagster repeats them one by one: as many are left as its own storage leaves of one that fails."""
    left = []
    for batching in (False, True):
        home = tmp_path / f"{batching}"
        with instance_in(home, batching=batching) as instance:
            fill_disk(home, "ASSET_MATERIALIZATION")
            run_id = run_range(instance, KEYS[0], KEYS[7], succeeds=False)
            left.append(len(instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)))
            assert not instance.get_materialized_partitions(KEY)
    assert left == [1, 1]


def transactions(folder: Path, *, batching: bool, windows: int) -> int:
    commits: list[object] = []

    def note(connection: object) -> None:
        commits.append(connection)

    with instance_in(folder, batching=batching) as instance:
        sa.event.listen(sa.Engine, "commit", note)
        try:
            run_range(instance, KEYS[0], KEYS[windows - 1])
        finally:
            sa.event.remove(sa.Engine, "commit", note)
    return len(commits)


def test_a_window_costs_no_transaction_of_its_own(tmp_path: Path) -> None:
    few = transactions(tmp_path / "few", batching=True, windows=8)
    assert transactions(tmp_path / "many", batching=True, windows=48) <= few + 10 * 2 * 5
    assert transactions(tmp_path / "dagster", batching=False, windows=48) >= few + 40 * 2 * 2


def test_other_storages_are_left_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = (
        "run_storage: {module: dagster._core.storage.runs, class: SqliteRunStorage,"
        f" config: {{base_dir: {tmp_path}/r}}}}\n"
    )
    (tmp_path / "dagster.yaml").write_text(DAGSTER_YAML + storage)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with open_instance() as instance:
        data = instance.get_ref().storage_data
        assert data
        assert data.class_name != BatchingSqliteStorage.__name__
