"""Forced runs that are killed with kill -9: the next run sends what is missing, and counts copies."""

import json
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clevertap_import.orchestration.resources import open_journal
from clevertap_import_tests.scenarios.people import TARGETS, fill
from clevertap_import_tests.scenarios.test_faults import report_of_run
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap, running_fake_clevertap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import (
    Line,
    Workshop,
    command,
    open_workshop,
    start_command,
)

pytestmark = pytest.mark.slow

NAME = "signups"
ROWS, ANSWERED = 6000, 2000
OTHER_ACCOUNT = "TEST-OTH-ERA-CCT"
SECONDS = 600
"""No measure: so long a machine that is busy with others may take."""

FULL = ("--full", "--force")


@pytest.fixture
def workshop(
    tmp_path: Path, local_snowflake: LocalSnowflake, fake_clevertap: FakeCleverTap
) -> Iterator[Workshop]:
    with open_workshop(tmp_path, local_snowflake, fake_clevertap) as shop:
        fill(shop, ROWS)
        yield shop


def killed(shop: Workshop, *words: str) -> str:
    """A run that is killed when two of its batches have an answer and four have none; its id."""
    before = {run.run_id for run in shop.instance.get_runs()}
    calls = shop.clevertap.traffic()["uploads"]
    hangs = {"kind": "timeout", "dry_run": False, "times": None, "seconds": SECONDS}
    # The first call is CleverTap's own dry run.
    shop.clevertap.faults([{**hangs, "from_call": calls + 2 + ANSWERED // 1000}])
    with start_command(shop, "run", NAME, *words) as process:
        (run_id,) = wait_for("the run", lambda: runs(shop) - before, SECONDS)
        wait_for("two answers and four requests", lambda: is_half_way(shop, run_id), SECONDS)
        process.kill()
        assert process.wait(SECONDS) == -signal.SIGKILL
    shop.clevertap.end_faults()
    return run_id


def runs(shop: Workshop) -> set[str]:
    return {run.run_id for run in shop.instance.get_runs()}


def is_half_way(shop: Workshop, run_id: str) -> bool:
    with open_journal() as journal:
        accepted, _ = journal.of_run(run_id)
    return accepted == ANSWERED and shop.clevertap.traffic()["in_flight"] == (ROWS - ANSWERED) / 1000


def run(shop: Workshop, *words: str) -> Line:
    done = command(shop, "run", NAME, "--json", *words)
    line: Line = json.loads(done.stdout)[-1]
    assert line["status"] == "Success", done.stderr
    return line


def assert_all_there(shop: Workshop, run_id: str, rest: Line) -> None:
    """Nothing is lost, and each copy is counted by the run that sent it."""
    assert (rest["unchanged"], rest["successful_syncs"]) == (ANSWERED, ROWS)
    stored = Counter(event["identity"] for event in shop.clevertap.events())
    assert len(stored) == ROWS
    assert stored.total() - ROWS <= report_of_run(shop, NAME, rest)["possible_duplicates"]
    with open_journal() as journal:
        assert journal.of_run(run_id) == (ANSWERED, ROWS - ANSWERED)


def test_a_forced_run_that_is_killed_after_clevertap_was_wiped_is_gone_on_with(workshop: Workshop) -> None:
    workshop.write(NAME, target=TARGETS["events"])
    run(workshop)
    workshop.clevertap.reset()
    run_id = killed(workshop, *FULL)
    assert_all_there(workshop, run_id, run(workshop))
    assert run(workshop, "--full")["unchanged"] == ROWS


def test_a_forced_run_to_another_account_that_is_killed_is_gone_on_with(workshop: Workshop) -> None:
    workshop.write(NAME, target=TARGETS["events"])
    run(workshop)
    with running_fake_clevertap("--account-id", OTHER_ACCOUNT) as fake:
        there = replace(workshop, clevertap=replace(fake, account_id=OTHER_ACCOUNT))
        run_id = killed(there, *FULL)
        assert_all_there(there, run_id, run(there))
        assert run(there, "--full")["unchanged"] == ROWS
