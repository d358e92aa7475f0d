"""Locks by name beside the journal, each held by one at a time, and by nobody once its holder is dead.

Nothing here needs a clock, a heartbeat or a guess whether a process lives. Beside a SQLite journal, which is
for one machine, the kernel holds the locks (`file_locks`). In PostgreSQL the session does that writes the
deliveries (`advisory_locks`): who has lost its locks cannot commit.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from clevertap_import.errors import ConfigError
from clevertap_import.journal.advisory_locks import AdvisoryLocks
from clevertap_import.journal.file_locks import FileLocks
from clevertap_import.journal.tables import translated


class NamedLocks(Protocol):
    """The locks of one run or command. Any number of threads may use it. All raise JournalUnavailable."""

    @property
    def engine(self) -> sa.Engine: ...

    @property
    def losses(self) -> int:
        """How often all locks were lost at once: each may since have been another's."""

    def take(self, name: str, note: str = "") -> bool:
        """Whether the lock is ours now; False if anybody has it. `note` is for people."""

    def take_some(self, names: Sequence[str], count: int) -> list[str]:
        """As many of `names` as are free, up to `count`, in no order."""

    def give_back(self, name: str) -> None: ...

    def has(self, name: str) -> bool:
        """Whether the lock is still ours, as was proven within the last second or is proven now."""

    def in_use(self, names: Collection[str]) -> set[str]:
        """Those of `names` that anybody has, this process included."""

    def abandoned(self, taken: Collection[str], holders: Callable[[], Collection[str]]) -> list[str]:
        """Those of `taken` that their last holder may have been using when it died.

        `holders` names a lock of each who may have had one of them.
        """

    def clear_abandoned(self, name: str) -> None:
        """What the last holder was at with the lock, which is ours, has come to its end."""

    def transaction(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that fails if locks were lost."""

    def regain(self) -> None:
        """After a loss: take again what was ours, as far as it is free."""


@contextmanager
def open_locks(engine: sa.Engine) -> Iterator[NamedLocks]:
    """The locks beside the journal's database. Raises JournalUnavailable or ConfigError."""
    locks = FileLocks(engine, file_of(engine)) if engine.dialect.name == "sqlite" else AdvisoryLocks(engine)
    with locks:
        yield locks


def file_of(engine: sa.Engine) -> Path:
    """Where SQLite has the journal, by whatever URL and links. Raises ConfigError if that is in memory."""
    with translated(), engine.connect() as connection:
        query = "select file from pragma_database_list where name = 'main'"
        name = str(connection.exec_driver_sql(query).scalar_one())
    if not name:
        raise ConfigError(
            "CLEVERTAP_IMPORT_JOURNAL_URL means a journal in memory, which forgets what was delivered."
            " Name a file: sqlite:////folder/journal.db"
        )
    return Path(name).resolve()
