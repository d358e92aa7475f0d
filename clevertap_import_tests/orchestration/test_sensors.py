"""Sensors: the first run of an interval, a single moment, upstream assets; `now` is the test's own."""

import json
from datetime import datetime, timedelta

import dagster as dg
import pytest

from clevertap_import.orchestration.partitions import KeyRange, range_tags
from clevertap_import.orchestration.schedule_state import switch
from clevertap_import.orchestration.sensors import (
    FIRST_RUNS_A_LOOK,
    first_runs,
    first_runs_sensor,
    has_run_for,
    import_sensor,
    look_once,
    look_upstream,
)
from clevertap_import_tests.testing.requested_runs import (
    NOON,
    QUEUED,
    STARTED,
    end,
    enter,
    materialize,
    reason,
    requested,
    scheduled_import,
)

WHOLE = [KeyRange("2026-03-02", "2026-03-05")]
HOUR = timedelta(hours=1)


def test_an_interval_begins_at_once_and_only_once(instance: dg.DagsterInstance) -> None:
    config = scheduled_import("every", every="52 weeks")
    tick, cursor = first_runs(instance, [config], NOON, None)
    assert requested(tick) == WHOLE
    assert json.loads(cursor) == [config.nickname]
    (run,) = enter(instance, config, tick, STARTED)
    assert (
        reason(first_runs(instance, [config], NOON + HOUR, cursor)[0]) == "No import waits for its first run."
    )
    # Also if the cursor is lost, and if the run has failed: the next due tick is the schedule's.
    end(instance, run)
    assert requested(first_runs(instance, [config], NOON + HOUR, None)[0]) == []


def test_an_interval_that_is_switched_off_begins_when_it_is_resumed(instance: dg.DagsterInstance) -> None:
    config = scheduled_import("every", every="1 day", active=False)
    tick, cursor = first_runs(instance, [config], NOON, None)
    assert requested(tick) == []
    switch(instance, config, set(), on=True)
    assert requested(first_runs(instance, [config], NOON, cursor)[0]) == WHOLE


def test_an_interval_waits_for_a_run_that_waits(instance: dg.DagsterInstance) -> None:
    config = scheduled_import("every", every="1 day")
    (run,) = enter(instance, config, [dg.RunRequest()], QUEUED)
    tick, cursor = first_runs(instance, [config], NOON, None)
    assert (requested(tick), json.loads(cursor)) == ([], [])
    end(instance, run)
    assert requested(first_runs(instance, [config], NOON, cursor)[0]) == WHOLE


def test_many_first_runs_are_spread_over_several_looks(instance: dg.DagsterInstance) -> None:
    """Dagster gives up a look that takes longer than a minute."""
    configs = [scheduled_import("every", every="1 day") for _ in range(FIRST_RUNS_A_LOOK + 5)]
    tick, cursor = first_runs(instance, configs, NOON, None)
    assert len(requested(tick)) == FIRST_RUNS_A_LOOK
    rest, cursor = first_runs(instance, configs, NOON, cursor)
    assert len(requested(rest)) == 5
    assert sorted(json.loads(cursor)) == sorted(config.nickname for config in configs)


def test_the_runs_of_one_look_have_keys_of_their_own(instance: dg.DagsterInstance) -> None:
    """Dagster starts one run for a key of a sensor, and passes the others over as done."""
    windowed = [scheduled_import("every", every="1 day") for _ in range(2)]
    whole = [each.model_copy(update={"updated_on": None}) for each in windowed]
    for configs in (windowed, whole):
        tick, _ = first_runs(instance, configs, NOON, None)
        assert not isinstance(tick, dg.SkipReason)
        assert len({request.run_key for request in tick}) == len(tick) == 2


def test_there_is_a_sensor_for_first_runs_only_where_an_interval_is() -> None:
    assert first_runs_sensor("first_runs", [scheduled_import("manual")], []) is None


def test_a_moment_is_waited_for_and_then_taken_once(instance: dg.DagsterInstance) -> None:
    config = scheduled_import("once", at="2026-03-05T12:00:00")
    early, cursor = look_once(instance, config, NOON - HOUR, None)
    assert (reason(early), cursor) == ("It will run at 2026-03-05 12:00 UTC.", None)
    tick, cursor = look_once(instance, config, NOON, cursor)
    assert requested(tick) == WHOLE
    enter(instance, config, tick, STARTED)
    for remembered in (cursor, None):
        again, after = look_once(instance, config, NOON + HOUR, remembered)
        assert (reason(again), after) == ("It has run for 2026-03-05 12:00 UTC.", cursor)


def test_a_moment_that_was_missed_is_made_good_late(instance: dg.DagsterInstance) -> None:
    config = scheduled_import("once", at="2026-03-03T12:00:00", timezone="Asia/Kolkata")
    tick, cursor = look_once(instance, config, NOON, None)
    assert requested(tick) == WHOLE
    assert cursor == "2026-03-03T06:30:00+00:00"


def test_another_moment_in_the_yaml_is_another_run(instance: dg.DagsterInstance) -> None:
    config = scheduled_import("once", at="2026-03-03T12:00:00")
    tick, cursor = look_once(instance, config, NOON, None)
    (run,) = enter(instance, config, tick, STARTED)
    end(instance, run)
    moved = config.model_copy(
        update={"schedule": config.schedule.model_copy(update={"at": datetime(2026, 3, 5, 11)})}  # noqa: DTZ001
    )
    assert requested(look_once(instance, moved, NOON, cursor)[0]) == WHOLE
    assert has_run_for(instance, config, NOON.replace(day=3))


def test_a_moment_that_meets_a_waiting_run_is_not_lost(instance: dg.DagsterInstance) -> None:
    config = scheduled_import("once", at="2026-03-05T12:00:00")
    (run,) = enter(instance, config, [dg.RunRequest()], QUEUED)
    tick, cursor = look_once(instance, config, NOON, None)
    assert (requested(tick), cursor) == ([], None)
    end(instance, run)
    assert requested(look_once(instance, config, NOON + HOUR, cursor)[0]) == WHOLE


@pytest.mark.parametrize("status", [STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING])
def test_a_moment_that_meets_a_run_under_way_is_taken_after_it(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    """That run may have a limit, or fail; its windows must not be passed over for good."""
    config = scheduled_import("once", at="2026-03-05T12:00:00")
    tags = range_tags(WHOLE[0])
    (run,) = enter(instance, config, [dg.RunRequest(tags=tags)], status)
    tick, cursor = look_once(instance, config, NOON, None)
    assert reason(tick) == f"Run {run[:8]} of this import is under way; this one starts after it."
    assert cursor is None
    end(instance, run)
    assert requested(look_once(instance, config, NOON + HOUR, cursor)[0]) == WHOLE


@pytest.fixture
def upstream() -> tuple[str, str]:
    """The names of two assets of this test's own."""
    return scheduled_import("manual").nickname, scheduled_import("manual").nickname


def make(instance: dg.DagsterInstance, name: str) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(name))


def test_new_data_upstream_starts_the_import_once(
    instance: dg.DagsterInstance, upstream: tuple[str, str]
) -> None:
    config = scheduled_import("after", assets=list(upstream))
    nothing, cursor = look_upstream(instance, config, NOON, None)
    assert (reason(nothing), cursor) == ("No upstream asset has new data.", None)
    make(instance, upstream[0])
    tick, cursor = look_upstream(instance, config, NOON, cursor)
    assert requested(tick) == WHOLE
    assert reason(look_upstream(instance, config, NOON, cursor)[0]) == "No upstream asset has new data."
    make(instance, upstream[1])
    make(instance, upstream[0])
    tick, cursor = look_upstream(instance, config, NOON, cursor)
    assert requested(tick) == WHOLE
    assert requested(look_upstream(instance, config, NOON, cursor)[0]) == []


def test_data_from_before_the_imports_own_last_run_is_not_new(
    instance: dg.DagsterInstance, upstream: tuple[str, str]
) -> None:
    config = scheduled_import("after", assets=list(upstream))
    make(instance, upstream[0])
    materialize(instance, config, "2026-03-02")
    assert requested(look_upstream(instance, config, NOON, None)[0]) == []
    make(instance, upstream[0])
    assert requested(look_upstream(instance, config, NOON, None)[0]) == [KeyRange("2026-03-03", "2026-03-05")]


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_that_makes_several_of_the_assets_starts_the_import_once(
    instance: dg.DagsterInstance, upstream: tuple[str, str], fails: bool
) -> None:
    """While the second is being made the first alone starts nothing; if the second fails, the first does."""
    config = scheduled_import("after", assets=list(upstream))
    meanwhile: list[str | None] = []

    @dg.asset(name=upstream[0])
    def first() -> None: ...

    @dg.asset(name=upstream[1], deps=[upstream[0]])
    def second() -> None:
        meanwhile.append(reason(look_upstream(instance, config, NOON, None)[0]))
        if fails:
            raise dg.Failure("Of no use")

    dg.materialize([first, second], instance=instance, raise_on_error=False)
    assert meanwhile == [f"{upstream[1]} is being made; the import starts after it."]
    tick, cursor = look_upstream(instance, config, NOON, None)
    assert requested(tick) == WHOLE
    assert requested(look_upstream(instance, config, NOON, cursor)[0]) == []


def test_while_an_upstream_run_waits_to_be_imported_its_data_stays_new(
    instance: dg.DagsterInstance, upstream: tuple[str, str]
) -> None:
    config = scheduled_import("after", assets=[upstream[0]])
    make(instance, upstream[0])
    (run,) = enter(instance, config, [dg.RunRequest()], QUEUED)
    tick, cursor = look_upstream(instance, config, NOON, None)
    assert (requested(tick), cursor) == ([], None)
    end(instance, run)
    assert requested(look_upstream(instance, config, NOON, cursor)[0]) == WHOLE


@pytest.mark.parametrize("kind", ["manual", "weekly"])
def test_other_kinds_have_no_sensor(kind: str) -> None:
    keys = {"at": [{"day": "monday", "time": "10:00"}]} if kind == "weekly" else {}
    assert import_sensor(scheduled_import(kind, **keys)) is None
