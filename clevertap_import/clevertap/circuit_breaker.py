"""What all senders of one delivery know of CleverTap together: whether to send anything more."""

import threading
from typing import assert_never

from clevertap_import.clevertap.outcomes import (
    Accepted,
    Busy,
    Ended,
    NothingTaken,
    Outcome,
    Refused,
    Stop,
    TooManyFailures,
    Uncertain,
)

MOST_FAILURES_IN_A_ROW = 60
"""Four tries for each of the 15 requests in flight. One blow that breaks all connections costs 15, and must
not end a run: the waits before the fourth try make 7 seconds on average. Without this bound a dead CleverTap
is asked 16 x 8 times, and events are stored 8 times. With few in flight, a batch's own bounds come first."""


class NothingMoreIsSent(Exception):
    """To a sender that waits for its turn: the breaker has opened meanwhile."""


class CircuitBreaker:
    """Opens for good when CleverTap refuses us, when posts in a row come to nothing, or when a delivery ends.

    Thread safe.
    """

    def __init__(self, most_failures: int = MOST_FAILURES_IN_A_ROW) -> None:
        self.most_failures = most_failures
        self.stopped: Stop | None = None
        self.accepted = 0
        self._failures = 0
        self._lock = threading.Lock()
        self._opened = threading.Event()

    def end(self, error: Exception | None = None) -> None:
        """Nothing more is sent, because of `error` on our side; None if we were asked to end."""
        with self._lock:
            self._open(Ended(error))

    def check(self) -> None:
        """Raises NothingMoreIsSent once it is open."""
        if self.stopped:
            raise NothingMoreIsSent

    def wait(self, seconds: float) -> None:
        """Sleep, but not beyond the moment at which it opens."""
        self._opened.wait(seconds)

    def record(self, outcome: Outcome) -> None:
        """Take account of one post by any sender."""
        with self._lock:
            match outcome:
                case Accepted():
                    self.accepted += 1
                    self._failures = 0
                case Busy(is_answered=True):
                    pass  # CleverTap lives, but whether it takes anything is not known.
                case Busy(reason=reason) | NothingTaken(reason=reason) | Uncertain(reason=reason):
                    self._fail(TooManyFailures(self.most_failures, reason))
                case Refused():
                    self._fail(outcome, at_once=not outcome.is_malformed)
                case _:
                    assert_never(outcome)

    def _fail(self, stop: Stop, *, at_once: bool = False) -> None:
        self._failures += 1
        if at_once or self._failures >= self.most_failures:
            self._open(stop)

    def _open(self, stop: Stop) -> None:
        self.stopped = self.stopped or stop
        self._opened.set()
