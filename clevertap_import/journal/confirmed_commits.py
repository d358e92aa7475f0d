"""What PostgreSQL confirms is on its disk."""

import sqlite3


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
