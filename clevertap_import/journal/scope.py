"""The account, address and windows for which the journal's digests of an import are valid."""

from dataclasses import asdict, dataclass, field

import sqlalchemy as sa

from clevertap_import.journal.forced_runs import Forced, enter_epoch, has_epoch
from clevertap_import.journal.tables import DELIVERY, DONE_WINDOWS, EPOCH, FORGOTTEN, SCOPE

UNKNOWN = ""
"""The destination of deliveries from versions that did not store it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """For what the digests of an import are valid: windows of that size and start (seconds), and an account.

    `destination`: the account at its address. The definition and the sources are those of the last delivery,
    and may change.
    """

    window_seconds: int
    start: int
    account: str
    destination: str = UNKNOWN
    definition_digest: str = field(default="", compare=False)
    source_digests: str = field(default="", compare=False)


def scope_in(connection: sa.Connection, import_name: str) -> Scope | None:
    """The scope of the import's digests; None if it was never delivered."""
    row = connection.execute(sa.select(SCOPE).where(SCOPE.c.import_name == import_name)).one_or_none()
    if row is None:
        return None
    values = {name: value for name, value in row._mapping.items() if name != "import_name"}
    return Scope(**values)


def adopt_destination(connection: sa.Connection, import_name: str, scope: Scope) -> None:
    """Assign deliveries of older versions to the account's present address: those versions knew no other."""
    known = scope_in(connection, import_name)
    if known is None:
        give_destination(connection, import_name, scope.destination)
    elif known.destination == UNKNOWN and known.account == scope.account:
        give_destination(connection, import_name, scope.destination)
        mine = SCOPE.update().where(SCOPE.c.import_name == import_name)
        connection.execute(mine.values(destination=scope.destination))


def give_destination(connection: sa.Connection, import_name: str, destination: str) -> None:
    for table in (DELIVERY, DONE_WINDOWS, FORGOTTEN):
        old = (table.c.import_name == import_name) & (table.c.destination == UNKNOWN)
        connection.execute(table.update().where(old).values(destination=destination))


def begun(
    connection: sa.Connection,
    import_name: str,
    scope: Scope,
    forced: Forced | None,
    number: int | None = None,
) -> int:
    """Store the scope of a delivery before it sends anything; returns the epoch of its batches.

    If the delivery breaks off, the next run sends the records that the destination has not got since.
    `number`: the number of the epoch, if it is written again.
    """
    adopt_destination(connection, import_name, scope)
    known = scope_in(connection, import_name)
    if known and known != scope and known.destination == UNKNOWN:
        # Deliveries to another account at an unknown address must never count for this account.
        give_destination(connection, import_name, known.account)
    if known is None or asdict(known) != asdict(scope):
        connection.execute(SCOPE.delete().where(SCOPE.c.import_name == import_name))
        connection.execute(SCOPE.insert().values(import_name=import_name, **asdict(scope)))
    if forced and not has_epoch(connection, import_name, scope.destination, forced):
        enter_epoch(connection, import_name, scope.destination, forced, number)
    mine = (EPOCH.c.import_name == import_name) & (EPOCH.c.destination == scope.destination)
    return int(connection.scalar(sa.select(sa.func.max(EPOCH.c.id)).where(mine)) or 0)
