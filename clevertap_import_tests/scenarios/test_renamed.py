"""An import gets a new nickname: what was delivered under the old one counts on, and nothing comes twice."""

import os
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from clevertap_import.orchestration.dry_run import dry_run
from clevertap_import.orchestration.renamed import name_diagnostics
from clevertap_import.orchestration.resources import JOURNAL_VARIABLE, home
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.scenarios.people import TARGETS
from clevertap_import_tests.scenarios.test_retention import let_days_pass
from clevertap_import_tests.testing.workshop import Line, Workshop, by_midnight, days_ago

OLD, NEW = "signups", "registrations"
TODAY = datetime.combine(days_ago(0), time(), UTC)
DAY = timedelta(days=1)
WITHOUT_WINDOWS = {"updated_on": None, "start": None, "window": "hour"}
BOTH_KINDS = pytest.mark.parametrize("attributes", [{}, WITHOUT_WINDOWS], ids=["windows", "full"])
PEOPLE = [("p1", "Asha", TODAY - DAY), ("p2", "Zoë", TODAY)]


def renamed(workshop: Workshop, **attributes: object) -> None:
    """After a delivery under the old nickname: the file says the new one."""
    workshop.people(PEOPLE)
    file = workshop.write(OLD, target=TARGETS["events"], **attributes)
    assert run(workshop, OLD)["successful_syncs"] == len(PEOPLE)
    Path(file).unlink()


def run(workshop: Workshop, name: str = NEW, **options: object) -> Line:
    return workshop.run(name, **options)[-1]


def test_events_of_a_renamed_import_are_not_stored_again(workshop: Workshop) -> None:
    renamed(workshop)
    workshop.write(NEW, target=TARGETS["events"], renamed_from=OLD)
    workshop.add_people([("p3", "Ravi", datetime.now(UTC))])
    line = run(workshop)
    # Yesterday is done, and is not read; after a midnight that is also true of the window of p2.
    assert (line["total_records"], line["unchanged"]) in by_midnight((2, 1), (1, 0)), line["problem"]
    assert run(workshop, full=True)["unchanged"] == 3
    assert len(workshop.clevertap.events()) == 3
    # The line may be removed after a run has succeeded.
    workshop.write(NEW, target=TARGETS["events"])
    assert run(workshop, full=True)["unchanged"] == 3


def test_what_the_journal_has_forgotten_does_not_stop_a_renamed_import(workshop: Workshop) -> None:
    renamed(workshop, journal_retention_days=7)
    let_days_pass(8)
    workshop.write(NEW, target=TARGETS["events"], renamed_from=OLD)
    line = run(workshop)
    assert line["status"] == "Success", line["problem"]
    assert len(workshop.clevertap.events()) == 2


def passes_dry_run(workshop: Workshop) -> bool:
    imports = load_folder(workshop.folder)
    config, there = imports.called(NEW).config, imports.names
    found = dry_run(workshop.instance, config, rows=None, all_rows=True, notify=lambda _: None, imports=there)
    return found.passed


@BOTH_KINDS
def test_a_new_nickname_that_is_not_declared_is_refused_before_events_are_stored_again(
    workshop: Workshop, attributes: dict[str, object]
) -> None:
    renamed(workshop, **attributes)
    workshop.write(NEW, target=TARGETS["events"], **attributes)
    assert not passes_dry_run(workshop)
    refused = run(workshop, full=True)
    assert refused["status"] == "Failed"
    assert "renamed_from: signups" in refused["problem"]
    assert len(workshop.clevertap.events()) == 2
    assert run(workshop, full=True, force=True)["successful_syncs"] == 2
    assert run(workshop, full=True)["unchanged"] == 2


def test_full_events_of_a_renamed_import_are_not_stored_again(workshop: Workshop) -> None:
    renamed(workshop, **WITHOUT_WINDOWS)
    workshop.write(NEW, target=TARGETS["events"], renamed_from=OLD, **WITHOUT_WINDOWS)
    assert passes_dry_run(workshop)
    assert run(workshop)["unchanged"] == 2
    assert len(workshop.clevertap.events()) == 2


@pytest.mark.parametrize("kind", ["profiles", "events"])
def test_another_import_under_the_old_nickname_begins_anew(workshop: Workshop, kind: str) -> None:
    renamed(workshop)
    workshop.write(NEW, target=TARGETS["events"], renamed_from=OLD)
    assert run(workshop)["status"] == "Success"
    workshop.write(NEW, target=TARGETS["events"])
    workshop.write(OLD, target=OTHER_EVENT if kind == "events" else TARGETS["profiles"])
    line = run(workshop, OLD)
    # What Dagster knows of the nickname, windows that are done included, is of the other import.
    assert (line["status"], line["successful_syncs"]) == ("Success", len(PEOPLE)), line["problem"]
    assert run(workshop, full=True)["unchanged"] == len(PEOPLE)
    assert run(workshop, OLD, full=True)["unchanged"] == len(PEOPLE)


def test_two_imports_that_were_delivered_do_not_become_one(workshop: Workshop) -> None:
    renamed(workshop)
    other = {**TARGETS["events"], "event_name": {"constant": "Joined"}}
    workshop.write(NEW, target=other)
    assert run(workshop)["successful_syncs"] == 2
    workshop.write(NEW, target=TARGETS["events"], renamed_from=OLD)
    assert not passes_dry_run(workshop)
    assert "Both were delivered" in run(workshop, full=True)["problem"]
    assert "Both were delivered" in run(workshop, full=True, force=True)["problem"]
    assert len(workshop.clevertap.events()) == 4


def test_a_new_nickname_does_not_hide_that_the_journal_is_lost(workshop: Workshop) -> None:
    renamed(workshop)
    for file in (home() / "clevertap_import").glob("journal.db*"):
        file.unlink()
    workshop.write(NEW, target=TARGETS["events"], renamed_from=OLD)
    refused = run(workshop, full=True)
    assert "the journal knows nothing of it" in refused["problem"]
    assert len(workshop.clevertap.events()) == 2


@pytest.mark.parametrize("other", [OLD, "others"])
def test_an_import_takes_over_only_what_no_other_import_has(workshop: Workshop, other: str) -> None:
    heir = {} if other == OLD else {"renamed_from": OLD}
    workshop.write(other, target=TARGETS["events"], **heir)
    workshop.write(NEW, target=TARGETS["events"], renamed_from=OLD)
    drafts = {draft.nickname: str(draft.problems[0]) for draft in load_folder(workshop.folder).drafts}
    assert OLD in drafts[NEW].partition("renamed_from")[2]


OTHER_MAPPING = {**TARGETS["events"], "properties": [{"column": "NAME", "property": "Full Name"}]}
OTHER_EVENT = {**TARGETS["events"], "event_name": {"constant": "Joined"}}


def diagnostics(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """What `check` says of the new nickname by the journal: problems and notes."""
    workshop.enter_environment(monkeypatch)
    unusable: list[str] = []
    found = name_diagnostics(load_folder(workshop.folder), os.environ, unusable.append)
    assert not unusable
    return [each.message for each in found[NEW].problems], [each.message for each in found[NEW].notes]


@BOTH_KINDS
def test_a_rename_together_with_a_changed_mapping_is_asked_about_before_anything_is_sent(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, attributes: dict[str, object]
) -> None:
    renamed(workshop, **attributes)
    workshop.write(NEW, target=OTHER_MAPPING, **attributes)
    assert not passes_dry_run(workshop)
    (problem,), _ = diagnostics(workshop, monkeypatch)
    refused = run(workshop, full=True)["problem"]
    assert refused == problem
    assert "which is no import any more" in refused
    assert "renamed_from: signups" in refused
    assert len(workshop.clevertap.events()) == 2
    # It is another import, as a person says.
    assert run(workshop, full=True, force=True)["successful_syncs"] == 2
    assert diagnostics(workshop, monkeypatch) == ([], [])
    assert run(workshop, full=True)["unchanged"] == 2


@pytest.mark.parametrize("mapping", [TARGETS["events"], OTHER_MAPPING], ids=["same", "changed"])
def test_check_is_content_once_the_old_nickname_is_declared(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, mapping: dict[str, object]
) -> None:
    renamed(workshop)
    workshop.write(NEW, target=mapping)
    assert len(diagnostics(workshop, monkeypatch)[0]) == 1
    workshop.write(NEW, target=mapping, renamed_from=OLD)
    assert diagnostics(workshop, monkeypatch) == ([], [])


def test_check_says_that_both_nicknames_were_delivered(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed(workshop)
    workshop.write(NEW, target=OTHER_EVENT)
    assert run(workshop)["successful_syncs"] == 2
    workshop.write(NEW, target=OTHER_EVENT, renamed_from=OLD)
    (problem,), _ = diagnostics(workshop, monkeypatch)
    assert "Both were delivered" in problem


def test_nobody_is_asked_of_an_import_beside_one_that_is_there_or_of_other_events(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.people(PEOPLE)
    workshop.write(OLD, target=TARGETS["events"])
    assert run(workshop, OLD)["successful_syncs"] == 2
    workshop.write(NEW, target=OTHER_MAPPING)
    assert diagnostics(workshop, monkeypatch) == ([], [])
    (workshop.folder / OLD / "defs.yaml").unlink()
    workshop.write(NEW, target=OTHER_EVENT)
    assert diagnostics(workshop, monkeypatch) == ([], [])
    assert run(workshop)["successful_syncs"] == 2


def test_a_new_nickname_of_profiles_is_only_noted(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.people(PEOPLE)
    file = workshop.write(OLD)
    assert run(workshop, OLD)["successful_syncs"] == 2
    file.unlink()
    workshop.write(NEW, target=TARGETS["profiles"])
    problems, (note,) = diagnostics(workshop, monkeypatch)
    assert not problems
    assert "renamed_from: signups" in note
    assert run(workshop)["status"] == "Success"
    assert diagnostics(workshop, monkeypatch) == ([], [])


def test_check_makes_no_journal_and_goes_on_without_one(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.write(NEW, target=TARGETS["events"])
    imports, unusable = load_folder(workshop.folder), list[str]()
    assert name_diagnostics(imports, workshop.environment, unusable.append) == {}
    assert not (home() / "clevertap_import").exists()
    monkeypatch.setenv(JOURNAL_VARIABLE, "postgresql+psycopg://nobody@127.0.0.1:1/none")
    assert name_diagnostics(imports, workshop.environment, unusable.append) == {}
    assert "Whether imports have new nicknames is not known." in unusable[0]
