"""How long to go on with one batch: exponential backoff with full jitter, bounded in count and in time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retry:
    """Bounds for one batch. The defaults outlast a short outage without holding a run for long."""

    attempts: int = 8
    total_seconds: float = 300.0
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 30.0

    def wait_seconds(self, attempt: int, waited_seconds: float, jitter: float) -> float | None:
        """The wait after the `attempt`th try (from 1), or None to give up. `jitter` is from 0 to 1."""
        if attempt >= self.attempts:
            return None
        ceiling = min(self.longest_wait_seconds, self.first_wait_seconds * 2 ** (attempt - 1))
        wait = ceiling * jitter
        return wait if waited_seconds + wait <= self.total_seconds else None
