"""The commands preview and test-connection: what they print, and that they change nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.workshop import Workshop, command, open_workshop, profiles_target

TABLE = """create or replace table ODD (ID varchar, EMAIL varchar, AMOUNT number(10, 2), BIG number(20, 0),
    RATE double, BORN date, MOMENT timestamp_ntz, TAGS array, RAW variant)"""
ROWS = """insert into ODD select 'a', 'a@example.com', 1.50, 9007199254740993, 0.5,
    '1990-02-03'::date, '2026-11-01 10:00:00'::timestamp_ntz,
    array_construct('x', 'y'), parse_json('{"k": 1}')
    union all select 'b', 'no address', null, null, null, null, null, null, null
    union all select 'c', 'c@example.com', 0, 0, 'NaN'::double, null, null, null, null"""
CLOSED_PORT = "9"


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> Iterator[Workshop]:
    fake_clevertap_process.reset()
    with open_workshop(tmp_path_factory.mktemp("look"), local_snowflake, fake_clevertap_process) as shop:
        shop.sql(TABLE, ROWS)
        source = {"kind": "sql", "sql": "select * from ODD order by ID"}
        target = profiles_target(
            Email="email", Amount="AMOUNT", Big="BIG", Rate="RATE", Born="BORN", Moment="MOMENT"
        )
        # The sandbox describes an ARRAY as a VARIANT, so the type is written.
        target["properties"].append({"column": "TAGS", "property": "Tags", "type": "list"})
        shop.write("odd", source=source, target=target, updated_on=None)
        shop.write("column", source=source, target=profiles_target(Email="EMIAL"), updated_on=None)
        yield shop


def test_preview_shows_columns_rows_and_records(workshop: Workshop) -> None:
    done = command(workshop, "preview", "odd", "--json")
    found = json.loads(done.stdout, parse_constant=pytest.fail)
    assert (done.returncode, list(found)) == (0, ["columns", "rows", "records"]), done.stderr
    types = {column["name"]: column["type"] for column in found["columns"]}
    assert types["ID"] == "VARCHAR"
    assert (types["AMOUNT"], types["RATE"], types["BORN"]) == ("NUMBER", "FLOAT", "DATE")
    first, second, third = found["rows"]
    assert list(first) == ["ID", "EMAIL", "AMOUNT", "BIG", "RATE", "BORN", "MOMENT", "TAGS"]
    assert (first["AMOUNT"], first["BIG"], third["RATE"]) == (1.5, 9007199254740993, "NaN")
    assert (first["BORN"], first["MOMENT"]) == ("1990-02-03", "2026-11-01T10:00:00")
    assert {value for key, value in second.items() if key not in ("ID", "EMAIL")} == {None}
    data = {
        "Email": "a@example.com",
        "Amount": 1.5,
        "Big": 9007199254740993,
        "Rate": 0.5,
        "Born": "$D_634003200",
        "Moment": "$D_1793527200",
        "Tags": {"$set": ["x", "y"]},
    }
    assert found["records"] == [{"identity": "a", "type": "profile", "profileData": data}]
    assert "Row 2 is not sent: email -> Email: 515" in done.stderr
    assert workshop.clevertap.profiles() == {}


def test_preview_prints_tables_and_keeps_to_the_number_of_rows(workshop: Workshop) -> None:
    done = command(workshop, "preview", "odd", "--rows", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "9007199254740993" in done.stdout
    assert "no address" not in done.stdout
    assert '{"identity": "a", "type": "profile"' in done.stdout


def test_preview_of_a_missing_column_names_the_nearest(workshop: Workshop) -> None:
    done = command(workshop, "preview", "column")
    assert (done.returncode, done.stdout) == (2, "")
    assert "target.properties[0].column: No column 'EMIAL'" in done.stderr
    assert "Did you mean 'EMAIL'?" in done.stderr


def asked_by(workshop: Workshop, *words: str, **changes: str) -> tuple[int, list[dict[str, Any]]]:
    done = command(workshop, "test-connection", *words, "--json", **changes)
    connections = json.loads(done.stdout)["connections"]
    assert all(list(each) == ["name", "kind", "ok", "steps"] for each in connections)
    assert all(list(step) == ["step", "ok", "message"] for each in connections for step in each["steps"])
    return done.returncode, connections


def steps(verdict: dict[str, Any]) -> dict[str, bool]:
    return {step["step"]: step["ok"] for step in verdict["steps"]}


def test_connections_and_accounts_of_the_imports_are_tested(workshop: Workshop) -> None:
    code, (source, target) = asked_by(workshop)
    assert code == 0, (source, target)
    assert (source["name"], source["kind"], source["ok"]) == (workshop.name, "snowflake", True)
    assert list(steps(source)) == [
        *("settings", "network", "authentication", "role", "warehouse", "database", "schema")
    ]
    assert (target["name"], target["kind"], target["ok"]) == (workshop.name, "clevertap", True)
    assert list(steps(target)) == ["settings", "network", "credentials and region"]
    assert workshop.clevertap.profiles() == {}


@pytest.mark.parametrize(
    ("change", "value", "failing"),
    [
        ("ACCOUNT", "", {"settings"}),
        ("PORT", CLOSED_PORT, {"network"}),
        ("PASSWORD", "wrong", {"authentication"}),
        ("PRIVATE_KEY_PATH", "/no/such/key.p8", {"authentication"}),
        ("DATABASE", "NO_SUCH_DATABASE", {"database", "schema"}),
        ("SCHEMA", "NO_SUCH_SCHEMA", {"schema"}),
    ],
)
def test_the_step_of_snowflake_that_fails_is_reported(
    workshop: Workshop, change: str, value: str, failing: set[str]
) -> None:
    variable = f"{workshop.name.upper()}_{change}"
    code, (source,) = asked_by(workshop, "--connection", workshop.name, **{variable: value})
    assert (code, source["ok"]) == (1, False)
    assert {step for step, ok in steps(source).items() if not ok} == failing, source
    assert "wrong" not in json.dumps(source).replace("wrong.", "")


@pytest.mark.parametrize(
    ("change", "value", "failing", "message"),
    [
        ("PASSCODE", "", "settings", "_PASSCODE in the environment"),
        ("API_URL", "http://127.0.0.1:9", "network", "cannot be reached"),
        ("PASSCODE", "not-the-passcode", "credentials and region", "HTTP 401"),
    ],
)
def test_the_step_of_clevertap_that_fails_is_reported(
    workshop: Workshop, change: str, value: str, failing: str, message: str
) -> None:
    variable = f"{workshop.name.upper()}_{change}"
    code, (target,) = asked_by(workshop, "--account", workshop.name, **{variable: value})
    assert (code, target["ok"]) == (1, False)
    last = target["steps"][-1]
    assert (last["step"], last["ok"]) == (failing, False)
    assert message in last["message"]
    assert "not-the-passcode" not in json.dumps(target)


def test_people_read_the_steps(workshop: Workshop) -> None:
    done = command(workshop, "test-connection")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"ok     {workshop.name}  snowflake\n" in done.stdout
    assert "       ok     authentication: SANDBOX is logged in.\n" in done.stdout
