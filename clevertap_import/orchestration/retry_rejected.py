"""Repeats windows with rejected rows. The journal has the delivered records, and they are not sent again."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster import AssetRecordsFilter, DagsterEventType

from clevertap_import.config.model import ImportConfig
from clevertap_import.orchestration.done import done_keys
from clevertap_import.orchestration.names import asset_key, known_keys
from clevertap_import.orchestration.partitions import (
    KEY_FORMATS,
    RECORDS_PER_READ,
    key_ranges,
    partitions_def,
)
from clevertap_import.orchestration.run_history import Line
from clevertap_import.orchestration.runs import RunRange, runs
from clevertap_import.staging.rejected_rows import read_rejects, stored_rejects
from clevertap_import.window import GRIDS


def retried(
    instance: dg.DagsterInstance,
    defs: dg.Definitions,
    config: ImportConfig,
    home: Path,
    notify: Callable[[str], None] = lambda words: None,
) -> Iterator[Line]:
    """Run all windows with rejected rows, one run for each contiguous range; lines as in `runs`.

    These windows have many wrong rows, so no share of rejected rows stops a run.
    """
    for wanted in retry_ranges(instance, config, home):
        yield from runs(instance, defs, config, replace(wanted, admit_rejected=True), notify)


def retry_ranges(instance: dg.DagsterInstance, config: ImportConfig, home: Path) -> list[RunRange]:
    """The ranges to run again; for a full import, one run or none."""
    rejected = {
        stored.run_id: {row.window_start for row in read_rejects(stored.path)}
        for nickname in config.nicknames
        for stored in stored_rejects(home, nickname)
        if not stored.is_dry_run
    }
    partitions = partitions_def(config)
    if partitions is None:
        events = (instance.get_latest_materialization_event(key) for key in known_keys(config))
        latest = next((event for event in events if event), None)
        return [RunRange()] if latest is not None and latest.run_id in rejected else []
    wanted = [
        window.strftime(KEY_FORMATS[config.window]) for window in still_rejected(instance, config, rejected)
    ]
    ranges = key_ranges(partitions.get_partition_keys(current_time=datetime.now(UTC)), wanted)
    spans = [[partitions.time_window_for_partition_key(key) for key in (r.first, r.last)] for r in ranges]
    return [RunRange(start=first.start, end=last.end) for first, last in spans]


def still_rejected(
    instance: dg.DagsterInstance,
    config: ImportConfig,
    rejected: Mapping[str, Iterable[datetime | None]],
) -> list[datetime]:
    """The windows in which the newest successful run that read them rejected rows.

    `rejected`: by run, the windows in which it rejected rows. A run that failed, or had a limit, materialized
    no window, and does not count. If the run of a done window was removed from Dagster, all its rejections
    count.
    """
    # The last run with the new nickname counts, not the last one with the old nickname.
    latest: dict[str, int] = {}
    for key in reversed(known_keys(config)):
        latest |= instance.event_log_storage.get_latest_storage_id_by_partition(
            key, DagsterEventType.ASSET_MATERIALIZATION
        )
    windows = {window for found in rejected.values() for window in found if window is not None}
    last_runs = {
        window: max((latest[key] for key in reading_keys(config, window) if key in latest), default=None)
        for window in windows
    }
    run_ids = runs_of(instance, config, sorted({each for each in last_runs.values() if each is not None}))
    done = done_keys(instance, config, asset_key(config.nickname)) if None in last_runs.values() else set()
    return [
        window
        for window, reader in last_runs.items()
        if (
            window.strftime(KEY_FORMATS[config.window]) in done
            if reader is None
            else window in rejected.get(run_ids[reader], ())
        )
    ]


def reading_keys(config: ImportConfig, window: datetime) -> Iterator[str]:
    """The keys of the windows whose run reads `window`: itself, and later ones whose lookback reaches it."""
    lookback = config.updated_on.lookback if config.updated_on else GRIDS[config.window] * 0
    key, size = window, GRIDS[config.window]
    while key < window + size + lookback:
        yield key.strftime(KEY_FORMATS[config.window])
        key += size


def runs_of(instance: dg.DagsterInstance, config: ImportConfig, storage_ids: list[int]) -> dict[int, str]:
    """Which run made each of these materializations."""
    found: dict[int, str] = {}
    for begin in range(0, len(storage_ids), RECORDS_PER_READ):
        ids = storage_ids[begin : begin + RECORDS_PER_READ]
        for key in known_keys(config):
            part = AssetRecordsFilter(asset_key=key, storage_ids=ids)
            records = instance.fetch_materializations(part, limit=RECORDS_PER_READ).records
            found.update({record.storage_id: record.run_id for record in records})
    return found
