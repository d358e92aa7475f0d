"""Deliveries that are asked to end at any moment, or whose journal is away: counted is what is entered."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from clevertap_import.clevertap.backoff import Retry
from clevertap_import.clevertap.batch_sender import BatchSender, RetryPolicy
from clevertap_import.clevertap.circuit_breaker import CircuitBreaker
from clevertap_import.clevertap.delivery import Deliverer, Delivery, stop_reason
from clevertap_import.clevertap.outcomes import Accepted, Ended, Outcome, Uncertain
from clevertap_import.errors import DeliveryEnded
from clevertap_import.journal.ending import SETTLE_SECONDS, Ending
from clevertap_import.journal.import_lock import import_lock
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.journal_outage import HURRIED_MILLISECONDS, OUTAGE_SECONDS
from clevertap_import.journal.locks import NamedLocks, open_locks
from clevertap_import.journal.tables import JournalUnavailable, default_url
from clevertap_import.records import Batch
from clevertap_import_tests.testing.builders import events, unsettled
from clevertap_import_tests.testing.locked_journal import lock_tables

BATCHES = 30
SIZE = 3


def batches() -> list[Batch]:
    names = [[f"{number}-{place}" for place in range(SIZE)] for number in range(BATCHES)]
    return [events(*each, number=number) for number, each in enumerate(names)]


@dataclass
class World:
    """A delivery to a CleverTap that loses some answers; `moments` counts all that happens in it."""

    journal: Journal
    asks: frozenset[int] = frozenset()
    lost: frozenset[int] = frozenset()
    hanging: frozenset[int] = frozenset()
    outages: dict[int, float] = field(default_factory=dict)
    jump: float = 0.0
    moments: Iterator[int] = field(default_factory=count)
    posts: Iterator[int] = field(default_factory=count)
    stored: Counter[str | None] = field(default_factory=Counter)
    slept: float = 0.0
    away_until: float = 0.0
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.now = count(step=self.jump)
        self.ending = Ending(lambda: float(next(self.now)))
        sa.event.listen(self.journal.engine, "commit", self.commit)

    def moment(self, *_: object) -> None:
        number = next(self.moments)
        if number in self.asks:
            self.ending.request()
        self.away_until = max(self.away_until, self.slept + self.outages.get(number, 0.0))

    def commit(self, connection: sa.Connection) -> None:
        self.moment()
        if self.slept < self.away_until:
            raise sa.exc.OperationalError("commit", None, Exception("the journal is away"))

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def post(self, batch: Batch) -> Outcome:
        self.moment()
        number = next(self.posts)
        if number in self.hanging:
            self.released.wait()
            return Uncertain("cut")
        self.stored.update(batch.identity(place) for place in range(len(batch)))
        return Uncertain("ReadTimeout") if number in self.lost else Accepted(len(batch))

    def deliver(self) -> Delivery:
        patience = RetryPolicy(Retry(), self.sleep, lambda: 0.0)
        attempts = BatchSender(self.post, patience, resends=0, breaker=CircuitBreaker())
        deliverer = Deliverer(
            self.journal,
            attempts,
            "orders",
            "run-1",
            lambda: 4,
            4,
            lambda _: None,
            self.moment,
            ending=self.ending,
            cut=self.released.set if self.jump < 100 else lambda: None,
        )
        try:
            return deliverer.deliver(iter(batches()))
        except JournalUnavailable:
            return deliverer.delivery
        finally:
            self.released.set()

    def entered(self) -> tuple[int, int]:
        return self.journal.of_run("run-1")


@contextmanager
def sqlite_journal() -> Iterator[Journal]:
    with TemporaryDirectory() as folder, Journal(default_url(Path(folder))) as journal:
        yield journal


numbers = st.frozensets(st.integers(0, 90), max_size=3)
outages_at = st.dictionaries(st.integers(0, 90), st.sampled_from([1.0, 30.0, 500.0]), max_size=2)


@settings(max_examples=40)
@given(numbers, numbers, outages_at)
def test_what_is_counted_is_what_is_entered_whenever_it_ends_and_the_journal_is_away(
    asks: frozenset[int], lost: frozenset[int], outages: dict[int, float]
) -> None:
    with sqlite_journal() as journal:
        world = World(journal, asks, lost, outages=outages)
        delivery = world.deliver()
        world.away_until = 0
        assert world.entered() == (delivery.accepted, delivery.uncertain)
        assert set(world.stored.values()) <= {1}
        assert delivery.accepted <= world.stored.total() <= delivery.accepted + delivery.uncertain
        if delivery.stopped is None and not outages:
            assert delivery.accepted == BATCHES * SIZE
        if not lost and max(outages.values(), default=0) < OUTAGE_SECONDS:
            assert delivery.uncertain == 0


@pytest.mark.parametrize("jump", [SETTLE_SECONDS / 4, 1000], ids=["cut", "left behind"])
def test_requests_that_are_not_answered_are_cut_and_then_left_behind(tmp_path: Path, jump: float) -> None:
    with Journal(default_url(tmp_path)) as journal:
        world = World(journal, asks=frozenset([14]), hanging=frozenset([5, 6]), jump=jump)
        delivery = world.deliver()
        assert world.entered() == (delivery.accepted, delivery.uncertain)
        assert delivery.uncertain == 2 * SIZE
        assert 0 < delivery.accepted < (BATCHES - 2) * SIZE
        assert delivery.stopped == Ended()
        assert type(stop_reason(delivery)) is DeliveryEnded


@pytest.mark.parametrize("seconds", [1.0, OUTAGE_SECONDS / 2])
def test_a_journal_that_is_away_for_a_while_costs_nothing(journal_url: str, seconds: float) -> None:
    with Journal(journal_url) as journal:
        world = World(journal, outages=dict.fromkeys((9, 50), seconds))
        assert world.deliver() == Delivery(accepted=BATCHES * SIZE)
        assert (world.stored.total(), unsettled(journal, "orders")) == (BATCHES * SIZE, 0)
        assert world.slept >= seconds


def test_a_journal_that_stays_away_ends_the_delivery_after_two_minutes(tmp_path: Path) -> None:
    with Journal(default_url(tmp_path)) as journal:
        world = World(journal, outages={14: 10 * OUTAGE_SECONDS})
        delivery = world.deliver()
        assert OUTAGE_SECONDS / 2 <= world.slept <= OUTAGE_SECONDS
        world.away_until = 0
        assert world.entered() == (delivery.accepted, delivery.uncertain)
        assert world.stored.total() <= delivery.accepted + delivery.uncertain < BATCHES * SIZE


def test_a_delivery_that_is_asked_to_end_waits_a_second_at_most_for_other_writers(tmp_path: Path) -> None:
    with Journal(default_url(tmp_path)) as journal:
        waits: list[int] = []

        def note_wait(connection: sa.Connection) -> None:
            waits.append(int(connection.exec_driver_sql("pragma busy_timeout").scalar_one()))

        world = World(journal, asks=frozenset([14]))
        sa.event.listen(journal.engine, "commit", note_wait)
        world.deliver()
    assert waits[0] > HURRIED_MILLISECONDS == waits[-1]


NO_LIMIT = {"sqlite": "?timeout=86400", "postgresql": "%20-clock_timeout%3D0"}
"""After a journal's URL: whoever waits for another's lock does so for ever."""


def test_a_run_that_is_interrupted_waits_for_no_other_writer(journal_url: str) -> None:
    url = journal_url + NO_LIMIT[journal_url.split("+")[0].split(":")[0]]
    with Journal(url) as journal, open_locks(journal.engine) as locks, journal.engine.connect() as other:
        with pytest.raises(KeyboardInterrupt):
            interrupted_while_locked(locks, other)
        other.rollback()


def interrupted_while_locked(locks: NamedLocks, other: sa.Connection) -> None:
    with import_lock(locks, "orders", "a run"):
        lock_tables(other)
        raise KeyboardInterrupt
