"""Imports under Dagster's own web server and daemon, asked for through GraphQL as the UI asks."""

from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Any

import pytest

from clevertap_import.orchestration.alerts import send_alerts
from clevertap_import.orchestration.import_states import import_states
from clevertap_import.orchestration.monitor import Situation
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.testing.alert_receivers import Receiver, http_receiver
from clevertap_import_tests.testing.dagster_processes import WebServer, daemon, web_server
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import (
    Workshop,
    daily_windows,
    days_ago,
    open_workshop,
    process_environment,
)

pytestmark = pytest.mark.slow

BACKFILL_SECONDS = 240
SECRET_PATH = "T0KEN-of-a-webhook"
KEY = {"path": ["clevertap", "customers"]}
SELECTOR = {"repositoryLocationName": "clevertap_import.definitions", "repositoryName": "__repository__"}
WINDOWS = [f"{days_ago(2 - number)}" for number in range(3)]

ASSET = """
query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  groupName kinds partitionKeys isPartitioned dependencyKeys { path }
  owners { ... on UserAssetOwner { email } }
  assetChecksOrError { ... on AssetChecks { checks { name blocking } } }
} } }"""
LAUNCH = """
mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
} }"""
BACKFILL = """
query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"""
RUNS = """
query { runsOrError { ... on Runs { results { runId status tags { key value } } } } }"""
RESOURCES = """
query ($selector: RepositorySelector!) {
  allTopLevelResourceDetailsOrError(repositorySelector: $selector) { __typename
    ... on ResourceDetailsList { results { name description resourceType
      configuredValues { key value type } configFields { name description defaultValueAsJson }
    } }
    ... on PythonError { message }
} }"""


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> Iterator[Workshop]:
    fake_clevertap_process.reset()
    with open_workshop(tmp_path_factory.mktemp("daemon"), local_snowflake, fake_clevertap_process) as shop:
        shop.write("customers", created_by="growth@example.com")
        shop.write("broken", window="fortnight")
        today = datetime.combine(days_ago(0), time())
        shop.people([(f"p{number}", "Asha", today) for number in range(20)])
        yield shop


@pytest.fixture(scope="module")
def server(workshop: Workshop) -> Iterator[WebServer]:
    with web_server(process_environment(workshop)) as server:
        yield server


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with http_receiver() as receiver:
        yield receiver


def test_the_web_server_shows_asset_checks_and_partitions(server: WebServer) -> None:
    node = server.ask(ASSET, key=KEY)["assetNodeOrError"]
    checks = {each["name"]: each["blocking"] for each in node.pop("assetChecksOrError")["checks"]}
    assert checks == {
        "query": True,
        "identity": True,
        "mapping": True,
        "limits": True,
        "clevertap": True,
        "impact": False,
        "delivered": False,
        "on_time": False,
    }
    assert node.pop("partitionKeys") in daily_windows(2)
    assert sorted(node.pop("kinds")) == ["clevertap", "snowflake"]
    assert node == {
        "groupName": "clevertap_profiles",
        "isPartitioned": True,
        "dependencyKeys": [{"path": ["t"]}],
        "owners": [{"email": "growth@example.com"}],
    }


def test_no_answer_about_resources_holds_a_secret(server: WebServer, workshop: Workshop) -> None:
    answer = server.ask(RESOURCES, selector=SELECTOR)["allTopLevelResourceDetailsOrError"]
    text = str(answer)
    assert f"{workshop.name.upper()}_PASSCODE" in text, answer
    assert workshop.clevertap.passcode not in text
    assert workshop.environment[f"{workshop.name.upper()}_PASSWORD"] not in text


def test_a_range_launched_in_the_ui_is_one_run_and_one_query_and_a_draft_is_alerted(
    server: WebServer, workshop: Workshop, hook: Receiver
) -> None:
    workshop.snowflake.reset_queries()
    address = {"CLEVERTAP_IMPORT_ALERTS_URL": f"json://{hook.place}/{SECRET_PATH}"}
    with daemon(process_environment(workshop, **address)) as log:
        params = {"assetSelection": [KEY], "partitionNames": WINDOWS, "fromFailure": False, "tags": []}
        launched = server.ask(LAUNCH, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        status = wait_for(
            f"the backfill to end ({log})",
            lambda: ended(server, launched["backfillId"]),
            BACKFILL_SECONDS,
        )
        wait_for(f"the alert ({log})", lambda: hook.received, BACKFILL_SECONDS)
    workshop.write("broken")
    look_from_another_process(workshop, address)
    assert hook.titles() == ["[error] broken: draft", "[recovered] broken: draft"]
    assert status == "COMPLETED_SUCCESS"
    (run,) = server.ask(RUNS)["runsOrError"]["results"]
    assert run["status"] == "SUCCESS"
    materialized = workshop.materializations("customers")
    assert [record.partition_key for record in materialized] == WINDOWS
    assert {record.run_id for record in materialized} == {run["runId"]}
    assert len([text for text in workshop.snowflake.queries() if "from T" in text]) == 1
    assert len(workshop.clevertap.profiles()) == 20
    assert workshop.clevertap.counters()["records_accepted"] == 20


def look_from_another_process(workshop: Workshop, address: dict[str, str]) -> None:
    """This one goes on with the alerts where the daemon has ended."""
    imports, now = load_folder(workshop.folder), datetime.now(UTC)
    found = import_states(workshop.instance, imports, now)
    send_alerts(Situation(workshop.instance, imports, found, now), process_environment(workshop, **address))


def test_no_secret_is_in_what_dagsters_processes_wrote(workshop: Workshop) -> None:
    """After the run: their logs, the output of the run, Dagster's databases, the journal."""
    folder = workshop.folder.parent
    contents = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {"webserver.log", "daemon.log", "runs.db", "journal.db"} <= {path.name for path in contents}
    secrets = (
        SECRET_PATH,
        workshop.clevertap.passcode,
        workshop.environment[f"{workshop.name.upper()}_PASSWORD"],
    )
    assert [
        path for path, content in contents.items() if any(each.encode() in content for each in secrets)
    ] == []


def ended(server: WebServer, backfill: str) -> Any:  # noqa: ANN401 - a word, or None while it goes on
    status = server.ask(BACKFILL, id=backfill)["partitionBackfillOrError"]["status"]
    return status if status.startswith(("COMPLETED", "FAILED", "CANCELED")) else None
