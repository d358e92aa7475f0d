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
"""All different, so that after a change of grid no window of the old one makes one of the new look done."""

RECORDS_PER_READ = 1000
READ_AT = "read "
MATERIALIZED = DagsterEventType.ASSET_MATERIALIZATION

FIRST_TAG = "dagster/asset_partition_range_start"
LAST_TAG = "dagster/asset_partition_range_end"
PARTITION_TAG = "dagster/partition"


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


def keys_until(config: ImportConfig, now: datetime) -> list[str]:
    """The keys of all windows that have begun at `now`, in order: Dagster's, without its cron arithmetic.

    Of the first Dagster knows one window ahead.
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
    """The data version of windows that a run began to read at this moment: Snowflake as it was then.

    `clocks`: the moment in epoch seconds, as one or several clocks told it. The earliest counts: a window
    that is read once too often does no harm, one that passes for read before its end loses rows.
    """
    return dg.DataVersion(f"{READ_AT}{datetime.fromtimestamp(int(min(clocks)), UTC).isoformat()}")


def read_moments(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, float]:
    """When the last run that imported a window began to read it, in epoch seconds, as Dagster knows it.

    The time of the materialization would not do: a window that ends while the run delivers was read in part.
    Windows of other making, such as those reported by hand in the UI, count from their materialization.
    Moments that have not come yet are left out: they are of a clock that ran ahead.
    """
    by_runs = read_by_runs(instance, key)
    return come(by_runs | reports(instance, key, by_runs))


def reported_moments(instance: dg.DagsterInstance, key: dg.AssetKey, since: float) -> dict[str, float]:
    """When windows were reported by hand, of those whose last materialization that is, after `since`."""
    found = come(reports(instance, key, read_by_runs(instance, key)))
    return {partition: moment for partition, moment in found.items() if moment > since}


def come(moments: Mapping[str, float]) -> dict[str, float]:
    # Of the clock, and not of a tick: windows may have been read since a tick that is evaluated late.
    now = datetime.now(UTC).timestamp()
    return {partition: moment for partition, moment in moments.items() if moment <= now}


def is_of_a_run(tags: Mapping[str, str]) -> bool:
    """Whether a materialization with these tags was made by a run of the import, and not by hand."""
    return tags.get(DATA_VERSION_TAG, "").startswith(READ_AT)


def read_by_runs(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, float]:
    """By the versions of the last materializations of all windows."""
    versions = instance.event_log_storage.get_latest_tags_by_partition(key, MATERIALIZED, [DATA_VERSION_TAG])
    return {
        partition: datetime.fromisoformat(tags[DATA_VERSION_TAG].removeprefix(READ_AT)).timestamp()
        for partition, tags in versions.items()
        if is_of_a_run(tags)
    }


def reports(instance: dg.DagsterInstance, key: dg.AssetKey, by_runs: Mapping[str, float]) -> dict[str, float]:
    """When windows were materialized whose last materialization is of other making."""
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(key, MATERIALIZED)
    return materialized_at(instance, key, [latest[other] for other in latest if other not in by_runs])


def materialized_at(instance: dg.DagsterInstance, key: dg.AssetKey, ids: Sequence[int]) -> dict[str, float]:
    """When the materializations with these storage ids were told to Dagster, by partition."""
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
    """A run under way: the windows that it takes, and when it began to read them, in epoch seconds."""

    keys: KeyRange
    began: float

    def among(self, keys: Sequence[str]) -> Sequence[str]:
        """Those of `keys`, which are in order, that the run takes."""
        return keys[bisect_left(keys, self.keys.first) : bisect_right(keys, self.keys.last)]


def range_tags(keys: KeyRange) -> dict[str, str]:
    """The tags by which Dagster runs a range of partitions in one run."""
    return {FIRST_TAG: keys.first, LAST_TAG: keys.last}


def tagged_range(tags: Mapping[str, str]) -> KeyRange | None:
    """The windows that a run with these tags takes; None if it has none."""
    one = tags.get(PARTITION_TAG)
    first, last = tags.get(FIRST_TAG, one), tags.get(LAST_TAG, one)
    return KeyRange(first, last) if first and last else None
