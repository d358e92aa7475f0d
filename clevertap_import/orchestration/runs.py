"""Runs of imports from a command: in this process, and recorded in Dagster's history."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import ConfigError
from clevertap_import.journal.import_lock import under_way
from clevertap_import.journal.locks import open_locks
from clevertap_import.orchestration.dead_runs import clear_dead_runs, process_tags
from clevertap_import.orchestration.done import undone_ranges
from clevertap_import.orchestration.forced import started_by_command
from clevertap_import.orchestration.names import asset_key, job_name, op_name
from clevertap_import.orchestration.partitions import (
    KeyRange,
    keys_until,
    partitions_def,
    range_tags,
)
from clevertap_import.orchestration.recorded_runs import execute_recorded
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.run_history import Line, failure, import_stats
from clevertap_import.orchestration.storage_trouble import STORAGE_TROUBLE

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""The run's log goes only to Dagster's history: on the terminal it would hide the command's own output."""


@dataclass(frozen=True, slots=True)
class RunRange:
    """The options of a command: windows from `start` to `end` (None: all that are not done), and how to run.

    `admit_rejected`: send the valid rows for any number of wrong rows.
    """

    start: datetime | None = None
    end: datetime | None = None
    full: bool = False
    force: bool = False
    limit: int | None = None
    admit_rejected: bool = False


def selected_ranges(
    instance: dg.DagsterInstance, config: ImportConfig, wanted: RunRange, now: datetime
) -> list[KeyRange]:
    """The windows of each run for `wanted`, in order; empty if all windows are done."""
    partitions = partitions_def(config)
    if partitions is None:
        raise ConfigError(
            f"{config.nickname!r} has no updated_on, so it has no windows; each run reads everything."
            " Leave --window and --until out."
        )
    keys = partitions.get_partition_keys(current_time=now)
    if wanted.full:
        return [KeyRange(keys[0], keys[-1])] if keys else []
    if wanted.start is None:
        return undone_ranges(instance, config, asset_key(config.nickname), now)
    if not keys:
        raise ConfigError(
            f"{config.nickname!r} has no windows yet: its start, {config.anchor}, is in the future."
            " Run it from then on, or set an earlier start in its YAML."
        )
    end = wanted.end or wanted.start
    chosen = [
        key for key in keys if overlaps(partitions.time_window_for_partition_key(key), wanted.start, end)
    ]
    if not chosen:
        raise ConfigError(
            f"{config.nickname!r} has no window from {wanted.start:%Y-%m-%d %H:%M} until"
            f" {end:%Y-%m-%d %H:%M}."
            f" Its windows begin with {keys[0]} and end with {keys[-1]}."
        )
    return [KeyRange(chosen[0], chosen[-1])]


def overlaps(window: dg.TimeWindow, start: datetime, end: datetime) -> bool:
    """Whether `window` overlaps [start, end), or contains the moment if both are the same."""
    if start == end:
        return window.start <= start < window.end
    return window.start < end and start < window.end


def runs(
    instance: dg.DagsterInstance,
    defs: dg.Definitions,
    config: ImportConfig,
    wanted: RunRange,
    notify: Callable[[str], None] = lambda words: None,
) -> Iterator[Line]:
    """Start the runs of `wanted` one after the other; yields a line of stats at the end of each.

    In addition to the columns of stats, a line has `nickname`, and `problem`: why the run failed, or None.
    `notify` gets messages for the person who waits.
    """
    fail_dead_runs(instance, config, notify)
    announce_active_run(config, notify)
    job = defs.resolve_job_def(job_name(config.nickname))
    options: dict[str, object] = {"force": wanted.force, "admit_rejected": wanted.admit_rejected}
    options |= {"limit": wanted.limit} if wanted.limit is not None else {}
    run_config = {**QUIET, "ops": {op_name(config.nickname): {"config": options}}}
    now = datetime.now(UTC)
    is_full = partitions_def(config) is None and wanted.start is None
    for keys in [None] if is_full else selected_ranges(instance, config, wanted, now):
        notify(f"{config.nickname}: imports {extent(config, keys, now)}.")
        tags = range_tags(keys) if keys else {}
        with started_by_command():
            run_id, events = execute_recorded(instance, job, config, run_config, {**tags, **process_tags()})
        stats = import_stats(instance, config.nickname, run_ids=[run_id])
        problem = failure(events)
        yield {"nickname": config.nickname, **stats[0], "problem": problem}
        if problem and problem.startswith(STORAGE_TROUBLE):
            # The next run would send records, and then fail in the same way.
            return


def until_canceled(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines of `runs` until a canceled run. Later runs are not started."""
    for line in lines:
        yield line
        if line["status"] == "Canceled":
            return


def extent(config: ImportConfig, keys: KeyRange | None, now: datetime) -> str:
    """The windows of a run, in words."""
    if keys is None:
        return "all rows"
    if keys.first == keys.last:
        return f"the window {keys.first}"
    known = keys_until(config, now)
    count = bisect_right(known, keys.last) - bisect_left(known, keys.first)
    return f"{count:,} windows, {keys.first} to {keys.last}"


def fail_dead_runs(instance: dg.DagsterInstance, config: ImportConfig, notify: Callable[[str], None]) -> None:
    """Mark killed runs as failed."""
    for run_id in clear_dead_runs(instance, [config.nickname], datetime.now(UTC)):
        notify(f"Run {run_id[:8]} was killed; it is marked as failed now.")


def announce_active_run(config: ImportConfig, notify: Callable[[str], None]) -> None:
    """Notify if another run of the import is active: a new run waits for it."""
    with open_journal() as journal, open_locks(journal.engine) as locks:
        if purpose := under_way(locks, config.nickname):
            notify(f"{purpose} is under way; this one waits until it has ended.")
