"""A disk that is full: Dagster's storage stores no more events of some types, until there is space again."""

import sqlite3
from contextlib import closing
from pathlib import Path

PEOPLE = 3
"""In the table of the fixture `shop`."""


def fill_disk(home: Path, *event_types: str) -> None:
    """From now on the storage takes no event of these types."""
    types = ", ".join(f"'{event_type}'" for event_type in event_types)
    with closing(sqlite3.connect(home / "history" / "runs" / "index.db")) as other:
        other.execute(
            f"create trigger full before insert on event_logs when new.dagster_event_type in ({types})"
            " begin select raise(abort, 'database or disk is full'); end"
        )


def free_disk(home: Path) -> None:
    with closing(sqlite3.connect(home / "history" / "runs" / "index.db")) as other:
        other.execute("drop trigger full")
