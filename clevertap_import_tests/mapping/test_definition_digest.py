"""A change of an import is a change that makes other records of the same rows, and no other change."""

from typing import Any

import pytest

from clevertap_import.config.model import ImportConfig
from clevertap_import.mapping.definition_digest import COUNTS, DOES_NOT_COUNT, definition_digest, query_words
from clevertap_import_tests.testing.builders import events_import, profiles_import

EMAIL = {"column": "EMAIL_ID", "property": "Email"}
POINTS = {"column": "POINTS", "property": "Points", "type": "integer"}
UPDATED_ON = {"column": "UPDATED_AT"}
SQL = "select ID, EMAIL_ID, UPDATED_AT\nfrom T\nwhere STATE = 'paid'\norder by 1"


def windowed(*properties: dict[str, Any], **attributes: object) -> ImportConfig:
    return profiles_import(
        *(properties or (EMAIL, POINTS)), **{"updated_on": UPDATED_ON, "start": "2026-11-01"} | attributes
    )


def sql(text: str) -> ImportConfig:
    return windowed(source={"kind": "sql", "sql": text})


CHANGES = {
    "a property": windowed(EMAIL, POINTS, {"column": "CITY", "property": "City"}),
    "one less": windowed(EMAIL),
    "its column": windowed(EMAIL, POINTS | {"column": "SCORE"}),
    "its type": windowed(EMAIL, POINTS | {"type": "float"}),
    "its NULL": windowed(EMAIL, POINTS | {"on_null": "delete"}),
    "every NULL": windowed(on_null="delete"),
    "identity": windowed(target={"identity": {"column": "EMAIL_ID"}}),
    "the kind of identity": windowed(target={"identity": None, "clevertap_id": {"column": "ID"}}),
    "updated on": windowed(updated_on={"column": "CHANGED_AT"}),
    "its zone": windowed(updated_on={"column": "UPDATED_AT", "timezone": "Asia/Kolkata"}),
    "its format": windowed(updated_on={"column": "UPDATED_AT", "format": "epoch_seconds"}),
    "the table": windowed(source={"kind": "table", "table": "U"}),
    "a query": sql(SQL),
    "the connection": windowed(connection="analytics"),
    "events": events_import(EMAIL, POINTS, updated_on=UPDATED_ON, start="2026-11-01"),
}

SAME = {
    "title": windowed(title="Customers", description="All of them", created_by="growth@example.com"),
    "schedule": windowed(schedule={"kind": "every", "every": "6 hours"}),
    "lookback": windowed(updated_on={"column": "UPDATED_AT", "lookback": "2 days"}),
    "the order of properties": windowed(POINTS, EMAIL),
    "a default that is written out": windowed(on_null="skip", on_invalid="skip_row"),
    "checks": windowed(dry_run={"max_rejected_percent": 50}, on_invalid="fail", show_values=True),
    "the case of the table": windowed(source={"kind": "table", "table": "t"}),
    "the same as a query": sql("select * from T"),
    "retention": windowed(journal_retention_days=90, account="emea"),
    "windows": windowed(start="2026-10-01", window="day"),
}

QUERY_CHANGES = {
    "a value": SQL.replace("paid", "open"),
    "its capitals": SQL.replace("paid", "PAID"),
    "a quoted name": SQL.replace("STATE", '"state"'),
    "a line that was a comment": SQL.replace("where", "-- where"),
}

PATHS = {
    "a path": ("select SRC:Name from T", "select SRC:name from T"),
    "deep in a path": ("select SRC:a.B[0].C from T", "select SRC:a.B[0].c from T"),
    "behind brackets": ("select SRC['a'].B from T", "select SRC['a'].b from T"),
    "a word of SQL in a path": ("select SRC:Date from T", "select SRC:date from T"),
}

SAME_QUERIES = {
    "a comment": f"-- the paid ones\n{SQL} /* in any order */ // really",
    "line breaks": SQL.replace("\n", "  \r\n "),
    "a break within a word of two": SQL.replace("order by", "order\n  by"),
    "a comment within it": SQL.replace("order by", "order /* so */ by"),
    "capitals": SQL.replace("select", "SELECT").replace("from T", "From t"),
    "a semicolon": f"{SQL};",
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_makes_other_records_is_a_change(what: str) -> None:
    assert definition_digest(CHANGES[what]) != definition_digest(windowed())


@pytest.mark.parametrize("what", SAME)
def test_what_makes_the_same_records_is_none(what: str) -> None:
    assert definition_digest(SAME[what]) == definition_digest(windowed())


@pytest.mark.parametrize("what", QUERY_CHANGES)
def test_another_query_is_a_change(what: str) -> None:
    assert definition_digest(sql(QUERY_CHANGES[what])) != definition_digest(sql(SQL))


@pytest.mark.parametrize("what", PATHS)
def test_capitals_in_a_path_into_a_variant_are_a_change(what: str) -> None:
    one, other = PATHS[what]
    assert query_words(one) != query_words(other)
    assert query_words(one) == query_words(one.replace("SRC", "src").replace("from T", "FROM t"))


def test_what_follows_a_path_is_no_part_of_it() -> None:
    words = query_words("select src:Name::string as x, b.c from t")
    assert words == query_words("select SRC:Name::STRING as X, B.C from T")
    assert words[3] == "Name"


@pytest.mark.parametrize("what", SAME_QUERIES)
def test_the_same_query_in_other_letters_is_none(what: str) -> None:
    assert query_words(SAME_QUERIES[what].removesuffix(";")) == query_words(SQL)
    assert definition_digest(sql(SAME_QUERIES[what])) == definition_digest(sql(SQL))


def test_each_key_of_an_import_counts_or_does_not() -> None:
    """A new key has to be put on one of the two sides."""
    assert COUNTS | DOES_NOT_COUNT | {"source"} == set(ImportConfig.model_fields)
    assert not COUNTS & DOES_NOT_COUNT
