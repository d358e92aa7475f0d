"""The request limiter: each process uses its fair share of an account's requests in flight.

A slot is a named lock, and each request needs one: there are as many slots as the account allows. A process
with requests to send takes slots up to its fair share, and returns at once those that it does not need. If
there are more processes than slots, each uses one slot for one request, then lets the others try.
"""

import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from clevertap_import.clevertap.fair_share import fair_shares
from clevertap_import.errors import CleverTapImportError
from clevertap_import.journal.journal_outage import OutageLimit
from clevertap_import.journal.locks import NamedLocks
from clevertap_import.journal.participants import Participant, Participants
from clevertap_import.journal.tables import JournalUnavailable

LOOK_SECONDS = 0.5
"""How often a process looks for other processes; with more processes, less often."""

POLL_SECONDS = 0.02
"""How often all waiting processes together look for a free slot, for each slot."""

DEAD_SECONDS = 5.0
"""CleverTap may still work on the last requests of a dead process: its slots stay unused for this time."""


@dataclass(eq=False)
class Slots:
    """The slots of this process. Used under the limiter's lock."""

    locks: NamedLocks
    participants: Participants
    names: Sequence[str]
    clock: Callable[[], float]
    idle: dict[str, float] = field(default_factory=dict)
    """Since when."""

    in_use: set[str] = field(default_factory=set)
    resting: dict[str, float] = field(default_factory=dict)
    """Until when."""

    @property
    def count(self) -> int:
        return len(self.idle) + len(self.in_use) + len(self.resting)

    def take(self, count: int) -> None:
        """Take free slots, up to `count`."""
        taken = self.locks.take_some(self.names, count)
        self.idle |= dict.fromkeys(taken, self.clock())
        for name in self.locks.abandoned(taken, self.participants.lock_names) if taken else ():
            del self.idle[name]
            self.resting[name] = self.clock() + DEAD_SECONDS

    def wake(self) -> None:
        """Slots whose rest has ended may be used."""
        for name in [name for name, until in self.resting.items() if until <= self.clock()]:
            del self.resting[name]
            self.locks.clear_abandoned(name)
            self.idle[name] = self.clock()

    def keep(self, most: int, idle_seconds: float) -> None:
        """Return slots beyond `most`, and slots that were unused for `idle_seconds`."""
        since = self.clock() - idle_seconds
        for name in [name for name, idle_since in self.idle.items() if idle_since <= since]:
            self.give_back(name)
        for name in list(self.idle)[: max(0, self.count - most)]:
            self.give_back(name)

    def give_back(self, name: str) -> None:
        self.idle.pop(name, None)
        self.locks.give_back(name)

    def begin(self) -> str:
        name, _ = self.idle.popitem()
        self.in_use.add(name)
        return name

    def end(self, name: str) -> None:
        if name in self.in_use:
            self.in_use.remove(name)
            self.idle[name] = self.clock()

    def drop_lost(self) -> None:
        """Remove slots that other processes may have by now."""
        for name in [*self.idle, *self.in_use, *self.resting]:
            if not self.locks.has(name):
                self.in_use.discard(name)
                self.resting.pop(name, None)
                self.give_back(name)


@dataclass(eq=False)
class RequestLimiter:
    """One process's share of one account's slots. Any number of threads may use it."""

    slots: Slots
    me: Participant
    capacity: int
    clock: Callable[[], float] = time.monotonic
    dice: Callable[[], float] = random.random
    share: int = 1
    crowd: int = 1
    """How many processes there are for each slot, at least 1."""

    in_flight: int = 0
    waiting: int = 0
    """How many threads wait for a slot."""

    fatal_error: CleverTapImportError | None = None
    looked_at: float = float("-inf")
    poll_at: float = float("-inf")
    seen_dead: dict[Participant, float] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.losses = self.slots.locks.losses
        self.outage = OutageLimit(self.clock)

    @contextmanager
    def one(self, width: Callable[[], int] | None = None) -> Iterator[int]:
        """Use a slot as soon as one is free; yields how many are in use. `width` limits that number."""
        with self.changed:
            self.waiting += 1
            try:
                while (slot := self.begin(width() if width else self.capacity)) is None:
                    self.changed.wait(min(LOOK_SECONDS, max(0.001, self.poll_at - self.clock())))
            finally:
                self.waiting -= 1
            in_flight = self.in_flight
        try:
            yield in_flight
        finally:
            self.done(slot)

    def begin(self, width: int) -> str | None:
        """A slot for one more request, if it may be sent now. Raises if the limiter will grant none any
        more."""
        with self.changed:
            if self.fatal_error:
                raise self.fatal_error
            most = min(width, self.share)
            if self.in_flight >= most:
                return None
            has_sought = False
            with self.outage.borne():
                self._seek(most)
                has_sought = True
            if not has_sought or not self.slots.idle:
                return None
            self.in_flight += 1
            return self.slots.begin()

    def done(self, slot: str) -> None:
        """The request with that slot has its answer."""
        with self.changed:
            self.in_flight -= 1
            self.slots.end(slot)
            # The answer is more important; the next wait for a slot notices that the journal is unavailable.
            with suppress(JournalUnavailable):
                if self.crowd > 1:
                    self.slots.keep(0, 0)
                    # The thread that has waited longest looks first.
                    self.poll_at = self.clock() + 2 * self._pause()
                else:
                    self.slots.keep(self.share, LOOK_SECONDS)
            self.changed.notify_all()

    def look(self) -> None:
        """Look for other processes, and adjust our slots to our share and our need."""
        with self.changed:
            try:
                with self.outage.borne():
                    self._look()
                    self.slots.wake()
                    self.slots.keep(self.share, LOOK_SECONDS)
            except CleverTapImportError as error:
                self.fatal_error = error
            self.changed.notify_all()

    def _seek(self, most: int) -> None:
        """Take free slots, if it is time to look for them."""
        self.slots.wake()
        if self.losses != self.slots.locks.losses:
            losses = self.slots.locks.losses
            self.slots.drop_lost()
            self.losses = losses
        if self.slots.idle or self.clock() < self.poll_at:
            return
        if self.clock() - self.looked_at >= LOOK_SECONDS * self.crowd:
            self._look()
        self.poll_at = self.clock() + self._pause()
        self.slots.take(min(max(1, self.waiting), most - self.slots.count))

    def _pause(self) -> float:
        """The pause between looks: together, all waiting processes look about as often as one alone would."""
        return POLL_SECONDS * self.crowd * (0.5 + self.dice())

    def _look(self) -> None:
        participants = self.slots.participants
        everybody = participants.all()
        if self.me not in everybody:
            # Our session was lost for a while, and another process considered us dead.
            participants.enter(self.me)
            everybody.append(self.me)
        living, dead = participants.apart(everybody)
        there = [one for one in everybody if one in living or one == self.me]
        wanted = [one.wanted for one in there]
        self.crowd = max(1, math.ceil(len(there) / self.capacity))
        self.share = fair_shares(self.capacity, wanted)[there.index(self.me)] if self.crowd == 1 else 1
        self.looked_at = self.clock()
        self.seen_dead = {one: self.seen_dead.get(one, self.looked_at) for one in dead if one != self.me}
        participants.remove(
            [one for one, since in self.seen_dead.items() if self.looked_at - since >= DEAD_SECONDS]
        )


@contextmanager
def request_limiter(
    locks: NamedLocks, resource: str, capacity: int, wanted: int, purpose: str
) -> Iterator[RequestLimiter]:
    """All processes together may use `capacity` of `resource` at once; `wanted`: how many this one can
    use."""
    with joined_limiter(locks, resource, capacity, wanted, purpose) as limiter:
        ended = threading.Event()
        looker = threading.Thread(target=look_on, args=(limiter, ended), name="slots", daemon=True)
        looker.start()
        try:
            yield limiter
        finally:
            ended.set()
            looker.join()


@contextmanager
def joined_limiter(
    locks: NamedLocks,
    resource: str,
    capacity: int,
    wanted: int,
    purpose: str,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[RequestLimiter]:
    """The same, but the caller must call `look` from time to time."""
    participants = Participants(locks, resource)
    names = [f"{resource} slot {number}" for number in range(capacity)]
    with participants.joined(wanted, purpose) as me:
        slots = Slots(locks, participants, names, clock)
        limiter = RequestLimiter(slots, me, capacity, clock)
        limiter.look()
        try:
            yield limiter
        finally:
            with suppress(JournalUnavailable):
                for name in [*slots.idle, *slots.in_use, *slots.resting]:
                    locks.give_back(name)


def look_on(limiter: RequestLimiter, ended: threading.Event) -> None:
    while not ended.wait(LOOK_SECONDS * limiter.crowd):
        limiter.look()
