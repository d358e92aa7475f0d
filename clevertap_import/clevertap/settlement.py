"""The outcome of each record of a batch, and which of its records are still to be sent together."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from clevertap_import.clevertap.outcomes import MAX_REASON_CHARS, Accepted, RecordProblem, Refused, Stop
from clevertap_import.records import Batch

MOST_REFUSALS = 64
"""How many answers 400 one batch may have. To find one malformed record of 1,000 takes 13 of them and 10
other posts (2 * log2(1000) + 3 in all). So five such records are found at any places, with at most 129
posts."""


@dataclass(slots=True)
class Settlement:
    """The outcome of each record of a batch, as 0-based places; `stopped` says why some have none.

    `retried`: accepted records that had a lost answer before. `possible_duplicates`: how many copies
    CleverTap may have beyond one of each record. A record that had two lost answers before it was accepted
    may be there three times.
    """

    batch: Batch
    accepted: list[int] = field(default_factory=list)
    retried: list[int] = field(default_factory=list, compare=False)
    rejected: list[RecordProblem] = field(default_factory=list)
    uncertain: list[int] = field(default_factory=list)
    unsent: list[int] = field(default_factory=list)
    possible_duplicates: int = 0
    stopped: Stop | None = None

    @property
    def is_settled(self) -> bool:
        """Whether each record was accepted or finally rejected."""
        return not self.uncertain and not self.unsent


@dataclass(frozen=True, slots=True)
class SubBatch:
    """Records of a batch that are sent together. `doubts`: how many earlier tries may have been stored."""

    places: Sequence[int]
    doubts: int = 0
    was_refused: bool = False


class BatchInProgress:
    """A batch before its settlement. Each place is in one sub-batch, one suspect, or the result."""

    def __init__(self, batch: Batch) -> None:
        self.result = Settlement(batch)
        self.sub_batches = deque([SubBatch(range(len(batch)))])
        self.suspects: list[tuple[SubBatch, Refused]] = []
        self.refusal: Refused | None = None
        self.refusals = 0

    @property
    def next_batch(self) -> Batch:
        """The records of the first sub-batch."""
        batch, places = self.result.batch, self.sub_batches[0].places
        return batch if len(places) == len(batch) else batch.take(places)

    def enter(self, outcome: Accepted) -> bool:
        """Enter the answer to the first sub-batch; returns whether CleverTap asks for some of it again."""
        sub_batch = self.sub_batches.popleft()
        problems = {sub_batch.places[problem.index]: problem for problem in outcome.problems}
        accepted = [place for place in sub_batch.places if place not in problems]
        again = [place for place, problem in problems.items() if not problem.is_final]
        self.result.accepted += accepted
        self.result.retried += accepted if sub_batch.doubts else []
        self.result.possible_duplicates += len(accepted) * sub_batch.doubts
        self.result.rejected += [
            self.rejected(place, problem.code, problem.reason)
            for place, problem in problems.items()
            if problem.is_final
        ]
        if again:
            self.sub_batches.append(SubBatch(again, sub_batch.doubts))
        return bool(again)

    def rejected(self, place: int, code: str, reason: str) -> RecordProblem:
        """The text is cut last, because a cut value would not be recognised."""
        reason = self.result.batch.without_values(place, reason)[:MAX_REASON_CHARS]
        return RecordProblem(place, code, reason)

    def mark_unanswered(self) -> int:
        """The answer to the first sub-batch was lost; returns how many of its answers were lost so far."""
        self.sub_batches[0] = replace(self.sub_batches[0], doubts=self.sub_batches[0].doubts + 1)
        return self.sub_batches[0].doubts

    def refuse(self, outcome: Refused) -> bool:
        """The first sub-batch was refused as malformed; returns whether it is sent again unchanged.

        The whole batch and a single record are sent again once: the fault may be CleverTap's. Others are
        halved, and the halves are sent after all larger sub-batches, so that valid records are found early.
        """
        sub_batch = self.sub_batches.popleft()
        self.refusal = outcome
        self.refusals += 1
        middle = len(sub_batch.places) // 2
        goes_again = len(sub_batch.places) in (1, len(self.result.batch)) and not sub_batch.was_refused
        if goes_again:
            self.sub_batches.appendleft(replace(sub_batch, was_refused=True))
        elif middle:
            for half in (sub_batch.places[:middle], sub_batch.places[middle:]):
                self.sub_batches.append(SubBatch(half, sub_batch.doubts))
        else:
            self.suspects.append((sub_batch, outcome))
        return goes_again

    def finish(self, stop: Stop | None, *, others_accepted: bool) -> Settlement:
        """The settlement. Records that are still open stay open because of `stop`.

        Single records that were refused are malformed only if CleverTap accepted others meanwhile.
        """
        result = self.result
        for sub_batch, refusal in self.suspects:
            if others_accepted:
                reason = f"HTTP 400 whenever this record is sent: {refusal.reason}"
                result.rejected.append(self.rejected(sub_batch.places[0], "400", reason))
            else:
                self.sub_batches.append(sub_batch)
        for sub_batch in self.sub_batches:
            # One lost answer is enough: a later "busy" or "refused" does not give the outcome of that try.
            (result.uncertain if sub_batch.doubts else result.unsent).extend(sub_batch.places)
            result.possible_duplicates += len(sub_batch.places) * max(0, sub_batch.doubts - 1)
        if self.sub_batches:
            result.stopped = stop or self.refusal
        return result
