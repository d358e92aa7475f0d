"""Processes that share one journal's locks, played in one: each has locks of its own; they have one clock."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

import sqlalchemy as sa

from clevertap_import.clevertap.request_limiter import RequestLimiter, joined_limiter
from clevertap_import.journal.advisory_locks import AdvisoryLocks
from clevertap_import.journal.file_locks import FileLocks
from clevertap_import.journal.locks import NamedLocks, open_locks
from clevertap_import.journal.tables import open_database
from clevertap_import_tests.testing.waiting import wait_for

CAPACITY = 15
END_SECONDS = 30
UPLOADS = "uploads of an account"


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(eq=False)
class Process:
    """One that sends requests."""

    locks: NamedLocks
    limiter: RequestLimiter
    scope: ExitStack
    requests: list[str] = field(default_factory=list)
    unwound: ExitStack | None = None
    """A reference: otherwise Python would collect the generator and release the lock."""

    def look(self) -> int:
        """Look who else is there; how many it may have in flight at most."""
        self.limiter.look()
        return self.limiter.share

    def begin(self, count: int = CAPACITY) -> int:
        """Begin requests, as many as may be; how many are in flight then."""
        self.limiter.poll_at = float("-inf")
        self.limiter.waiting = count
        while len(self.requests) < CAPACITY and count and (slot := self.limiter.begin(CAPACITY)):
            self.requests.append(slot)
            count -= 1
        self.limiter.waiting = 0
        return len(self.requests)

    def end(self, count: int = CAPACITY) -> None:
        for _ in range(min(count, len(self.requests))):
            self.limiter.done(self.requests.pop(0))

    def leave(self) -> None:
        self.end()
        self.scope.close()

    def kill(self) -> None:
        """What `kill -9` leaves: nothing is given back, and the kernel closes what was open."""
        self.unwound = self.scope.pop_all()
        kill(self.locks)


def kill(locks: NamedLocks) -> None:
    if isinstance(locks, FileLocks):
        for file in locks._files.values():
            os.close(file)
        locks._files.clear()
    elif isinstance(locks, AdvisoryLocks):
        number = backend_of(locks)
        locks.__exit__()
        wait_for("the end of the session", partial(has_ended, locks.engine, number), END_SECONDS)


def backend_of(locks: AdvisoryLocks) -> int:
    """The process of PostgreSQL that holds the locks."""
    assert locks._session is not None
    return int(locks._session.connection.dbapi_connection.info.backend_pid)  # type: ignore[union-attr]


def has_ended(engine: sa.Engine, number: int) -> bool:
    locks = sa.text("select count(*) from pg_locks where pid = :number")
    with engine.connect() as connection:
        return bool(connection.scalar(locks, {"number": number}) == 0)


@dataclass
class Processes:
    """All that share the locks of one journal."""

    engine: sa.Engine
    stack: ExitStack
    clock: Clock = field(default_factory=Clock)

    def locks(self) -> NamedLocks:
        """Those of one more process."""
        return self.stack.enter_context(open_locks(self.engine))

    def joined(self, wanted: int = CAPACITY, resource: str = UPLOADS, capacity: int = CAPACITY) -> Process:
        locks, scope = self.locks(), ExitStack()
        self.stack.push(scope)
        joined = joined_limiter(locks, resource, capacity, wanted, f"Run {wanted}", self.clock)
        return Process(locks, scope.enter_context(joined), scope)

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds


@contextmanager
def open_processes(journal_url: str) -> Iterator[Processes]:
    with ExitStack() as stack:
        engine = open_database(journal_url)
        stack.callback(engine.dispose)
        yield Processes(engine, stack)


def terminate(processes: Processes, locks: AdvisoryLocks) -> None:
    """PostgreSQL ends the session that holds these locks, as at a restart."""
    number = backend_of(locks)
    with processes.engine.begin() as connection:
        connection.execute(sa.select(sa.func.pg_terminate_backend(number)))
    wait_for("the end of the session", partial(has_ended, processes.engine, number), END_SECONDS)
