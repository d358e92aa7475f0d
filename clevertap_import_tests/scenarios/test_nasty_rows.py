"""Rows as the world writes them, through the real path: from a local Snowflake into a local CleverTap."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from clevertap_import_tests.testing.fixtures_clevertap import profile
from clevertap_import_tests.testing.workshop import Workshop, metadata_of, text

SCENARIOS: list[dict[str, Any]] = list(
    yaml.safe_load_all(Path(__file__).with_name("nasty_rows.yaml").read_text(encoding="utf-8"))
)
LEAST_ROWS = 60

Row = dict[str, Any]
Rejected = tuple[str, str, str]
"""The code, the column and the reason of a rejection."""


def identity_sql(row: Row) -> str:
    return str(row.get("id", text(row["name"].replace("\\", "\\\\"))))


def fill(workshop: Workshop, columns: dict[str, str], rows: list[Row]) -> None:
    """The table T with these rows; NAME_OF_ROW says which is which."""
    types = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    statements = [f"create table T (NAME_OF_ROW varchar, ID varchar, {types})"]
    for row in rows:
        cells = {"ID": identity_sql(row), **row.get("cells", {})}
        assert cells.keys() <= {"ID", *columns}
        name = text(row["name"].replace("\\", "\\\\"))
        # One statement for each row: in a common one a cell could get the type of another row's cell.
        statements.append(
            f"insert into T (NAME_OF_ROW, {', '.join(cells)}) select {name}, {', '.join(cells.values())}"
        )
    workshop.sql(*statements)


def identities(workshop: Workshop) -> dict[str, str]:
    """The identity of each row as Snowflake holds it, by the row's name; "" for NULL, as in the CSV."""
    return {name: identity or "" for name, identity in workshop.sql("select NAME_OF_ROW, ID from T")}


def store_before(workshop: Workshop, rows: list[Row]) -> None:
    for row in rows:
        if "before" in row:
            assert workshop.clevertap.upload(profile(row["name"], **row["before"])).json()["processed"] == 1


def rejects(workshop: Workshop, nickname: str) -> dict[str, Rejected]:
    """The rejections in the CSV of the last run, by identity. Each row has its own number."""
    (record,) = workshop.materializations(nickname)
    path = metadata_of(record).get("rejects_file")
    if path is None:
        return {}
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row["row_number"] for row in rows}) == len({row["identity"] for row in rows}) == len(rows)
    return {row["identity"]: (row["code"], row["column"], row["reason"]) for row in rows}


def exactly(value: object) -> str:
    """As JSON, because to Python 1, 1.0 and true are equal."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def stored(workshop: Workshop) -> dict[str, Any]:
    """What CleverTap has by identity: the properties of a profile; of an event its name, time and data."""
    events = workshop.clevertap.events()
    if events:
        return {each["identity"]: {key: each[key] for key in ("name", "ts", "data")} for each in events}
    return {key: found["properties"] for key, found in workshop.clevertap.profiles().items()}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["nickname"])
def test_each_row_is_stored_as_expected_or_rejected_with_the_reason(
    workshop: Workshop, scenario: dict[str, Any]
) -> None:
    nickname, rows = scenario["nickname"], scenario["rows"]
    fill(workshop, scenario["columns"], rows)
    store_before(workshop, rows)
    workshop.write(
        nickname,
        updated_on=None,
        start=None,
        dry_run={"max_rejected_percent": 100},
        **scenario["attributes"],
    )
    (line,) = workshop.run(nickname)
    assert (line["status"], line["problem"]) == ("Success", None)
    names = {identity: name for name, identity in identities(workshop).items()}
    rejected = {names[identity]: found for identity, found in rejects(workshop, nickname).items()}
    expected = {row["name"]: tuple(row["rejected"]) for row in rows if "rejected" in row}
    assert {name: found[:2] for name, found in rejected.items()} == {
        name: found[:2] for name, found in expected.items()
    }
    assert [name for name, found in rejected.items() if expected[name][2] not in found[2]] == []
    assert {names[identity]: exactly(found) for identity, found in stored(workshop).items()} == {
        row["name"]: exactly(row["stored"]) for row in rows if "stored" in row
    }
    # Of what CleverTap itself refuses nobody knows the column.
    by_clevertap = sum(not column for _, column, _ in expected.values())
    invalid = len(expected) - by_clevertap
    assert (line["total_records"], line["invalid"], line["rejected"]) == (len(rows), invalid, by_clevertap)
    assert workshop.clevertap.error_stream() == []


def test_there_are_enough_rows_and_each_says_why_it_is_there() -> None:
    rows = [row for scenario in SCENARIOS for row in scenario["rows"]]
    assert len(rows) >= LEAST_ROWS
    assert [row for row in rows if not row.get("why") or not row.keys() & {"stored", "rejected"}] == []
    for scenario in SCENARIOS:
        names = [row["name"] for row in scenario["rows"]]
        assert len(set(names)) == len(names)
