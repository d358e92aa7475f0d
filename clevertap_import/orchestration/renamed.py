"""Imports that have a new nickname: what was delivered under the old one counts on."""

from clevertap_import.io.import_lock import import_lock
from clevertap_import.io.journal import Journal
from clevertap_import.io.named_locks import NamedLocks
from clevertap_import.io.renamed import give_name, known_name, twins
from clevertap_import.io.scopes import Scope
from clevertap_import.pure.config import ImportConfig
from clevertap_import.pure.definition_digest import definition_digest
from clevertap_import.pure.errors import ScopeChanged


def as_known(journal: Journal, config: ImportConfig) -> ImportConfig:
    """`config` under the nickname by which the journal knows it: the old one until a run has delivered."""
    name = known_name(journal.engine, config.nickname, config.renamed_from)
    return config if name == config.nickname else config.model_copy(update={"nickname": name})


def take_name_over(journal: Journal, locks: NamedLocks, config: ImportConfig, purpose: str) -> None:
    """What the journal knows under the old nickname becomes that of `config`, once no run of it is left."""
    before = config.renamed_from
    if before is None or as_known(journal, config).nickname != before:
        return
    with import_lock(locks, before, purpose, lambda others: None):
        give_name(journal.engine, before, config.nickname)


def new_name_refusal(journal: Journal, config: ImportConfig, now: Scope) -> ScopeChanged | None:
    """Why an import of events that was never delivered may not be: another sent the same events there."""
    name = config.nickname
    found = twins(journal.engine, name, definition_digest(config), now.destination)
    if not found:
        return None
    others = " and ".join(map(repr, found))
    return ScopeChanged(
        f"{name!r} was never delivered, and {others} sent the same records to the same account. Nothing was"
        f" sent, as events would be stored twice. If {name!r} is its new nickname, write into its YAML:"
        f" renamed_from: {found[-1]}. To send all of them once more:"
        f" clevertap-import run {name} --full --force"
    )
