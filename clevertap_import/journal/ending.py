"""The request to end a delivery: a state that the delivery checks, not an exception at any line of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

SETTLE_SECONDS = 6.0
"""How long to wait for answers to requests in flight. Kubernetes kills a process 30 seconds after its request
to end, and a run should end within 20: the journal gets the next four seconds, and the rest is for Dagster's
events and the end of the process."""

HURRIED_SECONDS = 1.0
"""The same wait after a second Ctrl-C."""

JOURNAL_SECONDS = 4.0
"""How much longer to wait for an unavailable journal. Answers that are not written by then are lost."""

LOOK_SECONDS = 0.2
"""How often a delivery that waits for answers checks whether it should end."""


@dataclass(slots=True)
class Ending:
    """Whether a delivery should end, and how long its requests in flight may still take."""

    clock: Callable[[], float] = time.monotonic
    requested_at: list[float] = field(default_factory=list)

    def request(self) -> None:
        """Stores only the time, so that a signal handler may call it at any line."""
        self.requested_at.append(self.clock())

    @property
    def is_requested(self) -> bool:
        return bool(self.requested_at)

    @property
    def seconds_left(self) -> float:
        """How long the delivery still waits for answers; infinite without a request to end."""
        ends = [
            requested_at + seconds
            for requested_at, seconds in zip(
                self.requested_at, (SETTLE_SECONDS, HURRIED_SECONDS), strict=False
            )
        ]
        return min(ends) - self.clock() if ends else float("inf")
