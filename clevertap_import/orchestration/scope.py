"""Whether the journal's digests of an import are valid for its present definition."""

from datetime import UTC, datetime

from clevertap_import.clevertap.account_limiter import account_digest, destination
from clevertap_import.clevertap.client import AccountSettings
from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import ConfigError, EventsWithheld, HistoryForgotten, JournalLost, ScopeChanged
from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.forced_runs import Forced
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.scope import Scope
from clevertap_import.mapping.definition_digest import definition_digest, source_digests
from clevertap_import.orchestration.partitions import grid
from clevertap_import.window import Window

NO_END = int(datetime.max.replace(tzinfo=UTC).timestamp())
"""The last window of a full import, which has no windows: later than all others."""


def scope_of(
    config: ImportConfig, settings: AccountSettings, database: str | None, schema: str | None
) -> Scope:
    """The scope of an import. `database`, `schema`: those of its connection.

    The journal stores events by window, so the grid is part of their scope. Profiles and full imports have
    none.
    """
    has_grid = config.updated_on is not None and config.is_events
    windows = (grid(config).size_seconds, grid(config).start_seconds) if has_grid else (0, 0)
    places = (account_digest(settings), destination(settings))
    return Scope(*windows, *places, definition_digest(config), source_digests(config, database, schema))


def window_range(config: ImportConfig, scope: Scope, window: Window | None) -> WindowRange:
    """`window` in the journal's terms; None for a full import."""
    name, place = config.nickname, scope.destination
    if window is None:
        return WindowRange(name, None, NO_END, place, NO_END + 1)
    end = int(window.upper.timestamp())
    first = int(window.lower.timestamp()) if window.lower else None
    return WindowRange(name, first, end - grid(config).size_seconds, place, end)


def forced_of(
    config: ImportConfig, journal: Journal, root_run_id: str, windows: WindowRange, read: WindowRange
) -> Forced:
    """The windows that a forced run sends again: `windows`, without their lookback.

    With the lookback if the journal has removed its delivered events: then they cannot be left out.
    """
    if config.is_events and windows.first is not None and read.first != windows.first:
        before = WindowRange(config.nickname, read.first, windows.first - 1, windows.destination)
        if journal.has_forgotten(before):
            windows = read
    return Forced(root_run_id, windows.first, windows.last, windows.end or windows.last + 1)


def is_of_everything(journal: Journal, forced: Forced, import_name: str) -> bool:
    """Whether a forced run sends all again that was ever delivered to any account."""
    return forced.first is None and forced.last >= (journal.last_window(import_name) or 0)


def history_forgotten(config: ImportConfig) -> HistoryForgotten:
    return HistoryForgotten(
        f"Events of these windows of {config.nickname!r} were delivered more than"
        f" {config.journal_retention_days} days ago (journal_retention_days), and the journal has removed"
        " their entries. Nothing was sent, because events would be stored twice. To send all of them again"
        " anyway, force the run."
    )


def events_withheld(config: ImportConfig, withheld: int) -> EventsWithheld:
    return EventsWithheld(
        f"{withheld:,} events of {config.nickname!r} were sent by earlier runs whose"
        " answers were lost. The import says uncertain_events: hold, so they were not sent again. All"
        f" others were delivered. To settle them: clevertap-import settle {config.nickname}"
    )


def refusal(
    config: ImportConfig, known: Scope | None, now: Scope, *, was_imported: bool
) -> ConfigError | None:
    """Why no run may deliver: it would store events twice, or not send records to a new account.

    `was_imported`: whether Dagster has a run that delivered.
    """
    name = config.nickname
    if known is None and was_imported and config.is_events:
        return JournalLost(
            f"Dagster knows that {name!r} was delivered, and the journal knows nothing of it: it was lost, or"
            " CLEVERTAP_IMPORT_JOURNAL_URL names another. Nothing was sent, as events would be stored twice."
            " Put the journal back; or begin a new one with all windows that are not done, which may double"
            f" events of them and of their lookback: clevertap-import run {name} --window START --until END"
            " --force"
        )
    if known is None or known == now:
        return None
    everything = f"clevertap-import run {name} --full --force"
    if known.account != now.account:
        return ScopeChanged(
            f"{name!r} was delivered to another CleverTap account before, and the journal knows what that one"
            " has. Nothing was sent. Go back to that account, or send everything to this one:"
            f" {everything}"
        )
    if known.destination != now.destination:
        prefix = config.account.upper()
        return ScopeChanged(
            f"{name!r} was delivered to the same account id at another address before ({prefix}_REGION or"
            f" {prefix}_API_URL was changed), and the journal knows what the server there has. Nothing was"
            f" sent. Go back to that address. If it is the same CleverTap project, which has moved for good:"
            f" clevertap-import journal moved {config.account}. If it is another, or a test server was there,"
            f" send everything to this one: {everything}"
        )
    return ScopeChanged(
        f"The windows of {name!r} are others than when it was delivered (`window` or `start` was changed),"
        " and the journal remembers events by their window. Nothing was sent, as they would be stored twice."
        f" Take back the change, or send everything again in spite of that: {everything}"
    )
