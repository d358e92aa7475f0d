"""What the journal's database knows of an import as a whole."""

from dataclasses import dataclass

import sqlalchemy as sa

from clevertap_import.io.database import DELIVERY, IMPORT_STATE, translated


@dataclass(frozen=True, slots=True)
class ImportState:
    """`deliveries`: how many runs have sent records. The others: see IMPORT_STATE."""

    deliveries: int = 0
    reports_until: float | None = None
    doubted_until: int = 0


def import_state(engine: sa.Engine, import_name: str) -> ImportState:
    with translated(), engine.connect() as connection:
        return state_of(connection, import_name)


def state_of(connection: sa.Connection, import_name: str) -> ImportState:
    mine = sa.select(IMPORT_STATE).where(IMPORT_STATE.c.import_name == import_name)
    row = connection.execute(mine).one_or_none()
    return ImportState(row.deliveries, row.reports_until, row.doubted_until) if row else ImportState()


def count_delivery(connection: sa.Connection, import_name: str, at_least: int) -> int:
    """One more run sends records; returns how many that makes. It is more than `at_least`.

    If others were told of than are known, what the journal says of profiles is in doubt from now on, also if
    this run sends few of them: nothing else tells the next one of it.
    """
    known = state_of(connection, import_name).deliveries
    count = max(known, at_least) + 1
    enter(connection, import_name, deliveries=count)
    if known < at_least:
        last = sa.select(sa.func.coalesce(sa.func.max(DELIVERY.c.id), 0))
        enter(connection, import_name, doubted_until=connection.scalar(last) or 0)
    return count


def ensure_deliveries(connection: sa.Connection, import_name: str, count: int) -> None:
    """Enter the count again if the database has less: a failover may have lost it."""
    if state_of(connection, import_name).deliveries < count:
        enter(connection, import_name, deliveries=count)


def enter_reports_until(connection: sa.Connection, import_name: str, moment: float) -> None:
    enter(connection, import_name, reports_until=moment)


def enter(connection: sa.Connection, import_name: str, **values: float) -> None:
    """One run of an import is at work at a time, so nobody else makes the row meanwhile."""
    mine = IMPORT_STATE.update().where(IMPORT_STATE.c.import_name == import_name)
    if not connection.execute(mine.values(**values)).rowcount:
        connection.execute(IMPORT_STATE.insert().values(import_name=import_name, **values))
