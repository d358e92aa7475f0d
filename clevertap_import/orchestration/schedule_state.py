"""Whether the schedule or sensor of an import is on: in Dagster's own storage, like a switch in its UI.

Dagster offers this only to code that has loaded the code location. Here the rows are written as Dagster
writes them, so that a command needs no code server, and works beside a running daemon.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import click
import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import ConfigError
from clevertap_import.orchestration.automation import TRIGGER_TAG
from clevertap_import.orchestration.dagster_internals import (
    SINGLETON_REPOSITORY_NAME,
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ManagedGrpcPythonEnvCodeLocationOrigin,
    ModuleTarget,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
    ScheduleInstigatorData,
    SensorInstigatorData,
    SensorType,
    WorkspaceOpts,
    workspace_opts_to_load_target,
)
from clevertap_import.orchestration.names import automation_name
from clevertap_import.orchestration.run_history import NICKNAME_TAG

DEFINITIONS = "clevertap_import.definitions"


class NothingToSwitch(ConfigError):
    """The import has a manual schedule."""


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """Whether a schedule or sensor is on. `since`: when it was switched on, or switched off by a command."""

    is_on: bool
    since: float | None


def instigator_states(instance: dg.DagsterInstance) -> Sequence[InstigatorState]:
    """The states of all schedules and sensors in Dagster's storage. An instance in memory stores none."""
    return instance.all_instigator_state() if instance.schedule_storage else []


def switches(instance: dg.DagsterInstance) -> dict[str, ScheduleState]:
    """All states in Dagster's storage, by name; on if one is on in any code location."""
    found: dict[str, ScheduleState] = {}
    for state in instigator_states(instance):
        is_on = state.is_running or (state.instigator_name in found and found[state.instigator_name].is_on)
        found[state.instigator_name] = ScheduleState(is_on, since(state))
    return found


def since(state: InstigatorState) -> float | None:
    data = state.instigator_data
    if isinstance(data, ScheduleInstigatorData):
        return data.start_timestamp
    return data.last_sensor_start_timestamp if isinstance(data, SensorInstigatorData) else None


def is_on(config: ImportConfig, found: Mapping[str, ScheduleState]) -> bool:
    """Whether the import starts by itself: by its switch or, without one, by its YAML."""
    switch = found.get(automation_name(config) or "")
    return switch.is_on if switch else config.schedule.active


def is_stopped(
    instance: dg.DagsterInstance, config: ImportConfig, found: Mapping[str, ScheduleState]
) -> bool:
    """Whether the import was switched off by `stop`, and not switched since."""
    switch = found.get(automation_name(config) or "")
    if switch is None or switch.is_on:
        return False
    key = stopped_key(config.nickname)
    return instance.daemon_cursor_storage.get_cursor_values({key}).get(key) == str(switch.since)


def stopped_key(nickname: str) -> str:
    return f"clevertap_import/stopped/{nickname}"


def switch(instance: dg.DagsterInstance, config: ImportConfig, others: Collection[str], *, on: bool) -> float:
    """Switch the schedule or sensor of the import on or off; returns the moment. An active run continues.

    `others`: the names of all schedules and sensors here. The code location of any of them is this one's too.
    """
    name = automation_name(config)
    if name is None:
        raise NothingToSwitch(
            f"{config.nickname!r} has no schedule to switch: its kind is manual,"
            " so it runs only when asked to."
        )
    now = datetime.now(UTC).timestamp()
    status = InstigatorStatus.RUNNING if on else InstigatorStatus.STOPPED
    states = instance.all_instigator_state()
    known = [state for state in states if state.instigator_name == name]
    for state in known:
        instance.update_instigator_state(
            state.with_status(status).with_data(instigator_data(config, state, now))
        )
    if not known:
        known_origins = {
            state.origin.repository_origin for state in states if state.instigator_name in others
        }
        for repository in known_origins or repositories():
            origin = RemoteInstigatorOrigin(repository, name)
            instance.add_instigator_state(
                InstigatorState(origin, kind_of(config), status, instigator_data(config, None, now))
            )
    return now


def stop(instance: dg.DagsterInstance, config: ImportConfig, others: Collection[str]) -> None:
    """Switch it off, store that it was stopped, and cancel its waiting runs."""
    moment = switch(instance, config, others, on=False)
    tags = {NICKNAME_TAG: config.nickname, TRIGGER_TAG: config.schedule.kind}
    waiting = dg.RunsFilter(tags=tags, statuses=[dg.DagsterRunStatus.QUEUED])
    for run_id in instance.get_run_ids(waiting):
        instance.run_coordinator.cancel_run(run_id)
    instance.daemon_cursor_storage.set_cursor_values({stopped_key(config.nickname): str(moment)})


def kind_of(config: ImportConfig) -> InstigatorType:
    return InstigatorType.SCHEDULE if config.schedule.crons() else InstigatorType.SENSOR


def instigator_data(
    config: ImportConfig, state: InstigatorState | None, now: float
) -> ScheduleInstigatorData | SensorInstigatorData:
    """The data of a switch: ticks count from `now`; a sensor continues from its cursor."""
    if config.schedule.crons():
        return ScheduleInstigatorData(list(config.schedule.crons()), now)
    data = state.instigator_data if state else None
    stored = (
        data
        if isinstance(data, SensorInstigatorData)
        else SensorInstigatorData(sensor_type=SensorType.STANDARD)
    )
    return stored.with_sensor_start_timestamp(now)


def repositories() -> Sequence[RemoteRepositoryOrigin]:
    """The code location of the imports if Dagster is started in this folder."""
    try:
        origins = workspace_opts_to_load_target(WorkspaceOpts()).create_origins()
    except click.UsageError:  # no workspace.yaml, and nothing like it
        origins = []
    ours = [origin for origin in origins if is_ours(origin)]
    # The workspace does not show the contents of a separate code server, or of a user's own project.
    found = (
        ours
        or (origins if len(origins) == 1 else [])
        or ModuleTarget(DEFINITIONS, None, None, None).create_origins()
    )
    return [RemoteRepositoryOrigin(origin, SINGLETON_REPOSITORY_NAME) for origin in found]


def is_ours(origin: object) -> bool:
    return (
        isinstance(origin, ManagedGrpcPythonEnvCodeLocationOrigin)
        and origin.loadable_target_origin.module_name == DEFINITIONS
    )
