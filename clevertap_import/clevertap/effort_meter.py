"""What a run costs, counted while it goes on: requests to CleverTap, waits for it, seconds of each step."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from clevertap_import.clevertap.outcomes import Busy, Outcome
from clevertap_import.records import Batch
from clevertap_import.run_result import Effort

Item = TypeVar("Item")
Step = Literal["staging", "sending", "snowflake"]


@dataclass(slots=True)
class EffortMeter:
    """Any number of threads may send, and any may ask.

    `on_answer` gets the outcome of each request (None if there is none), and how many seconds it took.
    `throttled_since`: since when CleverTap has answered 429, and nothing else; None if it takes requests.
    """

    clock: Callable[[], float] = time.monotonic
    requests: int = 0
    retries: int = 0
    in_flight: int = 0
    throttled_since: float | None = None
    on_answer: Callable[[Outcome | None, float], None] = lambda outcome, seconds: None
    _throttled_seconds: float = 0.0
    _seconds: dict[str, float] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def counted(self, send: Callable[[Batch], Outcome]) -> Callable[[Batch], Outcome]:
        """`send`, each call of which counts; calls for a batch after its first are retries."""
        sent: set[int] = set()

        def send_and_count(batch: Batch) -> Outcome:
            with self._lock:
                self.requests += 1
                self.retries += batch.number in sent
                self.in_flight += 1
                sent.add(batch.number)
            outcome: Outcome | None = None
            began = self.clock()
            try:
                outcome = send(batch)
            finally:
                with self._lock:
                    self.in_flight -= 1
                    self._note(outcome)
                self.on_answer(outcome, self.clock() - began)
            return outcome

        return send_and_count

    def _note(self, outcome: Outcome | None) -> None:
        is_busy = isinstance(outcome, Busy) and outcome.is_answered
        if is_busy and self.throttled_since is None:
            self.throttled_since = self.clock()
        elif not is_busy:
            self._throttled_seconds += self.throttled_for
            self.throttled_since = None

    @property
    def throttled_for(self) -> float:
        """For how many seconds CleverTap has answered 429 by now, and nothing else."""
        since = self.throttled_since
        return 0.0 if since is None else self.clock() - since

    @contextmanager
    def timed(self, step: Step) -> Iterator[None]:
        """The block is part of this step."""
        self._since[step] = self.clock()
        try:
            yield
        finally:
            self._seconds[step] = self.seconds_of(step)
            del self._since[step]

    def seconds_of(self, step: Step) -> float:
        since = self._since.get(step)
        return self._seconds.get(step, 0.0) + (0.0 if since is None else self.clock() - since)

    def reading(self, items: Iterable[Item]) -> Iterator[Item]:
        """`items` of Snowflake: only the waits for them are its seconds."""
        left = iter(items)
        while True:
            with self.timed("snowflake"):
                found = next(left, None)
            if found is None:
                return
            yield found

    @property
    def effort(self) -> Effort:
        """So far."""
        snowflake = self.seconds_of("snowflake")
        return Effort(
            self.requests,
            self.retries,
            round(self._throttled_seconds + self.throttled_for, 3),
            round(self.seconds_of("staging"), 3),
            round(self.seconds_of("sending"), 3),
            round(snowflake, 3) if snowflake else None,
        )
