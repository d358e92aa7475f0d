"""Commands that are killed: what they leave, the next one clears; and the sandbox ends what it started."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import psutil
import pytest

from clevertap_import.orchestration.begun_imports import tag_of
from clevertap_import.orchestration.dead_runs import PROCESS_TAG, clear_dead_runs
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.resources import open_journal
from clevertap_import_tests.testing.dagster_internals import create_run_for_test
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import NO_PLATFORM_DETECTION, LocalSnowflake
from clevertap_import_tests.testing.forked_commands import Started
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import (
    Workshop,
    command,
    open_workshop,
    start_command,
    start_fresh_command,
)

START_SECONDS = 600
END_SECONDS = 600
"""No measures: so long a machine that is busy with others may take."""

SLOW_SECONDS = 30
LONG_SECONDS = 600


@pytest.fixture
def workshop(
    tmp_path: Path, local_snowflake: LocalSnowflake, fake_clevertap: FakeCleverTap
) -> Iterator[Workshop]:
    with open_workshop(tmp_path, local_snowflake, fake_clevertap) as shop:
        shop.people([("a", "Asha", datetime.now(UTC))])
        shop.write("people")
        yield shop


def started(
    workshop: Workshop,
    *words: str,
    seconds: float = SLOW_SECONDS,
    start: Callable[..., Started] = start_command,
) -> Started:
    """A command, `run people` if it is not named, that waits for CleverTap's answer for so long."""
    workshop.clevertap.knobs(service_seconds=seconds)
    process = start(workshop, *(words or ("run", "people")))
    wait_for("the first request", lambda: workshop.clevertap.counters()["uploads"], START_SECONDS)
    return process


def test_a_killed_run_is_cleared_by_the_next_and_stays_in_the_stats(workshop: Workshop) -> None:
    with started(workshop) as process:
        process.kill()
        assert process.wait(END_SECONDS) == -signal.SIGKILL
    (killed,) = json.loads(command(workshop, "stats", "people", "--json").stdout)
    assert killed["status"] == "Running"
    workshop.clevertap.knobs(service_seconds=0)
    done = command(workshop, "run", "people", "--json")
    assert done.returncode == 0, done.stderr
    assert f"Run {killed['run_id'][:8]} was killed; it is marked as failed now." in done.stderr
    (line,) = json.loads(done.stdout)
    lines = json.loads(command(workshop, "stats", "people", "--json").stdout)
    assert [each["run_id"] for each in lines] == [line["run_id"], killed["run_id"]]
    assert [each["status"] for each in lines] == ["Success", "Failed"]


def test_a_canceled_run_is_not_the_health_of_an_import(workshop: Workshop) -> None:
    """It read one row that CleverTap has, and none that failed; a run that waits is canceled too."""
    assert command(workshop, "run", "people").returncode == 0
    workshop.add_people([("b", "Bo", datetime.now(UTC))])
    workshop.clevertap.reset()
    with started(workshop, "run", "people", "--full") as process:
        instance = workshop.instance
        (run,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        instance.report_run_canceling(run)
        process.send_signal(signal.SIGINT)
        process.wait(END_SECONDS)
    origin = run.remote_job_origin
    waiting = create_run_for_test(
        instance, tags=run.tags, status=dg.DagsterRunStatus.QUEUED, remote_job_origin=origin
    )
    instance.report_run_canceled(waiting)
    lines = json.loads(command(workshop, "stats", "people", "--json").stdout)
    assert [(line["status"], line["health"], line["health_state"]) for line in lines] == [
        ("Canceled", None, "none"),
        ("Canceled", None, "none"),
        ("Success", 100, "green"),
    ]
    assert lines[1]["unchanged"] == 1
    (listed,) = json.loads(command(workshop, "list", "--json").stdout)
    assert (listed["health"], listed["health_state"]) == (100, "green")
    observation = instance.fetch_observations(asset_key("people"), limit=1).records[0].asset_observation
    assert observation
    assert "health_percent" not in observation.metadata


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_command_begins_no_other_run(workshop: Workshop, end: signal.Signals) -> None:
    workshop.write("second")
    with started(workshop, "run", "people", "second", start=start_fresh_command) as process:
        process.send_signal(end)
        workshop.clevertap.knobs(service_seconds=0)
        said, _ = process.communicate(timeout=END_SECONDS)
    assert process.returncode == 1
    assert "people: It was canceled. What CleverTap took is in the journal; the next run sends" in said
    (line,) = json.loads(command(workshop, "stats", "people", "--json").stdout)
    assert line["status"] == "Canceled"
    assert json.loads(command(workshop, "stats", "second", "--json").stdout) == []


HANGS = {"kind": "timeout", "dry_run": False, "seconds": 10 * END_SECONDS}
FAILS = {"kind": "status", "status": 500, "dry_run": False, "times": None}


@pytest.mark.parametrize(
    ("fault", "ends", "uncertain"),
    [
        (HANGS, [signal.SIGTERM], 1),
        (HANGS, [signal.SIGINT, signal.SIGINT], 1),
        (FAILS, [signal.SIGTERM], 1),
    ],
    ids=["no answer", "no answer, Ctrl-C twice", "nothing but 500"],
)
def test_a_run_that_is_asked_to_end_does_so_whatever_clevertap_does(
    workshop: Workshop, fault: dict[str, object], ends: list[signal.Signals], uncertain: int
) -> None:
    """Without that it would wait for longer than this test does."""
    workshop.clevertap.faults([fault])
    with started(workshop) as process:
        workshop.clevertap.knobs(service_seconds=0)
        wait_for("the delivery", lambda: has_delivered(workshop), START_SECONDS)
        for end in ends:
            process.send_signal(end)
        said, _ = process.communicate(timeout=END_SECONDS)
    assert process.returncode == 1
    assert "It was canceled. What CleverTap took is in the journal" in said
    (line,) = json.loads(command(workshop, "stats", "people", "--json").stdout)
    assert (line["status"], line["successful_syncs"], line["uncertain"]) == ("Canceled", 0, uncertain)
    with open_journal() as journal:
        assert journal.of_run(line["run_id"]) == (0, uncertain)


def has_delivered(workshop: Workshop) -> bool:
    counters = workshop.clevertap.counters()
    return bool(counters["uploads"] > counters["dry_runs"])


def test_an_interrupted_dry_run_says_no_more(workshop: Workshop) -> None:
    with started(workshop, "dry-run", "people") as process:
        process.send_signal(signal.SIGINT)
        workshop.clevertap.knobs(service_seconds=0)
        said, _ = process.communicate(timeout=END_SECONDS)
    assert (process.returncode, said.split()) == (1, ["Aborted!"])


def test_a_run_on_another_machine_lives_as_long_as_it_has_its_lock(workshop: Workshop) -> None:
    began, instance = datetime.now(UTC), workshop.instance

    def look(seconds: int) -> list[str]:
        return clear_dead_runs(instance, ["people"], began + timedelta(seconds=seconds))

    # It is under way for longer than this machine may take for the looks.
    with started(workshop, seconds=LONG_SECONDS) as process:
        (run,) = instance.get_runs()
        # As if from another host, where nobody here can see the process.
        elsewhere = {PROCESS_TAG: "elsewhere:7", **tag_of(run.run_id, "people", "elsewhere:7")}
        instance.add_run_tags(run.run_id, elsewhere)
        assert [look(seconds) for seconds in (200, 230, 260)] == [[], [], []]
        process.send_signal(signal.SIGSTOP)
        assert [look(seconds) for seconds in (270, 300, 330)] == [[], [], []]
        process.kill()
        process.wait(END_SECONDS)
    assert [look(340), look(369), look(370)] == [[], [], [run.run_id]]


def test_a_run_that_waits_for_another_says_so(workshop: Workshop) -> None:
    with started(workshop) as first:
        with start_command(workshop, "run", "people") as second:
            assert second.stdout
            words = second.stdout.readline()
            assert "of 'people' is under way; this one waits until it has ended." in words
            assert first.poll() is None, "the living one is left alone"
            second.kill()
        first.kill()


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--no-ui",), ("--port", "0")], ids=["servers", "ui"])
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_the_sandbox_leaves_no_process_behind(
    tmp_path: Path, options: tuple[str, ...], end: signal.Signals
) -> None:
    last_word = "export DAGSTER_HOME" if options == ("--no-ui",) else "Dagster "
    process = subprocess.Popen(
        [sys.executable, "-m", "clevertap_import", "sandbox", *options],
        env={**os.environ, **NO_PLATFORM_DETECTION},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout
        assert any(line.startswith(last_word) for line in iter(process.stdout.readline, ""))
        if options != ("--no-ui",):
            wait_for("Dagster's own processes", lambda: len(family(process)) >= 6, START_SECONDS)
            assert (tmp_path / ".sandbox" / "dagster.log").exists()
        children = family(process)
        assert len(children) >= 3
        process.send_signal(end)
        assert process.wait(END_SECONDS) == 0
    _, alive = psutil.wait_procs(children, timeout=5)
    assert [child.cmdline() for child in alive] == []


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(process.pid).children(recursive=True)
    return found
