"""Whether what the journal remembers of an import holds for the import as it is now."""

from clevertap_import.io.clevertap import AccountSettings
from clevertap_import.io.gate import account_digest
from clevertap_import.io.journal import Journal, Scope
from clevertap_import.orchestration.partitions import grid
from clevertap_import.pure.config import ImportConfig
from clevertap_import.pure.errors import JournalLost, ScopeChanged


def scope_of(config: ImportConfig, settings: AccountSettings) -> Scope:
    """Events are remembered by window, so their grid belongs to it; profiles, and full imports, have none."""
    has_grid = config.updated_on is not None and config.is_events
    windows = (grid(config).size_seconds, grid(config).start_seconds) if has_grid else (0, 0)
    return Scope(*windows, account_digest(settings))


def check_scope(
    config: ImportConfig, settings: AccountSettings, journal: Journal, *, was_imported: bool
) -> None:
    """Raises ScopeChanged if a run would store events again, or withhold records from a new account.

    `was_imported`: whether Dagster knows of a run that delivered. Raises JournalLost if the journal does not.
    """
    known, now, name = journal.scope(config.nickname), scope_of(config, settings), config.nickname
    if known is None and was_imported and config.is_events:
        raise JournalLost(
            f"Dagster knows that {name!r} was delivered, and the journal knows nothing of it: it was lost, or"
            " CLEVERTAP_IMPORT_JOURNAL_URL names another. Nothing was sent, as events would be stored twice."
            " Put the journal back; or begin a new one with the first window that is not done, which may"
            f" double events of it: clevertap-import run {name} --window START --force"
        )
    if known is None or known == now:
        return
    if known.account != now.account:
        raise ScopeChanged(
            f"{name!r} was delivered to another CleverTap account before, and the journal knows what that one"
            " has. Nothing was sent. Go back to that account, or give the import a new nickname, or send"
            f" everything to this one: clevertap-import run {name} --full --force"
        )
    raise ScopeChanged(
        f"The windows of {name!r} are others than when it was delivered (`window` or `start` was changed),"
        " and the journal remembers events by their window. Nothing was sent, as they would be stored twice."
        " Take back the change, or send everything again in spite of that:"
        f" clevertap-import run {name} --full --force"
    )
