"""What a person should know of an import or a run although nothing failed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clevertap_import.config.model import ImportConfig


def changed_note(config: ImportConfig, windows: int) -> str | None:
    """What to say of so many windows that were done before a change; None if there is none."""
    if not windows:
        return None
    since = "1 window was" if windows == 1 else f"{windows:,} windows were"
    text = f"The import was changed since {since} done: clevertap-import run {config.nickname} --full"
    if not config.is_events:
        return f"{text} reads them again, and sends what is other now."
    return (
        f"{text} reads them again. CleverTap cannot change an event: those that are other now would be"
        " stored beside the old ones."
    )


def no_rows_note(config: ImportConfig, line: Mapping[str, Any]) -> str | None:
    """What to say of a run, by its line of stats, that found nothing to read; None of any other."""
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
