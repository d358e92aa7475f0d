"""Commands about an import that has a new nickname, before it runs under it: they know what was before."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from clevertap_import.orchestration.resources import home
from clevertap_import.staging.rejected_rows import stored_rejects
from clevertap_import_tests.scenarios.people import TARGETS
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.workshop import (
    Workshop,
    command,
    days_ago,
    open_workshop,
    profiles_target,
)

OLD, NEW = "signups", "registrations"
TODAY = datetime.combine(days_ago(0), time(), UTC)
YESTERDAY = TODAY - timedelta(days=1)
LENIENT = {"target": profiles_target(Email="NAME"), "dry_run": {"max_rejected_percent": 100}}


@pytest.fixture
def workshop(
    tmp_path: Path,
    local_snowflake: LocalSnowflake,
    fake_clevertap: FakeCleverTap,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Workshop]:
    """One that commands in processes of their own know, too."""
    with open_workshop(tmp_path, local_snowflake, fake_clevertap) as shop:
        shop.enter_environment(monkeypatch)
        yield shop


def said(workshop: Workshop, *words: str) -> Any:  # noqa: ANN401 - any JSON that the command prints
    done = command(workshop, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rename(workshop: Workshop, **attributes: object) -> None:
    (workshop.folder / OLD / "defs.yaml").unlink()
    workshop.write(NEW, renamed_from=OLD, **attributes)


def test_settle_shows_and_settles_what_the_old_nickname_left_without_an_answer(workshop: Workshop) -> None:
    withheld = {"target": TARGETS["events"], "uncertain_events": "hold"}
    workshop.people([("p1", "Asha", YESTERDAY), ("p2", "Zoë", YESTERDAY)])
    workshop.write(OLD, **withheld)
    workshop.clevertap.faults([{"kind": "status", "status": 500, "applied": True, "dry_run": False}])
    assert workshop.run(OLD)[-1]["status"] == "Failed"
    rename(workshop, **withheld)
    (line,) = said(workshop, "settle", NEW)
    assert line["records"] == 2
    assert said(workshop, "settle", NEW, "--as", "delivered") == [line]
    assert said(workshop, "settle", NEW) == []
    assert workshop.run(NEW, full=True)[-1]["unchanged"] == 2
    assert len(workshop.clevertap.events()) == 2


def test_stats_rejects_and_retry_know_the_runs_of_the_old_nickname(workshop: Workshop) -> None:
    workshop.people([("p1", "no address", YESTERDAY), ("p2", "zoe@example.com", YESTERDAY)])
    workshop.write(OLD, **LENIENT)
    before = workshop.run(OLD)[-1]
    rename(workshop, **LENIENT)
    assert [line["run_id"] for line in said(workshop, "stats", NEW)] == [before["run_id"]]
    assert said(workshop, "stats", NEW, "--run", before["run_id"])[0]["errors_by_code"]
    assert [row["identity"] for row in said(workshop, "rejects", NEW)] == ["p1"]
    workshop.sql("update T set NAME = 'asha@example.com' where ID = 'p1'")
    (retried,) = said(workshop, "retry", NEW)
    assert (retried["nickname"], retried["successful_syncs"], retried["unchanged"]) == (NEW, 2, 1)
    assert [line["run_id"] for line in said(workshop, "stats", NEW)] == [retried["run_id"], before["run_id"]]
    assert said(workshop, "retry", NEW) == []


def test_rejected_rows_of_the_old_nickname_are_removed_in_their_time(workshop: Workshop) -> None:
    workshop.people([("p1", "no address", YESTERDAY), ("p2", "zoe@example.com", YESTERDAY)])
    workshop.write(OLD, **LENIENT)
    workshop.run(OLD)
    (stored,) = stored_rejects(home(), OLD)
    long_ago = (TODAY - timedelta(days=31)).timestamp()
    os.utime(stored.path, (long_ago, long_ago))
    rename(workshop, **LENIENT)
    workshop.run(NEW)
    assert stored_rejects(home(), OLD) == []
