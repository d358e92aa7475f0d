"""An account that has moved to another address: deliveries to the old address count for the new one."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from clevertap_import.journal.scope import UNKNOWN, scope_in
from clevertap_import.journal.tables import DELIVERY, DONE_WINDOWS, FORGOTTEN, METADATA, translated

PLACES = tuple(table for table in METADATA.sorted_tables if "destination" in table.c)
"""All tables with a destination."""

REPLACED = (DONE_WINDOWS, FORGOTTEN)
"""Their rows for the new address are older than the forced run to the old one, and are deleted."""


@dataclass(frozen=True, slots=True)
class Move:
    """An import whose deliveries went to `before`; `last_sent` is when the last batch was sent, as text."""

    import_name: str
    before: str
    batches: int
    last_sent: str | None


def moves(engine: sa.Engine, names: Iterable[str], account: str, destination: str) -> list[Move]:
    """The imports that were delivered to this account at another address than `destination`."""
    with translated(), engine.connect() as connection:
        return moves_in(connection, names, account, destination)


def moves_in(connection: sa.Connection, names: Iterable[str], account: str, destination: str) -> list[Move]:
    found = []
    for name in sorted(names):
        known = scope_in(connection, name)
        if known and known.account == account and known.destination not in (destination, UNKNOWN):
            found.append(Move(name, known.destination, *sent_to(connection, name, known.destination)))
    return found


def sent_to(connection: sa.Connection, import_name: str, destination: str) -> tuple[int, str | None]:
    mine = (DELIVERY.c.import_name == import_name) & (DELIVERY.c.destination == destination)
    query = sa.select(sa.func.count(), sa.func.max(DELIVERY.c.sent_at)).where(mine)
    count, last = connection.execute(query).one()
    return int(count), f"{last:%Y-%m-%d %H:%M}" if last else None


def enter_moves(connection: sa.Connection, found: Iterable[Move], destination: str) -> None:
    """Assign all rows of the old addresses to `destination`."""
    for move in found:
        for table in PLACES:
            mine = table.c.import_name == move.import_name
            if table in REPLACED:
                connection.execute(table.delete().where(mine & (table.c.destination == destination)))
            old = mine & (table.c.destination == move.before)
            connection.execute(table.update().where(old).values(destination=destination))
