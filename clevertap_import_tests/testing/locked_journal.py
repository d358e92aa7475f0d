"""A journal whose tables another session has locked."""

import sqlalchemy as sa

from clevertap_import.journal.tables import DELIVERY, IMPORT_STATE, PARTICIPANT


def lock_tables(connection: sa.Connection) -> None:
    """Nobody else writes until the connection is rolled back."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("begin immediate")
        return
    tables = ", ".join(each.name for each in (DELIVERY, IMPORT_STATE, PARTICIPANT))
    connection.exec_driver_sql(f"lock table {tables} in access exclusive mode")
