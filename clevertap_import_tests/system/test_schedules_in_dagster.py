"""Schedules, sensors and switches under Dagster's own web server and daemon, in real time.

The clock is never changed. History shows that a daemon was down: a schedule has been on for three days
and has not ticked. Every schedule here has its next tick hours away at any time of day, so that none comes by
itself. What takes longer than seconds, as a year of ticks, is in the tests of the cron lines.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import dagster as dg
import pytest

from clevertap_import.orchestration.automation import TICK_TAG, TRIGGER_TAG
from clevertap_import.orchestration.listing import Filters, listing
from clevertap_import.orchestration.partitions import FIRST_TAG, LAST_TAG
from clevertap_import.orchestration.run_history import NICKNAME_TAG
from clevertap_import.orchestration.schedule_state import stop, switch
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.testing.dagster_internals import ScheduleInstigatorData
from clevertap_import_tests.testing.dagster_processes import WebServer, daemon, web_server
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import (
    DAGSTER_YAML,
    Workshop,
    command,
    days_ago,
    open_workshop,
    process_environment,
    was_today,
)

pytestmark = [
    pytest.mark.slow,
    # What the listing knows of runs it asks of a part of Dagster that will be gone with 2.0.
    pytest.mark.filterwarnings("ignore:.*fetch_planned_materializations.*:DeprecationWarning"),
]

RUN_SECONDS = 300
FRESH = ("fresh", "fresh_too", "fresh_as_well")
"""Imports that the one sensor of first runs starts at the same look."""

LOCATION = {"repositoryLocationName": "clevertap_import.definitions", "repositoryName": "__repository__"}
ONE_AT_A_TIME = """
concurrency:
  runs:
    tag_concurrency_limits:
      - {key: clevertap/nickname, value: {applyLimitPerUniqueValue: true}, limit: 1}
"""
SCHEDULE = """
query ($selector: ScheduleSelector!) { scheduleOrError(scheduleSelector: $selector) { ... on Schedule {
  cronSchedule scheduleState { id status } } } }"""
START = """
mutation ($selector: ScheduleSelector!) { startSchedule(scheduleSelector: $selector) { __typename } }"""
STOP = "mutation ($id: String) { stopRunningSchedule(id: $id) { __typename } }"
RELOAD = """
mutation ($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) { __typename } }"""
TICK = """
mutation ($selector: ScheduleSelector!, $at: Float) {
scheduleDryRun(selectorData: $selector, timestamp: $at) { ... on DryRunInstigationTick { evaluationResult {
    skipReason runRequests { tags { key value } } error { message } } } } }"""
LAUNCH = """
mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> Iterator[Workshop]:
    fake_clevertap_process.reset()
    with open_workshop(tmp_path_factory.mktemp("schedules"), local_snowflake, fake_clevertap_process) as shop:
        home = shop.folder.parent / "home" / "dagster.yaml"
        home.write_text(DAGSTER_YAML + ONE_AT_A_TIME)
        today = datetime.combine(days_ago(0), time())
        shop.people([(f"p{number}", "Asha", today - timedelta(days=number % 2)) for number in range(20)])
        yesterday = f"{days_ago(1)}T09:00:00"
        for number, nickname in enumerate(FRESH):
            interval = f"{52 - number} weeks"
            shop.write(nickname, schedule={"kind": "every", "every": interval, "timezone": zone_at_noon()})
        shop.write("paused", schedule={"kind": "every", "every": "6 hours"})
        shop.write("missed", schedule={"kind": "every", "every": "1 day", "timezone": zone_at_noon()})
        shop.write("late", schedule={"kind": "once", "at": yesterday})
        shop.write("follower", schedule={"kind": "after", "assets": ["elsewhere"]})
        shop.write("chained", schedule={"kind": "after", "assets": ["clevertap/late"]})
        shop.write(
            "slow", schedule={"kind": "weekly", "at": [{"day": "monday", "time": "10:00"}], "active": False}
        )
        yield shop


def selector(nickname: str) -> dict[str, str]:
    return {**LOCATION, "scheduleName": f"{nickname}_schedule"}


def state(server: WebServer, nickname: str) -> Any:  # noqa: ANN401 - Dagster's answer
    return server.ask(SCHEDULE, selector=selector(nickname))["scheduleOrError"]


def listed(workshop: Workshop) -> dict[str, str]:
    """The status of each import, as the command `list` shows it."""
    lines = listing(workshop.instance, load_folder(workshop.folder), workshop.folder, Filters())
    return {line["nickname"]: line["status"] for line in lines}


def runs_of(workshop: Workshop, nickname: str) -> list[dg.DagsterRun]:
    """Newest first."""
    return list(workshop.instance.get_runs(dg.RunsFilter(tags={NICKNAME_TAG: nickname})))


def ended(workshop: Workshop, nickname: str, count: int) -> list[dg.DagsterRun] | None:
    """The runs of the import, if there are `count` and all have ended."""
    runs = runs_of(workshop, nickname)
    return runs if len(runs) >= count and all(run.is_finished for run in runs) else None


def test_a_command_pauses_before_anything_runs_and_the_ui_shows_it(workshop: Workshop) -> None:
    done = command(workshop, "pause", "paused")
    assert (done.returncode, done.stdout, done.stderr) == (0, "paused is paused.\n", "")
    with web_server(process_environment(workshop)) as server:
        assert state(server, "paused")["scheduleState"]["status"] == "STOPPED"
        # The command shows what the UI switches, and a start in the UI ends a stop for good.
        server.ask(START, selector=selector("paused"))
        assert listed(workshop)["paused"] == "Scheduled"
        stop(workshop.instance, load_folder(workshop.folder).called("paused").config, set())
        assert listed(workshop)["paused"] == "Stopped"
        server.ask(START, selector=selector("paused"))
        server.ask(STOP, id=state(server, "paused")["scheduleState"]["id"])
        assert listed(workshop)["paused"] == "Paused"
        edited_schedule_is_taken_up(workshop, server)


def edited_schedule_is_taken_up(workshop: Workshop, server: WebServer) -> None:
    """By a reload of the code location, without a restart; the switch stays as it was."""
    assert state(server, "paused")["cronSchedule"] == "['0 */6 * * *']"
    workshop.write("paused", schedule={"kind": "every", "every": "1 hour"})
    server.ask(RELOAD, name=LOCATION["repositoryLocationName"])
    changed = wait_for("the reload", lambda: state(server, "paused"), RUN_SECONDS)
    assert (changed["cronSchedule"], changed["scheduleState"]["status"]) == (
        "['0 * * * *']",
        "STOPPED",
    )


def zone_at_noon() -> str:
    """A zone without daylight saving in which it is about noon: its last midnight and its next are far."""
    ahead = 12 - datetime.now(UTC).hour
    # In these names the sign is turned round: Etc/GMT-5 is five hours ahead of UTC.
    return f"Etc/GMT{-ahead:+d}" if ahead else "UTC"


def history_of_missed_days(workshop: Workshop) -> None:
    """`missed` ran well for its first day, failed for its second, and has missed three ticks."""
    run_missed(workshop, days_ago(2), succeeds=True)
    run_missed(workshop, days_ago(1), succeeds=False)
    config = load_folder(workshop.folder).called("missed").config
    switch(workshop.instance, config, {"paused_schedule"}, on=True)
    (found,) = [
        each for each in workshop.instance.all_instigator_state() if each.instigator_name == "missed_schedule"
    ]
    three_days_ago = (datetime.now(UTC) - timedelta(days=3)).timestamp()
    since = ScheduleInstigatorData(list(config.schedule.crons()), three_days_ago)
    workshop.instance.update_instigator_state(found.with_data(since))


def run_missed(workshop: Workshop, day: date, *, succeeds: bool) -> None:
    """A run of one window, as the schedule would have asked for it before the ticks that it missed."""
    four_days_ago = (datetime.now(UTC) - timedelta(days=4)).isoformat()
    tags = {TRIGGER_TAG: "every", TICK_TAG: four_days_ago, FIRST_TAG: f"{day}", LAST_TAG: f"{day}"}
    with pytest.MonkeyPatch.context() as patch:
        workshop.enter_environment(patch)
        if not succeeds:
            patch.setenv(f"{workshop.name.upper()}_PASSCODE", "another")
        job = workshop.definitions().resolve_job_def("import_missed")
        done = job.execute_in_process(instance=workshop.instance, tags=tags, raise_on_error=False)
    assert done.success == succeeds


@pytest.fixture(scope="module")
def after_a_daemon(workshop: Workshop) -> Workshop:
    """The workshop after a real daemon has had all that is due at once done."""
    history_of_missed_days(workshop)
    dg.materialize([elsewhere], instance=workshop.instance)
    with daemon(process_environment(workshop)) as log:
        counts = {**dict.fromkeys(FRESH, 1), "late": 1, "follower": 1, "missed": 3, "chained": 1}
        wait_for(
            f"the runs to end ({log})",
            lambda: all(ended(workshop, nickname, count) for nickname, count in counts.items()),
            RUN_SECONDS,
        )
    return workshop


@dg.asset
def elsewhere() -> None:
    """An asset that our code location does not have."""


def only_run(workshop: Workshop, nickname: str) -> dg.DagsterRun:
    (run,) = runs_of(workshop, nickname)
    assert run.status == dg.DagsterRunStatus.SUCCESS
    return run


def assert_windows(run: dg.DagsterRun, first: date) -> None:
    """The run took all windows from `first` up to the one in progress."""
    assert run.tags[FIRST_TAG] == f"{first}"
    assert was_today(run.tags[LAST_TAG])


@pytest.mark.parametrize("nickname", [*FRESH, "late", "follower", "chained"])
def test_what_is_due_is_started_once_and_takes_all_windows(after_a_daemon: Workshop, nickname: str) -> None:
    """An interval at once, a moment that has passed, data of another code location, and of this one."""
    run = only_run(after_a_daemon, nickname)
    assert_windows(run, days_ago(2))
    assert run.tags["dagster/sensor_name"] == ("first_runs" if nickname in FRESH else f"{nickname}_sensor")


def test_three_missed_ticks_and_a_failed_window_are_one_run(after_a_daemon: Workshop) -> None:
    """The window that was done is not read again."""
    newest, *before = runs_of(after_a_daemon, "missed")
    assert len(before) == 2
    assert newest.status == dg.DagsterRunStatus.SUCCESS
    assert newest.tags["dagster/schedule_name"] == "missed_schedule"
    # The last of the missed ticks is the one that is made up for; it takes what had begun by then.
    tick = datetime.fromisoformat(newest.tags[TICK_TAG]).astimezone(UTC)
    assert datetime.now(UTC) - tick < timedelta(days=1)
    assert (newest.tags[FIRST_TAG], newest.tags[LAST_TAG]) == (f"{days_ago(1)}", f"{tick:%Y-%m-%d}")


def test_the_listing_follows(after_a_daemon: Workshop) -> None:
    found = listed(after_a_daemon)
    assert runs_of(after_a_daemon, "paused") == []
    assert {name: found[name] for name in ("fresh", "late", "follower", "paused", "slow")} == {
        "fresh": "Scheduled",
        "late": "Ready",
        "follower": "Scheduled",
        "paused": "Paused",
        "slow": "Paused",
    }


def test_two_ticks_during_a_long_run_leave_one_queued_run(after_a_daemon: Workshop) -> None:
    """The ticks are evaluated by the code server, asked for at once instead of waited for."""
    shop = after_a_daemon
    shop.clevertap.knobs(service_seconds=4)
    with web_server(process_environment(shop)) as server, daemon(process_environment(shop)):
        launch(server, [])
        (first,) = wait_for("the run to begin", lambda: started(shop, "slow"), RUN_SECONDS)
        launch(server, tick(server, "slow")["runRequests"][0]["tags"])
        assert tick(server, "slow")["skipReason"].endswith("waits already; the next tick takes what is left.")
        statuses = {run.run_id: run.status for run in runs_of(shop, "slow")}
        assert sorted(statuses.values(), key=str) == [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED]
        shop.clevertap.knobs(service_seconds=0)
        second, _ = wait_for("both runs to end", lambda: ended(shop, "slow", 2), RUN_SECONDS)
    spans = {record.dagster_run.run_id: record for record in shop.instance.get_run_records()}
    assert (spans[second.run_id].start_time or 0) >= (spans[first.run_id].end_time or 0)
    # The second daemon has seen the moment of `late`, and its first run of `fresh`, again.
    assert only_run(shop, "late")
    assert only_run(shop, "fresh")


def tick(server: WebServer, nickname: str) -> Any:  # noqa: ANN401 - Dagster's answer
    now = datetime.now(UTC).timestamp()
    found = server.ask(TICK, selector=selector(nickname), at=now)["scheduleDryRun"]["evaluationResult"]
    assert found["error"] is None, found["error"]
    return found


def launch(server: WebServer, tags: list[dict[str, str]]) -> None:
    """A run of `slow` by GraphQL, as any program may ask for it."""
    windows = [{"key": FIRST_TAG, "value": f"{days_ago(2)}"}, {"key": LAST_TAG, "value": f"{days_ago(0)}"}]
    params = {
        "selector": {**LOCATION, "jobName": "import_slow"},
        "runConfigData": {},
        "executionMetadata": {"tags": tags or windows},
    }
    launched = server.ask(LAUNCH, params=params)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched


def started(workshop: Workshop, nickname: str) -> list[dg.DagsterRun]:
    return [run for run in runs_of(workshop, nickname) if run.status == dg.DagsterRunStatus.STARTED]
