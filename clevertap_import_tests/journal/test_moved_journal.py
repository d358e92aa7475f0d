"""Each table that names an address gives it the new one; what was said of the new one before is dropped."""

import sqlalchemy as sa

from clevertap_import.journal.moved import REPLACED, enter_moves, moves
from clevertap_import.journal.tables import METADATA, SCOPE, open_database
from clevertap_import_tests.journal.test_renamed_journal import values_of

PLACED = [table for table in METADATA.sorted_tables if "destination" in table.c]


def places(connection: sa.Connection, table: sa.Table, name: str) -> list[str]:
    mine = sa.select(table.c.destination).where(table.c.import_name == name)
    return sorted(connection.scalars(mine))


DELIVERED_TO = (("mine", "old"), ("mine", "new"), ("mine", "third"), ("other", "old"))


def test_each_table_that_names_an_address_gets_the_new_one(journal_url: str) -> None:
    engine = open_database(journal_url)
    with engine.begin() as connection:
        for table in PLACED:
            for number, (name, place) in enumerate(DELIVERED_TO, start=1):
                if table is not SCOPE or place == "old":
                    values = values_of(table, name) | {"destination": place}
                    # An import numbers its epochs, wherever they are delivered to.
                    connection.execute(
                        table.insert().values(values | ({"id": number} if "id" in values else {}))
                    )
    found = moves(engine, ["mine"], "x", "new")
    assert [(move.import_name, move.before, move.batches) for move in found] == [("mine", "old", 1)]
    with engine.begin() as connection:
        enter_moves(connection, found, "new")
        for table in PLACED:
            own = ["new"] if table in REPLACED else ["new", "new"]
            expected = ["new"] if table is SCOPE else [*own, "third"]
            assert places(connection, table, "mine") == expected, table.name
            assert places(connection, table, "other") == ["old"], table.name
    engine.dispose()


def test_another_account_or_an_import_without_an_address_has_not_moved(journal_url: str) -> None:
    engine = open_database(journal_url)
    with engine.begin() as connection:
        for name, place in (("before", ""), ("here", "new"), ("moved", "old")):
            connection.execute(SCOPE.insert().values(values_of(SCOPE, name) | {"destination": place}))
    names = ("before", "here", "moved", "nobody")
    assert moves(engine, names, "another", "new") == []
    assert [move.import_name for move in moves(engine, names, "x", "new")] == ["moved"]
    engine.dispose()
