"""A CleverTap that answers by a script, in virtual time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from clevertap_import.clevertap.backoff import Retry
from clevertap_import.clevertap.batch_sender import BatchSender, RetryPolicy
from clevertap_import.clevertap.circuit_breaker import CircuitBreaker
from clevertap_import.clevertap.outcomes import (
    Accepted,
    Busy,
    NothingTaken,
    Outcome,
    RecordProblem,
    Refused,
    Uncertain,
)
from clevertap_import.clevertap.settlement import Settlement
from clevertap_import.records import Batch

BUSY = Busy("Too many concurrent requests")
UNREACHABLE = Busy("ConnectionError", is_answered=False)
NOTHING_TAKEN = NothingTaken("fail")
LOST = Uncertain("ReadTimeout")
REFUSED = Refused(401, "Passcode Invalid")
MALFORMED = Refused(400, "Malformed request")
Answer = Callable[[int], Outcome]


@dataclass
class Scripted:
    """A CleverTap that answers in turn, the last answer for ever; time passes only by being slept."""

    answers: Sequence[Answer]
    jitter: float = 1.0
    posted: list[list[str | None]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    slept_after: list[tuple[Outcome, float]] = field(default_factory=list)

    def post(self, batch: Batch) -> Outcome:
        self.posted.append([batch.identity(index) for index in range(len(batch))])
        self.outcomes.append(self.answers[min(len(self.posted), len(self.answers)) - 1](len(batch)))
        return self.outcomes[-1]

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.slept_after.append((self.outcomes[-1], seconds))

    def attempts(self, retry: Retry, *, resends: int | None = None, most_failures: int = 60) -> BatchSender:
        retry_policy = RetryPolicy(retry, self.sleep, lambda: self.jitter)
        return BatchSender(self.post, retry_policy, resends=resends, breaker=CircuitBreaker(most_failures))

    def send(self, batch: Batch, *, resends: int | None = None, attempts: int = 5) -> Settlement:
        return self.attempts(Retry(attempts), resends=resends).send(batch)


def always(outcome: Outcome) -> Answer:
    return lambda size: outcome


def problems(**codes: str) -> Answer:
    """An answer that takes all but the records at these places, as in `_0="555"`."""
    found = tuple(RecordProblem(int(place[1:]), code, "no") for place, code in codes.items())
    return lambda size: Accepted(size - len(found), found)
