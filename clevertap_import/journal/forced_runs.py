"""Forced runs, in the journal's database: see `journal/epochs.py`."""

from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from clevertap_import.journal.done_windows import forget_done
from clevertap_import.journal.epochs import Epoch
from clevertap_import.journal.tables import EPOCH


@dataclass(frozen=True, slots=True)
class Forced:
    """The windows that a run sends again even if CleverTap has their records, and the end of the last window.

    `root_run_id`: of the run that a person forced; its re-executions belong to the same epoch.
    """

    root_run_id: str
    first: int | None
    last: int
    end: int


def epochs_of(connection: sa.Connection, import_name: str, destination: str) -> list[Epoch]:
    """All epochs of an import in a destination, oldest first."""
    mine = (EPOCH.c.import_name == import_name) & (EPOCH.c.destination == destination)
    rows = connection.execute(sa.select(EPOCH).where(mine).order_by(EPOCH.c.id)).all()
    return [Epoch(row.id, row.first_window, row.last_window) for row in rows]


def has_epoch(connection: sa.Connection, import_name: str, destination: str, forced: Forced) -> bool:
    """Whether the journal has the epoch of this forced run for these windows."""
    mine = (EPOCH.c.import_name == import_name) & (EPOCH.c.destination == destination)
    mine &= (EPOCH.c.root_run_id == forced.root_run_id) & (EPOCH.c.last_window >= forced.last)
    is_open = EPOCH.c.first_window.is_(None)
    reaches = is_open if forced.first is None else is_open | (EPOCH.c.first_window <= forced.first)
    return bool(connection.scalar(sa.select(sa.exists().where(mine & reaches))))


def enter_epoch(
    connection: sa.Connection, import_name: str, destination: str, forced: Forced, number: int | None
) -> None:
    """From now on earlier deliveries do not count in these windows, and the windows are not done.

    `number`: the number of the epoch in a database that was lost; default: the next number of the import.
    """
    last = sa.select(sa.func.coalesce(sa.func.max(EPOCH.c.id), 0)).where(EPOCH.c.import_name == import_name)
    values = {
        "id": number or int(connection.scalar(last) or 0) + 1,
        "import_name": import_name,
        "destination": destination,
        "root_run_id": forced.root_run_id,
        "first_window": forced.first,
        "last_window": forced.last,
        "begun_at": datetime.now(UTC),
    }
    connection.execute(EPOCH.insert().values(values))
    forget_done(connection, import_name, destination, forced.first, forced.end)
