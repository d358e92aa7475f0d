"""The command dry-run: Dagster's checks alone, printed and recorded, with nothing sent."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from clevertap_import.orchestration.names import asset_key
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.workshop import Workshop, command, open_workshop, profiles_target

PROBLEM_KEYS = ["result", "column", "property", "type", "code", "reason", "rows", "example_row"]
CHECKS = ["query", "identity", "mapping", "limits", "clevertap", "impact"]
PEOPLE = 40


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> Iterator[Workshop]:
    """40 people, of whom one has no identity and two have no address but a word."""
    fake_clevertap_process.reset()
    with open_workshop(tmp_path_factory.mktemp("dry"), local_snowflake, fake_clevertap_process) as shop:
        now = datetime.now(UTC)
        people = [(f"p{number}", f"p{number}@example.com", now) for number in range(PEOPLE - 3)]
        shop.people([*people, (None, "n@example.com", now), ("x", "none", now), ("y", "nothing", now)])
        email = profiles_target(Email="NAME")
        shop.write("blocked", target=email)
        shop.write("warned", target=email, dry_run={"max_rejected_percent": 50})
        shop.write("clean", target=profiles_target(Nick="ID"), source=clean_source())
        shop.write("column", target=profiles_target(Email="NAMES"))
        yield shop


def clean_source() -> dict[str, str]:
    return {"kind": "sql", "sql": "select ID, UPDATED_AT from T where ID is not null"}


def document(workshop: Workshop, *words: str) -> tuple[int, dict[str, Any], dict[str, dict[str, Any]]]:
    """Exit code, the document, and its checks by name."""
    done = command(workshop, "dry-run", *words, "--json")
    found = json.loads(done.stdout)
    assert list(found) == [
        "nickname",
        "passed",
        "rows",
        "blank_values",
        "future_events",
        "checks",
        "notes",
    ], done.stderr
    return done.returncode, found, {check["name"]: check for check in found["checks"]}


def test_a_blocking_check_ends_with_one_and_shows_its_problems(workshop: Workshop) -> None:
    code, found, checks = document(workshop, "blocked", "--all")
    assert (code, found["nickname"], found["passed"], found["rows"]) == (1, "blocked", False, PEOPLE)
    assert list(checks) == CHECKS
    assert all(
        list(check) == ["name", "passed", "severity", "description", "problems"] for check in checks.values()
    )
    (missing,), (address,) = checks["identity"]["problems"], checks["mapping"]["problems"]
    assert list(missing) == PROBLEM_KEYS
    assert (missing["column"], missing["code"], missing["rows"]) == ("ID", "523", 1)
    assert (address["column"], address["property"], address["type"]) == ("NAME", "Email", "string")
    assert (address["result"], address["code"], address["rows"]) == ("error", "515", 2)
    assert 1 <= address["example_row"] <= PEOPLE
    assert checks["mapping"]["severity"] == "ERROR"
    assert checks["mapping"]["description"] == "40 rows checked; one kind of problem, in 2 rows."
    assert checks["identity"]["description"] == "40 rows checked; one kind of problem, in one row."
    assert "nothing" not in json.dumps(address), "values are masked"


def test_a_warning_does_not_end_with_one(workshop: Workshop) -> None:
    code, found, checks = document(workshop, "warned", "--all")
    assert (code, found["passed"]) == (0, True)
    assert (checks["mapping"]["passed"], checks["mapping"]["severity"]) == (False, "WARN")


def test_a_dry_run_stores_nothing_and_is_in_dagsters_history(workshop: Workshop) -> None:
    workshop.clevertap.reset()
    code, found, checks = document(workshop, "clean")
    assert (code, found["passed"], found["rows"]) == (0, True, PEOPLE - 1)
    assert all(check["passed"] and check["problems"] == [] for check in checks.values())
    assert workshop.clevertap.profiles() == {}
    assert workshop.materializations("clean") == []
    key = dg.AssetCheckKey(asset_key("clean"), "mapping")
    (latest,) = workshop.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert latest.status.value == "SUCCEEDED"
    assert json.loads(command(workshop, "stats", "clean", "--json").stdout) == []


def test_rows_is_the_size_of_the_sample_for_clevertap_too(workshop: Workshop) -> None:
    _, found, checks = document(workshop, "clean", "--rows", "7")
    assert found["rows"] == 7
    assert checks["clevertap"]["description"] == "CleverTap's own dry run: 7 records tried, 0 refused."


def test_a_dry_run_without_new_records_still_asks_clevertap(workshop: Workshop) -> None:
    """`run` has nothing to ask, so only a dry run can show that the passcode is wrong."""
    nobody = {"kind": "sql", "sql": "select ID, UPDATED_AT from T where ID = 'nobody'"}
    workshop.write("nobody", target=profiles_target(Nick="ID"), source=nobody)
    wrong = {f"{workshop.name.upper()}_PASSCODE": "wrong"}
    try:
        code, _, checks = document(workshop, "nobody")
        refused = command(workshop, "dry-run", "nobody", **wrong)
        run = command(workshop, "run", "nobody", **wrong)
    finally:
        (workshop.folder / "nobody" / "defs.yaml").unlink()
    assert (code, checks["clevertap"]["passed"]) == (0, True)
    note = "There is nothing to send. CleverTap would accept records for this account."
    assert checks["clevertap"]["description"] == note
    assert refused.returncode == 1
    assert "ERROR    clevertap: CleverTap answered HTTP 401" in refused.stdout
    assert run.returncode == 0
    assert workshop.clevertap.profiles() == {}


def test_a_missing_column_fails_the_check_query(workshop: Workshop) -> None:
    code, found, checks = document(workshop, "column")
    assert (code, found["passed"], found["rows"], list(checks)) == (1, False, 0, ["query"])
    assert "Did you mean 'NAME'?" in checks["query"]["description"]


def test_people_get_tables(workshop: Workshop) -> None:
    done = command(workshop, "dry-run", "blocked", "--all")
    assert done.returncode == 1
    assert "ERROR    mapping: 40 rows checked; one kind of problem, in 2 rows." in done.stdout
    assert "ok       limits: 40 rows checked, no problem." in done.stdout
    assert "Problems of mapping" in done.stdout
    assert "40 rows checked; a run would send nothing." in done.stdout
    assert "blocked: 3 of 40 rows are not fit for CleverTap" in done.stderr


def test_a_service_that_is_away_ends_with_one(workshop: Workshop) -> None:
    prefix = workshop.name.upper()
    done = command(workshop, "dry-run", "clean", **{f"{prefix}_PASSWORD": "wrong"})
    assert done.returncode == 1
    assert "Snowflake refused to log in" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("dry-run", "clean", "--rows", "5", "--all"), "--rows and --all exclude each other"),
        (("dry-run", "cleen"), "Did you mean 'clean'?"),
        (("dry-run", "clean", "--rows", "0"), "Invalid value for '--rows'"),
    ],
)
def test_a_wrong_command_ends_with_two(workshop: Workshop, words: tuple[str, ...], message: str) -> None:
    done = command(workshop, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
