"""The requests in flight at the fake CleverTap: its slots, its counters, the order of batches.

A request is in flight from the arrival of its headers until its answer is written. CleverTap allows 15
uploads and 3 profile look-ups at a time, and refuses more.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any


@dataclass(slots=True)
class Counters:
    """Counts of the calls so far, for tests. Calls to the control endpoint are not counted.

    busy_seconds: how long any upload was in flight. request_seconds: the sum over all uploads. So on average
    request_seconds / busy_seconds were in flight.
    """

    calls: int = 0
    uploads: int = 0
    dry_runs: int = 0
    in_flight: int = 0
    peak_in_flight: int = 0
    busy_seconds: float = 0
    request_seconds: float = 0
    busy_429: int = 0
    request_bytes: int = 0
    batches_over_limit: int = 0
    same_identity_overlaps: int = 0
    records_accepted: int = 0
    records_refused: Counter[int] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)

    def shown(self) -> dict[str, Any]:
        """All of them as JSON; the Counter keys become text."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        refused = {str(code): count for code, count in sorted(self.records_refused.items())}
        return {**plain, "records_refused": refused, "answers": dict(sorted(self.answers.items()))}

    @classmethod
    def restored(cls, shown: dict[str, Any]) -> "Counters":
        """The counters that `shown` returned; after a restart no request is in flight."""
        refused = Counter({int(code): count for code, count in shown["records_refused"].items()})
        known = {name: shown[name] for name in cls.__slots__}
        return cls(
            **known | {"in_flight": 0, "records_refused": refused, "answers": Counter(shown["answers"])}
        )


@dataclass(eq=False, slots=True)
class RequestInFlight:
    """One request in flight."""

    call: int
    pool: str | None = None
    identities: frozenset[str] | None = None
    peers: set["RequestInFlight"] = field(default_factory=set)
    is_served: bool = False


class Slots:
    """The requests of one kind that are in flight."""

    def __init__(self, counters: Counters | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.counters = counters
        self.flights: set[RequestInFlight] = set()
        self.calls = 0
        self._clock = clock
        self._counted_at = clock()

    def enter(self, limit: int | None) -> RequestInFlight | None:
        """Take a slot; None if `limit` slots are in use."""
        if limit is not None and len(self.flights) >= limit:
            return None
        self.calls += 1
        flight = RequestInFlight(self.calls, peers=set(self.flights))
        for peer in self.flights:
            peer.peers.add(flight)
        self._count_time()
        self.flights.add(flight)
        self._count()
        return flight

    def leave(self, flight: RequestInFlight) -> None:
        """Give the slot back."""
        self._count_time()
        self.flights.discard(flight)
        flight.peers.clear()
        self._count()

    def unserved(self) -> int:
        """How many are in flight and still wait for their service to begin."""
        return sum(not flight.is_served for flight in self.flights)

    def is_full(self, pool: str, limit: int) -> bool:
        """Whether others use all slots of a pool; for accounts with separate pools for profiles and
        events."""
        return sum(flight.pool == pool for flight in self.flights) >= limit

    def overlaps(self, flight: RequestInFlight, identities: Iterable[str]) -> int:
        """How many identities this request shares with others that were in flight at any moment of it.

        Each pair is counted once, by the request whose body is read last.
        """
        flight.identities = frozenset(identities)
        return sum(len(flight.identities & peer.identities) for peer in flight.peers if peer.identities)

    def _count_time(self) -> None:
        """Before the number of flights changes."""
        since, self._counted_at = self._counted_at, self._clock()
        if self.counters is not None and self.flights:
            self.counters.busy_seconds += self._counted_at - since
            self.counters.request_seconds += (self._counted_at - since) * len(self.flights)

    def _count(self) -> None:
        if self.counters is not None:
            self.counters.in_flight = len(self.flights)
            self.counters.peak_in_flight = max(self.counters.peak_in_flight, len(self.flights))


class LateBatches:
    """Batches that CleverTap stores after their callers have gone, each after a number of other batches."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, Callable[[], None]]] = []

    def hold(self, others: int, apply: Callable[[], None]) -> None:
        """`apply` is called after `others` more batches."""
        self._waiting.append((others, apply))

    def one_taken(self) -> None:
        """A batch was stored in time."""
        waiting, self._waiting = self._waiting, []
        for others, apply in waiting:
            if others > 1:
                self._waiting.append((others - 1, apply))
            else:
                apply()


class ApplyOrder:
    """Applies the batches in flight in a random order, as soon as all of them are ready.

    It detects clients that send records of one user in two batches at a time.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311
        self._ready: list[asyncio.Future[None]] = []
        self._under_way = 0

    @contextmanager
    def one_batch(self) -> Generator[None, None, None]:
        """A batch is in flight until it is applied, or until it is certain that it is not."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._release()

    async def turn(self) -> None:
        """Wait until this batch may be applied."""
        loop = asyncio.get_running_loop()
        ready = loop.create_future()
        self._ready.append(ready)
        # With a pause: otherwise the last one to be ready would always be applied first.
        loop.call_soon(self._release)
        await ready

    def _release(self) -> None:
        if self._ready and len(self._ready) >= self._under_way:
            self._random.shuffle(self._ready)
            for ready in self._ready:
                if not ready.done():
                    ready.set_result(None)
            self._ready.clear()
