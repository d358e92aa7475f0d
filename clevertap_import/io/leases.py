"""Leases: what only so many may use at once, shared by all processes that use one journal's database.

Each holder renews its leases every BEAT_SECONDS, and is dealt its fair share at that moment. No clocks are
compared: a holder is gone when others see its `beats` stand still. What is given to one was free before, so
that never more than the capacity is in use; a share that shrinks is given back as its requests end.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from clevertap_import.io.database import LEASE, LEASE_TURN, JournalUnavailable, translated
from clevertap_import.pure.errors import CleverTapImportError, TurnLost
from clevertap_import.pure.shares import fair_shares

BEAT_SECONDS = 0.5
STALE_SECONDS = 8.0
"""After this long without a beat a holder uses nothing more: others may soon take it for gone."""

SILENT_SECONDS = 20.0
"""A holder that did not beat for so long is gone. Its last requests, too, are answered by then."""

DEAD_SECONDS = 5.0
"""The same where its process is known to be dead: CleverTap may still be at work on its last requests.

The turn of an import is no request, and is free after STILL_SECONDS.
"""

STILL_SECONDS = 2.0
"""Even of a process that seems to be dead: machines that share a name do not share their processes."""

TURN = "import "

Row = sa.Row[Any]


@dataclass(eq=False, slots=True)
class Lease:
    """A share of one resource, as large as the last beat left it. Any number of threads may use it."""

    resource: str
    capacity: int
    wanted: int
    purpose: str
    clock: Callable[[], float]
    holder: str = field(default_factory=lambda: uuid4().hex)
    granted: int = 0
    target: int = 0
    in_use: int = 0
    beats: int = 0
    beaten_at: float = float("-inf")
    others: tuple[str, ...] = ()
    broken: CleverTapImportError | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def is_fresh(self) -> bool:
        return self.clock() - self.beaten_at < STALE_SECONDS

    def has_room(self, width: int) -> bool:
        """Whether one more may be used. Raises JournalUnavailable or TurnLost if the lease has ended."""
        if self.broken:
            raise self.broken
        return self.is_fresh and self.in_use < min(self.granted, self.target, width)

    @contextmanager
    def one(self, width: Callable[[], int] | None = None) -> Iterator[int]:
        """Use one of the share as soon as one is free; yields how many are in use. `width` narrows it."""
        with self.changed:
            while not self.has_room(width() if width else self.capacity):
                self.changed.wait(BEAT_SECONDS)
            self.in_use += 1
            in_use = self.in_use
        try:
            yield in_use
        finally:
            with self.changed:
                self.in_use -= 1
                self.changed.notify_all()

    def wait(self, tell: Callable[[str], None] = lambda words: None) -> None:
        """Return as soon as all that is wanted is granted; `tell` gets who holds it, once."""
        told = False
        with self.changed:
            while not self.has_room(self.capacity):
                if self.others and not told:
                    tell(", ".join(self.others))
                    told = True
                self.changed.wait(BEAT_SECONDS)

    def check(self) -> None:
        """Raises why, if what was granted whole is not held any more."""
        if self.broken:
            raise self.broken
        if not (self.granted and self.is_fresh):
            raise TurnLost()

    def aim(self, target: int) -> int:
        """Begin nothing more beyond `target`; returns what is kept of the grant, with what is under way."""
        with self.changed:
            self.target = target
            self.granted = min(self.granted, max(target, self.in_use))
            return self.granted

    def renewed(self, granted: int, beaten_at: float, others: tuple[str, ...]) -> None:
        with self.changed:
            self.granted, self.beaten_at, self.others = granted, beaten_at, others
            self.changed.notify_all()

    def end(self, error: CleverTapImportError) -> None:
        """Wake all who wait: the lease is not held any more, and never will be again."""
        with self.changed:
            self.broken, self.granted = error, 0
            self.changed.notify_all()


@dataclass(slots=True)
class Sight:
    """The beats of another holder, and since when they stand still."""

    beats: int
    since: float


class Leases:
    """All leases of one process, renewed by a thread of its own. Open one for each run or command."""

    def __init__(self, engine: sa.Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._held: list[Lease] = []
        self._seen: dict[str, Sight] = {}
        self._turn = threading.Lock()
        self._beaten_at = clock()
        self._broken: JournalUnavailable | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="leases", daemon=True)

    def __enter__(self) -> "Leases":
        self.beat()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    @contextmanager
    def lease(self, resource: str, capacity: int, wanted: int, purpose: str) -> Iterator[Lease]:
        """A share of `resource`, of which all together may use `capacity`; `purpose` is for people."""
        lease = Lease(resource, capacity, wanted, purpose[:200], self._clock)
        with self._turn:
            self._held.append(lease)
        try:
            self.beat()
            yield lease
        finally:
            with self._turn:
                self._held.remove(lease)
                self._give_back(lease)

    def beat(self) -> None:
        """Renew all leases of this process, and see who else is there. Raises JournalUnavailable."""
        with self._turn, translated():
            if self._broken:
                raise self._broken
            began = self._clock()
            with self._engine.begin() as connection:
                connection.execute(sa.update(LEASE_TURN).values(turns=LEASE_TURN.c.turns + 1))
                self._remove_gone(connection, began)
                dealt = {lease: self._dealt(lease, connection) for lease in self._held}
            for lease, (granted, others) in dealt.items():
                lease.renewed(granted, began, others)
            self._beaten_at = began

    def _beat_on(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            try:
                self.beat()
            except JournalUnavailable as error:
                if self._clock() - self._beaten_at >= STALE_SECONDS:
                    return self._end(error)
            except Exception as error:
                # A thread that ends unheard would let everybody wait for ever.
                return self._end(JournalUnavailable(f"Leases cannot be renewed: {type(error).__name__}."))
        return None

    def _end(self, error: JournalUnavailable) -> None:
        with self._turn:
            self._broken = error
            for lease in self._held:
                lease.end(error)

    def _remove_gone(self, connection: sa.Connection, now: float) -> None:
        rows = connection.execute(sa.select(LEASE)).all()
        mine = {lease.holder for lease in self._held}
        gone = [row.holder for row in rows if row.holder not in mine and self._is_gone(row, now)]
        if gone:
            connection.execute(sa.delete(LEASE).where(LEASE.c.holder.in_(gone)))
        there = {row.holder for row in rows}.difference(gone)
        self._seen = {holder: sight for holder, sight in self._seen.items() if holder in there}

    def _is_gone(self, row: Row, now: float) -> bool:
        sight = self._seen.get(row.holder)
        if sight is None or sight.beats != row.beats:
            self._seen[row.holder] = sight = Sight(row.beats, now)
        silent = now - sight.since
        if silent >= SILENT_SECONDS:
            return True
        needed = STILL_SECONDS if row.resource.startswith(TURN) else DEAD_SECONDS
        return silent >= needed and is_dead(row.host, row.process)

    def _dealt(self, lease: Lease, connection: sa.Connection) -> tuple[int, tuple[str, ...]]:
        """What `lease` holds from this beat on, and the purposes of those who were there before it."""
        sharers = self._sharers(lease, connection)
        if lease.holder not in [row.holder for row in sharers]:
            if lease.beats and lease.resource.startswith(TURN):
                # What this run knows of the journal is out of date: it must not go on, even alone.
                lease.end(TurnLost())
            if lease.broken:
                return 0, ()
            lease.aim(0)
            connection.execute(sa.insert(LEASE).values(entry(lease)))
            sharers = self._sharers(lease, connection)
        place = [row.holder for row in sharers].index(lease.holder)
        target = fair_shares(lease.capacity, [row.wanted for row in sharers])[place]
        free = lease.capacity - sum(row.granted for row in sharers if row.holder != lease.holder)
        granted = max(lease.aim(target), min(target, free))
        lease.beats += 1
        connection.execute(
            sa.update(LEASE).where(LEASE.c.holder == lease.holder).values(granted=granted, beats=lease.beats)
        )
        return granted, tuple(row.purpose for row in sharers[:place])

    @staticmethod
    def _sharers(lease: Lease, connection: sa.Connection) -> Sequence[Row]:
        """Who holds or wants the same resource; the oldest first."""
        same = sa.select(LEASE).where(LEASE.c.resource == lease.resource)
        return connection.execute(same.order_by(LEASE.c.id)).all()

    def _give_back(self, lease: Lease) -> None:
        # If the database is out of reach, the others see in time that the holder is silent.
        try:
            with translated(), self._engine.begin() as connection:
                connection.execute(sa.delete(LEASE).where(LEASE.c.holder == lease.holder))
        except JournalUnavailable:
            return


def entry(lease: Lease) -> dict[str, str | int]:
    return {
        "resource": lease.resource,
        "capacity": lease.capacity,
        "holder": lease.holder,
        "host": socket.gethostname(),
        "process": os.getpid(),
        "purpose": lease.purpose,
        "wanted": lease.wanted,
        "granted": lease.in_use,
        "beats": lease.beats,
    }


def import_resource(nickname: str) -> str:
    """What one run of an import uses at a time."""
    return f"{TURN}{nickname}"


def holders(engine: sa.Engine, resource: str) -> list[str]:
    """The purposes of those who hold `resource` or wait for it, but for processes known to be dead."""
    with translated(), engine.connect() as connection:
        rows = connection.execute(sa.select(LEASE).where(LEASE.c.resource == resource).order_by(LEASE.c.id))
        return [row.purpose for row in rows if not is_dead(row.host, row.process)]


def is_dead(host: str, process: int) -> bool:
    """Whether there is no such process on this host any more. Nobody can tell it of another host."""
    if host != socket.gethostname():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
