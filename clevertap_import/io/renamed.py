"""The name under which the journal knows an import: its nickname, or the one that it had before."""

import sqlalchemy as sa

from clevertap_import.io.database import (
    DELIVERY,
    DONE_WINDOWS,
    EPOCH,
    FORGOTTEN,
    IMPORT_STATE,
    SCOPE,
    SHOWN_BATCHES,
    translated,
)

ONE_ROW_EACH = (SCOPE, IMPORT_STATE, SHOWN_BATCHES)
"""Their key is the name."""


def known_name(engine: sa.Engine, nickname: str, before: str | None) -> str:
    """`before`, as long as nothing was delivered under `nickname` and something under `before`."""
    if before is None:
        return nickname
    query = sa.select(SCOPE.c.import_name).where(SCOPE.c.import_name.in_([nickname, before]))
    with translated(), engine.connect() as connection:
        found = set(connection.scalars(query))
    return before if found == {before} else nickname


def give_name(engine: sa.Engine, before: str, nickname: str) -> None:
    """All that the journal knows of `before` is of `nickname` from now on."""
    with translated(), engine.begin() as connection:
        for table in ONE_ROW_EACH:
            connection.execute(table.delete().where(table.c.import_name == nickname))
        for table in (DELIVERY, DONE_WINDOWS, EPOCH, FORGOTTEN, *ONE_ROW_EACH):
            old = table.c.import_name == before
            connection.execute(table.update().where(old).values(import_name=nickname))


def twins(engine: sa.Engine, nickname: str, definition: str, destination: str) -> list[str]:
    """Other imports that sent the same records to the same place, as far as windows tell it."""
    same = (DONE_WINDOWS.c.definition_digest == definition) & (DONE_WINDOWS.c.destination == destination)
    query = sa.select(DONE_WINDOWS.c.import_name).where(same & (DONE_WINDOWS.c.import_name != nickname))
    with translated(), engine.connect() as connection:
        return sorted(set(connection.scalars(query)))
