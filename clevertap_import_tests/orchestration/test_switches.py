"""Switching what starts an import, where no daemon has been yet, and the status that the listing gives."""

import dagster as dg
import pytest

from clevertap_import.config.model import ImportConfig
from clevertap_import.orchestration.automation import scheduled, wanted_runs
from clevertap_import.orchestration.import_states import waiting_status
from clevertap_import.orchestration.schedule_state import NothingToSwitch, stop, switch, switches
from clevertap_import_tests.testing.dagster_internals import InstigatorStatus
from clevertap_import_tests.testing.requested_runs import (
    NOON,
    QUEUED,
    STARTED,
    end,
    enter,
    requested,
    scheduled_import,
)

KINDS: dict[str, dict[str, object]] = {
    "every": {"every": "6 hours"},
    "weekly": {"at": [{"day": "monday", "time": "10:00"}]},
    "monthly": {"at": [{"day": "last", "time": "10:00"}]},
    "once": {"at": "2026-12-01T09:00:00"},
    "after": {"assets": ["dbt/customers"]},
    "change": {},
}


def status(instance: dg.DagsterInstance, config: ImportConfig) -> str:
    return waiting_status(instance, config, switches(instance))


@pytest.mark.parametrize("kind", KINDS)
def test_an_import_is_paused_resumed_and_stopped(instance: dg.DagsterInstance, kind: str) -> None:
    config = scheduled_import(kind, **KINDS[kind])
    assert status(instance, config) == "Scheduled"
    switch(instance, config, set(), on=False)
    assert status(instance, config) == "Paused"
    switch(instance, config, set(), on=True)
    assert status(instance, config) == "Scheduled"
    stop(instance, config, set())
    assert status(instance, config) == "Stopped"
    switch(instance, config, set(), on=False)
    assert status(instance, config) == "Paused"


@pytest.mark.parametrize("kind", KINDS)
def test_an_import_that_waits_to_be_started_is_paused(instance: dg.DagsterInstance, kind: str) -> None:
    config = scheduled_import(kind, active=False, **KINDS[kind])
    assert status(instance, config) == "Paused"
    switch(instance, config, set(), on=True)
    assert status(instance, config) == "Scheduled"


def test_in_an_instance_in_memory_the_yaml_says_whether_an_import_is_on() -> None:
    """It stores no switches; runs of notebooks and of tests have such an instance."""
    with dg.DagsterInstance.ephemeral() as memory:
        assert status(memory, scheduled_import("every", **KINDS["every"])) == "Scheduled"


def test_a_manual_import_is_ready_and_has_nothing_to_switch(instance: dg.DagsterInstance) -> None:
    config = scheduled_import("manual")
    assert status(instance, config) == "Ready"
    with pytest.raises(NothingToSwitch) as caught:
        switch(instance, config, set(), on=False)
    assert str(caught.value) == (
        f"{config.nickname!r} has no schedule to switch: its kind is manual, so it runs only when asked to."
    )


def test_an_import_that_ran_at_its_only_moment_is_ready(instance: dg.DagsterInstance) -> None:
    config = scheduled_import("once", at="2026-03-05T12:00:00")
    (run,) = enter(instance, config, wanted_runs(instance, config, NOON, NOON), STARTED)
    end(instance, run)
    assert status(instance, config) == "Ready"


def test_a_switch_is_where_dagster_has_the_others_of_the_folder(instance: dg.DagsterInstance) -> None:
    """In the code location that the daemon has loaded; its name does not matter."""
    known, config = scheduled_import("every", every="1 day"), scheduled_import("every", every="1 day")
    switch(instance, known, set(), on=True)
    (state,) = [each for each in instance.all_instigator_state() if each.name == f"{known.nickname}_schedule"]
    elsewhere = state.origin.repository_origin.code_location_origin.location_name
    switch(instance, config, {f"{known.nickname}_schedule"}, on=False)
    (found,) = [
        each for each in instance.all_instigator_state() if each.name == f"{config.nickname}_schedule"
    ]
    assert found.origin.repository_origin.code_location_origin.location_name == elsewhere
    assert found.status == InstigatorStatus.STOPPED


def test_stopping_cancels_what_waits_and_leaves_what_runs(instance: dg.DagsterInstance) -> None:
    config = scheduled_import("weekly", **KINDS["weekly"])
    (running,) = enter(instance, config, scheduled(instance, config, NOON), STARTED)
    (by_hand,) = enter(instance, config, [dg.RunRequest()], QUEUED)
    end(instance, by_hand)
    later = NOON.replace(day=7)
    assert requested(scheduled(instance, config, later))
    (waiting,) = enter(instance, config, scheduled(instance, config, later), QUEUED)
    stop(instance, config, set())
    ended = {run_id: run.status for run_id in (running, waiting) if (run := instance.get_run_by_id(run_id))}
    assert ended == {running: STARTED, waiting: dg.DagsterRunStatus.CANCELED}
