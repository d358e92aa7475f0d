"""Schedules of `every`: the first run at once, then at due ticks, always for everything that is not done."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from clevertap_import.config.model import ImportConfig
from clevertap_import.orchestration.automation import import_schedule
from clevertap_import_tests.testing.builders import profiles_import
from clevertap_import_tests.testing.workshop import dagster_home

ASSET = dg.AssetKey(["clevertap", "import_under_test"])
START = date(2026, 3, 2)
MIDNIGHT = datetime(2026, 3, 5, tzinfo=UTC)


@pytest.fixture
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dagster_home(tmp_path_factory.mktemp("home")) as instance:
        yield instance


def every(interval: str, **attributes: object) -> ImportConfig:
    usual = {"updated_on": {"column": "UPDATED_AT"}, "start": START, "window": "day"}
    return profiles_import(schedule={"kind": "every", "every": interval}, **usual | attributes)


def schedule(config: ImportConfig) -> dg.ScheduleDefinition:
    found = import_schedule(config, "import_job")
    assert found
    return found


def tick(
    config: ImportConfig, instance: dg.DagsterInstance, at: datetime
) -> list[dict[str, str]] | str | None:
    """The partition ranges that are asked for, or why none is."""
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=at)
    result = schedule(config).evaluate_tick(context)
    if result.skip_message:
        return result.skip_message
    prefix = "dagster/asset_partition_range_"
    return [
        {name.removeprefix(prefix): value for name, value in request.tags.items() if name.startswith(prefix)}
        for request in result.run_requests or ()
    ]


def materialize(instance: dg.DagsterInstance, *keys: str) -> None:
    for key in keys:
        instance.report_runless_asset_event(dg.AssetMaterialization(ASSET, partition=key))


def test_the_first_tick_runs_at_once_due_or_not(instance: dg.DagsterInstance) -> None:
    config = every("1 week")
    assert tick(config, instance, MIDNIGHT + timedelta(hours=7)) == [
        {"start": "2026-03-02", "end": "2026-03-05"}
    ]


def test_after_the_first_run_only_due_ticks_run(instance: dg.DagsterInstance) -> None:
    config = every("90 minutes")
    materialize(instance, "2026-03-02")
    due = tick(config, instance, MIDNIGHT + timedelta(minutes=90))
    early = tick(config, instance, MIDNIGHT + timedelta(minutes=60))
    assert due == [{"start": "2026-03-03", "end": "2026-03-05"}]
    assert early == "Every 90 minutes, counted from 2026-03-02: nothing is due at this tick."


def test_a_tick_asks_for_each_gap_and_for_the_window_in_progress(instance: dg.DagsterInstance) -> None:
    materialize(instance, "2026-03-03")
    assert tick(every("6 hours"), instance, MIDNIGHT) == [
        {"start": "2026-03-02", "end": "2026-03-02"},
        {"start": "2026-03-04", "end": "2026-03-05"},
    ]


def test_a_full_import_is_run_whole(instance: dg.DagsterInstance) -> None:
    assert tick(every("6 hours", updated_on=None, start=None), instance, MIDNIGHT) == [{}]


@pytest.mark.parametrize(
    ("active", "status"),
    [(True, dg.DefaultScheduleStatus.RUNNING), (False, dg.DefaultScheduleStatus.STOPPED)],
)
def test_a_schedule_starts_by_itself_unless_the_import_says_otherwise(
    active: bool, status: dg.DefaultScheduleStatus
) -> None:
    config = profiles_import(schedule={"kind": "every", "every": "6 hours", "active": active})
    assert schedule(config).default_status == status


def test_the_schedule_follows_the_clock_of_its_zone() -> None:
    config = profiles_import(schedule={"kind": "every", "every": "1 day", "timezone": "Asia/Kolkata"})
    found = schedule(config)
    assert (found.name, found.execution_timezone) == ("import_under_test_schedule", "Asia/Kolkata")
    assert found.cron_schedule in (["0 0 * * *"], "0 0 * * *")


def test_a_manual_import_has_no_schedule() -> None:
    assert import_schedule(profiles_import(), "import_job") is None
