"""Notes for people about an import or a run that did not fail."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clevertap_import.config.model import ImportConfig


def changed_note(config: ImportConfig, windows: int) -> str | None:
    """A note about the number of windows that were done before a change; None if it is 0."""
    if not windows:
        return None
    since = "1 window was" if windows == 1 else f"{windows:,} windows were"
    text = f"The import was changed since {since} done: clevertap-import run {config.nickname} --full"
    if not config.is_events:
        return f"{text} reads them again, and sends the profiles that are different now."
    return (
        f"{text} reads them again. CleverTap cannot change an event: events that are different now are"
        " stored in addition to the old ones."
    )


def no_rows_note(config: ImportConfig, line: Mapping[str, Any]) -> str | None:
    """A note about a run that found no rows, from its line of stats; None for any other run."""
    if line["status"] != "Success" or line["total_records"]:
        return None
    if config.updated_on is None or not line["window_end"]:
        return "The query returned no row, so nothing was sent."
    start, end = (written(line[key]) for key in ("window_start", "window_end"))
    since = f"from {start} " if start else ""
    return (
        f"The query has no row with {config.updated_on.column} {since}until {end} UTC, so nothing was sent."
    )


def written(moment: str | None) -> str | None:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M}" if moment else None
