"""Sends one batch, splitting and retrying, until each record has an outcome or the retry limit is reached."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

from clevertap_import.clevertap.backoff import Backoff, Retry
from clevertap_import.clevertap.circuit_breaker import CircuitBreaker, NothingMoreIsSent
from clevertap_import.clevertap.outcomes import Accepted, Busy, NothingTaken, Outcome, Refused, Uncertain
from clevertap_import.clevertap.settlement import MOST_REFUSALS, BatchInProgress, Settlement
from clevertap_import.errors import CleverTapImportError
from clevertap_import.journal.tables import JournalUnavailable
from clevertap_import.records import Batch
from clevertap_import.threads import DaemonThreads, Senders


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to retry, with the clock, the jitter and the threads for it.

    Without its own `sleep` a delivery stops sleeping as soon as it ends.
    """

    retry: Retry = field(default_factory=Retry)
    sleep: Callable[[float], None] | None = None
    dice: Callable[[], float] = random.random
    senders: Callable[[int], Senders] = DaemonThreads


class BatchSender:
    """Sends the batches of one delivery, from any number of threads.

    `resends`: how often records that may be stored are sent again; None: as often as the retry limits allow.
    """

    def __init__(
        self,
        post: Callable[[Batch], Outcome],
        retry_policy: RetryPolicy,
        *,
        resends: int | None,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self.post = post
        self.retry_policy = retry_policy
        self.resends = resends
        self.breaker = breaker or CircuitBreaker()

    def send(self, batch: Batch) -> Settlement:
        """Post `batch`, then its open records, until all have an outcome.

        Ends earlier at the retry limit, or if the circuit breaker opens.
        """
        batch_in_progress, waits = BatchInProgress(batch), Backoff(self.retry_policy.retry)
        accepted_before = self.breaker.accepted
        stop = self.breaker.stopped
        while batch_in_progress.sub_batches and stop is None:
            outcome = self.outcome(batch_in_progress.next_batch)
            wait = self.wait_after(outcome, batch_in_progress, waits) if outcome else None
            stop = self.breaker.stopped or (outcome if wait is None else None)
            if wait and stop is None:
                self.sleep(wait)
                stop = self.breaker.stopped
        return batch_in_progress.finish(stop, others_accepted=self.breaker.accepted > accepted_before)

    @property
    def sleep(self) -> Callable[[float], None]:
        return self.retry_policy.sleep or self.breaker.wait

    def outcome(self, batch: Batch) -> Outcome | None:
        """The outcome of one post; None if an error on our side prevented it."""
        try:
            outcome = self.post(batch)
        except NothingMoreIsSent:
            return None
        except JournalUnavailable as error:
            # Nothing was sent. The code that enters the answers waits for the journal, and ends the delivery
            # if needed.
            return Busy(str(error))
        except CleverTapImportError as error:
            self.breaker.end(error)
            return None
        self.breaker.record(outcome)
        return outcome

    def wait_after(
        self, outcome: Outcome, batch_in_progress: BatchInProgress, waits: Backoff
    ) -> float | None:
        """Enter the outcome of the first sub-batch; returns the seconds to wait, or None to give up."""
        jitter = self.retry_policy.dice()
        match outcome:
            case Accepted():
                return (
                    waits.after_failure(jitter)
                    if batch_in_progress.enter(outcome)
                    else waits.after_progress()
                )
            case Busy(is_answered=True):
                return waits.after_busy(jitter)
            case Busy() | NothingTaken():
                return waits.after_failure(jitter)
            case Uncertain():
                return self.after_doubt(batch_in_progress.mark_unanswered(), waits, jitter)
            case Refused():
                if not outcome.is_malformed or batch_in_progress.refusals >= MOST_REFUSALS:
                    return None
                return (
                    waits.after_refusal(jitter)
                    if batch_in_progress.refuse(outcome)
                    else waits.after_progress()
                )
            case _:
                assert_never(outcome)

    def after_doubt(self, doubts: int, waits: Backoff, jitter: float) -> float | None:
        """The same for records that have had `doubts` lost answers."""
        if self.resends is None or doubts < self.resends:
            return waits.after_failure(jitter)
        return waits.after_doubt(jitter) if doubts == self.resends else None
