"""Named locks that a session of PostgreSQL holds: the one that writes the deliveries.

A run that loses its session loses its locks, and cannot commit. The server releases the locks of a session
when the session ends: at once if the process dies, within half a minute if its machine or network fails.
"""

import random
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress

import sqlalchemy as sa
from xxhash import xxh3_64_intdigest

from clevertap_import.errors import ConfigError
from clevertap_import.journal.tables import JournalUnavailable, translated

PROOF_SECONDS = 1.0
"""How long the session counts as alive after the server has answered."""

PING_SECONDS = 2.0
"""How often an idle session is checked, and a lost one replaced."""

SETTINGS = {
    # The server notices within half a minute that a machine is gone, and releases its locks.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "25000",
    # A run that reads Snowflake for hours is silent here.
    "idle_session_timeout": "0",
}

ADVISORY_LOCKS = sa.text(
    "select (classid::bigint << 32) | objid::bigint from pg_locks where locktype = 'advisory' and granted"
    " and objsubid = 1 and database = (select oid from pg_database where datname = current_database())"
)


def awake_seconds() -> float:
    """A clock that also counts the time while the machine sleeps, if the system has one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class AdvisoryLocks:
    """The locks of one run or command; see `NamedLocks`."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.losses = 0
        self._taken: dict[str, bool] = {}
        """By name, each lock that was taken and not released: True if we have it, False if it was lost."""
        self._schema = ""
        self._session: sa.Connection | None = None
        self._proven_at = float("-inf")
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="locks", daemon=True)

    def __enter__(self) -> "AdvisoryLocks":
        self._connect()
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with self._lock:
            self._taken.clear()
            self._lose()
        self._keeper.join()

    def take(self, name: str, note: str = "") -> bool:
        with self._lock:
            with self.transaction() as connection:
                if name in self._taken or not self._took(connection, name):
                    return False
            # Only after the transaction has ended: a caller that gets an error does not release the lock.
            self._taken[name] = True
        return True

    def take_some(self, names: Sequence[str], count: int) -> list[str]:
        taken: list[str] = []
        with self._lock:
            busy = self.in_use(names)
            try:
                for name in random.sample(names, len(names)):
                    if len(taken) < count and name not in busy and self.take(name):
                        taken.append(name)
            except JournalUnavailable:
                for name in taken:
                    self.give_back(name)
                raise
        return taken

    def give_back(self, name: str) -> None:
        with self._lock:
            if self._taken.pop(name, False):
                # A lost session has no locks.
                with suppress(JournalUnavailable), self.transaction() as connection:
                    connection.execute(sa.select(sa.func.pg_advisory_unlock(self._key(name))))

    def has(self, name: str) -> bool:
        with self._lock:
            if self._session is None or awake_seconds() - self._proven_at > PROOF_SECONDS:
                self._ping()
            return self._taken.get(name, False)

    def in_use(self, names: Collection[str]) -> set[str]:
        with self.transaction() as connection:
            found = set(connection.scalars(ADVISORY_LOCKS))
        return {name for name in names if self._key(name) in found}

    def abandoned(self, taken: Collection[str], holders: Callable[[], Collection[str]]) -> list[str]:
        names = holders()
        return list(taken) if self.in_use(names) != set(names) else []

    def clear_abandoned(self, name: str) -> None:
        """Nothing to do: a session that ends leaves no requests behind."""

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        with self._lock:
            if self._session is None:
                raise JournalUnavailable(
                    "The journal's PostgreSQL ended the session that had this run's locks."
                    " Nothing more is sent. Run again."
                )
            began = awake_seconds()
            try:
                with translated(), self._session.begin():
                    yield self._session
            finally:
                if self._session.invalidated or self._session.closed:
                    self._lose()
            self._proven_at = began

    def regain(self) -> None:
        with self._lock:
            if self._session is None:
                self._connect()
            if not all(self._taken.values()):
                with self.transaction() as connection:
                    for name, is_ours in self._taken.items():
                        self._taken[name] = is_ours or self._took(connection, name)

    def _keep(self) -> None:
        while not self._ended.wait(PING_SECONDS):
            with suppress(JournalUnavailable), self._lock:
                if not self._ended.is_set():
                    self._ping()

    def _ping(self) -> None:
        if self._session is not None:
            with suppress(JournalUnavailable), self.transaction() as connection:
                connection.execute(sa.select(1))
        self.regain()

    def _connect(self) -> None:
        with self._lock, translated():
            session = self.engine.connect()
            session.detach()
            try:
                with session.begin():
                    self._schema = prepared(session)
                refuse_shared_sessions(session, self.engine)
            except BaseException:
                session.close()
                raise
            self._session = session

    def _lose(self) -> None:
        if self._session is not None:
            self.losses += 1
            with suppress(sa.exc.SQLAlchemyError):
                self._session.close()
            self._session = None
            self._taken = dict.fromkeys(self._taken, False)

    def _took(self, connection: sa.Connection, name: str) -> bool:
        return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_lock(self._key(name)))))

    def _key(self, name: str) -> int:
        """Includes the schema, so that journals in several schemas of one database do not share locks."""
        number = xxh3_64_intdigest(f"clevertap_import {self._schema} {name}".encode())
        return number - (1 << 64) if number >> 63 else number


def prepared(session: sa.Connection) -> str:
    """Sets up a session for locks, so that the server does not end it when idle; returns its schema."""
    known = sa.text("select set_config(name, :value, false) from pg_settings where name = :name")
    for name, value in SETTINGS.items():
        session.execute(known, {"name": name, "value": value})
    return str(session.scalar(sa.select(sa.func.current_schema())))


def backend(connection: sa.Connection) -> int:
    with connection.begin():
        return int(connection.scalar(sa.select(sa.func.pg_backend_pid())) or 0)


def refuse_shared_sessions(session: sa.Connection, engine: sa.Engine) -> None:
    """Raises ConfigError behind a pooler that gives a session to others between two transactions."""
    first = backend(session)
    info = getattr(session.connection.dbapi_connection, "info", None)
    if getattr(info, "backend_pid", first) == first:
        return
    with engine.connect() as other, other.begin():
        # The pooler gives the idle session to another client, and the first client then gets a different one.
        if other.scalar(sa.select(sa.func.pg_backend_pid())) == first or backend(session) != first:
            raise ConfigError(
                "CLEVERTAP_IMPORT_JOURNAL_URL leads to a pooler (PgBouncer) that shares PostgreSQL's sessions"
                " between transactions. The journal's locks need a session of their own: set pool_mode ="
                " session for its database, or give PostgreSQL's own address."
            )
