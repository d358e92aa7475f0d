"""Runs whose machine or code server went down: found by their locks, and never a living one."""

import json
import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster import DagsterEvent, DagsterEventType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clevertap_import.journal.import_lock import run_lock
from clevertap_import.journal.locks import NamedLocks, open_locks
from clevertap_import.orchestration.automation import wanted_runs
from clevertap_import.orchestration.dead_runs import PROCESS_TAG, clear_dead_runs
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.run_history import NICKNAME_TAG
from clevertap_import.orchestration.sensors import killed_runs_sensor
from clevertap_import_tests.testing.dagster_internals import create_run_for_test
from clevertap_import_tests.testing.requested_runs import NOON, STARTED, enter, requested, scheduled_import

LOOK = timedelta(seconds=30)


def later(seconds: float = 61) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def begun(instance: dg.DagsterInstance, **keys: object) -> tuple[str, str]:
    """An import's name, and its run, that has begun just now."""
    nickname = f"i{secrets.token_hex(4)}"
    run = create_run_for_test(instance, tags={NICKNAME_TAG: nickname}, status=STARTED, **keys)  # type: ignore[arg-type]
    return nickname, run.run_id


@dataclass
class Elsewhere:
    """The process of a run on another machine: it holds the run's lock, or is dead."""

    nickname: str
    run_id: str
    locks: NamedLocks
    scope: ExitStack = field(default_factory=ExitStack)

    def live(self, lives: bool) -> None:
        self.scope.close()
        if lives:
            self.scope.enter_context(run_lock(self.locks, self.run_id, self.nickname))


@contextmanager
def elsewhere(nickname: str, run_id: str) -> Iterator[Elsewhere]:
    with open_journal() as journal, open_locks(journal.engine) as locks:
        run = Elsewhere(nickname, run_id, locks)
        with run.scope:
            yield run


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run
    return run.status


@given(looks=st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=2, max_size=8))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_run_is_dead_when_its_lock_was_missed_for_30_seconds_of_looks(
    instance: dg.DagsterInstance, looks: list[tuple[int, bool]]
) -> None:
    """Looks at any times; the run has its lock each time, or has not."""
    nickname, run_id = begun(instance)
    now, since = later(), None
    with elsewhere(nickname, run_id) as run:
        for seconds, lives in looks:
            now += timedelta(seconds=seconds)
            run.live(lives)
            since = None if lives else since or now
            is_dead = since is not None and now - since >= LOOK
            assert clear_dead_runs(instance, [nickname], now) == ([run_id] if is_dead else [])
            assert status(instance, run_id) == (dg.DagsterRunStatus.FAILURE if is_dead else STARTED)
            if is_dead:
                break


def test_a_run_that_began_within_the_minute_needs_no_lock_yet(instance: dg.DagsterInstance) -> None:
    nickname, run_id = begun(instance)
    for seconds in (-100, 0, 29, 58):
        assert clear_dead_runs(instance, [nickname], later(seconds)) == []
    assert status(instance, run_id) == STARTED


def test_a_clock_that_is_set_back_begins_the_time_anew(instance: dg.DagsterInstance) -> None:
    nickname, run_id = begun(instance)
    for seconds in (10_000, 65, 94):
        assert clear_dead_runs(instance, [nickname], later(seconds)) == []
    assert clear_dead_runs(instance, [nickname], later(97)) == [run_id]


def test_dry_runs_are_left_alone(instance: dg.DagsterInstance) -> None:
    check = dg.AssetCheckKey(asset_key("any"), "query")
    nickname, run_id = begun(instance, asset_check_selection=frozenset([check]))
    for now in (later(), later(200)):
        assert clear_dead_runs(instance, [nickname], now) == []
    assert status(instance, run_id) == STARTED


def test_runs_of_other_imports_are_left_alone(instance: dg.DagsterInstance) -> None:
    """They may be of another code location, with another journal."""
    (nickname, _), (_, other) = begun(instance), begun(instance)
    for now in (later(), later(200)):
        clear_dead_runs(instance, [nickname], now)
        assert clear_dead_runs(instance, [], now) == []
    assert status(instance, other) == STARTED


@pytest.mark.parametrize("first", [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING])
def test_a_run_that_has_not_begun_has_no_lock(
    instance: dg.DagsterInstance, first: dg.DagsterRunStatus
) -> None:
    config = scheduled_import("manual")
    (run,) = enter(instance, config, [dg.RunRequest()], first)
    for now in (later(), later(200)):
        assert clear_dead_runs(instance, [config.nickname], now) == []
    assert status(instance, run) == first


def date_back(instance: dg.DagsterInstance, run_id: str) -> None:
    """Let the run have begun minutes ago."""
    event = DagsterEvent(DagsterEventType.RUN_START.value, "j")
    instance.run_storage.handle_run_event(run_id, event, later(-300))


def test_looks_of_different_hosts_are_not_compared(instance: dg.DagsterInstance) -> None:
    """Their clocks may differ by more than the time between the looks."""
    nickname, run_id = begun(instance)
    key = f"clevertap_import/missed/{nickname}"
    other = json.dumps({run_id: [later(0).timestamp(), "another host"]})
    instance.daemon_cursor_storage.set_cursor_values({key: other})
    assert clear_dead_runs(instance, [nickname], later(100)) == []
    assert clear_dead_runs(instance, [nickname], later(131)) == [run_id]


def test_a_tick_asks_again_for_the_windows_of_a_run_whose_machine_went_down(
    instance: dg.DagsterInstance,
) -> None:
    """The tick's own moment does not matter: a schedule may evaluate an old one."""
    config = scheduled_import("manual")
    tick = wanted_runs(instance, config, NOON, NOON)
    (run_id,) = enter(instance, config, tick, STARTED)
    date_back(instance, run_id)
    for moment in (NOON, NOON + timedelta(hours=1)):
        assert requested(wanted_runs(instance, config, moment, moment)) == []
    clear_dead_runs(instance, [config.nickname], later(-60))
    assert requested(wanted_runs(instance, config, NOON, NOON)) == requested(tick)


def test_a_sensor_finds_killed_runs_of_imports_that_have_no_ticks(instance: dg.DagsterInstance) -> None:
    config = scheduled_import("manual")
    sensor = killed_runs_sensor("killed_runs", [config])
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    (run_id,) = enter(instance, config, [dg.RunRequest()], STARTED)
    date_back(instance, run_id)
    assert looked(sensor, instance) == "No run is dead."
    clear_dead_runs(instance, [config.nickname], later(-60))
    assert looked(sensor, instance) == f"Marked as failed, as they were killed: {run_id[:8]}."


def looked(sensor: dg.SensorDefinition, instance: dg.DagsterInstance) -> str | None:
    found = sensor(dg.build_sensor_context(instance=instance))
    assert isinstance(found, dg.SkipReason)
    return found.skip_message


def test_a_run_that_is_executed_again_is_not_judged_by_the_process_of_the_first(
    instance: dg.DagsterInstance,
) -> None:
    """It has the tags of the run that it repeats; the command that ran that one has long ended."""
    dead = {PROCESS_TAG: f"{socket.gethostname()}:999999999"}
    first = create_run_for_test(instance, tags=dead, status=STARTED)
    again = create_run_for_test(
        instance,
        tags={**dead, "dagster/parent_run_id": first.run_id, "dagster/root_run_id": first.run_id},
        status=STARTED,
        parent_run_id=first.run_id,
        root_run_id=first.run_id,
    )
    assert first.run_id in clear_dead_runs(instance, [], later())
    assert status(instance, first.run_id) == dg.DagsterRunStatus.FAILURE
    assert status(instance, again.run_id) == STARTED
