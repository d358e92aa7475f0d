"""Who uses, or waits for, what only so many may use at once; the oldest first.

Each has a row in the journal's database and a lock of its own, which tells that it lives.
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
    """`purpose` is for people; `wanted`: how many it has a use for at once; `lock`: held while it lives."""

    resource: str
    wanted: int
    purpose: str
    lock: str = field(default_factory=lambda: f"participant {uuid4().hex}")


def values_of(one: Participant) -> dict[str, str | int]:
    return {"resource": one.resource, "lock": one.lock, "wanted": one.wanted, "purpose": one.purpose}


@dataclass(frozen=True, slots=True)
class Participants:
    """Of one resource, as they are seen by one run or command."""

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
            # A run that was asked to end: what is left to do may meet a journal that is locked.
            hurry(self.locks.engine)
            raise
        finally:
            # Else others find the lock free, and remove the row.
            with suppress(JournalUnavailable):
                self.remove([me])
            self.locks.give_back(me.lock)

    def enter(self, one: Participant) -> None:
        with translated(), self.locks.engine.begin() as connection:
            connection.execute(sa.insert(PARTICIPANT).values(values_of(one)))

    def enter_again(self, connection: sa.Connection, one: Participant) -> None:
        """As `enter`, unless the row is there."""
        there = sa.select(sa.exists().where(PARTICIPANT.c.lock == one.lock))
        if not connection.scalar(there):
            connection.execute(sa.insert(PARTICIPANT).values(values_of(one)))

    def all(self) -> list[Participant]:
        """The dead too; the oldest first."""
        of_this = sa.select(PARTICIPANT).where(PARTICIPANT.c.resource == self.resource)
        # PostgreSQL lets a locked table be read by nobody. Senders wait for this look, and look again later.
        with translated(), self.locks.engine.begin() as connection, brief_waits(connection):
            rows = connection.execute(of_this.order_by(PARTICIPANT.c.id)).all()
        return [Participant(row.resource, row.wanted, row.purpose, row.lock) for row in rows]

    def living(self) -> list[Participant]:
        return self.apart(self.all())[0]

    def apart(self, some: Sequence[Participant]) -> tuple[list[Participant], list[Participant]]:
        """The living and the dead."""
        held = self.locks.in_use([one.lock for one in some])
        return [one for one in some if one.lock in held], [one for one in some if one.lock not in held]

    def lock_names(self) -> list[str]:
        return [one.lock for one in self.all()]

    def remove(self, some: Sequence[Participant]) -> None:
        if some:
            gone = sa.delete(PARTICIPANT).where(PARTICIPANT.c.lock.in_([one.lock for one in some]))
            with translated(), self.locks.engine.begin() as connection, brief_waits(connection):
                connection.execute(gone)
