"""Copies of a journal of either kind, as its database's own tools make them: all rows, as of one moment."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from clevertap_import.journal.tables import JOURNAL_KEY, METADATA, PARTICIPANT
from clevertap_import.orchestration.resources import open_journal

TABLES = [table for table in METADATA.sorted_tables if table not in (JOURNAL_KEY, PARTICIPANT)]


@dataclass(frozen=True)
class JournalCopy:
    rows: dict[str, list[dict[str, Any]]]

    @property
    def batches(self) -> int:
        return len(self.rows["delivery"])

    def put_back(self) -> None:
        with open_journal() as journal, journal.engine.begin() as connection:
            for table in TABLES:
                connection.execute(table.delete())
                if self.rows[table.name]:
                    connection.execute(table.insert(), self.rows[table.name])


def copied_journal() -> JournalCopy:
    with open_journal() as journal, journal.engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            connection.execute(sa.text("set transaction isolation level repeatable read"))
        return JournalCopy(
            {
                table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
                for table in TABLES
            }
        )
