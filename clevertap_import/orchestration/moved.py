"""A person declares that an account has moved to another address. Its delivered records stay delivered."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from clevertap_import.clevertap.account_limiter import account_digest, destination
from clevertap_import.clevertap.client import REGION_HOSTS, AccountSettings, account_settings, is_address
from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import ConfigError, Unfinished, did_you_mean
from clevertap_import.journal.import_lock import free_import_lock
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.locks import open_locks
from clevertap_import.journal.moved import Move, enter_moves, moves, moves_in
from clevertap_import.journal.tables import translated
from clevertap_import.orchestration.renamed import as_known
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.unanswered import RunUnderWay

NO_REGION = "an address that is none of CleverTap's regions"


class MovedMeanwhile(Unfinished):
    """The journal has changed since it was shown."""


class SeveralAddresses(ConfigError):
    """Imports of the account were delivered to several addresses, and --from does not name the old one."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The imports of an account that were delivered to another address, and the present address."""

    configs: Sequence[ImportConfig]
    settings: AccountSettings
    moves: Sequence[Move]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """A line for each import."""
        return [
            {
                "nickname": move.import_name,
                "from": address_of(self.settings, move.before),
                "to": self.settings.url,
                "batches": move.batches,
                "last_sent": move.last_sent,
            }
            for move in self.moves
        ]


def address_of(settings: AccountSettings, place: str) -> str:
    """The address for a digest in the journal, if it is one of CleverTap's regions."""
    known = {destination(replace(settings, url=url)): url for url in REGION_HOSTS.values()}
    return known.get(place, NO_REGION)


def moved(
    imports: Sequence[ImportConfig], account: str, before: str | None, environment: Mapping[str, str]
) -> Moved:
    """The imports of `account` that have moved, from the address `before` if given. Raises ConfigError."""
    settings = account_settings(account, environment)
    configs = [config for config in imports if config.account == account]
    if not configs:
        names = sorted({config.account for config in imports})
        raise ConfigError(
            f"No import sends to an account {account!r}.{did_you_mean(account, names)} Accounts of these"
            f" imports: {', '.join(names)}."
        )
    if before and not is_address(before):
        raise ConfigError(
            f"{before!r} is not an address. Write it as https://HOST, as it was in the environment."
        )
    with open_journal() as journal:
        known = known_names(journal, configs)
        found = moves(journal.engine, known, account_digest(settings), destination(settings))
    if before:
        place = destination(replace(settings, url=before))
        found = [move for move in found if move.before == place]
    elif len({move.before for move in found}) > 1:
        named = "; ".join(f"{move.import_name}: {address_of(settings, move.before)}" for move in found)
        raise SeveralAddresses(
            f"Imports of {account!r} were delivered to several other addresses ({named}). Nothing was"
            " changed. Say which of them has moved: --from ADDRESS."
        )
    return Moved(configs, settings, found)


def known_names(journal: Journal, configs: Sequence[ImportConfig]) -> set[str]:
    """The names of the imports in the journal."""
    return {as_known(journal, config).nickname for config in configs}


def enter_moved(shown: Moved) -> None:
    """Store the moves that were shown, all or none. Raises RunUnderWay or MovedMeanwhile."""
    place = destination(shown.settings)
    with ExitStack() as stack:
        journal = stack.enter_context(open_journal())
        locks = stack.enter_context(open_locks(journal.engine))
        names = known_names(journal, shown.configs)
        for name in sorted({*names, *(config.nickname for config in shown.configs)}):
            if purpose := stack.enter_context(free_import_lock(locks, name)):
                raise RunUnderWay(f"{purpose} is under way. Nothing was changed; wait for its end.")
        with translated(), locks.transaction() as connection:
            now = moves_in(connection, names, account_digest(shown.settings), place)
            if not set(shown.moves) <= set(now):
                raise MovedMeanwhile(
                    "The journal has changed since you looked. Nothing was changed. Start the command again."
                )
            enter_moves(connection, shown.moves, place)
