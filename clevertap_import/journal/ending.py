"""A delivery that was asked to end: a state that it looks at, and no exception at any line of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

SETTLE_SECONDS = 6.0
"""For the answers to what is under way. Kubernetes kills 30 seconds after it asked, and a run is to have
ended after 20: the journal has the next four, and the rest is for Dagster's events and the process's end."""

HURRIED_SECONDS = 1.0
"""The same after a second Ctrl-C."""

JOURNAL_SECONDS = 4.0
"""Beyond that, for a journal that is away: what is not entered by then stays without an answer."""

LOOK_SECONDS = 0.2
"""How often a delivery that waits for answers looks whether it was asked to end."""


@dataclass(slots=True)
class Ending:
    """Whether a delivery was asked to end, and how long what is under way may still take."""

    clock: Callable[[], float] = time.monotonic
    requested_at: list[float] = field(default_factory=list)

    def request(self) -> None:
        """May be called at any line, by a signal's handler: it does nothing but note the moment."""
        self.requested_at.append(self.clock())

    @property
    def is_requested(self) -> bool:
        return bool(self.requested_at)

    @property
    def seconds_left(self) -> float:
        """Until answers are not waited for any more; endless if nobody asked."""
        ends = [
            requested_at + seconds
            for requested_at, seconds in zip(
                self.requested_at, (SETTLE_SECONDS, HURRIED_SECONDS), strict=False
            )
        ]
        return min(ends) - self.clock() if ends else float("inf")
