"""A web page that launches a forced run on an operator's Dagster: its web server takes mutations by GET."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from clevertap_import.orchestration.forced import ALLOW_VARIABLE
from clevertap_import_tests.testing.dagster_processes import ASK_SECONDS, AT_ONCE, WebServer, web_server
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import Workshop, command, open_workshop, process_environment

pytestmark = pytest.mark.slow

RUN_SECONDS = 240

LAUNCH = """
mutation { launchRun(executionParams: {
  selector: {
    repositoryLocationName: "clevertap_import.definitions"
    repositoryName: "__repository__"
    jobName: "import_whole"
  }
  runConfigData: {ops: {clevertap__whole: {config: {force: true}}}}
  executionMetadata: {tags: []}
}) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
RUN = """
query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"""


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> Iterator[Workshop]:
    fake_clevertap_process.reset()
    with open_workshop(tmp_path_factory.mktemp("forced"), local_snowflake, fake_clevertap_process) as shop:
        with (Path(shop.instance.root_directory) / "dagster.yaml").open("a") as file:
            file.write(AT_ONCE)
        shop.write("whole", updated_on=None, start=None)
        shop.people([("ann", "Ann", datetime.now(UTC))])
        assert command(shop, "run", "whole").returncode == 0
        yield shop


def launched_by_a_page(server: WebServer) -> str:
    """What an image of such an address asks for; the run's status when it has ended."""
    answer: Any = requests.get(f"{server.url}/graphql", params={"query": LAUNCH}, timeout=ASK_SECONDS).json()
    run = answer["data"]["launchRun"]["run"]["runId"]
    return str(wait_for("the run to end", lambda: ended(server, run), RUN_SECONDS))


def ended(server: WebServer, run: str) -> str | None:
    status: str = server.ask(RUN, run=run)["runOrError"]["status"]
    return status if status in ("SUCCESS", "FAILURE", "CANCELED") else None


def test_a_page_forces_nothing_until_the_environment_allows_it(workshop: Workshop) -> None:
    accepted = workshop.clevertap.counters()["records_accepted"]
    with web_server(process_environment(workshop)) as server:
        assert launched_by_a_page(server) == "FAILURE"
    assert workshop.clevertap.counters()["records_accepted"] == accepted
    (refused, _) = json.loads(command(workshop, "stats", "whole", "--json").stdout)
    assert (refused["status"], refused["total_records"]) == ("Failed", 0)
    with web_server(process_environment(workshop, **{ALLOW_VARIABLE: "1"})) as server:
        assert launched_by_a_page(server) == "SUCCESS"
    assert workshop.clevertap.counters()["records_accepted"] == accepted + 1
    done = command(workshop, "run", "whole", "--force", "--json")
    assert done.returncode == 0, done.stderr
    assert workshop.clevertap.counters()["records_accepted"] == accepted + 2
