"""Which windows are done, in the journal's database: under which definition, and when they were read."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from clevertap_import.journal.done_spans import DoneSpan
from clevertap_import.journal.tables import DONE_WINDOWS, FORGOTTEN, translated

UNKNOWN = ""
"""The destination of windows that were done before destinations were remembered: it counts as any."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Whose windows are meant: those of that length, as they were sent to that destination."""

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
    """Replace all that is known of these windows of the import by `spans`, and those of another length."""
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
    """From where until before where the journal has forgotten what was delivered."""
    mine = (FORGOTTEN.c.import_name == import_name) & FORGOTTEN.c.destination.in_(
        [windows.destination, UNKNOWN]
    )
    with translated(), engine.connect() as connection:
        rows = connection.execute(sa.select(FORGOTTEN).where(mine)).all()
    return [(row.first_window, row.last_window + windows.window_seconds) for row in rows]


def forget_done(
    connection: sa.Connection, import_name: str, destination: str, first_window: int | None, end_window: int
) -> None:
    """These windows are not done, in `destination`; without `first_window` all before `end_window`.

    In the transaction that enters the epoch of a forced run. Nor do they count as forgotten any more: the
    journal knows all that is sent in them from then on.
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
    """The parts of a row that lie before `first_window` and from `end_window` on, as new rows."""
    # `last_window` belongs to its row, `end_window` does not.
    over = 1 if last == "last_window" else 0
    values = {name: value for name, value in row.items() if name != "id"}
    if first_window is not None and row["first_window"] < first_window:
        yield values | {last: min(row[last], first_window - over)}
    if row[last] + over > end_window:
        yield values | {"first_window": max(row["first_window"], end_window)}
