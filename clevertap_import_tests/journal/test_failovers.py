"""A PostgreSQL that took over without anything of a run that lives: the run enters all of it again."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack

import psycopg
import pytest
import sqlalchemy as sa

from clevertap_import.errors import ImportLockLost
from clevertap_import.journal.advisory_locks import AdvisoryLocks
from clevertap_import.journal.forced_runs import Forced, epochs_of
from clevertap_import.journal.import_lock import ImportLock, import_lock, under_way
from clevertap_import.journal.import_state import state_of
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.locks import NamedLocks, open_locks
from clevertap_import.journal.renamed import delivered_names
from clevertap_import.journal.scope import Scope, scope_in
from clevertap_import.journal.tables import DELIVERY, METADATA, JournalUnavailable
from clevertap_import.orchestration.delivered import DeliveryCounts, counted
from clevertap_import.orchestration.renamed import take_name_over
from clevertap_import_tests.testing.builders import events, events_import, unsettled
from clevertap_import_tests.testing.lock_holders import Processes, open_processes, terminate

CONFIG = events_import()
NAME = CONFIG.nickname
RENAMED = events_import(nickname="renamed", renamed_from=NAME)
PLACE = Scope(3600, 0, "account", "place")
FORCED = Forced("root", 0, 0, 3600)
LOCKS = {"last_holder", "participant"}
NAMED = [table for table in METADATA.sorted_tables if "import_name" in table.c]
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


@pytest.fixture
def journal(processes: Processes, postgresql_url: str) -> Iterator[Journal]:
    """In which an import was delivered under its old nickname."""
    with Journal(postgresql_url) as before:
        before.begin_delivery(NAME, PLACE, None)
        before.begin(NAME, "run-0", events("z"), PLACE.destination)
    with Journal(postgresql_url) as opened:
        yield opened


def rename(journal: Journal, locks: NamedLocks, lock: ImportLock) -> None:
    journal.import_lock = lock
    take_name_over(journal, locks, lock, RENAMED, "Run a")


def names(journal: Journal) -> set[str]:
    return delivered_names(journal.engine, [NAME, RENAMED.nickname])


def end_session(url: str, connection: sa.Connection) -> None:
    number = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
    with psycopg.connect(url.replace("+psycopg", "")) as other:
        other.execute("select pg_terminate_backend(%s, 10000)", [number])


@pytest.mark.parametrize("is_committed", [False, True])
def test_a_rename_in_which_the_session_ends_fails_and_the_next_run_goes_on_with_it(
    journal: Journal, postgresql_url: str, is_committed: bool
) -> None:
    """If it is committed, the run does not learn that."""
    renaming: list[sa.Connection] = []

    def within(connection: sa.Connection, _: object, statement: str, *__: object) -> None:
        if statement.startswith("UPDATE delivery "):
            renaming.append(connection)
            if not is_committed:
                end_session(postgresql_url, connection)

    def at_commit(connection: sa.Connection) -> None:
        if connection in renaming:
            connection.connection.commit()
            end_session(postgresql_url, connection)
            raise sa.exc.OperationalError("commit", None, psycopg.OperationalError("no answer"))

    with open_locks(journal.engine) as locks, import_lock(locks, RENAMED.nickname, "Run a") as lock:
        sa.event.listen(journal.engine, "before_cursor_execute", within)
        sa.event.listen(journal.engine, "commit", at_commit)
        with pytest.raises(JournalUnavailable):
            rename(journal, locks, lock)
        sa.event.remove(journal.engine, "before_cursor_execute", within)
        sa.event.remove(journal.engine, "commit", at_commit)
    assert names(journal) == {RENAMED.nickname if is_committed else NAME}
    with open_locks(journal.engine) as locks, import_lock(locks, RENAMED.nickname, "Run b") as lock:
        rename(journal, locks, lock)
        deliver_under_the_new_name(journal)


def test_a_rename_that_the_database_has_lost_is_made_again(journal: Journal, processes: Processes) -> None:
    with open_locks(journal.engine) as locks, import_lock(locks, RENAMED.nickname, "Run a") as lock:
        with journal.engine.connect() as connection:
            before = {table: connection.execute(sa.select(table)).mappings().all() for table in NAMED}
        rename(journal, locks, lock)
        assert names(journal) == {RENAMED.nickname}
        assert isinstance(locks, AdvisoryLocks)
        with locks._lock:
            with processes.engine.begin() as connection:
                for table, rows in before.items():
                    connection.execute(table.delete())
                    if rows:
                        connection.execute(table.insert(), [dict(row) for row in rows])
            terminate(processes, locks)
            locks._proven_at = float("-inf")
        journal.engine.dispose()
        deliver_under_the_new_name(journal)


def deliver_under_the_new_name(journal: Journal) -> None:
    """What was delivered under the old nickname counts under the new one."""
    journal.begin_delivery(RENAMED.nickname, PLACE, None)
    journal.begin(RENAMED.nickname, "run-1", events("a"), PLACE.destination)
    assert names(journal) == {RENAMED.nickname}
    assert unsettled(journal, RENAMED.nickname) == 2
