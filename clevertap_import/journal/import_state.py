"""What the journal's database knows of an import as a whole."""

from dataclasses import dataclass

import sqlalchemy as sa

from clevertap_import.journal.tables import DELIVERY, IMPORT_STATE, translated


@dataclass(frozen=True, slots=True)
class ImportState:
    """`deliveries`: how many runs have begun to send records. The others: see IMPORT_STATE."""

    deliveries: int = 0
    reports_until: float | None = None
    doubted_until: int = 0
    ended: int = 0
    lacks_until: int = 0


def import_state(engine: sa.Engine, import_name: str) -> ImportState:
    with translated(), engine.connect() as connection:
        return state_of(connection, import_name)


def state_of(connection: sa.Connection, import_name: str) -> ImportState:
    mine = sa.select(IMPORT_STATE).where(IMPORT_STATE.c.import_name == import_name)
    row = connection.execute(mine).one_or_none()
    if row is None:
        return ImportState()
    return ImportState(row.deliveries, row.reports_until, row.doubted_until, row.ended, row.lacks_until)


def count_delivery(connection: sa.Connection, import_name: str, at_least: int) -> int:
    """One more run sends records; returns how many that makes. It is more than `at_least`."""
    count = max(state_of(connection, import_name).deliveries, at_least) + 1
    enter(connection, import_name, deliveries=count)
    return count


def count_again(connection: sa.Connection, import_name: str, was: ImportState) -> bool:
    """The state that the delivery `was.deliveries` began with, if it was lost; returns whether it was.

    Not how the deliveries before it ended: if that was lost too, more is missing than this delivery knows.
    """
    if state_of(connection, import_name).deliveries >= was.deliveries:
        return False
    doubted, lacks = was.doubted_until, was.lacks_until
    enter(connection, import_name, deliveries=was.deliveries, doubted_until=doubted, lacks_until=lacks)
    return True


def doubt(connection: sa.Connection, import_name: str, lacks_until: int) -> None:
    """The journal is an older copy: what it says of profiles is in doubt from now on.

    Also if this run sends few of them: nothing else tells the next one of it. `lacks_until`: as in the table.
    """
    last = connection.scalar(sa.select(sa.func.coalesce(sa.func.max(DELIVERY.c.id), 0))) or 0
    enter(connection, import_name, doubted_until=last, lacks_until=lacks_until)


def end_delivery(connection: sa.Connection, import_name: str, count: int, ended_before: int) -> bool:
    """Enter that all of delivery `count` is here, and its count again, which a failover may have lost.

    Not if the database has also lost how the deliveries before it ended: then more is missing than that.
    """
    known = state_of(connection, import_name)
    if known.ended < ended_before:
        return False
    enter(connection, import_name, deliveries=max(known.deliveries, count), ended=max(known.ended, count))
    return True


def accept_lack(connection: sa.Connection, import_name: str, begun: int, ended: int) -> None:
    """A person goes on with an older copy, though deliveries up to these numbers may be missing in it."""
    known = state_of(connection, import_name)
    doubt(connection, import_name, 0)
    enter(connection, import_name, deliveries=max(known.deliveries, begun), ended=max(known.ended, ended))


def enter_reports_until(connection: sa.Connection, import_name: str, moment: float) -> None:
    enter(connection, import_name, reports_until=moment)


def enter(connection: sa.Connection, import_name: str, **values: float) -> None:
    """One run of an import is at work at a time, so nobody else makes the row meanwhile."""
    mine = IMPORT_STATE.update().where(IMPORT_STATE.c.import_name == import_name)
    if not connection.execute(mine.values(**values)).rowcount:
        connection.execute(IMPORT_STATE.insert().values(import_name=import_name, **values))
