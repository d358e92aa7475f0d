"""The state of an import as a whole, in the journal's database."""

from dataclasses import dataclass

import sqlalchemy as sa

from clevertap_import.journal.delivered import UNDER_WAY_SECONDS
from clevertap_import.journal.tables import DELIVERY, IMPORT_STATE, translated


@dataclass(frozen=True, slots=True)
class ImportState:
    """`deliveries`: how many runs have begun to send records. The others: see IMPORT_STATE."""

    deliveries: int = 0
    reports_until: float | None = None
    doubted_until: int = 0
    ended: int = 0
    lacks_until: int = 0
    doubted_at: float | None = None

    def is_doubted(self, delivery: int, sent_at: float) -> bool:
        """Whether CleverTap may have other contents of the profiles of this delivery than it brought.

        Requests that an older journal lacks may still be under way, and be stored after what was sent since.
        """
        if self.doubted_at is None:
            return False
        return delivery <= self.doubted_until or sent_at < self.doubted_at + UNDER_WAY_SECONDS


def import_state(engine: sa.Engine, import_name: str) -> ImportState:
    with translated(), engine.connect() as connection:
        return state_of(connection, import_name)


def state_of(connection: sa.Connection, import_name: str) -> ImportState:
    mine = sa.select(IMPORT_STATE).where(IMPORT_STATE.c.import_name == import_name)
    row = connection.execute(mine).one_or_none()
    if row is None:
        return ImportState()
    names = ("deliveries", "reports_until", "doubted_until", "ended", "lacks_until", "doubted_at")
    return ImportState(**{name: getattr(row, name) for name in names})


def count_delivery(connection: sa.Connection, import_name: str, at_least: int) -> int:
    """Count one more run that sends records; returns the new count, which is more than `at_least`."""
    count = max(state_of(connection, import_name).deliveries, at_least) + 1
    enter(connection, import_name, deliveries=count)
    return count


def count_again(connection: sa.Connection, import_name: str, was: ImportState) -> bool:
    """Restore the state at the start of delivery `was.deliveries`, if it was lost; returns whether it was.

    Not the end of the deliveries before it: if that was lost too, more is missing than this delivery knows.
    """
    if state_of(connection, import_name).deliveries >= was.deliveries:
        return False
    names = ("deliveries", "doubted_until", "lacks_until", "doubted_at")
    enter(connection, import_name, **{name: getattr(was, name) for name in names})
    return True


def doubt(connection: sa.Connection, import_name: str, lacks_until: int, now: float) -> None:
    """Store that the journal is an older copy: its contents of profiles are in doubt from `now` on.

    Also if this run sends few profiles: only this entry informs the next run. `lacks_until`: as in the table.
    """
    last = connection.scalar(sa.select(sa.func.coalesce(sa.func.max(DELIVERY.c.id), 0))) or 0
    enter(connection, import_name, doubted_until=last, lacks_until=lacks_until, doubted_at=now)


def end_delivery(connection: sa.Connection, import_name: str, count: int, ended_before: int) -> bool:
    """Store that delivery `count` is complete, and its count again, which a failover may have lost.

    Not if the database has also lost the end of the deliveries before it: then more is missing.
    """
    known = state_of(connection, import_name)
    if known.ended < ended_before:
        return False
    enter(connection, import_name, deliveries=max(known.deliveries, count), ended=max(known.ended, count))
    return True


def accept_lack(connection: sa.Connection, import_name: str, begun: int, ended: int, now: float) -> None:
    """A person accepts an older copy, although deliveries up to these numbers may be missing in it."""
    known = state_of(connection, import_name)
    doubt(connection, import_name, 0, now)
    enter(connection, import_name, deliveries=max(known.deliveries, begun), ended=max(known.ended, ended))


def enter_reports_until(connection: sa.Connection, import_name: str, moment: float) -> None:
    enter(connection, import_name, reports_until=moment)


def enter(connection: sa.Connection, import_name: str, **values: float | None) -> None:
    """One run of an import is active at a time, so no other process inserts the row at the same time."""
    mine = IMPORT_STATE.update().where(IMPORT_STATE.c.import_name == import_name)
    if not connection.execute(mine.values(**values)).rowcount:
        connection.execute(IMPORT_STATE.insert().values(import_name=import_name, **values))
