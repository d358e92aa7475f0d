"""Which windows are done, in the journal's database: with which definition, and when they were read."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from clevertap_import.journal.done_spans import DoneSpan
from clevertap_import.journal.tables import DONE_WINDOWS, FORGOTTEN, translated

UNKNOWN = ""
"""The destination of windows from versions that did not store it: it matches every destination."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Selects the windows of this length that were sent to this destination."""

    window_seconds: int
    destination: str


def done_spans(engine: sa.Engine, wanted: Mapping[str, Windows]) -> dict[str, list[DoneSpan]]:
    """The spans of each of these imports, by name."""
    found: defaultdict[str, list[DoneSpan]] = defaultdict(list)
    with translated(), engine.connect() as connection:
        for row in connection.execute(sa.select(DONE_WINDOWS).order_by(DONE_WINDOWS.c.first_window)):
            windows = wanted.get(row.import_name)
            is_ours = windows and row.destination in (windows.destination, UNKNOWN)
            if windows and is_ours and windows.window_seconds == row.window_seconds:
                span = DoneSpan(row.first_window, row.end_window, row.definition_digest, row.read_at)
                found[row.import_name].append(span)
    return dict(found)


def enter_done_spans(
    connection: sa.Connection, import_name: str, windows: Windows, spans: Sequence[DoneSpan]
) -> None:
    """Replace all done windows of the import in this destination by `spans`, also those of another length."""
    mine = (DONE_WINDOWS.c.import_name == import_name) & DONE_WINDOWS.c.destination.in_(
        [windows.destination, UNKNOWN]
    )
    connection.execute(DONE_WINDOWS.delete().where(mine))
    values = [
        {
            "import_name": import_name,
            "window_seconds": windows.window_seconds,
            "first_window": span.first,
            "end_window": span.end,
            "definition_digest": span.digest,
            "destination": windows.destination,
            "read_at": span.read_at,
        }
        for span in spans
    ]
    if values:
        connection.execute(DONE_WINDOWS.insert(), values)


def forgotten_spans(engine: sa.Engine, import_name: str, windows: Windows) -> list[tuple[int, int]]:
    """The spans, without their ends, whose delivered records the journal has removed."""
    mine = (FORGOTTEN.c.import_name == import_name) & FORGOTTEN.c.destination.in_(
        [windows.destination, UNKNOWN]
    )
    with translated(), engine.connect() as connection:
        rows = connection.execute(sa.select(FORGOTTEN).where(mine)).all()
    return [(row.first_window, row.last_window + windows.window_seconds) for row in rows]


def forget_done(
    connection: sa.Connection, import_name: str, destination: str, first_window: int | None, end_window: int
) -> None:
    """Mark these windows of `destination` as not done; without `first_window` all before `end_window`.

    Part of the transaction that inserts the epoch of a forced run. The windows do not count as forgotten any
    more either: from then on the journal has all that is sent in them.
    """
    for table, last in ((DONE_WINDOWS, DONE_WINDOWS.c.end_window), (FORGOTTEN, FORGOTTEN.c.last_window)):
        mine = (table.c.import_name == import_name) & table.c.destination.in_([destination, UNKNOWN])
        mine &= table.c.first_window < end_window
        if first_window is not None:
            mine &= last >= first_window
        rows = connection.execute(sa.select(table).where(mine)).mappings().all()
        left = [part for row in rows for part in outside(dict(row), last.name, first_window, end_window)]
        connection.execute(table.delete().where(mine))
        if left:
            connection.execute(table.insert(), left)


def outside(
    row: dict[str, Any], last: str, first_window: int | None, end_window: int
) -> Iterator[dict[str, Any]]:
    """The parts of a row before `first_window` and from `end_window` on, as new rows."""
    # `last_window` is inclusive, `end_window` is exclusive.
    over = 1 if last == "last_window" else 0
    values = {name: value for name, value in row.items() if name != "id"}
    if first_window is not None and row["first_window"] < first_window:
        yield values | {last: min(row[last], first_window - over)}
    if row[last] + over > end_window:
        yield values | {"first_window": max(row["first_window"], end_window)}
