"""When an import runs by itself: schedules, and the runs that a tick of a schedule or sensor requests."""

from datetime import UTC, datetime

import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.schedule import Every
from clevertap_import.orchestration.begun_imports import begun_imports
from clevertap_import.orchestration.dead_runs import UNFINISHED, clear_dead_runs
from clevertap_import.orchestration.done import undone_ranges
from clevertap_import.orchestration.known_schedules import remember_schedule
from clevertap_import.orchestration.names import asset_key, automation_name, job_name
from clevertap_import.orchestration.partitions import ActiveRun, range_tags, tagged_range
from clevertap_import.orchestration.run_history import NICKNAME_TAG

TRIGGER_TAG = "clevertap/trigger"
"""On runs that a schedule or sensor requested: its kind."""

TICK_TAG = "clevertap/tick"
"""On the same runs: the moment for which they were requested."""

NEWEST_RUNS = 20

Tick = dg.SkipReason | list[dg.RunRequest]


def import_schedule(config: ImportConfig, job: str) -> dg.ScheduleDefinition | None:
    """The schedule of an import; None for kinds without a clock, and for kinds that a sensor starts."""
    schedule = config.schedule
    if not schedule.crons():
        return None

    @dg.schedule(
        name=automation_name(config),
        job_name=job,
        cron_schedule=list(schedule.crons()),
        execution_timezone=schedule.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING
        if schedule.active
        else dg.DefaultScheduleStatus.STOPPED,
        description=f"{schedule.summary}: takes all windows that are not done.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> Tick:
        return scheduled(context.instance, config, context.scheduled_execution_time)

    return tick


def scheduled(instance: dg.DagsterInstance, config: ImportConfig, now: datetime) -> Tick:
    """The runs that the tick at `now` requests. Kinds that cron can express are due at every tick."""
    remember_schedule(instance, config, now)
    if isinstance(config.schedule, Every) and not is_due(instance, config, config.schedule, now):
        return dg.SkipReason(
            f"{config.schedule.summary}, counted from {config.anchor}: nothing is due at this tick."
        )
    return wanted_runs(instance, config, now, now)


def is_due(instance: dg.DagsterInstance, config: ImportConfig, schedule: Every, now: datetime) -> bool:
    """Whether a moment of the interval has passed since the last run that the schedule requested.

    After a standstill Dagster evaluates only the last of the missed ticks, so earlier moments count too.
    Until the import has succeeded once, every tick is due if no run of it is active.
    """
    if instance.get_latest_materialization_event(asset_key(config.nickname)) is None:
        return not runs_of(instance, config.nickname)
    due, last = schedule.last_due(now, config.anchor), last_tick(instance, config)
    if due is None:
        return False
    return due > last if last else due == now


def last_tick(instance: dg.DagsterInstance, config: ImportConfig) -> datetime | None:
    """The last moment for which this kind of schedule requested a run; None if there is none.

    The newest run may not have it: a re-execution has the tags of the run that it repeats.
    """
    tags = {NICKNAME_TAG: config.nickname, TRIGGER_TAG: config.schedule.kind}
    runs = instance.get_runs(dg.RunsFilter(tags=tags), limit=NEWEST_RUNS)
    return max((datetime.fromisoformat(run.tags[TICK_TAG]) for run in runs), default=None)


def runs_of(instance: dg.DagsterInstance, nickname: str) -> list[dg.RunRecord]:
    """The unfinished runs of an import; a run of the UI's Materialize counts once the import began in it."""
    statuses = [dg.DagsterRunStatus.QUEUED, *UNFINISHED]
    tagged = instance.get_run_records(dg.RunsFilter(tags={NICKNAME_TAG: nickname}, statuses=statuses))
    known = {record.dagster_run.run_id for record in tagged}
    unfinished = instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED))
    others = [record for record in unfinished if nickname in begun_imports(record.dagster_run)]
    return [*tagged, *(record for record in others if record.dagster_run.run_id not in known)]


def active_runs(instance: dg.DagsterInstance, nickname: str) -> list[dg.RunRecord]:
    """Like `runs_of`, after killed runs were marked as failed."""
    # Use the clock: the tick that a schedule evaluates may be an old one.
    clear_dead_runs(instance, [nickname], datetime.now(UTC))
    return runs_of(instance, nickname)


def wanted_runs(instance: dg.DagsterInstance, config: ImportConfig, now: datetime, tick: datetime) -> Tick:
    """One run for each contiguous range of windows that are not done at `now`; none if a run is waiting
    already.

    `tick` is the moment for which the runs are requested. It is part of their keys, so that no run starts
    twice for it. The import is part of the keys too, because one sensor may request runs of several imports.
    """
    under_way = active_runs(instance, config.nickname)
    waiting = [run for run in under_way if run.dagster_run.status == dg.DagsterRunStatus.QUEUED]
    # Without Dagster's queue, the second of two runs waits for the first inside its own process.
    if waiting or len(under_way) > 1:
        run_id = (waiting or under_way)[0].dagster_run.run_id
        return dg.SkipReason(
            f"Run {run_id[:8]} of this import waits already; the next tick takes what is left."
        )
    tags = {TRIGGER_TAG: config.schedule.kind, TICK_TAG: tick.isoformat()}
    job, run_key = job_name(config.nickname), f"{config.nickname} {tick.isoformat()}"
    if config.updated_on is None:
        return [dg.RunRequest(run_key=run_key, job_name=job, tags=tags)]
    readings = [reading for run in under_way if (reading := active_run_of(run, now))]
    ranges = undone_ranges(instance, config, asset_key(config.nickname), now, readings)
    if not ranges:
        return dg.SkipReason("No window is left to import.")
    # Dagster requires a key for each of several requests; the tick's time makes it unique.
    return [
        dg.RunRequest(run_key=f"{run_key} {keys.first}", job_name=job, tags={**tags, **range_tags(keys)})
        for keys in ranges
    ]


def active_run_of(run: dg.RunRecord, now: datetime) -> ActiveRun | None:
    """The windows that an active run reads, from `now` on if it has not begun; None if it has no windows."""
    keys = tagged_range(run.dagster_run.tags)
    # A start in the future comes from a clock that was ahead.
    began = min(run.start_time or now.timestamp(), datetime.now(UTC).timestamp())
    return ActiveRun(keys, began) if keys else None
