"""Locks by name beside the journal. Each has one holder at a time, and is free as soon as its holder is dead.

They need no clock, no heartbeat and no guess whether a process is alive. For a SQLite journal, which is for
one machine, they are locks of the kernel (`file_locks`). In PostgreSQL they belong to the session that writes
the deliveries (`advisory_locks`): a process that has lost its locks cannot commit.
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
    """The locks of one run or command, for any number of threads. All methods raise JournalUnavailable."""

    @property
    def engine(self) -> sa.Engine: ...

    @property
    def losses(self) -> int:
        """How often all locks were lost at once: others may have had them since."""

    def take(self, name: str, note: str = "") -> bool:
        """Whether the lock is ours now; False if it is in use. `note` is for people."""

    def take_some(self, names: Sequence[str], count: int) -> list[str]:
        """Take up to `count` free locks of `names`, in random order."""

    def give_back(self, name: str) -> None: ...

    def has(self, name: str) -> bool:
        """Whether the lock is still ours: checked now, or within the last second."""

    def in_use(self, names: Collection[str]) -> set[str]:
        """The locks of `names` that a process has, this one included."""

    def abandoned(self, taken: Collection[str], holders: Callable[[], Collection[str]]) -> list[str]:
        """The locks of `taken` that their last holder may have been using when it died.

        `holders` names one lock of each process that may have had one of them.
        """

    def clear_abandoned(self, name: str) -> None:
        """Our lock is no longer abandoned: the requests of its last holder have ended."""

    def transaction(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that fails if locks were lost."""

    def regain(self) -> None:
        """After a loss: take our locks again, if they are free."""


@contextmanager
def open_locks(engine: sa.Engine) -> Iterator[NamedLocks]:
    """The locks beside the journal's database. Raises JournalUnavailable or ConfigError."""
    locks = FileLocks(engine, file_of(engine)) if engine.dialect.name == "sqlite" else AdvisoryLocks(engine)
    with locks:
        yield locks


def file_of(engine: sa.Engine) -> Path:
    """The file of the SQLite journal, with links resolved. Raises ConfigError if the journal is in memory."""
    with translated(), engine.connect() as connection:
        query = "select file from pragma_database_list where name = 'main'"
        name = str(connection.exec_driver_sql(query).scalar_one())
    if not name:
        raise ConfigError(
            "CLEVERTAP_IMPORT_JOURNAL_URL is a journal in memory, which forgets the delivered records."
            " Name a file: sqlite:////folder/journal.db"
        )
    return Path(name).resolve()
