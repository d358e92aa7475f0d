"""The windows of an import as Dagster partitions, and which of them are not done."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

import dagster as dg
from dagster import AssetRecordsFilter, DagsterEventType

from clevertap_import.pure.config import ImportConfig
from clevertap_import.pure.window import GRIDS, Grid

CRONS = {"day": "0 0 * * *", "hour": "0 * * * *", "30 minutes": "*/30 * * * *", "15 minutes": "*/15 * * * *"}

KEY_FORMATS = {
    "day": "%Y-%m-%d",
    "hour": "%Y-%m-%d-%H:%M",
    "30 minutes": "%Y-%m-%d-%H:%M+30m",
    "15 minutes": "%Y-%m-%d-%H:%M+15m",
}
"""All different, so that after a change of grid no window of the old one makes one of the new look done."""

RECORDS_PER_READ = 1000


def grid(config: ImportConfig) -> Grid:
    """The import's windows. Their start is a day in UTC, whatever the zone of the column."""
    return Grid(GRIDS[config.window], datetime.combine(config.anchor, time(), UTC))


def partitions_def(config: ImportConfig) -> dg.TimeWindowPartitionsDefinition | None:
    """One partition for each window, the one in progress included; None for a full import."""
    if config.updated_on is None:
        return None
    return dg.TimeWindowPartitionsDefinition(
        cron_schedule=CRONS[config.window],
        start=datetime.combine(config.anchor, time(), UTC),
        fmt=KEY_FORMATS[config.window],
        timezone="UTC",
        end_offset=1,
    )


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Windows that follow each other, by their first and last partition key."""

    first: str
    last: str


def window_end(partitions: dg.TimeWindowPartitionsDefinition, key: str) -> float:
    """When the window called `key` ends, in epoch seconds."""
    return partitions.time_window_for_partition_key(key).end.timestamp()


def undone(
    partitions: dg.TimeWindowPartitionsDefinition, materialized: Mapping[str, float], keys: Sequence[str]
) -> list[str]:
    """Those of `keys` that were not materialized (`materialized`: when, in epoch seconds) after their end."""
    return [key for key in keys if key not in materialized or materialized[key] < window_end(partitions, key)]


def key_ranges(keys: Sequence[str], wanted: Iterable[str]) -> list[KeyRange]:
    """`wanted` as contiguous ranges of `keys`, which are all keys in order."""
    chosen = set(wanted)
    ranges: list[KeyRange] = []
    previous: str | None = None
    for key in keys:
        if key in chosen:
            is_next = ranges and ranges[-1].last == previous
            ranges = (
                [*ranges[:-1], KeyRange(ranges[-1].first, key)] if is_next else [*ranges, KeyRange(key, key)]
            )
        previous = key
    return ranges


def materialized_at(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, float]:
    """When each window was materialized last, in epoch seconds."""
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(
        key, DagsterEventType.ASSET_MATERIALIZATION
    )
    ids = sorted(latest.values())
    moments: dict[str, float] = {}
    for begin in range(0, len(ids), RECORDS_PER_READ):
        part = ids[begin : begin + RECORDS_PER_READ]
        records = instance.fetch_materializations(
            AssetRecordsFilter(asset_key=key, storage_ids=part), limit=RECORDS_PER_READ
        ).records
        moments.update({str(record.partition_key): record.timestamp for record in records})
    return moments


def undone_ranges(
    instance: dg.DagsterInstance, config: ImportConfig, key: dg.AssetKey, now: datetime
) -> list[KeyRange]:
    """The windows of an import that a run should take, up to and with the one in progress at `now`."""
    partitions = partitions_def(config)
    if partitions is None:
        return []
    keys = partitions.get_partition_keys(current_time=now)
    return key_ranges(keys, undone(partitions, materialized_at(instance, key), keys))


def range_tags(keys: KeyRange) -> dict[str, str]:
    """The tags by which Dagster runs a range of partitions in one run."""
    return {"dagster/asset_partition_range_start": keys.first, "dagster/asset_partition_range_end": keys.last}
