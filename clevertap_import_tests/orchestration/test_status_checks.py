"""The checks `delivered` and `on_time` of an import: after runs of every end, and between runs."""

import sqlite3
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from clevertap_import.journal.run_results import enter_result
from clevertap_import.orchestration.import_states import import_states
from clevertap_import.orchestration.monitor import Situation
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.run_history import NICKNAME_TAG
from clevertap_import.orchestration.status_checks import show_status_checks
from clevertap_import.project.folder import load_folder
from clevertap_import.run_result import RunResult
from clevertap_import_tests.orchestration.test_asset_checks import check_only
from clevertap_import_tests.testing.dagster_internals import create_run_for_test
from clevertap_import_tests.testing.workshop import Workshop, profiles_target

NOW = datetime.now(UTC)
ADMIT_ALL = {"max_rejected_percent": 100}


def shown(workshop: Workshop, name: str, check: str) -> dg.AssetCheckEvaluation | None:
    """The last evaluation of a check, if the UI would show it; None if it shows another state."""
    key = dg.AssetCheckKey(asset_key(name), check)
    record = workshop.instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
    found = record.evaluation if record else None
    return found if isinstance(found, dg.AssetCheckEvaluation) else None


def said(workshop: Workshop, name: str, check: str) -> tuple[str, str]:
    """How bad it is, or `passed`, and the words."""
    found = shown(workshop, name, check)
    assert found
    return "passed" if found.passed else found.severity.value, found.description or ""


def look(workshop: Workshop, now: datetime = NOW) -> str | None:
    """One evaluation of the sensor, at `now`."""
    imports = load_folder(workshop.folder)
    states = import_states(workshop.instance, imports, now)
    return show_status_checks(Situation(workshop.instance, imports, states, now))


def test_a_run_that_cannot_say_whether_it_is_in_time_ends_well(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.write("in_the_dark")
    workshop.people([("a", "Asha", NOW)])

    states, reads = dg.DagsterInstance.all_instigator_state, list[int]()

    def broken(instance: dg.DagsterInstance) -> object:
        reads.append(1)
        if len(reads) > 1:
            raise sqlite3.DatabaseError("database disk image is malformed")
        return states(instance)

    with monkeypatch.context() as patch:
        # The command that starts the run reads it too, before it.
        patch.setattr(dg.DagsterInstance, "all_instigator_state", broken)
        (line,) = workshop.run("in_the_dark")
    assert (line["status"], line["successful_syncs"], len(reads)) == ("Success", 1, 2)
    assert look(workshop) == "Checks written: 1."


def test_a_run_says_at_its_end_what_was_delivered_and_the_sensor_adds_nothing(workshop: Workshop) -> None:
    workshop.write("delivered_partly", dry_run=ADMIT_ALL)
    workshop.people([("a", "Asha", NOW), (None, "Zoë", NOW), (None, "Ravi", NOW)])
    (line,) = workshop.run("delivered_partly")
    severity, words = said(workshop, "delivered_partly", "delivered")
    assert severity == "ERROR"
    assert words.startswith(
        "33.33 % healthy: 1 of 3 rows are in CleverTap; 2 were rejected, most by code 523"
    )
    assert "Filter such rows out" in words
    found = shown(workshop, "delivered_partly", "delivered")
    assert found
    assert found.metadata["run"].value == line["run_id"]
    assert said(workshop, "delivered_partly", "on_time")[0] == "passed"
    assert look(workshop) is None
    workshop.sql("update T set ID = NAME where ID is null")
    workshop.run("delivered_partly", full=True)
    assert said(workshop, "delivered_partly", "delivered") == (
        "passed",
        "100 % healthy: all 3 rows are in CleverTap.",
    )


def test_a_failed_run_is_red_and_runs_that_say_nothing_of_the_import_change_nothing(
    workshop: Workshop,
) -> None:
    workshop.write("not_delivered", target=profiles_target(Name="GONE"))
    workshop.people([("a", "Asha", NOW), ("b", "Zoë", NOW)])
    # As a person does who presses Execute all: that run plans these two checks also.
    assert not check_only(workshop, "not_delivered").success
    assert said(workshop, "not_delivered", "delivered") == (
        "passed",
        "No run has delivered yet, so no row was looked at and none is missing.",
    )
    assert said(workshop, "not_delivered", "on_time")[0] == "passed"
    (line,) = workshop.run("not_delivered")
    assert line["status"] == "Failed"
    failed = said(workshop, "not_delivered", "delivered")
    assert failed[0] == "ERROR"
    assert failed[1].startswith("Failed: ")
    assert "Correct the cause, then: clevertap-import run not_delivered" in failed[1]
    workshop.write("not_delivered")
    workshop.run("not_delivered", limit=1)
    assert said(workshop, "not_delivered", "delivered") == failed
    assert check_only(workshop, "not_delivered").success
    assert said(workshop, "not_delivered", "delivered") == failed
    workshop.run("not_delivered")
    assert said(workshop, "not_delivered", "delivered")[0] == "passed"


def test_the_sensor_says_what_a_killed_run_could_not(workshop: Workshop) -> None:
    workshop.write("killed")
    tags = {NICKNAME_TAG: "killed"}
    run = create_run_for_test(workshop.instance, tags=tags, status=dg.DagsterRunStatus.FAILURE)
    with open_journal() as journal:
        enter_result(journal.engine, RunResult("killed", run.run_id, NOW, None, "Running"))
    assert look(workshop) == "Checks written: 2."
    severity, words = said(workshop, "killed", "delivered")
    assert severity == "ERROR"
    assert words.startswith("Failed: ")
    assert look(workshop) is None


def test_an_import_that_becomes_late_is_red_and_its_next_run_clears_it(workshop: Workshop) -> None:
    workshop.write("late", schedule={"kind": "every", "every": "1 hour"})
    workshop.people([("a", "Asha", NOW)])
    workshop.run("late")
    assert said(workshop, "late", "on_time")[0] == "passed"
    assert look(workshop, NOW + timedelta(hours=5)) == "Checks written: 1."
    severity, words = said(workshop, "late", "on_time")
    assert severity == "ERROR"
    assert words.startswith("No run has ended well that was due at ")
    assert look(workshop, NOW + timedelta(hours=6)) is None
    workshop.run("late")
    assert said(workshop, "late", "on_time") == ("passed", "In time: no run is missing.")
