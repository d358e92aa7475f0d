"""The windows of an import as Dagster partitions, and which of them are not done."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from itertools import groupby

import dagster as dg
from dagster import AssetRecordsFilter, DagsterEventType
from dagster._core.definitions.data_version import DATA_VERSION_TAG

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
READ_AT = "read "

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


def undone(config: ImportConfig, moments: Mapping[str, float], keys: Sequence[str]) -> list[str]:
    """Those of `keys`, which are all from the first on, that were not read after their end.

    `moments`: when each window was read last, in epoch seconds.
    """
    first_end, size = grid(config).start_seconds + grid(config).size_seconds, grid(config).size_seconds
    return [key for number, key in enumerate(keys) if moments.get(key, 0) < first_end + number * size]


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


def was_imported(instance: dg.DagsterInstance, key: dg.AssetKey) -> bool:
    """Whether the last materialization came from a run of the import, and not from a report by hand."""
    event = instance.get_latest_materialization_event(key)
    tags = event.asset_materialization.tags if event and event.asset_materialization else None
    return (tags or {}).get(DATA_VERSION_TAG, "").startswith(READ_AT)


def read_moments(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, float]:
    """When the last run that imported a window began to read it, in epoch seconds.

    The time of the materialization would not do: a window that ends while the run delivers was read in part.
    Windows of other making, such as those reported by hand in the UI, count from their materialization.
    Moments that have not come yet are left out: they are of a clock that ran ahead.
    """
    storage = instance.event_log_storage
    kind = DagsterEventType.ASSET_MATERIALIZATION
    versions = storage.get_latest_tags_by_partition(key, kind, [DATA_VERSION_TAG])
    moments = {
        partition: datetime.fromisoformat(tags[DATA_VERSION_TAG].removeprefix(READ_AT)).timestamp()
        for partition, tags in versions.items()
        if tags[DATA_VERSION_TAG].startswith(READ_AT)
    }
    latest = storage.get_latest_storage_id_by_partition(key, kind)
    moments |= moments_told(instance, key, [latest[other] for other in latest if other not in moments])
    # Of the clock, and not of a tick: windows may have been read since a tick that is evaluated late.
    now = datetime.now(UTC).timestamp()
    return {partition: moment for partition, moment in moments.items() if moment <= now}


def moments_told(instance: dg.DagsterInstance, key: dg.AssetKey, ids: Sequence[int]) -> dict[str, float]:
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
class Reading:
    """A run under way: the windows that it takes, and when it began to read them, in epoch seconds."""

    keys: KeyRange
    began: float


def undone_ranges(
    instance: dg.DagsterInstance,
    config: ImportConfig,
    key: dg.AssetKey,
    now: datetime,
    readings: Iterable[Reading] = (),
) -> list[KeyRange]:
    """The windows of an import that a run should take, up to and with the one in progress at `now`."""
    if config.updated_on is None:
        return []
    return ranges_left(config, read_moments(instance, key), readings, now)


def ranges_left(
    config: ImportConfig, moments: Mapping[str, float], readings: Iterable[Reading], now: datetime
) -> list[KeyRange]:
    """The windows that are neither done nor under way at `now`.

    What `readings` have under way counts as read: a run that fails after all leaves its windows to the next.
    """
    keys, expected = keys_until(config, now), dict(moments)
    for reading in readings:
        for key in keys[bisect_left(keys, reading.keys.first) : bisect_right(keys, reading.keys.last)]:
            expected[key] = max(reading.began, expected.get(key, 0))
    return key_ranges(keys, undone(config, expected, keys))


def range_tags(keys: KeyRange) -> dict[str, str]:
    """The tags by which Dagster runs a range of partitions in one run."""
    return {FIRST_TAG: keys.first, LAST_TAG: keys.last}


def tagged_range(tags: Mapping[str, str]) -> KeyRange | None:
    """The windows that a run with these tags takes; None if it has none."""
    one = tags.get(PARTITION_TAG)
    first, last = tags.get(FIRST_TAG, one), tags.get(LAST_TAG, one)
    return KeyRange(first, last) if first and last else None
