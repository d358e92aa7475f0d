"""Imports that have a new nickname: what was delivered under the old one counts on."""

from clevertap_import.io.database import translated
from clevertap_import.io.import_lock import ImportLock, import_lock
from clevertap_import.io.journal import Journal
from clevertap_import.io.named_locks import NamedLocks
from clevertap_import.io.renamed import delivered_names, give_name, known_name, twins
from clevertap_import.io.scopes import Scope
from clevertap_import.pure.config import ImportConfig
from clevertap_import.pure.errors import ConfigError, RenamedTwice, ScopeChanged


def as_known(journal: Journal, config: ImportConfig) -> ImportConfig:
    """`config` under the nickname by which the journal knows it: the old one until a run has delivered."""
    name = known_name(journal.engine, config.nickname, config.renamed_from)
    return config if name == config.nickname else config.model_copy(update={"nickname": name})


def take_name_over(
    journal: Journal, locks: NamedLocks, lock: ImportLock, config: ImportConfig, purpose: str
) -> None:
    """What the journal knows under the old nickname becomes that of `config`, once no run of it is left.

    `lock`: the import's own, under the new nickname. Raises RenamedTwice.
    """
    before = config.renamed_from
    if before is None or before not in delivered_names(journal.engine, [before]):
        return
    with import_lock(locks, before, purpose):
        refused = renamed_twice(journal, config)
        if refused:
            raise refused
        with translated(), lock.transaction() as connection:
            give_name(connection, before, config.nickname)


def renamed_twice(journal: Journal, config: ImportConfig) -> RenamedTwice | None:
    """Why an import whose old nickname was delivered beside its own cannot go on."""
    before, name = config.renamed_from, config.nickname
    if before is None or delivered_names(journal.engine, [before, name]) != {before, name}:
        return None
    return RenamedTwice(
        f"{name!r} says renamed_from: {before}. Both were delivered, and the journal cannot make one import"
        f" of them. Nothing was sent. Remove renamed_from from {name!r}: it goes on with what the journal"
        f" knows of {name!r} alone. To go on with what it knows of {before!r}, give the import its old"
        " nickname back."
    )


def name_refusal(
    journal: Journal, config: ImportConfig, known: Scope | None, now: Scope
) -> ConfigError | None:
    """Why no run may deliver under this nickname; `known`: None if the import was never delivered."""
    refused = renamed_twice(journal, config)
    if refused or known or not config.is_events:
        return refused
    name, found = config.nickname, twins(journal.engine, config.nickname, now)
    if not found:
        return None
    others = " and ".join(map(repr, found))
    return ScopeChanged(
        f"{name!r} was never delivered, and {others} sent the same records to the same account. Nothing was"
        f" sent, as events would be stored twice. If {name!r} is its new nickname, write into its YAML:"
        f" renamed_from: {found[-1]}. To send all of them once more:"
        f" clevertap-import run {name} --full --force"
    )
