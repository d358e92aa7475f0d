"""Whether the schedule or sensor of an import is on: in Dagster's own storage, as its UI keeps it.

Dagster offers this to code that has loaded the code location only. Here the rows are written as Dagster
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
    """The import runs only when asked to."""


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """How a schedule or sensor stands, and since when it was last switched on, or by a command off."""

    is_on: bool
    since: float | None


def switches(instance: dg.DagsterInstance) -> dict[str, ScheduleState]:
    """Those that somebody switched or Dagster's daemon met, by name; on if it is so in any location."""
    found: dict[str, ScheduleState] = {}
    for state in instance.all_instigator_state():
        is_on = state.is_running or (state.instigator_name in found and found[state.instigator_name].is_on)
        found[state.instigator_name] = ScheduleState(is_on, since(state))
    return found


def since(state: InstigatorState) -> float | None:
    data = state.instigator_data
    if isinstance(data, ScheduleInstigatorData):
        return data.start_timestamp
    return data.last_sensor_start_timestamp if isinstance(data, SensorInstigatorData) else None


def is_on(config: ImportConfig, found: Mapping[str, ScheduleState]) -> bool:
    """Whether the import starts by itself: as it was switched, or else as its YAML says."""
    switch = found.get(automation_name(config) or "")
    return switch.is_on if switch else config.schedule.active


def is_stopped(
    instance: dg.DagsterInstance, config: ImportConfig, found: Mapping[str, ScheduleState]
) -> bool:
    """Whether the import was switched off by `stop`, and nobody has switched it since."""
    switch = found.get(automation_name(config) or "")
    if switch is None or switch.is_on:
        return False
    key = stopped_key(config.nickname)
    return instance.daemon_cursor_storage.get_cursor_values({key}).get(key) == str(switch.since)


def stopped_key(nickname: str) -> str:
    return f"clevertap_import/stopped/{nickname}"


def switch(instance: dg.DagsterInstance, config: ImportConfig, others: Collection[str], *, on: bool) -> float:
    """Switch what starts the import on or off; the moment of it. A run under way goes on.

    `others` names all that starts imports here: where Dagster has met one of them, this one is too.
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
        met = {state.origin.repository_origin for state in states if state.instigator_name in others}
        for repository in met or repositories():
            origin = RemoteInstigatorOrigin(repository, name)
            instance.add_instigator_state(
                InstigatorState(origin, kind_of(config), status, instigator_data(config, None, now))
            )
    return now


def stop(instance: dg.DagsterInstance, config: ImportConfig, others: Collection[str]) -> None:
    """Switch it off for good: remembered as stopped, and runs that it asked for wait no longer."""
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
    """What Dagster keeps with the switch: ticks count from `now`; a sensor goes on from its cursor."""
    if config.schedule.crons():
        return ScheduleInstigatorData(list(config.schedule.crons()), now)
    data = state.instigator_data if state else None
    kept = (
        data
        if isinstance(data, SensorInstigatorData)
        else SensorInstigatorData(sensor_type=SensorType.STANDARD)
    )
    return kept.with_sensor_start_timestamp(now)


def repositories() -> Sequence[RemoteRepositoryOrigin]:
    """Where the imports would be if Dagster were started in this folder."""
    try:
        origins = workspace_opts_to_load_target(WorkspaceOpts()).create_origins()
    except click.UsageError:  # no workspace.yaml, and nothing like it
        origins = []
    ours = [origin for origin in origins if is_ours(origin)]
    # What a code server of its own holds, the workspace does not say; nor of somebody's own project.
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
