"""Ticks while runs are under way: never two at once, never two waiting, never a due moment forgotten."""

from datetime import timedelta

import dagster as dg
import pytest

from clevertap_import.orchestration.automation import scheduled, wanted_runs
from clevertap_import.orchestration.dead_runs import process_tags
from clevertap_import.orchestration.partitions import KeyRange
from clevertap_import.orchestration.run_history import NICKNAME_TAG
from clevertap_import_tests.testing.dagster_internals import create_run_for_test
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

DAY = timedelta(days=1)


def test_during_a_run_a_tick_asks_for_the_windows_since_and_a_second_tick_for_none(
    instance: dg.DagsterInstance,
) -> None:
    config = scheduled_import("weekly", at=[{"day": "monday", "time": "10:00"}])
    enter(instance, config, scheduled(instance, config, NOON), STARTED)
    second = scheduled(instance, config, NOON + DAY)
    # The run under way began on the 6th at the latest: the 5th was not over when it was asked for.
    assert requested(second) == [KeyRange("2026-03-06", "2026-03-06")]
    (waiting,) = enter(instance, config, second, QUEUED)
    third = scheduled(instance, config, NOON + 2 * DAY)
    assert reason(third) == (
        f"Run {waiting[:8]} of this import waits already; the next tick takes what is left."
    )


def test_without_a_queue_a_second_run_under_way_counts_as_waiting(instance: dg.DagsterInstance) -> None:
    config = scheduled_import("weekly", at=[{"day": "monday", "time": "10:00"}])
    for hours in (0, 24):
        enter(instance, config, scheduled(instance, config, NOON + timedelta(hours=hours)), STARTED)
    assert "waits already" in str(reason(scheduled(instance, config, NOON + 2 * DAY)))


def test_windows_of_a_run_that_failed_are_asked_for_by_the_next_tick(instance: dg.DagsterInstance) -> None:
    config = scheduled_import("weekly", at=[{"day": "monday", "time": "10:00"}])
    (run,) = enter(instance, config, scheduled(instance, config, NOON), STARTED)
    end(instance, run)
    assert requested(scheduled(instance, config, NOON + DAY)) == [KeyRange("2026-03-02", "2026-03-06")]


def test_the_windows_of_a_killed_process_are_asked_for_at_once(instance: dg.DagsterInstance) -> None:
    """A run that a command started, whose process is gone: nobody else would ever end it."""
    config = scheduled_import("weekly", at=[{"day": "monday", "time": "10:00"}])
    tick = scheduled(instance, config, NOON)
    (run,) = enter(instance, config, tick, STARTED)
    host = process_tags()["clevertap/process"].partition(":")[0]
    instance.add_run_tags(run, {"clevertap/process": f"{host}:999999999"})
    assert requested(scheduled(instance, config, NOON)) == requested(tick)


def test_runs_of_other_imports_do_not_matter(instance: dg.DagsterInstance) -> None:
    other, config = scheduled_import("manual"), scheduled_import("manual")
    enter(instance, other, wanted_runs(instance, other, NOON, NOON), QUEUED)
    assert requested(wanted_runs(instance, config, NOON, NOON)) == [KeyRange("2026-03-02", "2026-03-05")]


def test_a_due_moment_is_made_good_at_the_first_tick_after_a_standstill(
    instance: dg.DagsterInstance,
) -> None:
    """Every 4 weeks: the daemon was down on the day that was due, and evaluates a tick of a later day."""
    config = scheduled_import("every", every="4 weeks")
    (first,) = enter(instance, config, scheduled(instance, config, NOON.replace(hour=0)), STARTED)
    end(instance, first)
    materialize(instance, config, "2026-03-02")
    due = NOON.replace(month=3, day=30, hour=0)
    assert reason(scheduled(instance, config, due - DAY))
    (late,) = enter(instance, config, scheduled(instance, config, due + 2 * DAY), STARTED)
    end(instance, late)
    assert reason(scheduled(instance, config, due + 3 * DAY)) == (
        "Every 4 weeks, counted from 2026-03-02: nothing is due at this tick."
    )


def test_an_old_run_that_is_executed_again_makes_no_tick_due(instance: dg.DagsterInstance) -> None:
    """It has the tags of the old run, and is the newest run of the import."""
    config = scheduled_import("every", every="6 hours")
    for hours in (0, 6):
        (run,) = enter(instance, config, scheduled(instance, config, NOON + timedelta(hours=hours)), STARTED)
        end(instance, run)
        materialize(instance, config, "2026-03-05")
    old = instance.get_runs(dg.RunsFilter(tags={NICKNAME_TAG: config.nickname}))[-1]
    again = create_run_for_test(
        instance, tags=old.tags, status=STARTED, parent_run_id=old.run_id, root_run_id=old.run_id
    )
    end(instance, again.run_id)
    assert "nothing is due" in str(reason(scheduled(instance, config, NOON + timedelta(hours=7))))


def test_an_import_that_has_not_succeeded_yet_is_tried_at_every_tick_at_which_it_rests(
    instance: dg.DagsterInstance,
) -> None:
    config = scheduled_import("every", every="4 weeks")
    (run,) = enter(instance, config, scheduled(instance, config, NOON), STARTED)
    assert reason(scheduled(instance, config, NOON + DAY))
    end(instance, run)
    assert requested(scheduled(instance, config, NOON + DAY)) == [KeyRange("2026-03-02", "2026-03-06")]


@pytest.mark.parametrize("kind", ["weekly", "every"])
def test_a_request_says_what_it_is_for(instance: dg.DagsterInstance, kind: str) -> None:
    keys = {"every": "6 hours"} if kind == "every" else {"at": [{"day": "monday", "time": "10:00"}]}
    config = scheduled_import(kind, **keys)
    tick = scheduled(instance, config, NOON)
    assert isinstance(tick, list)
    (request,) = tick
    assert request.job_name == f"import_{config.nickname}"
    assert request.run_key == f"{config.nickname} 2026-03-05T12:00:00+00:00 2026-03-02"
    assert request.tags == {
        "clevertap/trigger": kind,
        "clevertap/tick": "2026-03-05T12:00:00+00:00",
        "dagster/asset_partition_range_start": "2026-03-02",
        "dagster/asset_partition_range_end": "2026-03-05",
    }
    assert NICKNAME_TAG not in request.tags  # it is the job's own
