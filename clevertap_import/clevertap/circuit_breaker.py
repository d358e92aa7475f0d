"""The state of CleverTap that all senders of one delivery share: whether to send anything more."""

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
"""Four tries for each of the 15 requests in flight. If all 15 connections break at once, that counts as 15
failures, and must not end a run: the waits before the fourth try add up to 7 seconds on average. Without this
limit a dead CleverTap gets 16 x 8 requests, and events are stored 8 times. With few requests in flight, the
limits of a batch apply first."""


class NothingMoreIsSent(Exception):
    """Raised in a sender that waits for a slot: the breaker has opened meanwhile."""


class CircuitBreaker:
    """Opens permanently when CleverTap refuses us, when too many posts in a row fail, or when a delivery
    ends.

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
        """Send nothing more, because of `error` on our side; None if the run was asked to end."""
        with self._lock:
            self._open(Ended(error))

    def check(self) -> None:
        """Raises NothingMoreIsSent if the breaker is open."""
        if self.stopped:
            raise NothingMoreIsSent

    def wait(self, seconds: float) -> None:
        """Sleep, but only until the breaker opens."""
        self._opened.wait(seconds)

    def record(self, outcome: Outcome) -> None:
        """Record the outcome of one post."""
        with self._lock:
            match outcome:
                case Accepted():
                    self.accepted += 1
                    self._failures = 0
                case Busy(is_answered=True):
                    pass  # CleverTap answers, but it is not known whether it stores records.
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
