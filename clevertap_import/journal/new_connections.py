"""What each new connection to the journal's database is set to: commits that are on the disk."""

import sqlite3
import time

WAL_WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""SQLite lets one of several processes turn a new file to its write-ahead log, and refuses the others."""


def write_ahead(connection: object, _: object) -> None:
    """SQLite's write-ahead log: readers do not stop the writer, and a killed process loses nothing."""
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
    """A commit that PostgreSQL confirms is on its disk, whatever the server, the role or the URL say.

    `remote_apply` is stronger than `on`, and is left.
    """
    if isinstance(connection, sqlite3.Connection):
        return
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("select current_setting('synchronous_commit')")
    if cursor.fetchone()[0] not in ("on", "remote_apply"):
        cursor.execute("set synchronous_commit to on")
    cursor.close()
    connection.commit()  # type: ignore[attr-defined]
