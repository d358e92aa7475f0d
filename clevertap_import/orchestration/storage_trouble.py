"""Trouble with Dagster's own storage: full, read-only, locked or gone. The journal tells of its own."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from clevertap_import.errors import Unfinished

STORAGE_TROUBLE = "Dagster's storage cannot be used"


class StorageUnavailable(Unfinished):
    """Dagster's storage cannot be read or written."""

    def __init__(self, error: BaseException) -> None:
        # SQLAlchemy's own text holds the statement and what it was to write.
        cause = getattr(error, "orig", None) or error
        words = " ".join(str(cause).split()) or type(cause).__name__
        super().__init__(
            f"{STORAGE_TROUBLE}: {words.rstrip('.?')}. It is in DAGSTER_HOME, or where its"
            " dagster.yaml says. Mend it, and run again: what CleverTap took is in the journal, and is not"
            " sent twice."
        )


@contextmanager
def storage_translated() -> Iterator[None]:
    """In the block a database's exceptions become ours; Dagster would print their statements."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise StorageUnavailable(error) from None


def storage_trouble(error: BaseException) -> StorageUnavailable | None:
    """What `error` tells of Dagster's storage; None if neither it nor what it came from is of a database.

    The journal's errors are ours by the time that they get here.
    """
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        if isinstance(cause, StorageUnavailable):
            return cause
        if isinstance(cause, SQLAlchemyError | sqlite3.Error):
            return StorageUnavailable(cause)
        seen.append(cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return None
