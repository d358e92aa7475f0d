"""What the journal knows of a few records: in which deliveries they are, and which are open rejects."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import sqlalchemy as sa

from clevertap_import.journal.delivered import located
from clevertap_import.journal.journal import CARRIED_OVER
from clevertap_import.journal.open_rejects import Rejects
from clevertap_import.journal.open_rejects_table import open_in
from clevertap_import.journal.tables import DELIVERY, translated
from clevertap_import.records import unpacked

ROWS_PER_FETCH = 20


@dataclass(frozen=True, slots=True)
class SentRecord:
    """A record in a delivery. `is_carried_over`: CleverTap had it before, and that run found it unchanged."""

    run_id: str
    moment: datetime
    state: str
    digest: bytes
    is_carried_over: bool


def sent_records(
    engine: sa.Engine,
    import_names: Collection[str],
    destination: str,
    digests: Collection[bytes],
    *,
    are_people: bool,
) -> list[SentRecord]:
    """The records with these digests, or of these people, that were sent to the destination; newest first."""
    wanted = np.unique(unpacked(b"".join(digests)))
    mine = DELIVERY.c.import_name.in_(list(import_names)) & (DELIVERY.c.destination == destination)
    query = sa.select(DELIVERY).where(mine).order_by(DELIVERY.c.id.desc())
    found: list[SentRecord] = []
    with translated(), engine.connect() as connection:
        for row in connection.execute(query, execution_options={"yield_per": ROWS_PER_FETCH}):
            known = unpacked(row.identity_digests if are_people else row.digests)
            found += (record_of(row, place) for place in np.flatnonzero(located(known, wanted)[1]).tolist())
    return found


def record_of(row: "sa.Row[tuple[object, ...]]", place: int) -> SentRecord:
    at = row.answered_at or row.sent_at
    digest = unpacked(row.digests)[place].tobytes()
    # SQLite does not store the time zone.
    moment = at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    return SentRecord(row.run_id, moment, row.state, digest, row.batch_number == CARRIED_OVER)


def open_rejects_with(
    engine: sa.Engine, import_names: Collection[str], digests: Collection[bytes]
) -> Iterator[Rejects]:
    """The groups of open rejects, each with those of its rows that have one of these digests."""
    wanted = np.unique(unpacked(b"".join(digests)))
    with translated(), engine.connect() as connection:
        groups = [each for name in import_names for each in open_in(connection, name)]
    for group in groups:
        mask = located(group.digests, wanted)[1]
        if mask.any():
            yield group.only(mask)
