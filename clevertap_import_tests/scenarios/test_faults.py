"""Everything that goes wrong on the way to CleverTap, a file each: nothing is lost, and all is counted."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.run_history import observed_values
from clevertap_import.orchestration.unanswered import settle_batches, unanswered_batches
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.scenarios.fault import FOLDER, Holds, Run, read
from clevertap_import_tests.scenarios.people import TARGETS, YESTERDAY, fill
from clevertap_import_tests.testing.virtual_time import VirtualTime, with_virtual_time
from clevertap_import_tests.testing.workshop import Line, Workshop

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
FILES = sorted(FOLDER.glob("*.yaml"))


def change(workshop: Workshop, statements: tuple[str, ...]) -> None:
    now = datetime.now(UTC) - timedelta(seconds=1)
    moments = {"yesterday": f"'{YESTERDAY:%Y-%m-%d %H:%M:%S}'", "today": f"'{now:%Y-%m-%d %H:%M:%S}'"}
    if statements:
        workshop.sql(*(statement.format(**moments) for statement in statements))


def settle(workshop: Workshop, nickname: str, found: str) -> None:
    config = load_folder(workshop.folder).called(nickname).config
    settle_batches(config, unanswered_batches(config, "", None), arrived=found == "delivered")


def report_of_run(workshop: Workshop, nickname: str, line: Line) -> dict[str, Any]:
    """The columns of stats, and what only the run's own page shows."""
    records = workshop.instance.fetch_observations(asset_key(nickname), limit=10).records
    (observed,) = [record for record in records if record.run_id == line["run_id"]]
    return {**observed_values(observed), **line}


def carried_out(workshop: Workshop, waits: VirtualTime, nickname: str, run: Run) -> dict[str, Any]:
    """The report of one run, everything before and around it done."""
    change(workshop, run.sql)
    if run.settle:
        settle(workshop, nickname, run.settle)
    workshop.clevertap.knobs(**run.knobs)
    workshop.clevertap.end_faults()
    workshop.clevertap.faults([{"dry_run": False, **fault} for fault in run.faults])
    waits.seconds = 0
    waits.at_first_wait = [lambda: change(workshop, run.while_waiting)]
    (line,) = workshop.run(nickname, **run.options)
    return report_of_run(workshop, nickname, line)


def stored_by_clevertap(workshop: Workshop, names: dict[str, str]) -> Holds:
    found = workshop.clevertap.profiles()
    counters = workshop.clevertap.counters()
    return Holds(
        events=len(workshop.clevertap.events()),
        duplicates=counters["duplicate_events"],
        profiles=sum("Name" in profile["properties"] for profile in found.values()),
        names={identity: found[identity]["properties"]["Name"] for identity in names},
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_fault_loses_nothing_and_its_runs_say_what_became_of_each_record(
    workshop: Workshop, file: Path
) -> None:
    scenario, nickname = read(file), file.stem
    waits = with_virtual_time(workshop, scenario.request_seconds)
    fill(workshop, scenario.rows)
    workshop.write(nickname, target=TARGETS[scenario.sends], **scenario.attributes)
    for run in scenario.runs:
        report = carried_out(workshop, waits, nickname, run)
        expected = {"status": run.status, **run.report}
        assert {key: report[key] for key in expected} == expected, report["problem"]
        assert (run.problem or "") in (report["problem"] or ""), report["problem"]
        assert (report["problem"] is None) == (run.problem is None)
        assert run.waited_seconds[0] <= waits.seconds <= run.waited_seconds[1]
        if report["status"] == "Success":
            assert report["total_records"] == (
                report["successful_syncs"] + report["failed_syncs"] + report["superseded"]
            )
    assert stored_by_clevertap(workshop, scenario.clevertap.names) == scenario.clevertap


def test_the_documentation_names_each_file_and_no_other() -> None:
    named = re.findall(r"\| `(\w+)` \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == [file.stem for file in FILES]


def test_each_file_begins_with_its_sentence() -> None:
    assert len(FILES) > 20
    for file in FILES:
        first = file.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith("# ")
        assert first.endswith(".")
