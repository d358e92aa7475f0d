"""A PostgreSQL that took over without anything of a run that lives: the run enters all of it again."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from clevertap_import.errors import ImportLockLost
from clevertap_import.journal.advisory_locks import AdvisoryLocks
from clevertap_import.journal.forced_runs import Forced, epochs_of
from clevertap_import.journal.import_lock import ImportLock, import_lock, under_way
from clevertap_import.journal.import_state import state_of
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.locks import open_locks
from clevertap_import.journal.scope import Scope, scope_in
from clevertap_import.journal.tables import DELIVERY, METADATA
from clevertap_import.orchestration.delivered import DeliveryCounts, counted
from clevertap_import_tests.testing.builders import events, events_import
from clevertap_import_tests.testing.lock_holders import Processes, open_processes, terminate

CONFIG = events_import()
NAME = CONFIG.nickname
PLACE = Scope(3600, 0, "account", "place")
FORCED = Forced("root", 0, 0, 3600)
LOCKS = {"last_holder", "participant"}
ALL = {table.name for table in METADATA.sorted_tables} - {"journal_key"}


@pytest.fixture
def processes(postgresql_url: str) -> Iterator[Processes]:
    with open_processes(postgresql_url) as opened:
        yield opened


class Delivery:
    """A forced run of an import of events that has entered what it is to, and sent a batch."""

    def __init__(self, processes: Processes, url: str, scope: ExitStack) -> None:
        self.processes = processes
        self.journal = scope.enter_context(Journal(url))
        self.locks = scope.enter_context(open_locks(self.journal.engine))
        self.lock: ImportLock = scope.enter_context(import_lock(self.locks, NAME, "Run a"))
        self.journal.import_lock = self.lock
        self.count = counted(self.journal, CONFIG, DeliveryCounts())
        self.epoch = self.journal.begin_delivery(NAME, PLACE, FORCED)
        self.send("a", 0)

    def send(self, identity: str, number: int) -> None:
        self.journal.begin(NAME, "run-1", events(identity, number=number), PLACE.destination, self.epoch)

    def fail_over(self, lost: Collection[str]) -> None:
        """To a standby that has nothing in these tables."""
        assert isinstance(self.locks, AdvisoryLocks)
        with self.processes.engine.begin() as connection:
            for table in METADATA.sorted_tables:
                if table.name in lost:
                    connection.execute(table.delete())
        with self.locks._lock:
            terminate(self.processes, self.locks)
            self.locks._proven_at = float("-inf")
        self.journal.engine.dispose()


@pytest.fixture
def delivery(processes: Processes, postgresql_url: str) -> Iterator[Delivery]:
    with ExitStack() as scope:
        yield Delivery(processes, postgresql_url, scope)


@pytest.mark.parametrize("lost", [ALL, ALL - LOCKS, set()], ids=["all", "all but the lock", "nothing"])
def test_a_run_goes_on_in_a_database_that_has_nothing_of_it(delivery: Delivery, lost: set[str]) -> None:
    delivery.fail_over(lost)
    delivery.lock.check()
    delivery.send("b", 1)
    with delivery.journal.engine.connect() as connection:
        sent = connection.execute(sa.select(DELIVERY.c.batch_number, DELIVERY.c.epoch)).all()
        assert sorted(map(tuple, sent)) == [(0, delivery.epoch), (1, delivery.epoch)]
        assert [epoch.number for epoch in epochs_of(connection, NAME, "place")] == [delivery.epoch]
        assert state_of(connection, NAME).deliveries == delivery.count
        assert scope_in(connection, NAME) == PLACE
    assert under_way(delivery.processes.locks(), NAME) == "Run a"
    assert delivery.journal.begin_delivery(NAME, PLACE, Forced("other", 0, 0, 3600)) == delivery.epoch + 1


def test_a_run_does_not_go_on_if_another_had_the_lock_in_the_database_that_took_over(
    delivery: Delivery,
) -> None:
    other = delivery.processes.locks()
    assert isinstance(delivery.locks, AdvisoryLocks)
    with delivery.locks._lock:
        delivery.fail_over(ALL)
        with import_lock(other, NAME, "Run b"):
            pass
    with pytest.raises(ImportLockLost):
        delivery.lock.check()
    with delivery.journal.engine.connect() as connection:
        assert epochs_of(connection, NAME, "place") == []
