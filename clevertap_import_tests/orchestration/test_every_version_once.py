"""Any history of rows, ticks, failures and pauses: what is visible arrives, and no event arrives twice."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from clevertap_import.clevertap.batch_sender import BatchSender, RetryPolicy
from clevertap_import.clevertap.delivery import Deliverer
from clevertap_import.config.model import ImportConfig
from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.done_spans import DoneSpan
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.states import UNANSWERED
from clevertap_import.mapping.mapper import Mapper
from clevertap_import.orchestration.changed_definitions import spans_after
from clevertap_import.orchestration.done import Done, ranges_left
from clevertap_import.orchestration.partitions import KEY_FORMATS, KeyRange, grid
from clevertap_import.snowflake.window_query import EPOCH_COLUMN, SUPERSEDED_COLUMN
from clevertap_import.staging.stage import Stage, Stager
from clevertap_import.window import Window
from clevertap_import_tests.clevertap.test_counts import CITY, Account, with_journal
from clevertap_import_tests.testing.builders import events_import, profiles_import

START = datetime(2026, 11, 1, tzinfo=UTC)
LOOKBACK_MINUTES = 60
HOURLY: dict[str, Any] = {
    "updated_on": {"column": "UPDATED_AT", "lookback": f"{LOOKBACK_MINUTES} minutes"},
    "start": START.date(),
    "window": "hour",
}
EVENTS, PROFILES = events_import(CITY, **HOURLY), profiles_import(CITY, **HOURLY)
FAILURE = "refused"

# Minutes go by, then a row is committed (late by some minutes), or a tick comes (and may fail).
minutes = st.sampled_from([0, 1, 7, 20, 45, 60, 61, 200, 1500])
cities = st.sampled_from(["Pune", "Goa", "Oslo"])
commits = st.tuples(st.just("commit"), minutes, st.sampled_from("abc"), cities, st.integers(0, 90))
ticks = st.tuples(st.just("tick"), minutes, st.booleans())
histories = st.lists(st.one_of(commits, ticks), max_size=25)


@dataclass(frozen=True)
class Version:
    identity: str
    city: str
    updated_at: datetime
    late_minutes: int

    @property
    def is_within_lookback(self) -> bool:
        return self.late_minutes <= LOOKBACK_MINUTES


@dataclass
class World:
    """One import, its table, its journal and its account; which windows are done as `spans`."""

    config: ImportConfig
    journal: Journal
    visible: dict[object, Version] = field(default_factory=dict)
    account: Account = field(default_factory=lambda: Account([]))
    spans: list[DoneSpan] = field(default_factory=list)

    @property
    def is_events(self) -> bool:
        return self.config is EVENTS

    def commit(self, version: Version) -> None:
        """A profile's row takes the place of the one before; an event's is added."""
        self.visible[len(self.visible) if self.is_events else version.identity] = version

    def tick(self, now: datetime, *, fails: bool) -> None:
        for keys in ranges_left(self.config, Done(self.spans), [], now):
            window, read = self.run(keys, fails=fails)
            if not fails:
                self.spans = spans_after(self.config, self.spans, window, read, now.timestamp())

    def run(self, keys: KeyRange, *, fails: bool) -> tuple[Window, Window]:
        """As the asset does it: the windows with the lookback, what is new in them, the delivery."""
        first, last = (moment(key) for key in (keys.first, keys.last))
        window = grid(self.config).window(first, last + timedelta(hours=1))
        read = grid(self.config).looking_back(window, timedelta(minutes=LOOKBACK_MINUTES))
        starts = int(read.lower.timestamp()) if read.lower else None, int(last.timestamp())
        delivered = self.journal.delivered_before(WindowRange("import", *starts), is_events=self.is_events)
        self.account.verdicts = [FAILURE] * fails
        with Stage() as stage:
            mapper = Mapper(self.config, 0)
            Stager(mapper, grid(self.config), delivered, lambda _: None, lambda _: None).fill(
                stage, [self.rows(read)]
            )
            attempts = BatchSender(self.account.post, RetryPolicy(), resends=None)
            deliverer = Deliverer(
                self.journal, attempts, "import", "run", lambda: 1, 1, lambda _: None, lambda _: None
            )
            deliverer.deliver(stage.batches())
        if not fails:
            self.journal.close_others("import", "another", *starts, UNANSWERED)
        return window, read

    def rows(self, window: Window) -> pa.RecordBatch:
        """What Snowflake returns for `window`."""
        found = [
            row
            for row in self.visible.values()
            if row.updated_at < window.upper and (window.lower is None or row.updated_at >= window.lower)
        ]
        epochs = [int(row.updated_at.timestamp()) for row in found]
        return pa.RecordBatch.from_pydict(
            {
                "ID": pa.array([row.identity for row in found], pa.string()),
                "CITY": pa.array([row.city for row in found], pa.string()),
                "AT": pa.array([START] * len(found), pa.timestamp("us", "UTC")),
                EPOCH_COLUMN: pa.array(epochs, pa.int64()),
                SUPERSEDED_COLUMN: pa.array([0] * len(found), pa.int64()),
            }
        )


def moment(key: str) -> datetime:
    return datetime.strptime(key, KEY_FORMATS["hour"]).replace(tzinfo=UTC)


def lived_through(config: ImportConfig, history: list[tuple[Any, ...]], journal: Journal) -> World:
    """The world after `history`, and after a last tick that succeeds."""
    world, now = World(config, journal), START + timedelta(minutes=5)
    for what, wait, *rest in history:
        now += timedelta(minutes=wait)
        if what == "tick":
            world.tick(now, fails=rest[0])
        else:
            identity, city, late = rest
            world.commit(Version(identity, city, now - timedelta(minutes=late), late))
    world.tick(now + timedelta(minutes=1), fails=False)
    return world


@settings(max_examples=80)
@given(histories)
def test_every_event_arrives_and_none_twice(history: list[tuple[Any, ...]]) -> None:
    def check(journal: Journal) -> None:
        world = lived_through(EVENTS, history, journal)
        stored = Counter((record["identity"], record["evtData"]["City"]) for record in world.account.stored)
        rows = [
            (version.identity, version.city, version.is_within_lookback) for version in world.visible.values()
        ]
        assert stored <= Counter(row[:2] for row in rows), "none twice"
        assert stored >= Counter(row[:2] for row in rows if row[2]), "none left out"

    with_journal(check)


@settings(max_examples=80)
@given(histories)
def test_every_profile_ends_as_the_table_has_it(history: list[tuple[Any, ...]]) -> None:
    def check(journal: Journal) -> None:
        world = lived_through(PROFILES, history, journal)
        last = {record["identity"]: record["profileData"]["City"] for record in world.account.stored}
        current = {row.identity: row.city for row in world.visible.values() if row.is_within_lookback}
        assert {identity: last.get(identity) for identity in current} == current

    with_journal(check)


def test_a_row_that_is_committed_40_minutes_late_arrives_and_nothing_else_is_sent_again() -> None:
    def check(journal: Journal) -> None:
        world, noon = World(EVENTS, journal), START + timedelta(hours=12)
        for number in range(50):
            world.commit(Version(f"p{number}", "Pune", noon - timedelta(minutes=10 * number), 0))
        world.tick(noon + timedelta(minutes=5), fails=False)
        world.tick(noon + timedelta(minutes=65), fails=False)
        assert len(world.account.stored) == 50
        world.commit(Version("late", "Goa", noon + timedelta(minutes=25), 40))
        world.tick(noon + timedelta(minutes=125), fails=False)
        assert [record["identity"] for record in world.account.stored[50:]] == ["late"]

    with_journal(check)
