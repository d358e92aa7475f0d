"""All tables with the name of an import get the new one; twins are found in older databases too."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from clevertap_import.journal.digest_key import Digests
from clevertap_import.journal.import_state import ImportState, state_of
from clevertap_import.journal.renamed import give_name, known_name, twins
from clevertap_import.journal.scope import Scope
from clevertap_import.journal.tables import IMPORT_STATE, METADATA, SCOPE, open_database

NAMED = [table for table in METADATA.sorted_tables if "import_name" in table.c]
NOW = 1_700_000_000.0
SCOPE_OF_BOTH = Scope(0, 0, "account", "place", "definition")


def values_of(table: sa.Table, name: str) -> dict[str, object]:
    """Any row of `table`, of the import `name`."""
    values: dict[str, object] = {}
    for column in table.c:
        if isinstance(column.type, sa.DateTime):
            values[column.name] = datetime.now(UTC)
        elif isinstance(column.type, Digests | sa.LargeBinary):
            values[column.name] = bytes(16)
        elif isinstance(column.type, sa.String):
            values[column.name] = "x"
        elif column is not table.autoincrement_column:
            values[column.name] = 1
    return {**values, "import_name": name}


def test_each_table_that_names_an_import_gives_it_its_new_name(journal_url: str) -> None:
    engine = open_database(journal_url)
    with engine.begin() as connection:
        for table in NAMED:
            connection.execute(table.insert().values(values_of(table, "old")))
            connection.execute(table.insert().values(values_of(table, "other")))
    assert known_name(engine, "new", "old") == "old"
    with engine.begin() as connection:
        give_name(connection, "old", "new", NOW)
        for table in NAMED:
            names = connection.scalars(sa.select(table.c.import_name)).all()
            left = ["old"] if table is IMPORT_STATE else []
            assert sorted(names) == ["new", *left, "other"], table.name
        # Another import under the old nickname does not take what Dagster knows of it for its own.
        assert state_of(connection, "old") == ImportState(deliveries=1, reports_until=NOW, ended=1)
    assert known_name(engine, "new", "old") == "new"
    engine.dispose()


@pytest.mark.parametrize(
    ("place", "account", "is_twin"),
    [("place", "account", True), ("", "account", True), ("elsewhere", "account", False), ("", "b", False)],
)
def test_a_twin_is_one_of_the_same_place(journal_url: str, place: str, account: str, is_twin: bool) -> None:
    engine = open_database(journal_url)
    values = {"window_seconds": 0, "start": 0, "definition_digest": "definition"}
    with engine.begin() as connection:
        row = {"import_name": "old", "account": account, "destination": place, **values}
        connection.execute(SCOPE.insert().values(row))
    assert twins(engine, "new", SCOPE_OF_BOTH) == (["old"] if is_twin else [])
    assert twins(engine, "old", SCOPE_OF_BOTH) == []
    engine.dispose()
