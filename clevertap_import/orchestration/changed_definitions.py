"""Windows that were done before their import was changed: CleverTap has their rows in the old form."""

import os
from collections.abc import Callable, Iterable, Sequence

import sqlalchemy as sa

from clevertap_import.clevertap.account_limiter import destination
from clevertap_import.clevertap.client import account_settings
from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import ConfigError
from clevertap_import.journal.done_spans import DoneSpan, changed_windows, renewed
from clevertap_import.journal.done_windows import UNKNOWN, Windows, done_spans, enter_done_spans
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.tables import JournalUnavailable
from clevertap_import.mapping.definition_digest import definition_digest
from clevertap_import.orchestration.partitions import grid
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.window import Window


def changed_counts(engine: sa.Engine, configs: Iterable[ImportConfig]) -> dict[str, int]:
    """How many windows of each import were done before it was changed, by nickname. It makes one query."""
    windowed = {config.nickname: config for config in configs if config.updated_on}
    spans = done_spans(engine, {name: windows_of(config) for name, config in windowed.items()})
    return {name: changed_count(config, spans.get(name, ())) for name, config in windowed.items()}


def windows_of(config: ImportConfig) -> Windows:
    """The length of the import's windows and its destination by the environment."""
    return Windows(grid(config).size_seconds, destination_of(config))


def destination_of(config: ImportConfig) -> str:
    """The destination of the import; UNKNOWN if the environment does not define it: no run can deliver."""
    try:
        return destination(account_settings(config.account, os.environ))
    except ConfigError:
        return UNKNOWN


def changed_count(config: ImportConfig, spans: Sequence[DoneSpan]) -> int:
    own = grid(config)
    return changed_windows(spans, definition_digest(config), own.start_seconds, own.size_seconds)


def known_spans(engine: sa.Engine, config: ImportConfig) -> list[DoneSpan]:
    """The done spans of the import's windows, with their definitions; empty for a full import."""
    if config.updated_on is None:
        return []
    return done_spans(engine, {config.nickname: windows_of(config)}).get(config.nickname, [])


def spans_after(
    config: ImportConfig, spans: Sequence[DoneSpan], window: Window, read: Window, read_seconds: float
) -> list[DoneSpan]:
    """`spans` after a run of `window` that has read `read`, its lookback included, at `read_seconds`.

    A window that had not ended at that time is not done.
    """
    size, start = grid(config).size_seconds, grid(config).start_seconds
    first, read_from = (
        int(each.lower.timestamp()) if each.lower is not None else start for each in (window, read)
    )
    ended = min(int(window.upper.timestamp()), int(read_seconds) // size * size)
    done = DoneSpan(first, max(first, ended), definition_digest(config), int(read_seconds))
    return renewed(spans, read_from, done)


def remember_done(
    journal: Journal, config: ImportConfig, window: Window, read: Window, read_seconds: float
) -> int:
    """Store the result of `spans_after`; returns how many windows still have the old definition."""
    spans = spans_after(config, known_spans(journal.engine, config), window, read, read_seconds)
    with journal.transaction() as connection:
        enter_done_spans(connection, config.nickname, windows_of(config), spans)
    return changed_count(config, spans)


def counts_for_commands(configs: Iterable[ImportConfig], notify: Callable[[str], None]) -> dict[str, int]:
    """`changed_counts` of the environment's journal; empty if it cannot be used, and `notify` gets why."""
    try:
        with open_journal() as journal:
            return changed_counts(journal.engine, configs)
    except JournalUnavailable as error:
        notify(f"Whether imports were changed since their windows were done is not known. {error}")
        return {}
