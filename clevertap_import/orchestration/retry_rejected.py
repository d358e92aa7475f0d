"""Runs the windows with open rejects again. Records that the journal has as delivered are not sent again."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.journal.open_rejects_table import open_windows
from clevertap_import.orchestration.partitions import grid, key_ranges, keys_until, partitions_def
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.run_history import Line
from clevertap_import.orchestration.runs import RunRange, runs


def retried(
    instance: dg.DagsterInstance,
    defs: dg.Definitions,
    config: ImportConfig,
    notify: Callable[[str], None] = lambda words: None,
) -> Iterator[Line]:
    """Run all windows with open rejects, one run for each contiguous range; lines as in `runs`.

    These windows have many wrong rows, so no share of rejected rows stops a run.
    """
    for wanted in retry_ranges(config, datetime.now(UTC)):
        yield from runs(instance, defs, config, replace(wanted, admit_rejected=True), notify)


def retry_ranges(config: ImportConfig, now: datetime) -> list[RunRange]:
    """The ranges to run again; for a full import, one run or none. The journal alone decides, so that any
    machine can retry, also after the files of the rejected rows were removed."""
    with open_journal() as journal:
        windows = open_windows(journal.engine, config.nicknames)
    partitions = partitions_def(config)
    if partitions is None:
        return [RunRange()] if windows else []
    keys, first, size = keys_until(config, now), grid(config).start_seconds, grid(config).size_seconds
    # The first window also has all older rows.
    places = {max(0, (window - first) // size) for window in windows}
    ranges = key_ranges(keys, (keys[place] for place in places if place < len(keys)))
    spans = [[partitions.time_window_for_partition_key(key) for key in (r.first, r.last)] for r in ranges]
    return [RunRange(start=first.start, end=last.end) for first, last in spans]
