"""The open rejects of an import in the journal's database."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from clevertap_import.journal.epochs import windows_of
from clevertap_import.journal.monitoring_tables import OPEN_REJECT
from clevertap_import.journal.open_rejects import (
    Closing,
    FoundRejects,
    Rejects,
    Span,
    all_digests,
    open_after,
)
from clevertap_import.journal.states import ANSWERED
from clevertap_import.journal.tables import DELIVERY, translated
from clevertap_import.records import unpacked

C = OPEN_REJECT.c
ROWS_PER_READ = 100


def closing_of(engine: sa.Engine, import_name: str) -> Closing | None:
    """What is open, to be asked by the run that has the import's turn; None if nothing is."""
    with translated(), engine.connect() as connection:
        before = open_in(connection, import_name)
    return Closing(all_digests(before)) if before else None


def open_in(connection: sa.Connection, import_name: str) -> list[Rejects]:
    query = sa.select(OPEN_REJECT).where(C.import_name == import_name).order_by(C.id)
    return [rejects_of(row) for row in connection.execute(query)]


def open_windows(engine: sa.Engine, import_names: Iterable[str]) -> set[int]:
    """The windows in which rows of these imports are open, in epoch seconds."""
    found: set[int] = set()
    query = sa.select(C.digests, C.windows).where(C.import_name.in_(list(import_names)))
    with translated(), engine.connect() as connection:
        for digests, windows in connection.execute(query):
            numbers = np.frombuffer(windows, np.int64)
            found.update(np.unique(numbers if digests else numbers[::2]).tolist())
    return found


def rejects_of(row: sa.Row[Any]) -> Rejects:
    digests, windows = unpacked(row.digests), np.frombuffer(row.windows, np.int64)
    is_beyond = not len(digests)
    return Rejects(
        *(row.run_id, row.since, row.code, row.reason, row.column_name),
        *(digests, windows[:0] if is_beyond else windows),
        *(row.rows, row.first_window, row.last_window, row.id),
        windows.reshape(-1, 2) if is_beyond else None,
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found. `read`: None if it was a run of a few rows.

    `unchanged`: has noted the records that CleverTap had already; None if nothing was open.
    """

    run_id: str
    found: FoundRejects
    read: Span | None
    unchanged: Closing | None


def enter_open_rejects(connection: sa.Connection, import_name: str, outcome: Outcome, now: datetime) -> bool:
    """Enter what is open after a run, in the transaction of its end. Any number of times.

    Returns whether there are more open rows than are known one by one.
    """
    before = open_in(connection, import_name)
    new = list(outcome.found.rejects(outcome.run_id, now.timestamp()))
    if not before and not new:
        return False
    closing = Closing(all_digests(before))
    if outcome.unchanged:
        closing.note_all(outcome.unchanged)
    if before:
        note_accepted(connection, import_name, outcome.run_id, closing)
    after = open_after(before, new, outcome.read, closing)
    left = {each.number for each in after}
    if gone := [each.number for each in before if each.number not in left]:
        # One at a time: a statement has room for 65,535 numbers, and each run may have added a few rows.
        one = OPEN_REJECT.delete().where(C.id == sa.bindparam("gone"))
        connection.execute(one, [{"gone": number} for number in gone])
    if values := [values_of(import_name, each) for each in after if each.number is None]:
        connection.execute(OPEN_REJECT.insert(), values)
    return any(not len(each.digests) for each in after)


def note_accepted(connection: sa.Connection, import_name: str, run_id: str, closing: Closing) -> None:
    """What CleverTap took in this run."""
    mine = (DELIVERY.c.run_id == run_id) & (DELIVERY.c.import_name == import_name)
    mine &= (DELIVERY.c.batch_number >= 0) & (DELIVERY.c.state == ANSWERED)
    names = ("digests", "identity_digests", "first_window", "window_offsets")
    query = sa.select(*(DELIVERY.c[name] for name in names)).where(mine)
    found: Iterator[Any] = iter(connection.execute(query, execution_options={"yield_per": ROWS_PER_READ}))
    for row in found:
        closing.note_digests(unpacked(row.identity_digests or row.digests), windows_of(row))


def values_of(import_name: str, rejects: Rejects) -> dict[str, object]:
    return {
        "import_name": import_name,
        "run_id": rejects.run_id,
        "since": rejects.since,
        "code": rejects.code,
        "reason": rejects.reason,
        "column_name": rejects.column,
        "first_window": rejects.first_window,
        "last_window": rejects.last_window,
        "rows": rejects.rows,
        "digests": rejects.digests.tobytes(),
        "windows": (rejects.windows if rejects.per_window is None else rejects.per_window).tobytes(),
    }
