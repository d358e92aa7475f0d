"""The windows of an import as Dagster partitions, and which of them are not done."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from itertools import groupby

import dagster as dg
from dagster import AssetRecordsFilter, DagsterEventType

from clevertap_import.config.model import ImportConfig
from clevertap_import.orchestration.dagster_internals import DATA_VERSION_TAG
from clevertap_import.window import GRIDS, Grid

CRONS = {"day": "0 0 * * *", "hour": "0 * * * *", "30 minutes": "*/30 * * * *", "15 minutes": "*/15 * * * *"}

KEY_FORMATS = {
    "day": "%Y-%m-%d",
    "hour": "%Y-%m-%d-%H:%M",
    "30 minutes": "%Y-%m-%d-%H:%M+30m",
    "15 minutes": "%Y-%m-%d-%H:%M+15m",
}
"""All different, so that after a change of `window` no old window marks a new one as done."""

RECORDS_PER_READ = 1000
READ_AT = "read "
MATERIALIZED = DagsterEventType.ASSET_MATERIALIZATION

FIRST_TAG = "dagster/asset_partition_range_start"
LAST_TAG = "dagster/asset_partition_range_end"
PARTITION_TAG = "dagster/partition"


def grid(config: ImportConfig) -> Grid:
    """The import's windows. They start at a day in UTC, for any time zone of the column."""
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
    """Consecutive windows, by their first and last partition key."""

    first: str
    last: str


def keys_until(config: ImportConfig, now: datetime) -> list[str]:
    """The keys of all windows that have begun at `now`, in order, without Dagster's slow cron arithmetic.

    Like Dagster, it includes the first window one window early.
    """
    first, size, text = grid(config).start, grid(config).size, KEY_FORMATS[config.window]
    last = (now - first) // size
    return [(first + number * size).strftime(text) for number in range(1 if last == -1 else last + 1)]


def key_ranges(keys: Sequence[str], wanted: Iterable[str]) -> list[KeyRange]:
    """`wanted` as contiguous ranges of `keys`, which are all keys in order."""
    chosen = set(wanted)
    spans = [list(group) for is_wanted, group in groupby(keys, chosen.__contains__) if is_wanted]
    return [KeyRange(span[0], span[-1]) for span in spans]


def reading_version(*clocks: float) -> dg.DataVersion:
    """The data version of windows that a run began to read at this moment.

    `clocks`: the moment in epoch seconds by one or several clocks. The earliest counts: a window that is read
    once too often does no harm, but a window marked as read too early loses rows.
    """
    return dg.DataVersion(f"{READ_AT}{datetime.fromtimestamp(int(min(clocks)), UTC).isoformat()}")


def read_moments(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, float]:
    """When the last run of each window began to read it, in epoch seconds, from Dagster.

    The time of the materialization is too late: a window that ends while the run delivers was read in part.
    Windows from another source, such as reports by hand in the UI, count from their materialization. Moments
    in the future are left out: they come from a clock that was ahead.
    """
    by_runs = read_by_runs(instance, key)
    return come(by_runs | reports(instance, key, by_runs))


def reported_moments(instance: dg.DagsterInstance, key: dg.AssetKey, since: float) -> dict[str, float]:
    """When windows were reported by hand after `since`, if that is their last materialization."""
    found = come(reports(instance, key, read_by_runs(instance, key)))
    return {partition: moment for partition, moment in found.items() if moment > since}


def come(moments: Mapping[str, float]) -> dict[str, float]:
    # Use the clock, not the tick: windows may have been read after a tick that is evaluated late.
    now = datetime.now(UTC).timestamp()
    return {partition: moment for partition, moment in moments.items() if moment <= now}


def is_of_a_run(tags: Mapping[str, str]) -> bool:
    """Whether a materialization with these tags was made by a run of the import, and not by hand."""
    return tags.get(DATA_VERSION_TAG, "").startswith(READ_AT)


def read_by_runs(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, float]:
    """When runs read each window, from the data versions of its last materialization."""
    versions = instance.event_log_storage.get_latest_tags_by_partition(key, MATERIALIZED, [DATA_VERSION_TAG])
    return {
        partition: datetime.fromisoformat(tags[DATA_VERSION_TAG].removeprefix(READ_AT)).timestamp()
        for partition, tags in versions.items()
        if is_of_a_run(tags)
    }


def reports(instance: dg.DagsterInstance, key: dg.AssetKey, by_runs: Mapping[str, float]) -> dict[str, float]:
    """When windows were materialized whose last materialization is not from a run of the import."""
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(key, MATERIALIZED)
    return materialized_at(instance, key, [latest[other] for other in latest if other not in by_runs])


def materialized_at(instance: dg.DagsterInstance, key: dg.AssetKey, ids: Sequence[int]) -> dict[str, float]:
    """When the materializations with these storage ids were reported to Dagster, by partition."""
    moments: dict[str, float] = {}
    for begin in range(0, len(ids), RECORDS_PER_READ):
        part = ids[begin : begin + RECORDS_PER_READ]
        records = instance.fetch_materializations(
            AssetRecordsFilter(asset_key=key, storage_ids=part), limit=RECORDS_PER_READ
        ).records
        moments.update({str(record.partition_key): record.timestamp for record in records})
    return moments


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """An active run: its windows, and when it began to read them, in epoch seconds."""

    keys: KeyRange
    began: float

    def among(self, keys: Sequence[str]) -> Sequence[str]:
        """The keys of the run's windows among `keys`, which are in order."""
        return keys[bisect_left(keys, self.keys.first) : bisect_right(keys, self.keys.last)]


def range_tags(keys: KeyRange) -> dict[str, str]:
    """The tags by which Dagster runs a range of partitions in one run."""
    return {FIRST_TAG: keys.first, LAST_TAG: keys.last}


def tagged_range(tags: Mapping[str, str]) -> KeyRange | None:
    """The windows of a run with these tags; None if it has none."""
    one = tags.get(PARTITION_TAG)
    first, last = tags.get(FIRST_TAG, one), tags.get(LAST_TAG, one)
    return KeyRange(first, last) if first and last else None
