"""Settings of each new connection to the journal's database, so that commits are on disk."""

import sqlite3
import time

WAL_WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Of several processes, SQLite lets one switch a new file to the write-ahead log, and refuses the others."""


def write_ahead(connection: object, _: object) -> None:
    """Use the write-ahead log: readers do not block the writer, and a killed process loses nothing."""
    if not isinstance(connection, sqlite3.Connection):
        return
    for wait_seconds in (*WAL_WAITS, None):
        try:
            connection.execute("pragma journal_mode=wal")
            return
        except sqlite3.OperationalError as error:
            if wait_seconds is None or "locked" not in str(error):
                raise
            time.sleep(wait_seconds)


def synchronous(connection: object, _: object) -> None:
    """Makes PostgreSQL write each commit to disk before it confirms it, also if its settings say otherwise.

    `remote_apply` is stronger than `on`, and is not changed.
    """
    if isinstance(connection, sqlite3.Connection):
        return
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("select current_setting('synchronous_commit')")
    if cursor.fetchone()[0] not in ("on", "remote_apply"):
        cursor.execute("set synchronous_commit to on")
    cursor.close()
    connection.commit()  # type: ignore[attr-defined]
