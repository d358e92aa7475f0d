"""How long one batch is retried: exponential backoff with full jitter, limited in attempts and in time."""

from dataclasses import dataclass

from clevertap_import.config.model import ImportConfig

LEAST_BUSY_WAIT_SECONDS = 0.1
"""A 429 uses no attempt: this limits the number of tries, for any jitter."""

MOST_RESENDS = 2
"""How often an event is sent again after a lost answer: each time may store one more copy of it."""


def resends(config: ImportConfig) -> int | None:
    """How often a record of this import is sent again after lost answers. None: no limit, for profiles."""
    if not config.is_events:
        return None
    return MOST_RESENDS if config.uncertain_events == "resend" else 0


@dataclass(frozen=True, slots=True)
class Retry:
    """Limits for one batch. The defaults outlast a short outage, and do not block a run for long.

    HTTP 429 is not a failure: it has its own waits, `busy_seconds` in total, and uses none of the `attempts`.
    """

    attempts: int = 8
    total_seconds: float = 300.0
    first_wait_seconds: float = 2.0
    longest_wait_seconds: float = 30.0
    busy_seconds: float = 300.0
    first_busy_wait_seconds: float = 0.5

    def wait_seconds(self, attempt: int, waited_seconds: float, jitter: float) -> float | None:
        """The wait after the `attempt`th try (from 1), or None to give up. `jitter` is from 0 to 1."""
        if attempt >= self.attempts:
            return None
        wait = self.ceiling_seconds(self.first_wait_seconds, attempt) * jitter
        return wait if waited_seconds + wait <= self.total_seconds else None

    def busy_wait_seconds(self, in_a_row: int, waited_seconds: float, jitter: float) -> float | None:
        """The wait after `in_a_row` answers 429 (from 1), or None to give up."""
        ceiling = self.ceiling_seconds(self.first_busy_wait_seconds, in_a_row)
        wait = max(LEAST_BUSY_WAIT_SECONDS, ceiling * jitter)
        return wait if waited_seconds + wait <= self.busy_seconds else None

    def ceiling_seconds(self, first_seconds: float, wait_number: int) -> float:
        """The longest possible wait of this number: it doubles each time, up to a limit."""
        return min(self.longest_wait_seconds, first_seconds * 2.0 ** min(wait_number - 1, 30))


@dataclass(slots=True)
class Backoff:
    """The waits of one batch. Each method returns the next in seconds, or None to give up; `jitter` is 0 to
    1."""

    retry: Retry
    failures: int = 0
    failure_seconds: float = 0.0
    busy_in_a_row: int = 0
    busy_seconds: float = 0.0

    def after_progress(self) -> float:
        self.busy_in_a_row = 0
        return 0.0

    def after_failure(self, jitter: float) -> float | None:
        self.failures += 1
        self.busy_in_a_row = 0
        wait = self.retry.wait_seconds(self.failures, self.failure_seconds, jitter)
        self.failure_seconds += wait or 0.0
        return wait

    def after_doubt(self, jitter: float) -> float | None:
        """The wait before the last try of records that may be stored: long, so that these few tries outlast a
        short outage."""
        self.failures += 1
        self.busy_in_a_row = 0
        wait = self.retry.longest_wait_seconds * (1 + jitter) / 2
        if self.failures >= self.retry.attempts or self.failure_seconds + wait > self.retry.total_seconds:
            return None
        self.failure_seconds += wait
        return wait

    def after_refusal(self, jitter: float) -> float | None:
        """The wait before an unchanged retry. It uses no attempt: the number of refusals has its own
        limit."""
        self.busy_in_a_row = 0
        wait = self.retry.first_wait_seconds * jitter
        self.failure_seconds += wait
        return wait if self.failure_seconds <= self.retry.total_seconds else None

    def after_busy(self, jitter: float) -> float | None:
        """The wait after HTTP 429. The waits start short again after any other answer."""
        self.busy_in_a_row += 1
        wait = self.retry.busy_wait_seconds(self.busy_in_a_row, self.busy_seconds, jitter)
        self.busy_seconds += wait or 0.0
        return wait
