"""The processes that use, or wait for, a resource with limited capacity; the oldest first.

Each has a row in the journal's database and its own lock, which shows that the process is alive.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from uuid import uuid4

import sqlalchemy as sa

from clevertap_import.journal.journal_outage import brief_waits, hurry
from clevertap_import.journal.locks import NamedLocks
from clevertap_import.journal.tables import PARTICIPANT, JournalUnavailable, translated


@dataclass(frozen=True, slots=True)
class Participant:
    """`purpose` is for people; `wanted`: how many slots it can use; `lock`: in use while it is alive."""

    resource: str
    wanted: int
    purpose: str
    lock: str = field(default_factory=lambda: f"participant {uuid4().hex}")


def values_of(one: Participant) -> dict[str, str | int]:
    return {"resource": one.resource, "lock": one.lock, "wanted": one.wanted, "purpose": one.purpose}


@dataclass(frozen=True, slots=True)
class Participants:
    """The participants of one resource, as one run or command sees them."""

    locks: NamedLocks
    resource: str

    @contextmanager
    def joined(self, wanted: int, purpose: str) -> Iterator[Participant]:
        """Be one of them in the block."""
        me = Participant(self.resource, wanted, purpose[:200])
        self.locks.take(me.lock, me.purpose)
        try:
            self.enter(me)
            yield me
        except (Exception, GeneratorExit):
            raise
        except BaseException:
            # A run that should end: its last transactions must not wait long for a locked journal.
            hurry(self.locks.engine)
            raise
        finally:
            # If this fails, others find the lock free, and remove the row.
            with suppress(JournalUnavailable):
                self.remove([me])
            self.locks.give_back(me.lock)

    def enter(self, one: Participant) -> None:
        with translated(), self.locks.engine.begin() as connection:
            connection.execute(sa.insert(PARTICIPANT).values(values_of(one)))

    def enter_again(self, connection: sa.Connection, one: Participant) -> None:
        """Like `enter`, unless the row exists."""
        there = sa.select(sa.exists().where(PARTICIPANT.c.lock == one.lock))
        if not connection.scalar(there):
            connection.execute(sa.insert(PARTICIPANT).values(values_of(one)))

    def all(self) -> list[Participant]:
        """All participants, also dead ones; the oldest first."""
        of_this = sa.select(PARTICIPANT).where(PARTICIPANT.c.resource == self.resource)
        # A table lock in PostgreSQL also blocks readers. Senders wait for this query, so it must not wait
        # long.
        with translated(), self.locks.engine.begin() as connection, brief_waits(connection):
            rows = connection.execute(of_this.order_by(PARTICIPANT.c.id)).all()
        return [Participant(row.resource, row.wanted, row.purpose, row.lock) for row in rows]

    def living(self) -> list[Participant]:
        return self.apart(self.all())[0]

    def apart(self, some: Sequence[Participant]) -> tuple[list[Participant], list[Participant]]:
        """The live and the dead participants of `some`."""
        in_use = self.locks.in_use([one.lock for one in some])
        return [one for one in some if one.lock in in_use], [one for one in some if one.lock not in in_use]

    def lock_names(self) -> list[str]:
        return [one.lock for one in self.all()]

    def remove(self, some: Sequence[Participant]) -> None:
        if some:
            gone = sa.delete(PARTICIPANT).where(PARTICIPANT.c.lock.in_([one.lock for one in some]))
            with translated(), self.locks.engine.begin() as connection, brief_waits(connection):
                connection.execute(gone)
