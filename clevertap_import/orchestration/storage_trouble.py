"""Errors of Dagster's own storage: full, read-only, locked or deleted. The journal has its own errors."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from clevertap_import.errors import Unfinished

STORAGE_TROUBLE = "Dagster's storage cannot be used"


class StorageUnavailable(Unfinished):
    """Dagster's storage cannot be read or written."""

    def __init__(self, error: BaseException) -> None:
        # SQLAlchemy's own text contains the statement and its values.
        cause = getattr(error, "orig", None) or error
        words = " ".join(str(cause).split()) or type(cause).__name__
        super().__init__(
            f"{STORAGE_TROUBLE}: {words.rstrip('.?')}. It is in DAGSTER_HOME, or where its"
            " dagster.yaml says. Repair it, and run again: the journal has the delivered records, and they"
            " are not sent twice."
        )


@contextmanager
def storage_translated() -> Iterator[None]:
    """In the block, a database's exceptions become ours: Dagster would print their statements."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise StorageUnavailable(error) from None


def storage_trouble(error: BaseException) -> StorageUnavailable | None:
    """The storage error for `error`; None if neither it nor its causes come from a database.

    The journal's errors were converted to ours before.
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
