"""The probe: what it says to each answer of the local CleverTap, and which accounts it keeps away from."""

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clevertap_import.clevertap.probe import operation_result
from clevertap_import.clevertap.settlement import Settlement
from clevertap_import.clevertap.unproven import BEFORE, OPERATIONS
from clevertap_import.cli.main import main
from clevertap_import.records import batch_of_one
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.workshop import document

EXIT_OK = dict.fromkeys((each.name for each in OPERATIONS), "works") | {
    "nested object in a profile": "no effect",
    "nested object in an event": "taken",
}
"""What the local CleverTap does by itself: as CleverTap's pages say, without the beta of nested objects."""
KNOBS = {
    "set": "set",
    "add": "add",
    "remove": "remove",
    "delete_custom": "delete custom property",
    "nested_profile": "nested object in a profile",
    "nested_event": "nested object in an event",
    "future_event": "event ten years ahead",
}


@pytest.fixture(autouse=True)
def account(fake_clevertap: FakeCleverTap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCleverTap:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "imports").mkdir()
    for name, value in {
        "DAGSTER_HOME": str(tmp_path),
        "CLEVERTAP_IMPORT_DEFS": str(tmp_path / "imports"),
        "CLEVERTAP_ACCOUNT_ID": fake_clevertap.account_id,
        "CLEVERTAP_PASSCODE": fake_clevertap.passcode,
        "CLEVERTAP_API_URL": fake_clevertap.url,
    }.items():
        monkeypatch.setenv(name, value)
    return fake_clevertap


def probe(*words: str) -> Result:
    return CliRunner().invoke(main, ["probe", "--wait", "0", *words])


def results(*words: str) -> dict[str, str]:
    done = probe("--test-project", "--json", *words)
    found = json.loads(done.stdout)
    assert list(found) == ["account", "identity", "operations"]
    assert found["identity"] in done.stderr
    assert done.exit_code == (1 if any(each["result"] == "unclear" for each in found["operations"]) else 0)
    return {each["operation"]: each["result"] for each in found["operations"]}


def test_each_operation_is_tried_on_one_made_up_profile_that_is_named(account: FakeCleverTap) -> None:
    done = probe("--test-project")
    assert done.exit_code == 0, done.output
    (identity,) = account.profiles()
    assert f"The invented profile '{identity}' stays in the project." in done.stderr
    lines = {name: next(line for line in done.stdout.splitlines() if f" {name} " in line) for name in EXIT_OK}
    assert {name: EXIT_OK[name] in line for name, line in lines.items()} == dict.fromkeys(EXIT_OK, True)
    assert account.properties(identity) == {
        "Probe set": ["b", "c"],
        "Probe added": ["a", "b"],
        "Probe plain": "yes",
    }
    ahead = {event["name"]: event["ts"] for event in account.events()}["Probe Ahead"]
    assert ahead - time.time() > 9 * 365 * 86_400


@pytest.mark.parametrize("knob", KNOBS)
def test_an_operation_that_the_api_refuses_is_reported_so(account: FakeCleverTap, knob: str) -> None:
    account.knobs(operations={knob: "refuse"})
    assert results() == EXIT_OK | {KNOBS[knob]: "refused"}


@pytest.mark.parametrize("knob", KNOBS)
def test_an_operation_without_effect_is_reported_so(account: FakeCleverTap, knob: str) -> None:
    account.knobs(operations={knob: "ignore"})
    assert results() == EXIT_OK | {KNOBS[knob]: "taken" if knob == "nested_event" else "no effect"}


def test_nested_objects_are_reported_where_they_are_stored(account: FakeCleverTap) -> None:
    account.knobs(operations={"nested_profile": "take", "nested_event": "take"})
    assert results() == EXIT_OK | {"nested object in a profile": "works"}
    assert {"Cart": {"Total": 1}} in [event["data"] for event in account.events()]


def test_a_delete_is_reported_by_the_properties_that_it_removes(account: FakeCleverTap) -> None:
    own = ("delete Name", "delete system property")
    account.knobs(operations={"delete_system": "refuse"})
    assert results() == EXIT_OK | dict.fromkeys(own, "refused")
    account.knobs(operations={}, delete_scope="name_and_gender")
    assert results() == EXIT_OK | dict.fromkeys(
        ("delete system property", "delete custom property"), "no effect"
    )


def test_what_is_not_visible_in_time_is_unclear(account: FakeCleverTap) -> None:
    account.knobs(visibility_seconds=3600)
    assert results() == {**dict.fromkeys(EXIT_OK, "unclear"), "nested object in an event": "taken"}


def test_a_property_that_was_never_to_be_seen_is_not_taken_for_a_removed_one() -> None:
    taken = Settlement(batch_of_one(b"{}"), accepted=[0])
    after = {"profileData": {"Probe plain": "yes"}}
    removing = [each for each in OPERATIONS if each.removes]
    assert [operation_result(each, taken, {}, after).result for each in removing] == ["unclear"] * 4
    assert [operation_result(each, taken, BEFORE, after).result for each in removing] == ["works"] * 4


def test_a_wrong_passcode_ends_the_probe(account: FakeCleverTap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEVERTAP_PASSCODE", "wrong")
    done = probe("--test-project")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("CleverTap answered HTTP 401: Passcode Invalid.")
    assert account.profiles() == {}


def test_nothing_is_sent_without_the_word_that_it_is_a_test_project(
    account: FakeCleverTap, tmp_path: Path
) -> None:
    source = {"kind": "table", "table": "T"}
    target = {"kind": "profiles", "identity": {"column": "ID"}}
    (tmp_path / "imports" / "defs.yaml").write_text(document("people", {"source": source, "target": target}))
    done = probe()
    assert (done.exit_code, done.stdout) == (2, "")
    assert "These imports send to it: people. If it is a test project, add --test-project." in done.stderr
    assert account.counters()["calls"] == 0


@pytest.mark.parametrize(
    ("name", "account_id", "sign"),
    [
        ("clevertap", "ABC-DEF-GHIJ", "its id does not begin with TEST-"),
        ("shop_prod", "TEST-SHO-PSA-NDX", "it is called 'shop_prod'"),
        ("live", "TEST-SHO-PSA-NDX", "it is called 'live'"),
    ],
)
def test_an_account_that_looks_like_production_is_refused(
    account: FakeCleverTap, monkeypatch: pytest.MonkeyPatch, name: str, account_id: str, sign: str
) -> None:
    for key, value in {"ACCOUNT_ID": account_id, "PASSCODE": "x", "API_URL": account.url}.items():
        monkeypatch.setenv(f"{name.upper()}_{key}", value)
    done = probe("--test-project", "--account", name)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"account {name!r} looks like production, because {sign}" in done.stderr
    assert account.counters()["calls"] == 0
