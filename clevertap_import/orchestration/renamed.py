"""Imports that have a new nickname: deliveries under the old nickname still count."""

from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial

import dagster as dg

from clevertap_import.clevertap.client import account_settings
from clevertap_import.config.model import ImportConfig
from clevertap_import.config.yaml_file import LoadedImport
from clevertap_import.errors import CleverTapImportError, ConfigError, RenamedTwice, ScopeChanged
from clevertap_import.journal.digest_key import sqlite_file
from clevertap_import.journal.import_lock import ImportLock, import_lock
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.locks import NamedLocks
from clevertap_import.journal.renamed import (
    delivered_names,
    give_name,
    gone_with_same_source,
    known_name,
    twins,
)
from clevertap_import.journal.scope import Scope, scope_in
from clevertap_import.journal.tables import read_url, translated
from clevertap_import.orchestration.dagster_internals import CheckError
from clevertap_import.orchestration.names import nickname_of
from clevertap_import.orchestration.resources import journal_url, open_journal, place_of
from clevertap_import.orchestration.scope import scope_of
from clevertap_import.project.check import Diagnostics
from clevertap_import.project.folder import Imports


def as_known(journal: Journal, config: ImportConfig) -> ImportConfig:
    """`config` with the nickname that it has in the journal: the old one until a run has delivered."""
    name = known_name(journal.engine, config.nickname, config.renamed_from)
    return config if name == config.nickname else config.model_copy(update={"nickname": name})


def take_name_over(
    journal: Journal, locks: NamedLocks, lock: ImportLock, config: ImportConfig, purpose: str
) -> None:
    """Assign the journal's entries of the old nickname to `config`, when no run of the old nickname is
    active.

    `lock`: the import lock of the new nickname. Raises RenamedTwice.
    """
    before = config.renamed_from
    if before is None or before not in delivered_names(journal.engine, [before]):
        return
    with import_lock(locks, before, purpose):
        refused = renamed_twice(journal, config)
        if refused:
            raise refused
        now = journal.now().timestamp()
        rename = partial(give_name, before=before, nickname=config.nickname, now=now)
        with translated(), lock.transaction() as connection:
            rename(connection)
        lock.again(rename)


def renamed_twice(journal: Journal, config: ImportConfig) -> RenamedTwice | None:
    """Why an import cannot run if both its old and its new nickname have deliveries; None if it can."""
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
    journal: Journal, config: ImportConfig, known: Scope | None, now: Scope, imports: Container[str] | None
) -> ConfigError | None:
    """Why no run may deliver with this nickname. `known`: None if the import was never delivered.

    `imports`: the nicknames of all imports, if they are known.
    """
    refused = renamed_twice(journal, config)
    if refused or known or not config.is_events:
        return refused
    name = config.nickname
    if found := twins(journal.engine, name, now):
        others = " and ".join(map(repr, found))
        return ScopeChanged(
            f"{name!r} was never delivered, and {others} sent the same records to the same account. Nothing"
            f" was sent, as events would be stored twice. If {name!r} is its new nickname, write into its"
            f" YAML: renamed_from: {found[-1]}. To send all of them once more:"
            f" clevertap-import run {name} --full --force"
        )
    if found := gone(journal, config, now, imports):
        return ScopeChanged(
            f"{possible_rename(config, found)} Nothing was sent, because events may be stored twice. If"
            f" {name!r} is its new nickname, write into its YAML: renamed_from: {found[-1]}. If it is another"
            f" import, send what it has: clevertap-import run {name} --full --force"
        )
    return None


def name_note(
    journal: Journal, config: ImportConfig, known: Scope | None, now: Scope, imports: Container[str]
) -> str | None:
    """A note about an import of profiles that may be an earlier import with a new nickname."""
    if known or config.is_events:
        return None
    found = gone(journal, config, now, imports)
    if not found:
        return None
    return (
        f"{possible_rename(config, found)} If {config.nickname!r} is its new nickname, write into its YAML:"
        f" renamed_from: {found[-1]}. Otherwise all its profiles are sent again, which does not change"
        " profiles that are the same."
    )


def gone(journal: Journal, config: ImportConfig, now: Scope, imports: Container[str] | None) -> list[str]:
    return [] if imports is None else gone_with_same_source(journal.engine, config.nickname, now, imports)


def possible_rename(config: ImportConfig, found: Sequence[str]) -> str:
    others = " and ".join(map(repr, found))
    kind = "events of that name" if config.is_events else "profiles"
    are = "which is no import" if len(found) == 1 else "which are no imports"
    return (
        f"{config.nickname!r} was never delivered, and {others}, {are} any more, sent {kind} from the same"
        " table to the same account."
    )


def name_diagnostics(
    imports: Imports, environment: Mapping[str, str], notify: Callable[[str], None]
) -> dict[str, Diagnostics]:
    """Problems and notes about the nicknames of `imports`, by nickname. Reads the journal, and never makes
    one.

    If the journal cannot be used, `notify` gets the reason.
    """
    found: dict[str, Diagnostics] = {}
    try:
        if not is_there(journal_url()):
            return found
        with open_journal() as journal:
            for loaded in imports.loaded:
                found[loaded.config.nickname] = diagnostics_of(journal, loaded, environment, imports.names)
    except CleverTapImportError as error:
        notify(f"Whether imports have new nicknames is not known. {error}")
    return found


def is_there(url: str) -> bool:
    """Whether the journal is a database of a server, or a file that exists."""
    file = sqlite_file(read_url(url))
    return file is None or file.is_file()


def diagnostics_of(
    journal: Journal, loaded: LoadedImport, environment: Mapping[str, str], imports: Container[str]
) -> Diagnostics:
    config = loaded.config
    try:
        now = scope_of(
            config,
            account_settings(config.account, environment),
            *place_of(config.connection, environment),
        )
    except ConfigError:
        # The environment does not define its destination; test-connection shows why.
        return Diagnostics()
    with translated(), journal.engine.connect() as connection:
        known = scope_in(connection, as_known(journal, config).nickname)
    refused = name_refusal(journal, config, known, now, imports)
    note = name_note(journal, config, known, now, imports)
    return Diagnostics(
        [loaded.problem("renamed_from", str(refused))] if refused else [],
        [loaded.problem("renamed_from", note)] if note else [],
    )


def names_of_location(context: dg.AssetExecutionContext) -> frozenset[str] | None:
    """The nicknames of all imports in the code location of a run; None if the run has no code location."""
    try:
        keys = context.repository_def.asset_graph.get_all_asset_keys()
    except CheckError:
        return None
    return frozenset(filter(None, map(nickname_of, keys)))
