"""Locks of a simulation, which all of its processes share."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import sqlalchemy as sa

from clevertap_import.clevertap.account_limiter import AccountLimiter
from clevertap_import.clevertap.circuit_breaker import NothingMoreIsSent
from clevertap_import.clevertap.request_limiter import RequestLimiter
from clevertap_import.journal.import_lock import ImportLock
from clevertap_import.journal.tables import translated
from clevertap_import_tests.simulation.process import Process


@dataclass
class Resource:
    """The processes that use a resource or wait for it, in the order in which they came."""

    queue: list[Process] = field(default_factory=list)
    in_use: int = 0


@dataclass
class Share:
    """The share of one process in a resource."""

    process: Process
    resource: Resource
    capacity: int
    in_use: int = 0

    @property
    def share(self) -> int:
        return self.capacity

    @contextmanager
    def one(self, width: Callable[[], int] | None = None) -> Iterator[int]:
        def has_room() -> bool:
            most = min(width(), self.capacity) if width else self.capacity
            return self.resource.in_use < self.capacity and self.in_use < most

        def goes_on() -> bool:
            try:
                return has_room()
            except NothingMoreIsSent:
                # The task that waits raises it below. The scheduler, which asks here, must not get it.
                return True

        self.process.scheduler.pause(goes_on=goes_on)
        if width:
            width()
        self.in_use += 1
        self.resource.in_use += 1
        try:
            yield self.in_use
        finally:
            self.in_use -= 1
            self.resource.in_use -= 1


@dataclass
class SimulatedImportLock:
    """The import lock. It is never lost: the kernel or the database's session holds it."""

    engine: sa.Engine

    def check(self) -> None:
        """It is ours."""

    def again(self, act: Callable[[sa.Connection], object]) -> None:
        """Its session is never lost, so nothing is entered again."""

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        with translated(), self.engine.begin() as connection:
            yield connection


@dataclass
class Locks:
    """All resources of a simulation, as `process` sees them."""

    process: Process
    resources: defaultdict[str, Resource]

    @contextmanager
    def limiter(self, capacity: int) -> Iterator[AccountLimiter]:
        """The share of the process in the account's requests."""
        yield AccountLimiter(cast(RequestLimiter, Share(self.process, self.resources["requests"], capacity)))

    @contextmanager
    def import_lock(self, engine: sa.Engine) -> Iterator[ImportLock]:
        """The lock of the one import that there is; waits for those who came before."""
        queue = self.resources["import"].queue
        queue.append(self.process)
        try:
            self.process.scheduler.pause(goes_on=lambda: queue[0] is self.process)
            yield cast(ImportLock, SimulatedImportLock(engine))
        finally:
            queue.remove(self.process)
