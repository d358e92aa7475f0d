"""Runs that the UI and a backfill started, killed or asked to end under Dagster's own daemon and web server.

`pytest -s` shows after how many seconds they are marked.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import dagster as dg
import psutil
import pytest

from clevertap_import.orchestration.begun_imports import begun_imports
from clevertap_import.orchestration.dead_runs import UNFINISHED
from clevertap_import.orchestration.sensors import KILLED_RUNS
from clevertap_import_tests.scenarios.people import TARGETS, fill
from clevertap_import_tests.system.test_daemon import LAUNCH
from clevertap_import_tests.testing.dagster_processes import WebServer, daemon, web_server
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import Workshop, days_ago, open_workshop, process_environment

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 300
ROWS = 10
IMPORTS = ["one", "two", "three"]
LAUNCH_ASSETS = """
mutation ($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
} }"""
SELECTOR = {"repositoryLocationName": "clevertap_import.definitions", "repositoryName": "__repository__"}


@pytest.fixture
def workshop(
    tmp_path: Path, local_snowflake: LocalSnowflake, fake_clevertap: FakeCleverTap
) -> Iterator[Workshop]:
    with open_workshop(tmp_path, local_snowflake, fake_clevertap) as shop:
        fill(shop, ROWS)
        for nickname in IMPORTS:
            shop.write(nickname, target={**TARGETS["events"], "event_name": {"constant": nickname}})
        yield shop


def path(nickname: str) -> dict[str, list[str]]:
    return {"path": ["clevertap", nickname]}


def backfill(server: WebServer, nickname: str) -> None:
    params = {
        "assetSelection": [path(nickname)],
        "partitionNames": [f"{days_ago(number)}" for number in (2, 1, 0)],
        "fromFailure": False,
        "tags": [],
    }
    assert server.ask(LAUNCH, params=params)["launchPartitionBackfill"]["backfillId"]


def materialize(server: WebServer, *nicknames: str) -> str:
    """One run of several imports, of yesterday's window, as the UI starts it; its id."""
    selector = {
        **SELECTOR,
        "pipelineName": "__ASSET_JOB",
        "assetSelection": [path(nickname) for nickname in nicknames],
        "assetCheckSelection": [],
    }
    tags = [{"key": "dagster/partition", "value": f"{days_ago(1)}"}]
    params = {"selector": selector, "runConfigData": {}, "executionMetadata": {"tags": tags}}
    launched = server.ask(LAUNCH_ASSETS, params={**params, "mode": "default"})["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return str(launched["run"]["runId"])


def begun(workshop: Workshop) -> dict[str, int]:
    """The number of the process in which each import is under way, by nickname."""
    return {
        nickname: int(each.process.split(":")[1])
        for run in workshop.instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
        for nickname, each in begun_imports(run).items()
    }


def kill_all(workshop: Workshop) -> None:
    """As if the machine went down: all processes that work in this Dagster home, at once."""
    home = workshop.instance.root_directory
    for process in psutil.process_iter(["environ"]):
        environment = process.info["environ"] or {}
        if environment.get("DAGSTER_HOME") == home and process.pid not in (1, psutil.Process().pid):
            with suppress(psutil.NoSuchProcess):
                process.kill()


def test_runs_of_the_ui_and_of_a_backfill_are_ended_after_their_machine_went_down(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run holds two imports, of which the first is under way; the queue is full of them."""
    workshop.clevertap.knobs(service_seconds=PATIENCE_SECONDS)
    environment = process_environment(workshop)
    with web_server(environment) as server, daemon(environment):
        backfill(server, "one")
        materialize(server, "two", "three")
        wait_for("two imports to be under way", lambda: len(begun(workshop)) == 2, PATIENCE_SECONDS)
        wait_for("their requests", lambda: workshop.clevertap.traffic()["in_flight"] == 2, PATIENCE_SECONDS)
        kill_all(workshop)
    workshop.clevertap.reset()
    left = workshop.instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    assert [run.status for run in left] == [dg.DagsterRunStatus.STARTED] * 2
    began = time.monotonic()
    with daemon(environment):
        wait_for(
            "both to be marked as failed",
            lambda: not workshop.instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)),
            PATIENCE_SECONDS,
        )
        say_seconds("after the daemon was started again", began)
        ended = [workshop.instance.get_run_by_id(run.run_id) for run in left]
        assert [run.status for run in ended if run] == [dg.DagsterRunStatus.FAILURE] * 2
    workshop.enter_environment(monkeypatch)
    lines = [line for nickname in IMPORTS for line in workshop.run(nickname)]
    assert [(line["status"], line["successful_syncs"]) for line in lines] == [("Success", ROWS)] * 3


def test_a_run_whose_process_alone_is_killed_is_ended_by_its_code_server_and_others_live(
    workshop: Workshop,
) -> None:
    """The others end in good order when all processes of the service are asked to end."""
    workshop.clevertap.knobs(service_seconds=PATIENCE_SECONDS)
    environment = process_environment(workshop)
    with web_server(environment) as server, daemon(environment):
        killed, living = materialize(server, "one"), materialize(server, "two")
        found = wait_for(
            "both to be under way",
            lambda: both if len(both := begun(workshop)) == 2 else None,
            PATIENCE_SECONDS,
        )
        began = time.monotonic()
        psutil.Process(found["one"]).kill()
        wait_for("one to be marked as failed", lambda: "one" not in begun(workshop), PATIENCE_SECONDS)
        say_seconds("after it was killed", began)
        assert status(workshop, killed) == dg.DagsterRunStatus.FAILURE
        wait_for("the watcher's next looks", lambda: looks(workshop) >= 3, PATIENCE_SECONDS)
        assert status(workshop, living) == dg.DagsterRunStatus.STARTED
        began = time.monotonic()
        os.killpg(os.getpgid(found["two"]), signal.SIGTERM)
        wait_for("its end", lambda: status(workshop, living) not in UNFINISHED, PATIENCE_SECONDS)
        say_seconds("as ended after SIGTERM", began)
        assert status(workshop, living) == dg.DagsterRunStatus.CANCELED


def say_seconds(since_what: str, began: float) -> None:
    sys.stdout.write(f"marked {time.monotonic() - began:.1f} s {since_what}, load {os.getloadavg()[0]:.0f}\n")


def status(workshop: Workshop, run_id: str) -> dg.DagsterRunStatus:
    run = workshop.instance.get_run_by_id(run_id)
    assert run
    return run.status


def looks(workshop: Workshop) -> int:
    """How often the watcher has looked."""
    states = workshop.instance.all_instigator_state()
    watchers = [each for each in states if each.instigator_name == KILLED_RUNS]
    return sum(
        len(workshop.instance.get_ticks(each.instigator_origin_id, each.selector_id)) for each in watchers
    )
