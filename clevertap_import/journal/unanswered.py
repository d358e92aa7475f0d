"""Unanswered batches, for people: which of them were shown, and which records they contain."""

from collections.abc import Iterable

import sqlalchemy as sa

from clevertap_import.journal.states import UNANSWERED
from clevertap_import.journal.tables import DELIVERY, SHOWN_BATCHES, translated
from clevertap_import.records import DIGEST_BYTES


def enter_shown(engine: sa.Engine, import_name: str, last_delivery: int) -> None:
    """Store that a person has seen all unanswered batches up to this delivery number."""
    with translated(), engine.begin() as connection:
        connection.execute(SHOWN_BATCHES.delete().where(SHOWN_BATCHES.c.import_name == import_name))
        connection.execute(
            SHOWN_BATCHES.insert().values(import_name=import_name, last_delivery=last_delivery)
        )


def last_shown(engine: sa.Engine, import_name: str) -> int:
    """The last delivery whose batches a person has seen; 0 if there is none."""
    mine = sa.select(SHOWN_BATCHES.c.last_delivery).where(SHOWN_BATCHES.c.import_name == import_name)
    with translated(), engine.connect() as connection:
        return int(connection.scalar(mine) or 0)


def digests_of(engine: sa.Engine, deliveries: Iterable[int]) -> dict[int, bytes]:
    """Digests of the records of each delivery, 16 bytes each: of identities, or for events of contents."""
    columns = sa.select(DELIVERY.c.id, DELIVERY.c.digests, DELIVERY.c.identity_digests)
    with translated(), engine.connect() as connection:
        rows = connection.execute(columns.where(DELIVERY.c.id.in_(list(deliveries))))
        return {row.id: row.identity_digests or row.digests for row in rows}


def unanswered_records(engine: sa.Engine, import_names: Iterable[str]) -> dict[str, int]:
    """How many records of each of these imports were sent and have no answer; only imports that have any."""
    name, size = DELIVERY.c.import_name, sa.func.sum(sa.func.length(DELIVERY.c.digests))
    wanted = name.in_(list(import_names)) & DELIVERY.c.state.in_(UNANSWERED)
    with translated(), engine.connect() as connection:
        rows = connection.execute(sa.select(name, size).where(wanted).group_by(name))
        return {name: int(total) // DIGEST_BYTES for name, total in rows}
