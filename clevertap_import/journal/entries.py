"""The journal's entries of this process, in memory too: a failover of the database may lose them.

A standby that takes over may lack the last commits, and gives no error. It may also give the same numbers to
new entries, so an entry is identified by more than its number.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from clevertap_import.journal.states import ANSWERED, RETRIED, SENDING, UNCERTAIN
from clevertap_import.journal.tables import DELIVERY
from clevertap_import.records import Batch

REMEMBERED = 200
"""How many answered entries stay in memory, at most 32 KB each: those of half a minute at full speed.

The replication lag of a standby for the journal must be shorter than that.
"""

OWN = ("run_id", "batch_number", "sent_at")
OWN_ROW = sa.and_(
    DELIVERY.c.id == sa.bindparam("own_id"),
    *(DELIVERY.c[name] == sa.bindparam(f"own_{name}") for name in OWN),
)
"""Identifies an entry by all that is unique to it: after a failover another entry may have its number."""

# Built once: SQLAlchemy takes longer to build a statement than SQLite takes to execute it.
INSERT = DELIVERY.insert()
UPDATE_OPEN = DELIVERY.update().where(OWN_ROW & (DELIVERY.c.state == SENDING))
DELETE_OPEN = DELIVERY.delete().where(OWN_ROW & (DELIVERY.c.state == SENDING))
EXISTS = sa.select(sa.exists().where(OWN_ROW))

Columns = dict[str, Any]


@dataclass(eq=False, slots=True)
class Entry:
    """One batch as the journal should have it: its row, and rows for records whose answer was lost."""

    number: int
    columns: Columns
    lost: list[Columns] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        return str(self.columns["state"]) != SENDING

    @property
    def own(self) -> Columns:
        """The parameters of `OWN_ROW`."""
        return {"own_id": self.number, **{f"own_{name}": self.columns[name] for name in OWN}}

    def record_answer(
        self,
        batch: Batch,
        accepted: Sequence[int],
        uncertain: Sequence[int],
        retried: Sequence[int],
        answered_at: datetime,
    ) -> None:
        """Store which records of `batch` (0-based places) were accepted, and whose answer was lost."""
        if self.is_settled:
            return
        windows = self.columns["first_window"], self.columns["last_window"]
        taken = batch if len(accepted) == len(batch) else batch.take(accepted)
        answered = {"state": ANSWERED, "answered_at": answered_at, **contents_of(taken, windows)}
        # One event does not replace another: a late one is a copy, and is counted as such.
        overtaken = retried if batch.identity_digests else ()
        for state, places in ((UNCERTAIN, uncertain), (RETRIED, overtaken)):
            if places:
                self.lost.append({**self.columns, "state": state, **contents_of(batch.take(places), windows)})
        self.columns = {**self.columns, **answered}

    def insert(self, connection: sa.Connection) -> None:
        key = connection.execute(INSERT, self.columns).inserted_primary_key
        self.number = int(key[0]) if key else 0

    def ensure(self, connection: sa.Connection) -> None:
        """Write the row. Idempotent, because an earlier commit may have succeeded without an answer."""
        if connection.execute(UPDATE_OPEN, self.columns | self.own).rowcount == 0:
            if connection.scalar(EXISTS, self.own):
                return
            self.insert(connection)
        for lost in self.lost:
            connection.execute(INSERT, lost)


class Entries:
    """The entries of one journal that are in flight, and the last answered ones."""

    def __init__(self, engine: sa.Engine) -> None:
        self._under_way: dict[Entry, None] = {}
        self._settled: deque[Entry] = deque(maxlen=REMEMBERED)
        self._begun: list[Entry] = []
        self._never_sent: list[Entry] = []
        self._connections = self._seen = self._trusted = 0
        sa.event.listen(engine, "connect", self._connected)

    def begin(self, connection: sa.Connection, columns: Columns) -> Entry:
        entry = Entry(0, columns)
        self._begun.append(entry)
        entry.insert(connection)
        return entry

    def check(self, connection: sa.Connection) -> None:
        """At the start of a transaction: write again the entries that this database may have lost."""
        self._seen = self._connections
        for entry in self._never_sent:
            connection.execute(DELETE_OPEN, entry.own)
        if self._seen != self._trusted:
            for entry in (*self._settled, *self._under_way):
                entry.ensure(connection)

    def committed(self) -> None:
        """The transaction was committed."""
        self._never_sent.clear()
        self._trusted = self._seen
        self._under_way |= dict.fromkeys(self._begun)
        self._begun.clear()
        for entry in [entry for entry in self._under_way if entry.is_settled]:
            del self._under_way[entry]
            self._settled.append(entry)

    def failed(self) -> None:
        """A transaction failed, or its result is unknown: its batches are not sent, and are to be deleted."""
        self._never_sent += self._begun
        self._begun.clear()

    def _connected(self, *_: object) -> None:
        self._connections += 1


def contents_of(batch: Batch, windows: tuple[int, int]) -> Columns:
    """The columns of an entry for the records of a batch, with these windows."""
    return {
        "digests": batch.digests,
        "identity_digests": batch.identity_digests,
        "window_offsets": batch.window_offsets(windows),
    }
