"""Delivery: sends the staged batches, several in flight, and enters each answer in the journal as it comes.

Memory: at most two batches for each request in flight, for any number of rows.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from typing import assert_never

from clevertap_import.clevertap.batch_sender import BatchSender
from clevertap_import.clevertap.outcomes import (
    Accepted,
    Busy,
    Ended,
    NothingTaken,
    Refused,
    Stop,
    TooManyFailures,
    Uncertain,
)
from clevertap_import.clevertap.settlement import Settlement
from clevertap_import.errors import (
    AnswerLost,
    BodyRefused,
    CleverTapBusy,
    CleverTapImportError,
    CleverTapUnavailable,
    DeliveryEnded,
    ImportLockLost,
    PasscodeRefused,
    RefusedError,
)
from clevertap_import.journal.ending import LOOK_SECONDS, Ending
from clevertap_import.journal.entries import Entry
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.journal_outage import JournalOutage, hurry
from clevertap_import.journal.tables import JournalUnavailable
from clevertap_import.records import Batch, Rejection
from clevertap_import.threads import Senders

BATCHES_AHEAD = 5
"""Batches entered beyond those in flight, so that no sender waits for the commit of its own answer.

A process that dies leaves these unanswered too, so there are few of them.
"""


CUT_LOOKS = 5
"""How often the delivery checks, for LOOK_SECONDS each, whether cancelled requests have ended."""


@dataclass(slots=True)
class Delivery:
    """Running counts of one delivery, in records; `stopped` is the reason for an early end, if there was
    one."""

    accepted: int = 0
    rejected: int = 0
    uncertain: int = 0
    possible_duplicates: int = 0
    stopped: Stop | None = None

    @property
    def settled(self) -> int:
        return self.accepted + self.rejected

    @property
    def sent_before(self) -> str:
        """The sentence about earlier records, for the error of an early end."""
        if not self.settled and not self.uncertain:
            return "Nothing was stored."
        return f"{self.settled:,} records were settled before; they are not sent again."


@dataclass(slots=True)
class Deliverer:
    """Sends the batches of one run of one import. `on_rejections` gets each rejected row once.

    `width`: how many requests may be in flight at the moment; at most `senders`. `cut` ends all requests in
    flight at once. An error on our side, also in a callback, ends the delivery cleanly: nothing more is sent,
    the batches in flight are settled, then the error is raised.
    """

    journal: Journal
    sender: BatchSender
    import_name: str
    run_id: str
    width: Callable[[], int]
    senders: int
    on_rejections: Callable[[Sequence[Rejection]], None]
    on_progress: Callable[[Delivery], None]
    destination: str = ""
    epoch: int = 0
    ending: Ending = field(default_factory=Ending)
    cut: Callable[[], None] = lambda: None
    delivery: Delivery = field(default_factory=Delivery)
    fatal_error: Exception | None = None
    under_way: dict[Future[Settlement], tuple[Entry, Batch]] = field(default_factory=dict)

    def deliver(self, batches: Iterator[Batch]) -> Delivery:
        """Send all `batches`, or as many as possible until CleverTap stops the delivery or the run is asked
        to end."""
        with self.sender.retry_policy.senders(self.senders) as senders:
            try:
                self.record_and_send_next(senders, batches, [])
                while self.under_way:
                    self.record_and_send_next(senders, batches, self.answers(senders))
            except BaseException:
                self.sender.breaker.end()
                self.abandoned(senders)
                raise
        if self.fatal_error:
            raise self.fatal_error
        if self.delivery.stopped is None and isinstance(self.sender.breaker.stopped, Ended):
            self.delivery.stopped = self.sender.breaker.stopped
        return self.delivery

    @property
    def is_over(self) -> bool:
        """Whether no more batches are begun."""
        return self.delivery.stopped is not None or self.sender.breaker.stopped is not None

    def break_off(self, error: Exception) -> None:
        """Send nothing more, because of `error`."""
        self.fatal_error = self.fatal_error or error
        self.sender.breaker.end(error)

    def answers(self, senders: Senders) -> list[tuple[Entry, Settlement]]:
        """The answers that have arrived, in any order; at least one, unless the delivery is over."""
        while True:
            if self.ending.is_requested:
                self.sender.breaker.end()
                # A locked batch is tried again, but not after the end.
                hurry(self.journal.engine)
            seconds = min(LOOK_SECONDS, self.ending.seconds_left)
            found = self.taken(senders.first_done(self.under_way, seconds))
            if self.ending.seconds_left <= 0:
                found += self.abandoned(senders)
            if found or not self.under_way or self.is_over:
                return found

    def taken(self, ended: Iterable[Future[Settlement]]) -> list[tuple[Entry, Settlement]]:
        """The settlements of calls that have ended, with their entries."""
        found = []
        for future in ended:
            entry, batch = self.under_way.pop(future)
            error = future.exception()
            if error is None:
                found.append((entry, future.result()))
                continue
            # Its entry does not change: the outcome of the batch is unknown.
            self.delivery.uncertain += len(batch)
            self.break_off(error if isinstance(error, Exception) else RuntimeError(type(error).__name__))
        return found

    def abandoned(self, senders: Senders) -> list[tuple[Entry, Settlement]]:
        """Cancel the batches in flight. A batch that does not end is left, and its entry does not change."""
        self.cut()
        found, looks = [], CUT_LOOKS
        while self.under_way and looks:
            found += self.taken(senders.first_done(self.under_way, LOOK_SECONDS))
            looks -= 1
        self.delivery.uncertain += sum(len(batch) for _, batch in self.under_way.values())
        self.under_way.clear()
        return found

    def count_unentered(self, settlements: Iterable[Settlement]) -> None:
        """Count answers that cannot be entered: for the next run all of these records are uncertain."""
        for settlement in settlements:
            self.delivery.uncertain += len(settlement.batch)
            self.delivery.possible_duplicates += settlement.possible_duplicates

    def record_and_send_next(
        self, senders: Senders, batches: Iterator[Batch], answers: Sequence[tuple[Entry, Settlement]]
    ) -> None:
        """Enter `answers` and the next batches in one commit, then hand these batches to the senders."""
        stops = [settlement.stopped for _, settlement in answers if not settlement.is_settled]
        self.delivery.stopped = self.delivery.stopped or next(iter(stops), None)
        settlements = [*answers, *self.cancel_unsent()] if self.is_over else answers
        fresh = [] if self.is_over else self.next(batches)
        for entry, batch in self.committed(senders, settlements, fresh):
            self.under_way[senders.submit(self.sender.send, batch)] = entry, batch
        if answers and not self.fatal_error:
            self.attempt(lambda: self.on_progress(self.delivery))

    def committed(
        self, senders: Senders, settlements: Sequence[tuple[Entry, Settlement]], fresh: Sequence[Batch]
    ) -> list[tuple[Entry, Batch]]:
        """Commit; returns what may be sent. If the journal is unavailable, the answers wait for it for a
        while."""
        if not settlements and not fresh:
            return []
        outage = JournalOutage(self.ending, self.sender.retry_policy.sleep or time.sleep)
        while True:
            try:
                entries = self.commit(settlements, fresh)
            except ImportLockLost as error:
                # Answers are still entered: that needs no lock.
                self.break_off(error)
                fresh = []
            except JournalUnavailable as error:
                if error.is_final or not outage.is_borne():
                    self.break_off(error)
                    self.count_unentered(each for _, each in (*settlements, *self.abandoned(senders)))
                    return []
            else:
                for _, settlement in settlements:
                    self.count(settlement)
                return list(zip(entries, fresh, strict=True))

    def commit(self, settlements: Sequence[tuple[Entry, Settlement]], fresh: Sequence[Batch]) -> list[Entry]:
        with self.journal.together(begins=bool(fresh)):
            for entry, settlement in settlements:
                self.journal.record_answer(
                    *(entry, settlement.batch, settlement.accepted, settlement.uncertain),
                    settlement.retried,
                )
            return [
                self.journal.begin(self.import_name, self.run_id, batch, self.destination, self.epoch)
                for batch in fresh
            ]

    def next(self, batches: Iterator[Batch]) -> list[Batch]:
        """As many batches as fit."""
        fitting = max(0, self.width() + BATCHES_AHEAD - len(self.under_way))
        found: list[Batch] = []
        self.attempt(lambda: found.extend(islice(batches, fitting)))
        return [] if self.fatal_error else found

    def cancel_unsent(self) -> list[tuple[Entry, Settlement]]:
        """Cancel batches that were entered and that no sender has begun: nothing of them is sent."""
        found = []
        for future in [future for future in self.under_way if future.cancel()]:
            entry, batch = self.under_way.pop(future)
            found.append((entry, Settlement(batch)))
        return found

    def count(self, settlement: Settlement) -> None:
        """Count a settlement that is in the journal."""
        self.delivery.accepted += len(settlement.accepted)
        self.delivery.rejected += len(settlement.rejected)
        self.delivery.uncertain += len(settlement.uncertain)
        self.delivery.possible_duplicates += settlement.possible_duplicates
        if settlement.rejected:
            self.attempt(lambda: self.on_rejections(rejections(settlement)))

    def attempt(self, act: Callable[[], object]) -> None:
        """Call `act`, which may fail for a reason of its own, such as a full disk; then the delivery ends."""
        try:
            act()
        except Exception as error:
            self.break_off(error)


def rejections(settlement: Settlement) -> list[Rejection]:
    """The records of a batch that CleverTap refused, in the order of the rows."""
    batch = settlement.batch
    found = (
        Rejection(
            batch.row_number(problem.index),
            None,
            None,
            problem.code,
            problem.reason,
            batch.identity(problem.index),
            batch.window(problem.index),
            batch.event_digest(problem.index),
        )
        for problem in settlement.rejected
    )
    return sorted(found, key=lambda rejection: rejection.row_number)


def stop_reason(delivery: Delivery) -> CleverTapImportError | None:
    """Why a delivery ended early, as an error that says what to do; None if it did not."""
    sent = delivery.sent_before
    match delivery.stopped:
        case None:
            return None
        case Refused():
            return refusal(delivery.stopped, sent)
        case TooManyFailures(posts=posts, reason=reason):
            return CleverTapUnavailable(
                f"{posts} requests in a row to CleverTap failed: {reason}."
                f" {delivery.uncertain:,} records are uncertain. {sent} Run again when CleverTap works."
            )
        case NothingTaken(reason=reason):
            return CleverTapUnavailable(
                f"CleverTap took none of the records of a request: {reason}. {sent}"
                " Run again when CleverTap works."
            )
        case Busy() | Ended():
            return not_sent(delivery.stopped, sent)
        case Accepted():
            return CleverTapBusy(
                f"CleverTap answered 555 for some records at each try. {sent} Run again later."
            )
        case Uncertain(reason=reason):
            return AnswerLost(
                f"The answers for {delivery.uncertain:,} records were lost: {reason}. {sent}"
                " Run again; the import's `uncertain_events` decides about events."
            )
        case _:
            assert_never(delivery.stopped)


def not_sent(busy: Busy | Ended, sent: str) -> CleverTapImportError:
    if isinstance(busy, Ended):
        if isinstance(busy.error, CleverTapImportError):
            return busy.error
        return DeliveryEnded(f"The delivery was asked to end. {sent} The next run sends the rest.")
    if busy.is_answered:
        return CleverTapBusy(
            f"CleverTap took nothing for several minutes: {busy.reason}. {sent} Run again later."
        )
    return CleverTapUnavailable(
        f"CleverTap cannot be reached: {busy.reason}. {sent} Check the address, the firewall and the"
        " proxy with `test-connection`, and run again."
    )


def refusal(refused: Refused, sent: str) -> RefusedError:
    answer = f"HTTP {refused.status}: {refused.reason}."
    if refused.status in (401, 403):
        return PasscodeRefused(
            f"CleverTap answered {answer} Check the account id, the passcode and the region. {sent}"
        )
    smaller = " Smaller batches were refused too: many or all records are malformed."
    return BodyRefused(
        f"CleverTap refused a whole request with {answer}{smaller if refused.is_malformed else ''} {sent}"
        " Look at the records with `preview`."
    )
