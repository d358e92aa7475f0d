"""The definitions under which windows were done, in the journal's database."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from clevertap_import.io.database import DONE_WINDOWS, translated
from clevertap_import.pure.done_windows import DoneSpan


def done_spans(engine: sa.Engine, window_seconds: Mapping[str, int]) -> dict[str, list[DoneSpan]]:
    """The spans of each of these imports, by name: those that were done in windows of that length."""
    found: defaultdict[str, list[DoneSpan]] = defaultdict(list)
    with translated(), engine.connect() as connection:
        for row in connection.execute(sa.select(DONE_WINDOWS).order_by(DONE_WINDOWS.c.first_window)):
            if window_seconds.get(row.import_name) == row.window_seconds:
                span = DoneSpan(row.first_window, row.end_window, row.definition_digest)
                found[row.import_name].append(span)
    return dict(found)


def enter_done_spans(
    engine: sa.Engine, import_name: str, window_seconds: int, spans: Sequence[DoneSpan]
) -> None:
    """Replace all that is known of the import by `spans`."""
    values = [
        {
            "import_name": import_name,
            "window_seconds": window_seconds,
            "first_window": span.first,
            "end_window": span.end,
            "definition_digest": span.digest,
        }
        for span in spans
    ]
    with translated(), engine.begin() as connection:
        connection.execute(DONE_WINDOWS.delete().where(DONE_WINDOWS.c.import_name == import_name))
        if values:
            connection.execute(DONE_WINDOWS.insert(), values)
