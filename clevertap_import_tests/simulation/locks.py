"""Locks of a simulation: what only so many may use at once, shared by all of its processes."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from clevertap_import_tests.simulation.process import Process


@dataclass
class Resource:
    """Who uses a resource, and who waits for it, in the order in which they came."""

    queue: list[Process] = field(default_factory=list)
    in_use: int = 0


@dataclass
class Share:
    """What one process may use of a resource."""

    process: Process
    resource: Resource
    capacity: int
    in_use: int = 0
    holder: str | None = None

    @property
    def granted(self) -> int:
        return self.capacity

    target = granted

    @contextmanager
    def one(self, width: Callable[[], int] | None = None) -> Iterator[int]:
        def has_room() -> bool:
            most = min(width(), self.capacity) if width else self.capacity
            return self.resource.in_use < self.capacity and self.in_use < most

        self.process.scheduler.pause(goes_on=has_room)
        self.in_use += 1
        self.resource.in_use += 1
        try:
            yield self.in_use
        finally:
            self.in_use -= 1
            self.resource.in_use -= 1

    def wait(self, tell: Callable[[str], None] = lambda words: None) -> None:
        self.process.scheduler.pause(goes_on=lambda: self.resource.queue[0] is self.process)

    def check(self) -> None:
        """It is never lost: the kernel or the database's session holds it."""


@dataclass
class Locks:
    """All resources of a simulation, as `process` sees them."""

    process: Process
    resources: defaultdict[str, Resource]

    @contextmanager
    def lease(self, resource: str, capacity: int, wanted: int, purpose: str) -> Iterator[Share]:
        found = self.resources[resource]
        found.queue.append(self.process)
        try:
            yield Share(self.process, found, capacity)
        finally:
            found.queue.remove(self.process)
