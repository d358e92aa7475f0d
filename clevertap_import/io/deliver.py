"""Delivery: staged batches out, several in flight, answers taken as they come, each entered in the journal.

Memory: at most two batches for each request in flight, whatever the number of rows.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from typing import assert_never

from clevertap_import.io.attempts import Attempts
from clevertap_import.io.database import JournalUnavailable
from clevertap_import.io.entries import Entry
from clevertap_import.io.journal import Journal
from clevertap_import.io.senders import Senders
from clevertap_import.pure.errors import (
    AnswerLost,
    BodyRefused,
    CleverTapBusy,
    CleverTapImportError,
    CleverTapUnavailable,
    ImportLockLost,
    PasscodeRefused,
    RefusedError,
)
from clevertap_import.pure.outcome import Accepted, Busy, NothingTaken, Outage, Refused, Stop, Uncertain
from clevertap_import.pure.records import Batch, Rejection
from clevertap_import.pure.settlement import Settlement

SPARE = 5
"""Batches entered beyond those in flight, so that no sender waits for the commit that its own answer causes.

A process that dies leaves these open too, so there are few of them.
"""


UNWRITABLE = (JournalUnavailable, ImportLockLost)
"""What leaves the journal as it is."""


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

    @property
    def sent_before(self) -> str:
        """What to say, after an early end, of what CleverTap has."""
        if not self.settled and not self.uncertain:
            return "Nothing was stored."
        return f"{self.settled:,} records were settled before; they are not sent again."


@dataclass(slots=True)
class Deliverer:
    """Sends the batches of one run of one import. `on_rejections` gets each refused row once.

    `width`: how many requests may be in flight at the moment; at most `senders`. If `on_rejections` raises,
    nothing more is sent; what is under way is settled, then the error goes on.
    """

    journal: Journal
    attempts: Attempts
    import_name: str
    run_id: str
    width: Callable[[], int]
    senders: int
    on_rejections: Callable[[Sequence[Rejection]], None]
    on_progress: Callable[[Delivery], None]
    destination: str = ""
    epoch: int = 0
    delivery: Delivery = field(default_factory=Delivery)
    broken: BaseException | None = None
    under_way: dict[Future[Settlement], tuple[Entry, Batch]] = field(default_factory=dict)

    def deliver(self, batches: Iterator[Batch]) -> Delivery:
        """Send all `batches`, or as many as CleverTap lets; what was under way is always settled."""
        with self.attempts.patience.senders(self.senders) as senders:
            try:
                self.go_on(senders, batches, [])
                while self.under_way:
                    self.go_on(senders, batches, self.answers(senders))
            except BaseException as error:
                # Nothing more is sent, not even what waits for its turn.
                senders.shutdown(cancel_futures=True)
                self.put_down(error)
                raise
        if self.broken:
            raise self.broken
        return self.delivery

    def answers(self, senders: Senders) -> list[tuple[Entry, Settlement]]:
        """Wait for at least one answer, in whatever order they come; all that are there, by their entries."""
        entries = {}
        for future in senders.first_done(self.under_way):
            entry, batch = self.under_way.pop(future)
            if future.exception():
                # Its entry stays as it is: nobody knows what became of the batch.
                self.broken = future.exception()
                self.delivery.uncertain += len(batch)
            else:
                entries[future] = entry
        return [(entry, future.result()) for future, entry in entries.items()]

    def go_on(
        self, senders: Senders, batches: Iterator[Batch], answers: Sequence[tuple[Entry, Settlement]]
    ) -> None:
        """Enter `answers` and the next batches in one commit, then hand these to the senders."""
        for _, settlement in answers:
            self.count(settlement)
        is_over = self.delivery.stopped is not None or self.broken is not None
        settled = [*answers, *self.called_back()] if is_over else answers
        fresh = [] if is_over else self.next(batches)
        try:
            with self.journal.together():
                for entry, settlement in settled:
                    self.journal.settle(entry, settlement.batch, settlement.accepted, settlement.uncertain)
                entries = [
                    self.journal.begin(self.import_name, self.run_id, batch, self.destination, self.epoch)
                    for batch in fresh
                ]
        except UNWRITABLE:
            self.unremembered([settlement for _, settlement in answers])
            raise
        for batch, entry in zip(fresh, entries, strict=True):
            self.under_way[senders.submit(self.attempts.settle, batch)] = entry, batch
        if answers:
            self.on_progress(self.delivery)

    def next(self, batches: Iterator[Batch]) -> list[Batch]:
        """As many batches as fit."""
        return list(islice(batches, max(0, self.width() + SPARE - len(self.under_way))))

    def called_back(self) -> Iterator[tuple[Entry, Settlement]]:
        """Batches that were entered and that no sender has taken yet: nothing of them is sent."""
        for future in [future for future in self.under_way if future.cancel()]:
            entry, batch = self.under_way.pop(future)
            yield entry, Settlement(batch)

    def put_down(self, error: BaseException) -> None:
        """Enter what is known of the batches under way, unless `error` is that nothing can be entered."""
        if not isinstance(error, UNWRITABLE):
            ended = [future for future in self.under_way if future.cancelled() or not future.exception()]
            known = {future: self.under_way.pop(future) for future in ended}
            with self.journal.together():
                for future, (entry, batch) in known.items():
                    settlement = Settlement(batch) if future.cancelled() else future.result()
                    self.count(settlement)
                    self.journal.settle(entry, batch, settlement.accepted, settlement.uncertain)
        left = (batch for future, (_, batch) in self.under_way.items() if not future.cancelled())
        self.delivery.uncertain += sum(map(len, left))

    def count(self, settlement: Settlement) -> None:
        self.delivery.accepted += len(settlement.accepted)
        self.delivery.rejected += len(settlement.rejected)
        self.delivery.uncertain += len(settlement.uncertain)
        self.delivery.repeated += settlement.repeated
        if not settlement.is_settled and self.delivery.stopped is None:
            self.delivery.stopped = settlement.stopped
        if settlement.rejected:
            try:
                self.on_rejections(rejections(settlement))
            except CleverTapImportError as error:
                self.broken = self.broken or error

    def unremembered(self, settlements: Sequence[Settlement]) -> None:
        """Answers that could not be entered: to the next run these records are as uncertain as any."""
        accepted = sum(len(settlement.accepted) for settlement in settlements)
        self.delivery.accepted -= accepted
        self.delivery.uncertain += accepted


def rejections(settlement: Settlement) -> list[Rejection]:
    """What CleverTap refused of a batch, in the order of the rows."""
    batch = settlement.batch
    found = (
        Rejection(
            batch.row_number(problem.index),
            None,
            None,
            problem.code,
            problem.reason,
            batch.identity(problem.index),
        )
        for problem in settlement.rejected
    )
    return sorted(found, key=lambda rejection: rejection.row_number)


def stop_reason(delivery: Delivery) -> CleverTapImportError | None:
    """Why a delivery that ended early did so, as an error that says what to do; None if it did not."""
    sent = delivery.sent_before
    match delivery.stopped:
        case None:
            return None
        case Refused():
            return refusal(delivery.stopped, sent)
        case Outage(posts=posts, reason=reason):
            return CleverTapUnavailable(
                f"CleverTap took nothing of {posts} requests in a row: {reason}."
                f" {delivery.uncertain:,} records are uncertain. {sent} Run again when it is well."
            )
        case NothingTaken(reason=reason):
            return CleverTapUnavailable(
                f"CleverTap took none of the records of a request: {reason}. {sent}"
                " Run again when it is well."
            )
        case Busy():
            return not_let_in(delivery.stopped, sent)
        case Accepted():
            return CleverTapBusy(f"CleverTap kept answering 555 for some records. {sent} Run again later.")
        case Uncertain(reason=reason):
            return AnswerLost(
                f"The answers for {delivery.uncertain:,} records were lost: {reason}. {sent}"
                " Run again; the import's `uncertain_events` says what becomes of events."
            )
        case _:
            assert_never(delivery.stopped)


def not_let_in(busy: Busy, sent: str) -> CleverTapImportError:
    if busy.is_answered:
        return CleverTapBusy(
            f"CleverTap took nothing for several minutes: {busy.reason}. {sent} Run again later."
        )
    return CleverTapUnavailable(
        f"CleverTap cannot be reached: {busy.reason}. {sent} Check the address, the firewall and the"
        " proxy with `test-connection`, and run again."
    )


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
