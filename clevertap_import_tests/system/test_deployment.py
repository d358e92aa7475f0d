"""The deployment of deploy/: Dagster's storage on PostgreSQL, its processes, runs that are executed again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
import yaml
from sqlalchemy import make_url

from clevertap_import_tests.testing.dagster_processes import WebServer, code_server, daemon, web_server
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import Workshop, command, process_environment

pytestmark = pytest.mark.slow

DEPLOY = Path(__file__).parents[2] / "deploy"
LOCATION = "clevertap_import"
WORKSPACE = ("-w", "workspace.yaml")
RUN_SECONDS = 240
REEXECUTE = """
mutation ($run: String!) {
  launchRunReexecution(reexecutionParams: {parentRunId: $run, strategy: ALL_STEPS}) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
} }"""
RUN = """
query ($run: ID!) { runOrError(runId: $run) { ... on Run { status parentRunId } } }"""


@dataclass(frozen=True)
class Deployment:
    """Dagster's processes, all on one PostgreSQL, which holds the journal too."""

    workshop: Workshop
    environment: dict[str, str]
    server: WebServer

    def command(self, *words: str) -> Any:  # noqa: ANN401 - any JSON that it prints
        done = command(self.workshop, *words, "--json", **self.environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def dagster_environment(postgresql: str) -> dict[str, str]:
    """A database of its own on the tests' PostgreSQL, in the variables that deploy/README.md names."""
    server = make_url(postgresql)
    with psycopg.connect(postgresql.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("create database dagster_deployment")
    return {
        "DAGSTER_PG_HOST": str(server.host),
        "DAGSTER_PG_DB": "dagster_deployment",
        "DAGSTER_PG_USERNAME": str(server.username),
        "DAGSTER_PG_PASSWORD": "any: the server trusts who is on this machine",
        "CLEVERTAP_IMPORT_JOURNAL_URL": str(server.set(database="dagster_deployment")),
    }


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory,
    postgresql: str,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> Iterator[Deployment]:
    fake_clevertap_process.reset()
    folder = tmp_path_factory.mktemp("deployment")
    imports, home = folder / "imports", folder / "home"
    imports.mkdir()
    home.mkdir()
    port = str(make_url(postgresql).port)
    text = (DEPLOY / "dagster.yaml").read_text()
    (home / "dagster.yaml").write_text(text.replace("port: 5432", f"port: {port}"))
    variables = dagster_environment(postgresql)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**variables, "DAGSTER_HOME": str(home)}.items():
            patch.setenv(name, value)
        with dg.DagsterInstance.get() as instance:
            shop = Workshop(
                imports, instance, local_snowflake, fake_clevertap_process, local_snowflake.create_database()
            )
            shop.write("customers")
            shop.people([(f"p{number}", "Asha", datetime.now(UTC)) for number in range(20)])
            environment = process_environment(shop)
            with code_server(environment, LOCATION) as served:
                server = {"grpc_server": {"host": "127.0.0.1", "port": served, "location_name": LOCATION}}
                for place in (home, imports):
                    (place / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [server]}))
                with web_server(environment, WORKSPACE) as asked, daemon(environment, WORKSPACE):
                    yield Deployment(shop, variables, asked)


def test_dagsters_own_storage_is_on_postgresql(deployment: Deployment) -> None:
    storage = deployment.workshop.instance
    assert {
        type(each).__module__.partition(".")[0]
        for each in (storage.run_storage, storage.event_log_storage, storage.schedule_storage)
    } == {"dagster_postgres"}


def test_a_run_of_the_command_is_executed_again_from_the_ui(deployment: Deployment) -> None:
    (line,) = deployment.command("run", "customers")
    assert (line["status"], line["successful_syncs"]) == ("Success", 20)
    answer = deployment.server.ask(REEXECUTE, run=line["run_id"])["launchRunReexecution"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    again = answer["run"]["runId"]
    ended = wait_for("the run to end", lambda: ended_run(deployment.server, again), RUN_SECONDS)
    assert ended == {"status": "SUCCESS", "parentRunId": line["run_id"]}
    newest, oldest = deployment.command("stats", "customers")
    assert (newest["run_id"], newest["status"], newest["unchanged"]) == (again, "Success", 20)
    assert oldest["run_id"] == line["run_id"]
    assert deployment.workshop.clevertap.counters()["records_accepted"] == 20


def ended_run(server: WebServer, run_id: str) -> dict[str, str] | None:
    found: dict[str, str] = server.ask(RUN, run=run_id)["runOrError"]
    return found if found["status"] in ("SUCCESS", "FAILURE", "CANCELED") else None
