"""One batch, posted until each of its records is settled or patience ends."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from clevertap_import.pure.outcome import Accepted, Busy, Outcome, RecordProblem, Refused, Uncertain
from clevertap_import.pure.records import Batch
from clevertap_import.pure.retry import Retry


@dataclass(frozen=True, slots=True)
class Patience:
    """When to try again, and the clock and the dice for it."""

    retry: Retry = field(default_factory=Retry)
    sleep: Callable[[float], None] = time.sleep
    dice: Callable[[], float] = random.random


@dataclass(slots=True)
class Settlement:
    """What became of each record of a batch, as 0-based places; `stopped` says why the last try failed."""

    batch: Batch
    accepted: list[int] = field(default_factory=list)
    rejected: list[RecordProblem] = field(default_factory=list)
    uncertain: list[int] = field(default_factory=list)
    unsent: list[int] = field(default_factory=list)
    repeated: int = 0
    stopped: Outcome | None = None

    @property
    def is_settled(self) -> bool:
        """Whether each record was accepted or finally rejected."""
        return not self.uncertain and not self.unsent


class Attempts:
    """The tries for one batch. `may_repeat`: whether records that may have been taken are sent again."""

    def __init__(self, post: Callable[[Batch], Outcome], patience: Patience, *, may_repeat: bool) -> None:
        self.post = post
        self.patience = patience
        self.may_repeat = may_repeat

    def settle(self, batch: Batch) -> Settlement:
        """Post `batch`, and what is left of it, until all is settled or patience ends."""
        result = Settlement(batch)
        open_places = list(range(len(batch)))
        was_uncertain = False
        waited = 0.0
        attempt = 0
        while True:
            attempt += 1
            outcome = self.post(batch if len(open_places) == len(batch) else batch.take(open_places))
            was_uncertain |= isinstance(outcome, Uncertain)
            if isinstance(outcome, Accepted):
                result.repeated += len(open_places) if was_uncertain else 0
                open_places = self.entered(outcome, open_places, result)
                was_uncertain = False
                if not open_places:
                    return result
            wait = self.patience.retry.wait_seconds(attempt, waited, self.patience.dice())
            if wait is None or not self.may_go_on(outcome):
                return given_up(result, open_places, outcome, was_uncertain)
            self.patience.sleep(wait)
            waited += wait

    def may_go_on(self, outcome: Outcome) -> bool:
        match outcome:
            case Refused():
                return False
            case Uncertain():
                return self.may_repeat
            case Busy() | Accepted():
                return True

    @staticmethod
    def entered(outcome: Accepted, places: list[int], result: Settlement) -> list[int]:
        """Enter an answer into `result`; returns the places that CleverTap asks for again."""
        again = [places[problem.index] for problem in outcome.problems if not problem.is_final]
        refused = {places[problem.index]: problem for problem in outcome.problems}
        result.accepted += [place for place in places if place not in refused]
        result.rejected += [
            RecordProblem(place, problem.code, problem.reason)
            for place, problem in refused.items()
            if problem.is_final
        ]
        return again


def given_up(result: Settlement, places: list[int], outcome: Outcome, was_uncertain: bool) -> Settlement:
    """The settlement of a batch whose last try was `outcome`, with `places` still open."""
    result.stopped = outcome
    if was_uncertain:
        # One lost answer is enough: a later "busy" or "refused" does not say what became of the first try.
        result.uncertain = places
    else:
        result.unsent = places
    return result
