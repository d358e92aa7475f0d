"""What monitoring says of runs that Dagster knows better than the journal, or the other way round."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import sqlalchemy as sa

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.yaml_file import LoadedImport
from clevertap_import.journal.import_lock import import_lock
from clevertap_import.journal.locks import open_locks
from clevertap_import.journal.run_results import enter_result, results_of
from clevertap_import.monitoring.picture import ImportState
from clevertap_import.orchestration import progress
from clevertap_import.orchestration.begun_imports import marked_as_begun
from clevertap_import.orchestration.health import health_of
from clevertap_import.orchestration.import_states import import_states, open_rejects
from clevertap_import.orchestration.names import asset_key, op_name
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.run_history import NICKNAME_TAG
from clevertap_import.project.folder import Imports, load_folder
from clevertap_import.report import Report
from clevertap_import.run_result import NO_REJECTS, OpenRejects, RunResult
from clevertap_import_tests.testing.builders import profiles_import
from clevertap_import_tests.testing.dagster_internals import create_run_for_test
from clevertap_import_tests.testing.requested_runs import scheduled_import
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import Workshop

NOW = datetime.now(UTC)
IN_AN_HOUR = NOW + timedelta(hours=1)


def states(
    instance: dg.DagsterInstance, *configs: ImportConfig, now: datetime = IN_AN_HOUR
) -> dict[str, ImportState]:
    imports = Imports(tuple(LoadedImport(config, "defs.yaml", 1) for config in configs), ())
    return {each.nickname: each for each in import_states(instance, imports, now)}


def test_a_run_that_ended_well_and_could_not_enter_it_does_not_look_stuck(
    instance: dg.DagsterInstance,
) -> None:
    config = scheduled_import("manual")
    tags, well = {NICKNAME_TAG: config.nickname}, dg.DagsterRunStatus.SUCCESS
    run = create_run_for_test(instance, tags=tags, status=well)
    with open_journal() as journal:
        report = Report(read=5, accepted=5)
        enter_result(journal.engine, RunResult(config.nickname, run.run_id, NOW, None, "Running", report))
    found = states(instance, config)[config.nickname]
    assert (found.status, found.health_state, found.new_24h, found.why) == ("Ready", "green", 5, None)


def test_an_import_that_waits_for_others_of_its_run_does_not_look_stuck(instance: dg.DagsterInstance) -> None:
    first, second = scheduled_import("manual"), scheduled_import("manual")
    both = frozenset(asset_key(each.nickname) for each in (first, second))
    run = create_run_for_test(instance, asset_selection=both, status=dg.DagsterRunStatus.STARTED)
    with marked_as_begun(instance, run.run_id, first.nickname):
        found = states(instance, first, second)
    assert (found[second.nickname].status, found[second.nickname].why) == ("Ready", None)
    assert "has not moved" in (found[first.nickname].why or "")


def test_an_import_that_waits_for_other_assets_of_its_run_does_not_look_stuck(
    instance: dg.DagsterInstance,
) -> None:
    config, table = scheduled_import("manual"), dg.AssetKey(["dbt", "customers"])
    for selection, is_stuck in ((frozenset([asset_key(config.nickname), table]), False), (None, True)):
        create_run_for_test(
            instance,
            asset_selection=selection or frozenset([asset_key(config.nickname)]),
            status=dg.DagsterRunStatus.STARTED,
        )
        assert (states(instance, config)[config.nickname].status == "Running") == is_stuck


def test_a_run_that_repeats_a_failed_import_says_nothing_of_those_that_ended_well(
    instance: dg.DagsterInstance,
) -> None:
    good, bad = scheduled_import("manual"), scheduled_import("manual")
    both = frozenset(asset_key(each.nickname) for each in (good, bad))
    create_run_for_test(
        instance,
        asset_selection=both,
        step_keys_to_execute=[op_name(bad.nickname)],
        status=dg.DagsterRunStatus.FAILURE,
    )
    found = states(instance, good, bad)
    assert {name: each.health_state for name, each in found.items()} == {
        good.nickname: "none",
        bad.nickname: "failed",
    }


def test_a_run_that_could_enter_nothing_is_shown_until_another_ends_well(workshop: Workshop) -> None:
    workshop.write("mute")
    workshop.people([("a", "Asha", NOW)])
    workshop.run("mute")
    with open_journal() as journal, journal.engine.begin() as connection:
        connection.execute(
            sa.text(
                "create trigger mute before insert on run_result when new.import_name = 'mute'"
                " begin select raise(abort, 'the table is damaged'); end"
            )
        )
    workshop.sql("drop table T")
    (line,) = workshop.run("mute")
    (found,) = import_states(workshop.instance, load_folder(workshop.folder), NOW + timedelta(days=2))
    assert (line["status"], found.health_state, found.streak) == ("Failed", "failed", 1)


def test_health_needs_the_daemon_for_schedules_without_a_clock_too(workshop: Workshop) -> None:
    workshop.write("follows", schedule={"kind": "after", "assets": ["shop/orders"]})
    found = health_of(workshop.instance, load_folder(workshop.folder)).document
    assert [(line["nickname"], line["ok"]) for line in found["imports"]] == [("follows", True)]
    assert (found["ok"], found["daemon"]["alive"]) == (False, False)


def test_a_run_that_waits_for_another_of_its_import_says_so(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.02)
    workshop.write("second")
    workshop.people([("a", "Asha", NOW)])
    seen: list[str] = []

    def is_waiting() -> bool:
        with open_journal() as journal:
            found = results_of(journal.engine, ["second"], NOW).get("second", [])
        seen.extend(each.progress.phase for each in found if each.progress)
        return bool(seen)

    with open_journal() as journal, open_locks(journal.engine) as locks, ThreadPoolExecutor(1) as other:
        with import_lock(locks, "second", "Run 1 of 'second'"):
            run = other.submit(workshop.run, "second")
            wait_for("the progress of the run that waits", is_waiting, 30)
        (line,) = run.result()
    assert (seen[0], line["status"]) == ("wait", "Success")


def test_open_rejects_under_the_old_nickname_count_until_a_run_takes_them_over() -> None:
    config = profiles_import(nickname="people", renamed_from="persons")
    first, then = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    rejects = {
        "persons": OpenRejects.of([("515", "Email is not valid", 2), ("523", "no identity", 1)], first),
        "people": OpenRejects.of([("515", "Email is not valid", 3)], then),
        "others": OpenRejects.of([("515", "Email is not valid", 9)], first),
    }
    codes = (("515", "Email is not valid", 5), ("523", "no identity", 1))
    assert open_rejects(config, rejects) == OpenRejects(6, first, codes)
    assert open_rejects(profiles_import(nickname="nobody"), rejects) == NO_REJECTS
