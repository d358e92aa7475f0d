"""No value of a row is anywhere but in the files of rejected rows: not in Dagster, not in what is printed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clevertap_import.staging.rejected_rows import stored_rejects
from clevertap_import_tests.testing.dagster_processes import web_server
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.workshop import (
    Workshop,
    command,
    open_workshop,
    process_environment,
    profiles_target,
)

# Names that nothing else has: of a row that is not fit, of one that CleverTap refuses, of one that is fine.
IDENTITIES = ("malformed-9d41", "refused-77c2", "fine-30ab")
VALUES = ("no-address-c0ffee", "refused-beef@example.com", "fine-f00d@example.com")

EVENTS = """
query Events($run: ID!) {
  logsForRun(runId: $run) {
    ... on EventConnection { events {
      ... on MessageEvent { message level }
      ... on MaterializationEvent { metadataEntries { ...entry } }
      ... on ObservationEvent { metadataEntries { ...entry } }
      ... on AssetCheckEvaluationEvent { evaluation { success description metadataEntries { ...entry } } }
    } }
  }
}
fragment entry on MetadataEntry {
  __typename label
  ... on PathMetadataEntry { path }
  ... on TextMetadataEntry { text }
  ... on TableMetadataEntry { table { records } }
}
"""


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> Iterator[Workshop]:
    fake_clevertap_process.reset()
    fake_clevertap_process.faults([{"kind": "reject", "identities": [IDENTITIES[1]], "code": 520}])
    with open_workshop(tmp_path_factory.mktemp("privacy"), local_snowflake, fake_clevertap_process) as shop:
        now = datetime.now(UTC)
        shop.people([(identity, value, now) for identity, value in zip(IDENTITIES, VALUES, strict=True)])
        shop.write("people", target=profiles_target(Email="NAME"), dry_run={"max_rejected_percent": 100})
        yield shop


@pytest.fixture(scope="module")
def outputs(workshop: Workshop) -> dict[str, str]:
    """What commands print that are not asked for rows."""
    commands = {
        "dry run": ("dry-run", "people", "--all"),
        "run": ("run", "people"),
        "retry": ("retry", "people", "--json"),
        "stats": ("stats", "people"),
        "unknown run": ("rejects", "people", "--run", "nonesuch"),
    }
    done = {name: command(workshop, *words) for name, words in commands.items()}
    assert [each.returncode for each in done.values()] == [0, 0, 0, 0, 2], [
        each.stderr for each in done.values()
    ]
    return {name: each.stdout + each.stderr for name, each in done.items()}


def leaks(text: str) -> list[str]:
    return [value for value in (*IDENTITIES, *VALUES) if value in text]


def test_nothing_printed_holds_a_value(outputs: dict[str, str]) -> None:
    assert [(name, leaks(text)) for name, text in outputs.items() if leaks(text)] == []


def test_only_the_files_of_rejected_rows_hold_values(workshop: Workshop, outputs: dict[str, str]) -> None:
    """Dagster's databases, the logs of the runs, the journal."""
    home = Path(workshop.instance.root_directory)
    found = {path: leaks(path.read_bytes().decode("latin-1")) for path in home.rglob("*") if path.is_file()}
    files = {each.path for each in stored_rejects(home, "people")}
    assert len(files) == 3
    assert {path.name for path in found} >= {"journal.db", "runs.db"}
    assert {path for path, values in found.items() if values} == files
    # The search finds what there is, and nothing is stored of a row that was imported.
    values = {value for path in files for value in found[path]}
    assert values == {*IDENTITIES[:2], *VALUES[:2]}


def test_dagsters_ui_gets_no_value_and_gets_the_path_of_the_file(
    workshop: Workshop, outputs: dict[str, str]
) -> None:
    newest = {
        each.run_id: each.path for each in stored_rejects(Path(workshop.instance.root_directory), "people")
    }
    with web_server(process_environment(workshop)) as server:
        events: dict[str, Any] = {run: server.ask(EVENTS, run=run) for run in newest}
    assert leaks(json.dumps(events)) == []
    entries = [
        entry
        for run in events.values()
        for event in run["logsForRun"]["events"]
        for entry in event.get("metadataEntries", ())
    ]
    paths = {entry["path"] for entry in entries if entry["label"] == "rejects_file"}
    assert {entry["__typename"] for entry in entries if entry["label"] == "rejects_file"} == {
        "PathMetadataEntry"
    }
    assert paths == {str(each) for each in newest.values() if not each.name.endswith(".dry-run.csv")}
