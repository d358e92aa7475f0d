"""A person accepts an older copy of the journal: the records of an import that it lacks are sent as new."""

import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.journal.import_lock import free_import_lock
from clevertap_import.journal.import_state import accept_lack
from clevertap_import.journal.locks import open_locks
from clevertap_import.journal.tables import translated
from clevertap_import.orchestration.delivered import counts_in_dagster, stale_journal
from clevertap_import.orchestration.done import copy_from_dagster
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.renamed import as_known
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.unanswered import RunUnderWay


def accept_older_journal(instance: dg.DagsterInstance, config: ImportConfig) -> bool:
    """Store that the journal counts as complete; False if it was complete before. Raises RunUnderWay.

    The done windows are copied from Dagster, so that these are not sent again.
    """
    with (
        open_journal() as journal,
        open_locks(journal.engine) as locks,
        free_import_lock(locks, config.nickname) as purpose,
    ):
        if purpose:
            raise RunUnderWay(f"{purpose} is under way. Nothing was changed; wait for its end.")
        in_dagster = counts_in_dagster(instance, config.nicknames)
        if stale_journal(config, journal, in_dagster) is None:
            return False
        known = as_known(journal, config)
        copy_from_dagster(instance, journal, known, asset_key(config.nickname), again=True)
        with translated(), journal.engine.begin() as connection:
            accept_lack(
                connection, known.nickname, in_dagster.begun, in_dagster.ended, journal.now().timestamp()
            )
    return True
