"""Delivery: staged batches out, several in flight, answers taken as they come, each entered in the journal.

Memory: at most two batches for each request in flight, whatever the number of rows.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from typing import assert_never

from clevertap_import.pure.errors import (
    AnswerLost,
    BodyRefused,
    CleverTapBusy,
    CleverTapImportError,
    CleverTapUnavailable,
    PasscodeRefused,
    RefusedError,
)
from clevertap_import.pure.outcome import Accepted, Busy, Outage, Refused, Stop, Uncertain
from clevertap_import.pure.records import Batch, Rejection
from clevertap_import.pure.settlement import Settlement

from .attempts import Attempts
from .journal import Journal


@dataclass(slots=True)
class Delivery:
    """Running counts of one delivery, in records; `stopped` is why it ended early, if it did."""

    accepted: int = 0
    rejected: int = 0
    uncertain: int = 0
    repeated: int = 0
    stopped: Stop | None = None

    @property
    def settled(self) -> int:
        return self.accepted + self.rejected


@dataclass(slots=True)
class Deliverer:
    """Sends the batches of one run of one import. `on_rejection` gets each refused row once."""

    journal: Journal
    attempts: Attempts
    import_name: str
    run_id: str
    width: int
    on_rejection: Callable[[Rejection], None]
    on_progress: Callable[[Delivery], None]
    delivery: Delivery = field(default_factory=Delivery)

    def deliver(self, batches: Iterator[Batch]) -> Delivery:
        """Send all `batches`, or as many as CleverTap lets; what was under way is always settled."""
        under_way: dict[Future[Settlement], int] = {}
        with ThreadPoolExecutor(self.width, thread_name_prefix="clevertap") as senders:
            self.send_more(senders, batches, under_way)
            while under_way:
                self.take_answers(under_way)
                self.send_more(senders, batches, under_way)
        return self.delivery

    def send_more(
        self, senders: ThreadPoolExecutor, batches: Iterator[Batch], under_way: dict[Future[Settlement], int]
    ) -> None:
        """Enter as many batches as fit, and hand them to the senders; none if the delivery has stopped."""
        # One batch more than can be sent waits, so that no sender does.
        room = 0 if self.delivery.stopped else self.width + 1 - len(under_way)
        fresh = list(islice(batches, room))
        with self.journal.together():
            entries = [self.journal.begin(self.import_name, self.run_id, batch) for batch in fresh]
        for batch, entry in zip(fresh, entries, strict=True):
            under_way[senders.submit(self.attempts.settle, batch)] = entry

    def take_answers(self, under_way: dict[Future[Settlement], int]) -> None:
        """Wait for at least one answer, in whatever order they come, and enter all that are there."""
        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
        settled = [(under_way.pop(future), future.result()) for future in done]
        with self.journal.together():
            for entry, settlement in settled:
                self.journal.settle(entry, settlement.batch, settlement.accepted, settlement.uncertain)
        for _, settlement in settled:
            self.count(settlement)
        self.on_progress(self.delivery)

    def count(self, settlement: Settlement) -> None:
        batch = settlement.batch
        for problem in settlement.rejected:
            self.on_rejection(
                Rejection(
                    batch.row_number(problem.index),
                    None,
                    None,
                    problem.code,
                    problem.reason,
                    batch.identity(problem.index),
                )
            )
        self.delivery.accepted += len(settlement.accepted)
        self.delivery.rejected += len(settlement.rejected)
        self.delivery.uncertain += len(settlement.uncertain)
        self.delivery.repeated += settlement.repeated
        if not settlement.is_settled and self.delivery.stopped is None:
            self.delivery.stopped = settlement.stopped


def stop_reason(delivery: Delivery) -> CleverTapImportError | None:
    """Why a delivery that ended early did so, as an error that says what to do; None if it did not."""
    sent = f"{delivery.settled:,} records were settled before; they are not sent again."
    match delivery.stopped:
        case None:
            return None
        case Refused():
            return refusal(delivery.stopped, sent)
        case Busy(reason=reason, is_answered=False):
            return CleverTapUnavailable(
                f"CleverTap cannot be reached: {reason}. {sent} Check the address, the firewall and the"
                " proxy with `test-connection`, and run again."
            )
        case Outage(posts=posts, reason=reason):
            return CleverTapUnavailable(
                f"CleverTap took nothing of {posts} requests in a row: {reason}."
                f" {delivery.uncertain:,} records are uncertain. {sent} Run again when it is well."
            )
        case Busy(reason=reason):
            return CleverTapBusy(
                f"CleverTap took nothing for several minutes: {reason}. {sent} Run again later."
            )
        case Accepted():
            return CleverTapBusy(f"CleverTap kept answering 555 for some records. {sent} Run again later.")
        case Uncertain(reason=reason):
            return AnswerLost(
                f"The answers for {delivery.uncertain:,} records were lost: {reason}. {sent}"
                " Run again; the import's `uncertain_events` says what becomes of events."
            )
        case _:
            assert_never(delivery.stopped)


def refusal(refused: Refused, sent: str) -> RefusedError:
    told = f"HTTP {refused.status}: {refused.reason}."
    if refused.status in (401, 403):
        return PasscodeRefused(
            f"CleverTap answered {told} Check the account id, the passcode and the region. {sent}"
        )
    smaller = " So it did with smaller pieces: too many of the records are at fault, or all."
    return BodyRefused(
        f"CleverTap refused a whole request with {told}{smaller if refused.is_malformed else ''} {sent}"
        " Look at the records with `preview`."
    )
