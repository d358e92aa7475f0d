"""The import lock, with which one run of an import delivers at a time; and the lock of each active run."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import sqlalchemy as sa

from clevertap_import.errors import ImportLockLost
from clevertap_import.journal.journal_outage import OutageLimit
from clevertap_import.journal.locks import NamedLocks
from clevertap_import.journal.participants import Participant, Participants
from clevertap_import.journal.tables import LAST_HOLDER

POLL_SECONDS = 0.1
PASS_SECONDS = 2.0
"""If the lock is free for this time, the first process in line is stopped, and the next may take the lock."""


class ImportLock:
    """The import lock of this run. Any number of threads may use it.

    A failover of the database ends the session, and the standby may lack the last commits, even all of this
    run. If no other run has had the lock since, this run writes its entries again.
    """

    def __init__(self, line: Participants, holder: Participant) -> None:
        self.locks = line.locks
        self.name = line.resource
        self.line = line
        self.holder = holder
        self._losses = self.locks.losses
        self._acts: list[Callable[[sa.Connection], object]] = []
        self._before = enter_holder(self.locks, self.name, holder.lock)

    def again(self, act: Callable[[sa.Connection], object]) -> None:
        """Repeat `act` in each new session, after earlier registered acts.

        Its first commit may still be there: then a repetition changes nothing.
        """
        self._acts.append(act)

    def check(self) -> None:
        """Raises ImportLockLost or JournalUnavailable unless this run has had the lock all the time.

        If the session was lost, this makes a new one. The lock is still ours if no other run has had it
        since.
        """
        if not self.locks.has(self.name):
            raise ImportLockLost()
        if self.locks.losses != self._losses:
            losses = self.locks.losses
            with self.locks.transaction() as connection:
                self._look(connection)
            self._losses = losses

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A transaction that is committed only while the lock is ours."""
        self.check()
        with self.locks.transaction() as connection:
            if self.locks.losses != self._losses:
                self._look(connection)
            yield connection

    def _look(self, connection: sa.Connection) -> None:
        """Raises ImportLockLost if the journal names another run or command as the last holder."""
        last = last_holder(connection, self.name)
        if last not in (self.holder.lock, self._before):
            raise ImportLockLost()
        if last != self.holder.lock:
            set_holder(connection, self.name, self.holder.lock)
        self.line.enter_again(connection, self.holder)
        for act in self._acts:
            act(connection)


def last_holder(connection: sa.Connection, name: str) -> str | None:
    found: str | None = connection.scalar(
        sa.select(LAST_HOLDER.c.participant).where(LAST_HOLDER.c.lock == name)
    )
    return found


def set_holder(connection: sa.Connection, name: str, participant: str) -> None:
    """Only the holder of the lock calls this, so no other process inserts the row at the same time."""
    mine = LAST_HOLDER.update().where(LAST_HOLDER.c.lock == name).values(participant=participant)
    if not connection.execute(mine).rowcount:
        connection.execute(LAST_HOLDER.insert().values(lock=name, participant=participant))


def enter_holder(locks: NamedLocks, name: str, participant: str) -> str | None:
    """Store who has the lock now; returns the holder before. A holder that lost the lock cannot regain it."""
    with locks.transaction() as connection:
        before = last_holder(connection, name)
        set_holder(connection, name, participant)
    return before


def import_lock_name(nickname: str) -> str:
    return f"import {nickname}"


@contextmanager
def import_lock(
    locks: NamedLocks, nickname: str, purpose: str, notify: Callable[[str], None] = lambda words: None
) -> Iterator[ImportLock]:
    """Hold the lock in the block; waits for earlier runs. `notify` gets their purposes, once."""
    name = import_lock_name(nickname)
    line = Participants(locks, name)
    with line.joined(1, purpose) as me:
        wait_for_lock(locks, line, me, notify)
        try:
            end_earlier(line, me)
            yield ImportLock(line, me)
        finally:
            locks.give_back(name)


def end_earlier(line: Participants, me: Participant | None) -> None:
    """Remove all participants before the new holder, also live ones. Those that wait then join again."""
    everybody = line.all()
    line.remove(everybody[: everybody.index(me)] if me in everybody else everybody)


def wait_for_lock(
    locks: NamedLocks, line: Participants, me: Participant, notify: Callable[[str], None]
) -> None:
    first, is_notified, pause = FirstInLine(locks, line, me), False, threading.Event()
    outage = OutageLimit()
    while True:
        with outage.borne():
            ahead = first.ahead()
            if ahead is None:
                return
            if ahead and not is_notified:
                notify(", ".join(other.purpose for other in ahead))
                is_notified = True
        pause.wait(POLL_SECONDS * min(20, 1 + len(ahead or ())))


@dataclass(slots=True)
class FirstInLine:
    """The attempts of one participant to take the lock of `line`."""

    locks: NamedLocks
    line: Participants
    me: Participant
    free_since: float | None = None

    def ahead(self) -> list[Participant] | None:
        """Try to take the lock; returns the participants before this one, or None if it has the lock now."""
        everybody = self.line.all()
        if self.me not in everybody:
            # Our session was lost for a while, and another process removed us as dead.
            self.line.enter(self.me)
            return self.ahead()
        living, _ = self.line.apart(everybody)
        ahead = living[: living.index(self.me)] if self.me in living else living
        name = self.line.resource
        if ahead and name in self.locks.in_use([name]):
            self.free_since = None
            return ahead
        now = time.monotonic()
        self.free_since = now if self.free_since is None else self.free_since
        is_due = now - self.free_since >= len(ahead) * PASS_SECONDS
        return None if is_due and self.locks.take(name, self.me.purpose) else ahead


@contextmanager
def free_import_lock(locks: NamedLocks, nickname: str) -> Iterator[str | None]:
    """Hold the lock in the block if it is free; otherwise yields the purpose of its holder."""
    name = import_lock_name(nickname)
    if not locks.take(name):
        yield under_way(locks, nickname) or "Another command"
        return
    try:
        end_earlier(Participants(locks, name), None)
        enter_holder(locks, name, f"command {uuid4().hex}")
        yield None
    finally:
        locks.give_back(name)


def under_way(locks: NamedLocks, nickname: str) -> str | None:
    """The purpose of the holder of the import lock, or of the first run that waits for it."""
    living = Participants(locks, import_lock_name(nickname)).living()
    return living[0].purpose if living else None


@contextmanager
def run_lock(locks: NamedLocks, run_id: str, nickname: str) -> Iterator[None]:
    """Hold the run's lock for this import in the block; a run of several imports has a lock for each."""
    name, pause = run_lock_name(run_id, nickname), threading.Event()
    while not locks.take(name):
        # Another process is checking at this moment whether the lock is free.
        pause.wait(POLL_SECONDS)
    try:
        yield
    finally:
        locks.give_back(name)


def run_lock_name(run_id: str, nickname: str) -> str:
    return f"run {run_id} {nickname}"


def is_run_alive(locks: NamedLocks, run_id: str, nickname: str) -> bool:
    """Whether the process of this import of the run is alive, or stopped.

    False also before and after the import's step. After a restart of PostgreSQL a run needs some seconds to
    take its lock again: before you mark the run as failed, check twice, half a minute apart.
    """
    name = run_lock_name(run_id, nickname)
    return name in locks.in_use([name])
