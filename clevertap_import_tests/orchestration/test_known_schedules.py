"""An import is not late for moments before its schedule was changed, and no other edit hides a missed run."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.yaml_file import LoadedImport
from clevertap_import.journal.run_results import enter_result
from clevertap_import.monitoring.lateness import Timing
from clevertap_import.orchestration.automation import scheduled
from clevertap_import.orchestration.import_states import import_states
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.project.folder import Imports
from clevertap_import.report import Report
from clevertap_import.run_result import RunResult
from clevertap_import_tests.testing.builders import profiles_import
from clevertap_import_tests.testing.requested_runs import scheduled_import

DAY = datetime(2026, 3, 5, tzinfo=UTC)
QUARTERS = {"kind": "every", "every": "15 minutes"}


def at(hour: int, minute: int = 0) -> datetime:
    return DAY + timedelta(hours=hour, minutes=minute)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "defs.yaml"
    file.touch()
    return file


def changed(file: Path, moment: datetime) -> None:
    os.utime(file, (moment.timestamp(), moment.timestamp()))


def timing(instance: dg.DagsterInstance, config: ImportConfig, file: Path, now: datetime) -> Timing:
    imports = Imports((LoadedImport(config, str(file), 1),), ())
    (found,) = import_states(instance, imports, now)
    return found.timing


def daily(instance: dg.DagsterInstance) -> ImportConfig:
    """An import that has run at its last midnight."""
    config = scheduled_import("every", every="1 day")
    scheduled(instance, config, DAY - timedelta(days=3))
    scheduled(instance, config, DAY)
    with open_journal() as journal:
        done = RunResult(config.nickname, "r", at(0, 1), at(0, 3), "Success", Report(read=1, accepted=1))
        enter_result(journal.engine, done)
    return config


def quarterly(config: ImportConfig) -> ImportConfig:
    return profiles_import(nickname=config.nickname, start=config.anchor, schedule=QUARTERS)


def test_a_new_schedule_is_late_only_for_moments_after_the_change(
    instance: dg.DagsterInstance, file: Path
) -> None:
    config = quarterly(daily(instance))
    changed(file, at(14, 5))
    assert not timing(instance, config, file, at(14, 7)).is_late
    missed = timing(instance, config, file, at(14, 50))
    assert (missed.is_late, missed.missed) == (True, at(14, 15))

    scheduled(instance, config, at(14, 30))
    assert not timing(instance, config, file, at(14, 50)).is_late
    assert timing(instance, config, file, at(15, 1)).missed == at(14, 30)


def test_an_edit_that_leaves_the_schedule_alone_hides_no_missed_run(
    instance: dg.DagsterInstance, file: Path
) -> None:
    config, noon = daily(instance), at(36)
    changed(file, noon - timedelta(minutes=1))
    assert timing(instance, config, file, noon).missed == at(24)
    scheduled(instance, config, noon)
    assert timing(instance, config, file, noon).is_late


def test_an_import_that_was_switched_on_in_its_file_is_due_from_then_on(
    instance: dg.DagsterInstance, file: Path
) -> None:
    config = scheduled_import("every", every="1 hour")
    changed(file, at(14, 5))
    assert not timing(instance, config, file, at(15, 20)).is_late
    assert timing(instance, config, file, at(15, 31)).missed == at(15)
