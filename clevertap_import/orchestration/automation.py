"""When an import runs by itself: a schedule that asks for all windows that are not done."""

import dagster as dg

from clevertap_import.pure.config import ImportConfig
from clevertap_import.pure.schedule import Every

from .assets import asset_key
from .partitions import range_tags, undone_ranges

Tick = dg.SkipReason | list[dg.RunRequest]


def import_schedule(config: ImportConfig, job: dg.JobDefinition | str) -> dg.ScheduleDefinition | None:
    """The schedule of an import; None for kinds that do not start runs."""
    schedule = config.schedule
    if not isinstance(schedule, Every):
        return None

    @dg.schedule(
        name=f"{config.nickname}_schedule",
        job_name=job if isinstance(job, str) else job.name,
        cron_schedule=list(schedule.crons()),
        execution_timezone=schedule.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING
        if schedule.active
        else dg.DefaultScheduleStatus.STOPPED,
        description=f"Every {schedule.every}: takes all windows that are not done.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> Tick:
        return requested(context, config, schedule)

    return tick


def requested(context: dg.ScheduleEvaluationContext, config: ImportConfig, schedule: Every) -> Tick:
    """One run for each contiguous range of windows; the first run comes at the first tick, due or not."""
    now = context.scheduled_execution_time
    has_run = context.instance.get_latest_materialization_event(asset_key(config.nickname)) is not None
    if has_run and not schedule.is_due(now, config.anchor):
        return dg.SkipReason(
            f"Every {schedule.every}, counted from {config.anchor}: nothing is due at this tick."
        )
    if config.updated_on is None:
        return [dg.RunRequest()]
    ranges = undone_ranges(context.instance, config, asset_key(config.nickname), now)
    # Dagster wants a key with each of several requests; the tick's time in it makes it a new one.
    return [
        dg.RunRequest(run_key=f"{now.isoformat()} {keys.first}", tags=range_tags(keys)) for keys in ranges
    ]
