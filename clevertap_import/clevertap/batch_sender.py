"""One batch, posted whole or in pieces until each of its records is settled or patience ends."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

from clevertap_import.clevertap.backoff import Retry, Waits
from clevertap_import.clevertap.circuit_breaker import Breaker, NothingMoreIsSent
from clevertap_import.clevertap.outcomes import Accepted, Busy, NothingTaken, Outcome, Refused, Uncertain
from clevertap_import.clevertap.settlement import MOST_REFUSALS, Settlement, Settling
from clevertap_import.errors import CleverTapImportError
from clevertap_import.journal.tables import JournalUnavailable
from clevertap_import.records import Batch
from clevertap_import.threads import Senders, SendingThreads


@dataclass(frozen=True, slots=True)
class Patience:
    """When to try again, with the clock, the dice and the senders for it.

    Without a `sleep` of its own a delivery sleeps no longer than it is to go on.
    """

    retry: Retry = field(default_factory=Retry)
    sleep: Callable[[float], None] | None = None
    dice: Callable[[], float] = random.random
    senders: Callable[[int], Senders] = SendingThreads


class Attempts:
    """The tries for the batches of one delivery, by any number of threads.

    `resends`: how often records that may have been taken are sent again; None as often as patience lets.
    """

    def __init__(
        self,
        post: Callable[[Batch], Outcome],
        patience: Patience,
        *,
        resends: int | None,
        breaker: Breaker | None = None,
    ) -> None:
        self.post = post
        self.patience = patience
        self.resends = resends
        self.breaker = breaker or Breaker()

    def settle(self, batch: Batch) -> Settlement:
        """Post `batch`, and what is left of it, until all is settled, patience ends, or the breaker opens."""
        settling, waits = Settling(batch), Waits(self.patience.retry)
        accepted_before = self.breaker.accepted
        stop = self.breaker.stopped
        while settling.pieces and stop is None:
            outcome = self.outcome(settling.next_batch)
            wait = self.entered(outcome, settling, waits) if outcome else None
            stop = self.breaker.stopped or (outcome if wait is None else None)
            if wait and stop is None:
                self.sleep(wait)
                stop = self.breaker.stopped
        return settling.closed(stop, others_accepted=self.breaker.accepted > accepted_before)

    @property
    def sleep(self) -> Callable[[float], None]:
        return self.patience.sleep or self.breaker.wait

    def outcome(self, batch: Batch) -> Outcome | None:
        """Of one post; None if it was not sent, for a reason on our side."""
        try:
            outcome = self.post(batch)
        except NothingMoreIsSent:
            return None
        except JournalUnavailable as error:
            # Nothing left. Whoever enters the answers bears that for a while, and ends it if it is too long.
            return Busy(str(error))
        except CleverTapImportError as error:
            self.breaker.end(error)
            return None
        self.breaker.note(outcome)
        return outcome

    def entered(self, outcome: Outcome, settling: Settling, waits: Waits) -> float | None:
        """Enter the outcome of the first piece; returns the seconds to wait, or None to give up."""
        jitter = self.patience.dice()
        match outcome:
            case Accepted():
                return waits.after_failure(jitter) if settling.enter(outcome) else waits.after_progress()
            case Busy(is_answered=True):
                return waits.after_busy(jitter)
            case Busy() | NothingTaken():
                return waits.after_failure(jitter)
            case Uncertain():
                return self.after_doubt(settling.doubt(), waits, jitter)
            case Refused():
                if not outcome.is_malformed or settling.refusals >= MOST_REFUSALS:
                    return None
                return waits.after_refusal(jitter) if settling.refuse(outcome) else waits.after_progress()
            case _:
                assert_never(outcome)

    def after_doubt(self, doubts: int, waits: Waits, jitter: float) -> float | None:
        """The same for records of which so many answers were lost."""
        if self.resends is None or doubts < self.resends:
            return waits.after_failure(jitter)
        return waits.after_doubt(jitter) if doubts == self.resends else None
