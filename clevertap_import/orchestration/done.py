"""Which windows of an import are done. The journal's database stores them, and Dagster shows them.

Dagster has the windows that people report as done in its UI; and, until a run of this version has delivered,
the windows of earlier versions, which stored them only there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby

import dagster as dg
import sqlalchemy as sa

from clevertap_import.config.model import ImportConfig
from clevertap_import.journal.done_spans import DoneSpan, merged
from clevertap_import.journal.done_windows import enter_done_spans, forgotten_spans
from clevertap_import.journal.forced_runs import Forced
from clevertap_import.journal.import_state import enter_reports_until, import_state
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.tables import translated
from clevertap_import.orchestration.changed_definitions import known_spans, windows_of
from clevertap_import.orchestration.partitions import (
    ActiveRun,
    KeyRange,
    grid,
    key_ranges,
    keys_until,
    read_moments,
    reported_moments,
)
from clevertap_import.orchestration.renamed import as_known
from clevertap_import.orchestration.resources import open_journal

REPORTED = ""
"""In place of a definition's digest: the definition of these windows is unknown."""


@dataclass(frozen=True, slots=True)
class Done:
    """The done windows: those of `spans`, and those that were read at `moments`, after their end."""

    spans: Sequence[DoneSpan] = ()
    moments: Mapping[str, float] = field(default_factory=dict)
    reports_until: float | None = None

    def places(self, config: ImportConfig, keys: Sequence[str]) -> bytearray:
        """For each of `keys` (all keys from the first on) whether its window is done."""
        first, size = grid(config).start_seconds, grid(config).size_seconds
        done = bytearray(len(keys))
        for span in self.spans:
            begin, end = (max(0, (bound - first) // size) for bound in (span.first, span.end))
            length = max(0, min(end, len(keys)) - begin)
            done[begin : begin + length] = b"\1" * length
        if self.moments:
            for place, key in enumerate(keys):
                if self.moments.get(key, 0) >= first + (place + 1) * size:
                    done[place] = 1
        return done


def done_windows(instance: dg.DagsterInstance, config: ImportConfig, key: dg.AssetKey) -> Done:
    """The done windows of the import, from the journal and from Dagster."""
    with open_journal() as journal:
        return done_by(instance, journal, config, key)


def done_by(instance: dg.DagsterInstance, journal: Journal, config: ImportConfig, key: dg.AssetKey) -> Done:
    config = as_known(journal, config)
    # A reading in the future comes from a clock that was ahead, and does not count yet.
    now = datetime.now(UTC).timestamp()
    spans = [span for span in known_spans(journal.engine, config) if span.read_at <= now]
    until = import_state(journal.engine, config.nickname).reports_until
    if until is not None:
        return Done(spans, reported_moments(instance, key, until), until)
    moments = read_moments(instance, key)
    return Done([*spans, *forgotten(journal, config, moments)], moments)


def forgotten(journal: Journal, config: ImportConfig, moments: Mapping[str, float]) -> Iterable[DoneSpan]:
    """The windows whose records the journal has removed, before the first window that Dagster knows.

    Their runs were removed from Dagster. Later windows may have failed, so they do not count.
    """
    keys = keys_until(config, datetime.now(UTC)) if moments else []
    place = next((place for place, key in enumerate(keys) if key in moments), None)
    first = None if place is None else grid(config).start_seconds + place * grid(config).size_seconds
    for begin, end in forgotten_spans(journal.engine, config.nickname, windows_of(config)):
        yield DoneSpan(begin, end if first is None else min(end, first), REPORTED)


def copy_from_dagster(
    instance: dg.DagsterInstance, journal: Journal, config: ImportConfig, key: dg.AssetKey, *, again: bool
) -> Callable[[sa.Connection], None]:
    """Copy the done windows that only Dagster has into the journal.

    Only the run with the import lock may do so. `again`: also the windows that were copied before, because
    the journal has lost them. Returns a function that repeats the copy.
    """
    if config.updated_on is None:
        return lambda connection: None
    found = done_by(instance, journal, config, key)
    moments = read_moments(instance, key) if again else found.moments
    if found.reports_until is not None and not moments:
        return lambda connection: None
    spans = known_spans(journal.engine, config)
    in_dagster = Done(found.spans, moments)
    until = max([found.reports_until or 0.0, *moments.values()])
    whole = merged([*spans, *new_spans(config, in_dagster, Done(spans))], 0)

    def enter(connection: sa.Connection) -> None:
        enter_done_spans(connection, config.nickname, windows_of(config), whole)
        enter_reports_until(connection, config.nickname, until)

    with translated(), journal.engine.begin() as connection:
        enter(connection)
    return enter


def covers_undone(
    instance: dg.DagsterInstance,
    journal: Journal,
    config: ImportConfig,
    key: dg.AssetKey,
    forced: Forced | None,
) -> bool:
    """Whether a forced run covers all windows that are not done, including the one in progress."""
    if forced is None or config.updated_on is None:
        return forced is not None
    keys = keys_until(config, datetime.now(UTC))
    places = done_by(instance, journal, config, key).places(config, keys)
    first, size = grid(config).start_seconds, grid(config).size_seconds
    left = [first + place * size for place, is_done in enumerate(places) if not is_done]
    return not left or ((forced.first is None or forced.first <= left[0]) and left[-1] <= forced.last)


def new_spans(config: ImportConfig, in_dagster: Done, known: Done) -> Iterable[DoneSpan]:
    """The windows that are done by `in_dagster` and not by `known`, as spans."""
    keys = keys_until(config, datetime.now(UTC))
    first, size = grid(config).start_seconds, grid(config).size_seconds
    is_new = [
        new and not old
        for new, old in zip(in_dagster.places(config, keys), known.places(config, keys), strict=True)
    ]
    for wanted, group in groupby(range(len(keys)), is_new.__getitem__):
        places = list(group)
        if wanted:
            read_at = max(in_dagster.moments.get(keys[place], 0) for place in places)
            yield DoneSpan(first + places[0] * size, first + (places[-1] + 1) * size, REPORTED, int(read_at))


def undone_ranges(
    instance: dg.DagsterInstance,
    config: ImportConfig,
    key: dg.AssetKey,
    now: datetime,
    readings: Iterable[ActiveRun] = (),
) -> list[KeyRange]:
    """The windows of an import that a run should take, until the one in progress at `now`, included."""
    if config.updated_on is None:
        return []
    return ranges_left(config, done_windows(instance, config, key), readings, now)


def ranges_left(
    config: ImportConfig, done: Done, readings: Iterable[ActiveRun], now: datetime
) -> list[KeyRange]:
    """The windows that are neither done nor in an active run at `now`.

    Windows of `readings` count as read. If such a run fails, the next run takes its windows.
    """
    keys, expected = keys_until(config, now), dict(done.moments)
    for reading in readings:
        for key in reading.among(keys):
            expected[key] = max(reading.began, expected.get(key, 0))
    places = Done(done.spans, expected).places(config, keys)
    return key_ranges(keys, [key for key, is_done in zip(keys, places, strict=True) if not is_done])
