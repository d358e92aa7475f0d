"""The name of an import in the journal: its nickname, or its earlier nickname."""

from collections.abc import Container, Iterable

import sqlalchemy as sa

from clevertap_import.journal.import_state import enter, state_of
from clevertap_import.journal.monitoring_tables import RUN_RESULT
from clevertap_import.journal.scope import UNKNOWN, Scope, scope_in
from clevertap_import.journal.tables import DELIVERY, DONE_WINDOWS, METADATA, SCOPE, translated

TABLES = tuple(table for table in METADATA.sorted_tables if "import_name" in table.c)
"""All tables with the name of an import."""


def delivered_names(engine: sa.Engine, names: Iterable[str]) -> set[str]:
    """The names with a delivery."""
    wanted = list(names)
    found = (
        sa.select(each.c.import_name).where(each.c.import_name.in_(wanted)) for each in (SCOPE, DELIVERY)
    )
    with translated(), engine.connect() as connection:
        return set(connection.scalars(sa.union(*found)))


def known_name(engine: sa.Engine, nickname: str, before: str | None) -> str:
    """`before` if it has deliveries and `nickname` has none; otherwise `nickname`."""
    if before is None:
        return nickname
    return before if delivered_names(engine, [nickname, before]) == {before} else nickname


def give_name(connection: sa.Connection, before: str, nickname: str, now: float) -> None:
    """Assign all rows of `before` to `nickname`, which was never delivered.

    Does nothing if `nickname` was delivered, so that it may be repeated after a failover. `now`, in epoch
    seconds: if another import gets the name `before`, Dagster's records from earlier times do not count for
    it.
    """
    state, scope = state_of(connection, before), scope_in(connection, before)
    if scope_in(connection, nickname):
        return
    for table in TABLES:
        if table.c.import_name.primary_key and table is not RUN_RESULT:
            # Rows of runs that sent nothing. Their results are of use.
            connection.execute(table.delete().where(table.c.import_name == nickname))
        old = table.c.import_name == before
        connection.execute(table.update().where(old).values(import_name=nickname))
    # Without this, deliveries of an older version are not recognized if the import gets its old nickname
    # back.
    if scope and scope.source_digests:
        counts = {"deliveries": max(1, state.deliveries), "ended": state.ended}
        enter(connection, before, **counts, reports_until=max(now, state.reports_until or 0))


def twins(engine: sa.Engine, nickname: str, scope: Scope) -> list[str]:
    """Other imports that sent the same records to the same destination, by their windows or last delivery.

    Deliveries of an older version have no destination, only the account of their import.
    """
    digest = scope.definition_digest
    owned = sa.exists().where(
        (SCOPE.c.import_name == DONE_WINDOWS.c.import_name) & (SCOPE.c.account == scope.account)
    )
    place = DONE_WINDOWS.c.destination
    done = (DONE_WINDOWS.c.definition_digest == digest) & (DONE_WINDOWS.c.import_name != nickname)
    done &= (place == scope.destination) | ((place == UNKNOWN) & owned)
    last = (SCOPE.c.definition_digest == digest) & (SCOPE.c.import_name != nickname)
    last &= (SCOPE.c.account == scope.account) & SCOPE.c.destination.in_([scope.destination, UNKNOWN])
    found = (sa.select(DONE_WINDOWS.c.import_name).where(done), sa.select(SCOPE.c.import_name).where(last))
    with translated(), engine.connect() as connection:
        return sorted(connection.scalars(sa.union(*found)))


def gone_with_same_source(
    engine: sa.Engine, nickname: str, scope: Scope, imports: Container[str]
) -> list[str]:
    """Names of removed imports that sent records of one of the same tables to the same destination."""
    others = sa.select(SCOPE.c.import_name, SCOPE.c.source_digests).where(
        (SCOPE.c.destination == scope.destination) & (SCOPE.c.import_name != nickname)
    )
    wanted = set(scope.source_digests.split())
    with translated(), engine.connect() as connection:
        rows = connection.execute(others).all()
    return sorted(name for name, digests in rows if name not in imports and wanted & set(digests.split()))
