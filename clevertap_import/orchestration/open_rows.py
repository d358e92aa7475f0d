"""What a run notes for the open rejects: the records that CleverTap has, and the windows that it reads."""

from collections.abc import Callable

import pyarrow as pa

from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.open_rejects import MOST_OPEN, Closing, Span
from clevertap_import.orchestration.retention import Unchanged

BEYOND = (
    f"More than {MOST_OPEN:,} rows were rejected and not accepted since. Of the rows beyond that only the"
    " number in each window is remembered, until a run reads the window again."
)


def noting(unchanged: Unchanged | None, closing: Closing | None) -> Callable[[pa.RecordBatch], None] | None:
    """Takes note of records that CleverTap has already; None if nobody needs to know them."""
    notes = [each for each in (unchanged and unchanged.add, closing and closing.note) if each]
    if not notes:
        return None

    def note(records: pa.RecordBatch) -> None:
        for each in notes:
            each(records)

    return note


def span_of(windows: WindowRange) -> Span:
    """The windows that a run reads, lookback included."""
    return Span(windows.first, windows.last + 1 if windows.end is None else windows.end)
