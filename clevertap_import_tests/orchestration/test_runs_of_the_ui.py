"""Runs that Dagster's UI, a backfill or its command line started: they report their imports themselves."""

import json
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster import DagsterEvent, DagsterEventType

from clevertap_import.journal.process_identity import own_process
from clevertap_import.orchestration.automation import runs_of
from clevertap_import.orchestration.begun_imports import (
    ENDED,
    IMPORT_TAG,
    RunHasEnded,
    begun_imports,
    ended_imports,
    marked_as_begun,
    tag_of,
)
from clevertap_import.orchestration.dead_runs import UNFINISHED, clear_dead_runs
from clevertap_import.orchestration.names import asset_key, op_name
from clevertap_import.orchestration.run_history import NICKNAME_TAG
from clevertap_import_tests.orchestration.test_killed_runs import elsewhere, later, status
from clevertap_import_tests.testing.dagster_internals import (
    GRPC_INFO_TAG,
    InProcessCodeLocationOrigin,
    LoadableTargetOrigin,
    RemoteRepositoryOrigin,
    StepFailureData,
    StepSuccessData,
    create_run_for_test,
)
from clevertap_import_tests.testing.dagster_processes import free_port
from clevertap_import_tests.testing.workshop import Workshop

STARTED, STARTING = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING
FAILURE = dg.DagsterRunStatus.FAILURE
ELSEWHERE = "elsewhere:7"


@pytest.fixture(autouse=True)
def _nothing_under_way(instance: dg.DagsterInstance) -> Iterator[None]:
    yield
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        instance.report_run_failed(run)


def name() -> str:
    return f"i{secrets.token_hex(4)}"


def from_the_ui(
    instance: dg.DagsterInstance,
    *nicknames: str,
    at: dg.DagsterRunStatus = STARTED,
    tags: dict[str, str] | None = None,
) -> str:
    """A run of these imports' assets, as the UI makes it: without any tag of ours."""
    assets = frozenset(map(asset_key, nicknames))
    origin = RemoteRepositoryOrigin(InProcessCodeLocationOrigin(LoadableTargetOrigin()), "r")
    job = origin.get_job_origin("__ASSET_JOB")
    run = create_run_for_test(instance, asset_selection=assets, status=at, tags=tags, remote_job_origin=job)
    run_id: str = run.run_id
    return run_id


def begin(instance: dg.DagsterInstance, run_id: str, nickname: str, process: str, seconds: float = 0) -> None:
    """Let the import have begun in the run `seconds` ago."""
    since = (datetime.now(UTC) - timedelta(seconds=seconds)).timestamp()
    instance.add_run_tags(run_id, {IMPORT_TAG + nickname: f"{run_id} {since:.0f} {process}"})


def look(instance: dg.DagsterInstance, *nicknames: str, seconds: float) -> list[str]:
    return clear_dead_runs(instance, nicknames, later(seconds))


def dead_process() -> str:
    """A process of this machine that was there, and is not any more."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        process.wait()
    host, _, known = own_process().split(":")
    return f"{host}:{process.pid}:{known}"


def test_each_import_says_when_it_has_ended(workshop: Workshop) -> None:
    workshop.people([("a", "Asha", datetime.now(UTC))])
    workshop.write("people")
    workshop.run("people")
    (run,) = workshop.instance.get_runs(limit=1)
    assert (begun_imports(run), list(ended_imports(run))) == ({}, ["people"])


def test_what_is_reported_is_of_this_run_and_process(instance: dg.DagsterInstance) -> None:
    nickname = name()
    run_id = from_the_ui(instance, nickname)
    with marked_as_begun(instance, run_id, nickname):
        run = instance.get_run_by_id(run_id)
        assert run
        assert begun_imports(run)[nickname].process == own_process()
        assert [record.dagster_run.run_id for record in runs_of(instance, nickname)] == [run_id]
        again = create_run_for_test(instance, tags=run.tags, status=STARTED)
        assert begun_imports(again) == {}
    assert runs_of(instance, nickname) == []


def test_an_import_does_not_begin_in_a_run_that_was_taken_for_dead(instance: dg.DagsterInstance) -> None:
    nickname = name()
    run_id = from_the_ui(instance, nickname, at=FAILURE)
    with (
        pytest.raises(RunHasEnded, match="was marked as failure before"),
        marked_as_begun(instance, run_id, nickname),
    ):
        pytest.fail("it began")
    assert status(instance, run_id) == FAILURE


def test_a_run_whose_process_is_gone_from_this_machine_is_dead_after_two_looks(
    instance: dg.DagsterInstance,
) -> None:
    nickname = name()
    run_id = from_the_ui(instance, nickname)
    begin(instance, run_id, nickname, dead_process())
    assert [look(instance, nickname, seconds=at) for at in (0, 10, 30)] == [[], [], [run_id]]
    assert status(instance, run_id) == FAILURE


def test_a_run_elsewhere_is_dead_when_its_lock_is_missed(instance: dg.DagsterInstance) -> None:
    nickname = name()
    run_id = from_the_ui(instance, nickname)
    begin(instance, run_id, nickname, ELSEWHERE)
    with elsewhere(nickname, run_id) as run:
        for number in range(1, 5):
            run.live(True)
            assert look(instance, nickname, seconds=30 * number) == []
    assert [look(instance, nickname, seconds=at) for at in (130, 170)] == [[], [run_id]]


def test_a_process_of_this_machine_lives_though_its_lock_is_missed(instance: dg.DagsterInstance) -> None:
    nickname = name()
    run_id = from_the_ui(instance, nickname)
    begin(instance, run_id, nickname, own_process())
    assert [look(instance, nickname, seconds=at) for at in (100, 200, 900)] == [[], [], []]
    assert status(instance, run_id) == STARTED


def test_a_machine_of_the_same_name_is_not_this_one(instance: dg.DagsterInstance) -> None:
    """Its process has a number that nobody has here."""
    nickname = name()
    run_id = from_the_ui(instance, nickname)
    begin(instance, run_id, nickname, f"{socket.gethostname()}:999999999:another.1-5")
    with elsewhere(nickname, run_id) as run:
        for number in range(1, 5):
            run.live(True)
            assert look(instance, nickname, seconds=30 * number) == []


def test_of_several_imports_one_that_failed_does_not_end_the_run(instance: dg.DagsterInstance) -> None:
    """An executor with a process for each step goes on with the others."""
    one, other = name(), name()
    run_id = from_the_ui(instance, one, other)
    begin(instance, run_id, one, dead_process())
    begin(instance, run_id, other, own_process())
    assert [look(instance, one, other, seconds=at) for at in (0, 30, 300)] == [[], [], []]
    instance.add_run_tags(run_id, tag_of(run_id, other, ENDED))
    failed = StepFailureData(error=None, user_failure_data=None)  # type: ignore[no-untyped-call]
    step_event(instance, run_id, one, DagsterEventType.STEP_START)
    step_event(instance, run_id, one, DagsterEventType.STEP_FAILURE, failed)
    assert [look(instance, one, other, seconds=at) for at in (600, 630, 900)] == [[], [], []]


def step_event(
    instance: dg.DagsterInstance,
    run_id: str,
    nickname: str,
    kind: DagsterEventType,
    data: StepSuccessData | StepFailureData | None = None,
) -> None:
    step = op_name(nickname)
    event = DagsterEvent(kind.value, "j", step_key=step, event_specific_data=data)
    instance.report_dagster_event(event, run_id)


def test_a_dry_run_of_the_ui_is_judged_by_its_process_alone(
    instance: dg.DagsterInstance,
) -> None:
    nickname = name()
    checks = frozenset([dg.AssetCheckKey(asset_key(nickname), "query")])
    runs = {
        process: create_run_for_test(instance, asset_check_selection=checks, status=STARTED).run_id
        for process in (ELSEWHERE, own_process(), dead_process())
    }
    for process, run_id in runs.items():
        begin(instance, run_id, nickname, process, seconds=300)
    assert look(instance, nickname, seconds=0) == []
    assert look(instance, nickname, seconds=60) == [list(runs.values())[2]]


def code_server_that_is_gone() -> dict[str, str]:
    """What a run says of the code server that started it; nobody listens there."""
    return {GRPC_INFO_TAG: json.dumps({"host": "localhost", "port": free_port()})}


@pytest.mark.parametrize("at", [STARTING, STARTED])
def test_a_run_that_was_killed_with_its_code_server_before_any_step(
    instance: dg.DagsterInstance, at: dg.DagsterRunStatus
) -> None:
    nickname = name()
    run_id = from_the_ui(instance, nickname, at=at, tags=code_server_that_is_gone())
    assert [look(instance, nickname, seconds=each) for each in (0, 10, 30)] == [[], [], [run_id]]
    assert status(instance, run_id) == FAILURE


def test_a_run_in_whose_other_step_somebody_is_at_work_is_left_alone(instance: dg.DagsterInstance) -> None:
    """Its code server went down, the run may live on; that step is not ours to judge."""
    nickname = name()
    run_id = from_the_ui(instance, nickname, tags=code_server_that_is_gone())
    step_event(instance, run_id, "somebody_elses", DagsterEventType.STEP_START)
    assert [look(instance, nickname, seconds=each) for each in (0, 30, 300)] == [[], [], []]


def test_a_run_between_two_of_its_steps_whose_code_server_is_gone(instance: dg.DagsterInstance) -> None:
    one, other = name(), name()
    run_id = from_the_ui(instance, one, other, tags=code_server_that_is_gone())
    done = StepSuccessData(duration_ms=1.0)  # type: ignore[no-untyped-call]
    step_event(instance, run_id, one, DagsterEventType.STEP_START)
    step_event(instance, run_id, one, DagsterEventType.STEP_SUCCESS, done)
    instance.add_run_tags(run_id, tag_of(run_id, one, ENDED))
    assert [look(instance, one, other, seconds=each) for each in (0, 30)] == [[], [run_id]]


@pytest.mark.parametrize("at", [dg.DagsterRunStatus.QUEUED, STARTING, STARTED])
def test_runs_of_other_launchers_and_in_the_queue_may_take_their_time(
    instance: dg.DagsterInstance, at: dg.DagsterRunStatus
) -> None:
    """A pod may wait for its machine for an hour."""
    nickname = name()
    run_id = from_the_ui(instance, nickname, at=at)
    assert [look(instance, nickname, seconds=each) for each in (0, 30, 3600)] == [[], [], []]
    assert status(instance, run_id) == at


def test_a_run_elsewhere_that_writes_its_last_events_lives_without_its_lock(
    instance: dg.DagsterInstance,
) -> None:
    """On a busy machine that may take minutes after the import has ended."""
    nickname = name()
    tags = {NICKNAME_TAG: nickname}
    run_id = create_run_for_test(instance, tags=tags, status=STARTED).run_id
    instance.add_run_tags(run_id, tag_of(run_id, nickname, ENDED))
    assert [look(instance, nickname, seconds=each) for each in (0, 30, 500)] == [[], [], []]
    assert [look(instance, nickname, seconds=each) for each in (700, 730)] == [[], [run_id]]
