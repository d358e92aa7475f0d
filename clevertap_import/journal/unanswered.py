"""Batches without an answer, for people: which of them were shown, and which records they hold."""

from collections.abc import Iterable

import sqlalchemy as sa

from clevertap_import.journal.tables import DELIVERY, SHOWN_BATCHES, translated


def enter_shown(engine: sa.Engine, import_name: str, last_delivery: int) -> None:
    """A person has been shown all batches without an answer up to this delivery, by its number."""
    with translated(), engine.begin() as connection:
        connection.execute(SHOWN_BATCHES.delete().where(SHOWN_BATCHES.c.import_name == import_name))
        connection.execute(
            SHOWN_BATCHES.insert().values(import_name=import_name, last_delivery=last_delivery)
        )


def last_shown(engine: sa.Engine, import_name: str) -> int:
    """Up to which delivery a person has been shown the batches; 0 if nobody has."""
    mine = sa.select(SHOWN_BATCHES.c.last_delivery).where(SHOWN_BATCHES.c.import_name == import_name)
    with translated(), engine.connect() as connection:
        return int(connection.scalar(mine) or 0)


def digests_of(engine: sa.Engine, deliveries: Iterable[int]) -> dict[int, bytes]:
    """What names the records of each of these deliveries, 16 bytes each: persons, or for events contents."""
    columns = sa.select(DELIVERY.c.id, DELIVERY.c.digests, DELIVERY.c.identity_digests)
    with translated(), engine.connect() as connection:
        rows = connection.execute(columns.where(DELIVERY.c.id.in_(list(deliveries))))
        return {row.id: row.identity_digests or row.digests for row in rows}
