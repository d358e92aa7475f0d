"""Which requests are under way at the fake CleverTap: its slots, its counters, the order of batches.

A request is under way from the arrival of its headers until its answer is written. CleverTap allows 15
uploads and 3 profile lookups at a time, and refuses more at once.
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
    """What a test may want to know of the calls so far. Calls to the control door are not counted.

    busy_seconds: how long any upload was under way. request_seconds: how long all of them were, added up. So
    request_seconds / busy_seconds were in flight on average.
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
        """The counters that `shown` gave; after a restart nothing is under way."""
        refused = Counter({int(code): count for code, count in shown["records_refused"].items()})
        known = {name: shown[name] for name in cls.__slots__}
        return cls(
            **known | {"in_flight": 0, "records_refused": refused, "answers": Counter(shown["answers"])}
        )


@dataclass(eq=False, slots=True)
class RequestInFlight:
    """One request under way."""

    call: int
    pool: str | None = None
    identities: frozenset[str] | None = None
    peers: set["RequestInFlight"] = field(default_factory=set)
    is_served: bool = False


class Slots:
    """The requests of one kind that are under way."""

    def __init__(self, counters: Counters | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.counters = counters
        self.flights: set[RequestInFlight] = set()
        self.calls = 0
        self._clock = clock
        self._counted_at = clock()

    def enter(self, limit: int | None) -> RequestInFlight | None:
        """Take a slot; None if as many as `limit` are taken."""
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
        """How many are under way that still wait for their service to begin."""
        return sum(not flight.is_served for flight in self.flights)

    def is_full(self, pool: str, limit: int) -> bool:
        """Whether others take up a pool; for accounts where profiles and events do not share one."""
        return sum(flight.pool == pool for flight in self.flights) >= limit

    def overlaps(self, flight: RequestInFlight, identities: Iterable[str]) -> int:
        """How many identities this flight shares with others that were under way at any moment of it.

        Each pair is counted once, by whichever of the two has its body read last.
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
    """Batches that CleverTap takes after their callers have gone, each once so many others were taken."""

    def __init__(self) -> None:
        self._held: list[tuple[int, Callable[[], None]]] = []

    def hold(self, others: int, apply: Callable[[], None]) -> None:
        """`apply` is called after `others` more batches."""
        self._held.append((others, apply))

    def one_taken(self) -> None:
        """A batch was taken in its time."""
        held, self._held = self._held, []
        for others, apply in held:
            if others > 1:
                self._held.append((others - 1, apply))
            else:
                apply()


class ApplyOrder:
    """Lets the batches under way be applied in a drawn order, once all of them are ready.

    It shows up clients that send records of one user in two batches at a time.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311
        self._ready: list[asyncio.Future[None]] = []
        self._under_way = 0

    @contextmanager
    def one_batch(self) -> Generator[None, None, None]:
        """A batch is under way until it is applied, or will not be."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._release()

    async def turn(self) -> None:
        """Wait until it is this batch's turn to be applied."""
        loop = asyncio.get_running_loop()
        ready = loop.create_future()
        self._ready.append(ready)
        # Not at once: the last to be ready would not pause, and so would always be applied first.
        loop.call_soon(self._release)
        await ready

    def _release(self) -> None:
        if self._ready and len(self._ready) >= self._under_way:
            self._random.shuffle(self._ready)
            for ready in self._ready:
                if not ready.done():
                    ready.set_result(None)
            self._ready.clear()
