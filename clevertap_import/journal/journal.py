"""The journal: which records CleverTap has accepted, and which are in flight. CleverTap has no API for that.

A row is written before a batch is sent and updated after its answer. Only records that CleverTap accepted
count as accepted. If the journal cannot be written, the run ends before the next batch is sent.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from clevertap_import.journal.delivered import DeliveredBefore
from clevertap_import.journal.delivered_records import WindowRange, delivered_before
from clevertap_import.journal.entries import Columns, Entries, Entry, contents_of
from clevertap_import.journal.forced_runs import Forced
from clevertap_import.journal.import_lock import ImportLock
from clevertap_import.journal.journal_outage import brief_waits
from clevertap_import.journal.scope import UNKNOWN, Scope, adopt_destination, begun, scope_in
from clevertap_import.journal.states import ANSWERED, LOST, OVERTAKEN, RESENT, RETRIED, SENDING, UNANSWERED
from clevertap_import.journal.tables import DELIVERY, FORGOTTEN, open_database, translated
from clevertap_import.records import DIGEST_BYTES, Batch

CARRIED_OVER = -1
"""In place of a batch number: digests that were carried over from removed entries."""

DIGESTS_PER_ENTRY = 200_000

OVERTAKEN_RETENTION = timedelta(days=1)
"""How long batches that were sent again are stored: longer than a run and `UNDER_WAY_SECONDS` together."""


@dataclass(frozen=True, slots=True)
class UnansweredBatch:
    """A batch, or the rest of one, whose answer is unknown. Windows are epoch seconds.

    `delivery`: its number in the journal; later batches have higher numbers.
    """

    delivery: int
    run_id: str
    batch_number: int
    records: int
    sent_at: datetime
    first_window: int
    last_window: int


class Journal:
    """The deliveries of all imports. Only one thread may use it."""

    def __init__(
        self,
        database: str | sa.Engine,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        key_folder: Path | None = None,
    ) -> None:
        """`database`: its URL, or an engine from `open_database`.

        `key_folder`: where the key is if the database is not a file and no environment variable has the key.
        """
        self.engine = open_database(database, key_folder) if isinstance(database, str) else database
        self.now = now
        self.import_lock: ImportLock | None = None
        self._open: sa.Connection | None = None
        self._entries = Entries(self.engine)

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def delivered_before(self, windows: WindowRange, *, is_events: bool) -> DeliveredBefore:
        """The records of these windows that were accepted in that destination and still count.

        For profiles also all that was accepted later in any window: the last content of an identity counts.
        """
        with translated(), self.engine.connect() as connection:
            return delivered_before(connection, windows, is_events=is_events)

    def has_forgotten(self, windows: WindowRange) -> bool:
        """Whether digests of any of these windows were removed after their retention."""
        mine = in_windows(FORGOTTEN, windows.import_name, windows.first, windows.last)
        some = sa.exists().where(mine & (FORGOTTEN.c.destination == windows.destination))
        with translated(), self.engine.connect() as connection:
            return bool(connection.scalar(sa.select(some)))

    def scope(self, import_name: str, now: Scope) -> Scope | None:
        """The scope of the import's digests; None if it was never delivered.

        First assigns deliveries of older versions to the destination of `now`, if the account is the same.
        """
        with translated(), self.engine.begin() as connection:
            adopt_destination(connection, import_name, now)
            return scope_in(connection, import_name)

    def last_window(self, import_name: str) -> int | None:
        """The last window with a delivery, in epoch seconds."""
        last = sa.select(sa.func.max(DELIVERY.c.last_window)).where(DELIVERY.c.import_name == import_name)
        with translated(), self.engine.connect() as connection:
            found: int | None = connection.scalar(last)
        return found

    def begin_delivery(self, import_name: str, scope: Scope, forced: Forced | None) -> int:
        """Store the scope of a delivery before it sends anything; returns the epoch of the deliveries."""
        with self.together(), self._writing() as connection:
            epoch = begun(connection, import_name, scope, forced)
        self.again(lambda other: begun(other, import_name, scope, forced, epoch))
        return epoch

    def again(self, act: Callable[[sa.Connection], object]) -> None:
        """Repeat `act` if the database loses its commit; see `ImportLock.again`."""
        if self.import_lock is not None:
            self.import_lock.again(act)

    def unanswered(self, import_name: str) -> list["UnansweredBatch"]:
        """The batches that were sent and whose answers are unknown, oldest first."""
        lost = (DELIVERY.c.import_name == import_name) & DELIVERY.c.state.in_(UNANSWERED)
        with translated(), self.engine.connect() as connection:
            rows = connection.execute(sa.select(DELIVERY).where(lost).order_by(DELIVERY.c.id)).all()
        return [
            UnansweredBatch(
                row.id,
                row.run_id,
                row.batch_number,
                len(row.digests) // DIGEST_BYTES,
                # SQLite does not store the time zone.
                row.sent_at.replace(tzinfo=row.sent_at.tzinfo or UTC),
                row.first_window,
                row.last_window,
            )
            for row in rows
        ]

    def settle_unanswered(self, import_name: str, run_id: str, batch_number: int, *, arrived: bool) -> bool:
        """Store what a person found out: if CleverTap has the batch, it counts as accepted, otherwise as not
        sent.

        Returns whether the batch was still unanswered.
        """
        which = (DELIVERY.c.import_name == import_name) & DELIVERY.c.state.in_(UNANSWERED)
        which &= (DELIVERY.c.run_id == run_id) & (DELIVERY.c.batch_number == batch_number)
        values = {"state": ANSWERED if arrived else LOST, "answered_at": self.now()}
        with translated(), self.engine.begin() as connection:
            return connection.execute(DELIVERY.update().where(which).values(values)).rowcount > 0

    def of_run(self, run_id: str) -> tuple[int, int]:
        """How many records of a run were accepted, and how many are unanswered."""
        size = sa.func.sum(sa.func.length(DELIVERY.c.digests))
        mine = (DELIVERY.c.run_id == run_id) & (DELIVERY.c.batch_number != CARRIED_OVER)
        mine &= DELIVERY.c.state != RETRIED
        states = sa.select(DELIVERY.c.state, size).where(mine).group_by(DELIVERY.c.state)
        with translated(), self.engine.connect() as connection:
            found = {state: int(total) // DIGEST_BYTES for state, total in connection.execute(states)}
        return found.pop(ANSWERED, 0), sum(found.values())

    def forget(self, import_name: str, before: datetime, last_window: int) -> None:
        """Remove answered batches that were sent before that moment, in windows up to `last_window`."""
        old = (DELIVERY.c.import_name == import_name) & DELIVERY.c.state.not_in(UNANSWERED)
        old &= (DELIVERY.c.sent_at < before) & (DELIVERY.c.last_window <= last_window)
        first, last = sa.func.min(DELIVERY.c.first_window), sa.func.max(DELIVERY.c.last_window)
        spans = sa.select(DELIVERY.c.destination, first, last).where(old).group_by(DELIVERY.c.destination)
        with self._writing() as connection:
            names = ("destination", "first_window", "last_window")
            gone = [dict(zip(names, row, strict=True)) for row in connection.execute(spans)]
            if gone:
                connection.execute(FORGOTTEN.insert().values(import_name=import_name), gone)
                connection.execute(DELIVERY.delete().where(old))

    def has_entries_before(self, import_name: str, before: datetime) -> bool:
        """Whether the journal has answered batches of the import from before that moment."""
        old = (DELIVERY.c.sent_at < before) & DELIVERY.c.state.not_in(UNANSWERED)
        some = sa.exists().where((DELIVERY.c.import_name == import_name) & old)
        with translated(), self.engine.connect() as connection:
            return bool(connection.scalar(sa.select(some)))

    def retain_only(
        self, import_name: str, run_id: str, unchanged: tuple[bytes, bytes], destination: str, epoch: int
    ) -> None:
        """Remove all entries of the import but those of `run_id`, unanswered ones, and unchanged records.

        `unchanged`: the digests of these records and of their identities. For full imports, whose runs read
        all rows: the next run does not need a record that this run did not see.
        """
        old = (DELIVERY.c.import_name == import_name) & DELIVERY.c.state.not_in(UNANSWERED)
        with self._writing() as connection:
            window = connection.scalar(sa.select(sa.func.max(DELIVERY.c.last_window)).where(old)) or 0
            recent = DELIVERY.c.sent_at > self.now() - OVERTAKEN_RETENTION
            is_young = DELIVERY.c.state.in_(OVERTAKEN) & recent
            # Also its own carried-over entries: an earlier attempt may have been committed.
            is_older = (DELIVERY.c.run_id != run_id) | (DELIVERY.c.batch_number == CARRIED_OVER)
            connection.execute(DELIVERY.delete().where(old & ~is_young & is_older))
            size = DIGESTS_PER_ENTRY * DIGEST_BYTES
            for begin in range(0, len(unchanged[0]), size):
                part = slice(begin, begin + size)
                values = self.entry(import_name, run_id, CARRIED_OVER, ANSWERED, (window, window))
                values |= {"destination": destination, "epoch": epoch}
                blobs = {"digests": unchanged[0][part], "identity_digests": unchanged[1][part]}
                connection.execute(DELIVERY.insert().values({**values, **blobs}))

    def close_others(
        self, import_name: str, run_id: str, first_window: int | None, last_window: int, states: Sequence[str]
    ) -> None:
        """Entries of earlier runs in these states no longer count: `run_id` delivered their windows again."""
        lost = (DELIVERY.c.import_name == import_name) & (DELIVERY.c.run_id != run_id)
        lost &= DELIVERY.c.state.in_(states) & (DELIVERY.c.last_window <= last_window)
        if first_window is not None:
            lost &= DELIVERY.c.first_window >= first_window
        with self._writing() as connection:
            connection.execute(DELIVERY.update().where(lost).values(state=RESENT))

    @contextmanager
    def together(self, *, begins: bool = True) -> Iterator[None]:
        """Commit all entries of the block in one transaction, because each commit waits for the disk.

        If it `begins` batches, raises ImportLockLost if another run has the import lock: that run either sees
        these entries, or prevents them. Answers need no lock.
        """
        with self._writing(needs_lock=begins) as connection, brief_waits(connection):
            # Not earlier: if the session has ended, its first statement fails, and it must not be used again.
            self._open = connection
            try:
                yield
            finally:
                self._open = None

    def transaction(self) -> AbstractContextManager[sa.Connection]:
        """The transaction of `together`, or a new one."""
        return self._writing()

    @contextmanager
    def _writing(self, *, needs_lock: bool = True) -> Iterator[sa.Connection]:
        """The transaction of `together`, or a new one."""
        if self._open is not None:
            yield self._open
            return
        try:
            with self._transaction(needs_lock=needs_lock) as connection:
                self._entries.check(connection)
                yield connection
        except BaseException:
            self._entries.failed()
            raise
        self._entries.committed()

    @contextmanager
    def _transaction(self, *, needs_lock: bool) -> Iterator[sa.Connection]:
        """On the session of the import lock, if there is one and it is needed."""
        if self.import_lock is not None and needs_lock:
            with self.import_lock.transaction() as connection:
                yield connection
        else:
            with translated(), self.engine.begin() as connection:
                yield connection

    def begin(
        self, import_name: str, run_id: str, batch: Batch, destination: str = UNKNOWN, epoch: int = 0
    ) -> Entry:
        """Store that `batch` is about to be sent."""
        windows = batch.window_span
        columns = self.entry(import_name, run_id, batch.number, SENDING, windows)
        columns |= {"destination": destination, "epoch": epoch, **contents_of(batch, windows)}
        with self._writing() as connection:
            return self._entries.begin(connection, columns)

    def entry(
        self, import_name: str, run_id: str, batch_number: int, state: str, windows: tuple[int, int]
    ) -> Columns:
        """The columns of a new entry, without its digests."""
        return {
            "import_name": import_name,
            "run_id": run_id,
            "batch_number": batch_number,
            "state": state,
            "first_window": windows[0],
            "last_window": windows[1],
            "sent_at": self.now(),
        }

    def record_answer(
        self,
        entry: Entry,
        batch: Batch,
        accepted: Sequence[int],
        uncertain: Sequence[int],
        retried: Sequence[int] = (),
    ) -> None:
        """Store which records of `batch` (0-based places) were accepted, and whose answer was lost.

        `retried`: the records that were accepted after an answer was lost. Idempotent.
        """
        with self._writing() as connection:
            entry.record_answer(batch, accepted, uncertain, retried, self.now())
            entry.ensure(connection)


def in_windows(
    table: sa.Table, import_name: str, first_window: int | None, last_window: int
) -> sa.ColumnElement[bool]:
    """Entries of `table` with records of any of these windows."""
    overlapping = (table.c.import_name == import_name) & (table.c.first_window <= last_window)
    return overlapping if first_window is None else overlapping & (table.c.last_window >= first_window)
