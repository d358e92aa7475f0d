"""Sensors that start imports: for the first time, at one moment, after other assets, and after changes."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.schedule import KINDS, After, Change, Every, Kind, Manual, Once
from clevertap_import.orchestration.automation import (
    TICK_TAG,
    TRIGGER_TAG,
    Tick,
    active_runs,
    last_tick,
    wanted_runs,
)
from clevertap_import.orchestration.dagster_internals import AssetEntry
from clevertap_import.orchestration.dead_runs import clear_dead_runs
from clevertap_import.orchestration.names import asset_key, automation_name, job_name
from clevertap_import.orchestration.run_history import NICKNAME_TAG
from clevertap_import.orchestration.schedule_state import is_on, switches
from clevertap_import.orchestration.table_changes import table_states

FIRST_RUNS = "first_runs"
KILLED_RUNS = "killed_runs"
LOOK_SECONDS = 30
FIRST_RUNS_A_LOOK = 20
"""The most first runs in one evaluation, so that it ends before Dagster's timeout of a minute."""

Evaluate = Callable[[dg.DagsterInstance, ImportConfig, datetime, str | None], tuple[Tick, str | None]]
"""An evaluation at `now` with the sensor's cursor: returns the requested runs, and the new cursor."""

UNDER_WAY = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


def import_sensor(config: ImportConfig) -> dg.SensorDefinition | None:
    """The sensor of an import; None for kinds with a schedule, and for the manual kind."""
    look = EVALUATORS.get(type(config.schedule))
    if look is None:
        return None
    schedule = config.schedule
    seconds = int(schedule.check_every.total_seconds()) if isinstance(schedule, Change) else LOOK_SECONDS

    @dg.sensor(
        name=automation_name(config),
        job_name=job_name(config.nickname),
        minimum_interval_seconds=seconds,
        default_status=sensor_status(schedule.active),
        description=f"{schedule.summary}: takes all windows that are not done.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return sensor_result(*look(context.instance, config, datetime.now(UTC), context.cursor))

    return sensor


def first_runs_sensor(
    name: str, configs: Sequence[ImportConfig], jobs: Sequence[Any]
) -> dg.SensorDefinition | None:
    """Starts each `every` import for the first time, as soon as its schedule is on; None if there is none.

    A schedule of Dagster starts nothing before its first tick, which may be a year away.
    """
    repeated = [config for config in configs if isinstance(config.schedule, Every)]
    if not repeated:
        return None
    names = {job_name(config.nickname) for config in repeated}

    @dg.sensor(
        name=name,
        jobs=[job for job in jobs if job.name in names],
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=sensor_status(True),
        description="Starts imports of kind every for the first time, as soon as their schedules run.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return sensor_result(*first_runs(context.instance, repeated, datetime.now(UTC), context.cursor))

    return sensor


def killed_runs_sensor(name: str, configs: Sequence[ImportConfig]) -> dg.SensorDefinition:
    """Marks runs as failed whose process is gone: otherwise they occupy their import's queue forever.

    Ticks do so too, but they may be a month apart, and a manual import has none.
    """
    nicknames = [config.nickname for config in configs]

    @dg.sensor(
        name=name,
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=sensor_status(True),
        description="Marks runs of imports as failed whose process was killed.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        dead = clear_dead_runs(context.instance, nicknames, datetime.now(UTC))
        run_ids = ", ".join(run_id[:8] for run_id in dead)
        return dg.SkipReason(
            f"Marked as failed, as they were killed: {run_ids}." if dead else "No run is dead."
        )

    return sensor


def sensor_status(active: bool) -> dg.DefaultSensorStatus:
    return dg.DefaultSensorStatus.RUNNING if active else dg.DefaultSensorStatus.STOPPED


def sensor_result(tick: Tick, cursor: str | None) -> dg.SensorResult:
    if isinstance(tick, dg.SkipReason):
        return dg.SensorResult(skip_reason=tick, cursor=cursor)
    return dg.SensorResult(run_requests=tick, cursor=cursor)


def first_runs(
    instance: dg.DagsterInstance, configs: Sequence[ImportConfig], now: datetime, cursor: str | None
) -> tuple[Tick, str]:
    """The cursor is the list of imports that have been started. They need no further evaluation."""
    started = set(json.loads(cursor or "[]")) & {config.nickname for config in configs}
    found = switches(instance)
    requests: list[dg.RunRequest] = []
    for config in configs:
        if config.nickname in started or not is_on(config, found):
            continue
        if len(requests) >= FIRST_RUNS_A_LOOK:
            break
        if last_tick(instance, config) is None:
            tick = wanted_runs(instance, config, now, now)
            if isinstance(tick, dg.SkipReason):
                continue
            requests += tick
        started.add(config.nickname)
    return requests or dg.SkipReason("No import waits for its first run."), json.dumps(sorted(started))


def look_once(
    instance: dg.DagsterInstance, config: ImportConfig, now: datetime, cursor: str | None
) -> tuple[Tick, str | None]:
    """The cursor is the moment for which the import was started."""
    assert isinstance(config.schedule, Once)  # noqa: S101 - by LOOKS
    moment = config.schedule.moment
    if has_run_for(instance, config, moment, cursor):
        return dg.SkipReason(f"It has run for {moment:%Y-%m-%d %H:%M} UTC."), moment.isoformat()
    if now < moment:
        return dg.SkipReason(f"It will run at {moment:%Y-%m-%d %H:%M} UTC."), cursor
    under_way = active_runs(instance, config.nickname)
    if under_way:
        # It may have a limit, or fail. Then its windows would never be read, because this kind starts once.
        run_id = under_way[0].dagster_run.run_id
        return dg.SkipReason(
            f"Run {run_id[:8]} of this import is under way; this one starts after it."
        ), cursor
    tick = wanted_runs(instance, config, now, moment)
    return tick, cursor if isinstance(tick, dg.SkipReason) else moment.isoformat()


def has_run_for(
    instance: dg.DagsterInstance, config: ImportConfig, moment: datetime, cursor: str | None = None
) -> bool:
    """Whether a run was requested for `moment`: by the cursor or, if that was lost, by the runs."""
    if cursor == moment.isoformat():
        return True
    tags = {
        NICKNAME_TAG: config.nickname,
        TRIGGER_TAG: config.schedule.kind,
        TICK_TAG: moment.isoformat(),
    }
    return bool(instance.get_run_ids(dg.RunsFilter(tags=tags), limit=1))


def look_upstream(
    instance: dg.DagsterInstance, config: ImportConfig, now: datetime, cursor: str | None
) -> tuple[Tick, str | None]:
    """The cursor is the last materialization of each upstream asset when the import was started.

    Any new data starts the import. But if another of the assets is being materialized, the import waits for
    it, so that one upstream run of several assets starts the import once.
    """
    assert isinstance(config.schedule, After)  # noqa: S101 - by LOOKS
    upstream = [dg.AssetKey.from_user_string(name) for name in config.schedule.assets]
    own = asset_key(config.nickname)
    records = instance.get_asset_records([*upstream, own])
    entries = {record.asset_entry.asset_key: record.asset_entry for record in records}
    latest = {key: entry.last_materialization_storage_id or 0 for key, entry in entries.items()}
    # Materializations before the last run of the import are not new to it.
    seen, floor = json.loads(cursor or "{}"), latest.pop(own, 0)
    new = {key for key, number in latest.items() if number > seen.get(key.to_user_string(), floor)}
    if not new:
        return dg.SkipReason("No upstream asset has new data."), cursor
    for key in latest.keys() - new:
        if is_being_made(instance, entries[key]):
            reason = f"{key.to_user_string()} is being made; the import starts after it."
            return dg.SkipReason(reason), cursor
    tick = wanted_runs(instance, config, now, now)
    taken = json.dumps({key.to_user_string(): number for key, number in latest.items()})
    return tick, cursor if isinstance(tick, dg.SkipReason) else taken


def is_being_made(instance: dg.DagsterInstance, entry: AssetEntry) -> bool:
    """Whether the last run that planned to materialize the asset is active, and has not done so yet."""
    made = entry.last_materialization_record
    if entry.last_run_id is None or (made and made.run_id == entry.last_run_id):
        return False
    run = instance.get_run_by_id(entry.last_run_id)
    return run is not None and run.status in UNDER_WAY


def look_at_tables(
    instance: dg.DagsterInstance, config: ImportConfig, now: datetime, cursor: str | None
) -> tuple[Tick, str | None]:
    """The cursor is Snowflake's state of the tables at the last start of the import."""
    states = json.dumps(table_states(config), sort_keys=True)
    if states == cursor:
        return dg.SkipReason("No table has changed."), cursor
    tick = wanted_runs(instance, config, now, now)
    return tick, cursor if isinstance(tick, dg.SkipReason) else states


EVALUATORS: Mapping[type, Evaluate] = {Once: look_once, After: look_upstream, Change: look_at_tables}


def never_started(kinds: Iterable[type[Kind]], evaluators: Iterable[type]) -> list[str]:
    """Kinds that neither a clock nor a sensor starts, without `Manual`."""
    started = {Manual, *evaluators}
    return [kind.__name__ for kind in kinds if kind.crons is Kind.crons and kind not in started]


if NEVER := never_started(KINDS, EVALUATORS):
    raise LookupError(
        f"Nothing starts imports of kind {', '.join(NEVER)}. Add its evaluation to EVALUATORS in"
        " orchestration/sensors.py, or give it crons in config/schedule.py."
    )
