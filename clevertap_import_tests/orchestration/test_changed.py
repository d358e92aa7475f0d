"""An import that is changed after its windows were done: the note about it, and what a full run does."""

import sys
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from clevertap_import.cli.main import main
from clevertap_import.journal.done_spans import DoneSpan
from clevertap_import.journal.done_windows import enter_done_spans
from clevertap_import.journal.tables import DONE_WINDOWS
from clevertap_import.mapping.definition_digest import VERSION
from clevertap_import.orchestration.changed_definitions import changed_counts, windows_of
from clevertap_import.orchestration.dry_run import dry_run
from clevertap_import.orchestration.listing import Filters, listing
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.testing.builders import profiles_import
from clevertap_import_tests.testing.cost import calls_of
from clevertap_import_tests.testing.workshop import (
    Workshop,
    by_midnight,
    command,
    days_ago,
    days_of_today,
    profiles_target,
)

pytestmark = [
    # What the listing knows of runs it asks of a part of Dagster that will be gone with 2.0.
    pytest.mark.filterwarnings("ignore:.*fetch_planned_materializations.*:DeprecationWarning"),
]

CALLS_OF_AN_IMPORT = 300
TODAY = datetime.combine(days_ago(0), clock())
FIRST_WINDOW = datetime.combine(days_ago(2), clock(), UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PEOPLE = [("a", "Asha", TODAY - 40 * HOUR), ("b", "Zoë", TODAY - 2 * HOUR), ("c", "Ravi", TODAY)]
"""One in each of the three windows. The last window is in progress, or ends by a midnight during a test."""

NAMES = profiles_target(Name="NAME")
MORE = profiles_target(Name="NAME", Nick="NAME")
EVENTS: dict[str, Any] = {
    "kind": "events",
    "identity": {"column": "ID"},
    "event_name": {"constant": "Signed Up"},
    "properties": [],
}
NOTE = "The import was changed since 2 windows were done: clevertap-import run people --full reads them again"


def written(workshop: Workshop, **attributes: object) -> None:
    workshop.write("people", **{"target": NAMES} | attributes)


def changed(workshop: Workshop) -> int:
    with open_journal() as journal:
        imports = load_folder(workshop.folder)
        return changed_counts(journal.engine, [each.config for each in imports.loaded])["people"]


def listed(workshop: Workshop) -> dict[str, Any]:
    with open_journal() as journal:
        imports = load_folder(workshop.folder)
        counts = changed_counts(journal.engine, [each.config for each in imports.loaded])
    (line,) = listing(workshop.instance, imports, workshop.folder, Filters(), counts)
    return line


@pytest.fixture
def done(workshop: Workshop) -> Workshop:
    """All windows are done, but for the last one."""
    with open_journal() as journal, journal.engine.begin() as connection:
        connection.execute(sa.delete(DONE_WINDOWS))
    instance = workshop.instance
    instance.wipe_assets([dg.AssetKey(["clevertap", "people"])])
    written(workshop)
    workshop.people(PEOPLE)
    (line,) = workshop.run("people", start=FIRST_WINDOW, end=TODAY.replace(tzinfo=UTC))
    assert (line["successful_syncs"], line["changed_windows"]) == (2, 0)
    return workshop


def test_an_added_property_is_reported_until_a_full_run_has_sent_it(done: Workshop) -> None:
    written(done, target=MORE)
    assert changed(done) == 2
    assert listed(done)["notes"] == [f"{NOTE}, and sends the profiles that are different now."]
    # A run by schedule takes the last window, and says that others are left.
    (line,) = done.run("people")
    assert (line["status"], line["successful_syncs"], line["changed_windows"]) == ("Success", 1, 2)
    nicks = {key: found["properties"].get("Nick") for key, found in done.clevertap.profiles().items()}
    assert nicks == {"a": None, "b": None, "c": "Ravi"}
    (line,) = done.run("people", full=True)
    assert (line["unchanged"], line["successful_syncs"], line["changed_windows"]) == (1, 3, 0)
    assert {found["properties"]["Nick"] for found in done.clevertap.profiles().values()} == {
        "Asha",
        "Zoë",
        "Ravi",
    }
    assert listed(done)["notes"] == []


def test_what_changes_no_record_is_not_reported(done: Workshop) -> None:
    written(done, title="People", schedule={"kind": "every", "every": "1 day"}, show_values=True)
    assert changed(done) == 0
    source = {"kind": "sql", "sql": "-- everybody\nselect *\nfrom t"}
    written(done, source=source)
    assert changed(done) == 0


def test_what_a_file_of_sql_says_is_part_of_the_import(done: Workshop) -> None:
    query = done.folder / "people" / "query.sql"
    query.write_text("select * from T")
    written(done, source={"kind": "sql", "sql_file": "query.sql"})
    assert changed(done) == 0
    query.write_text("select * from T where NAME is not null")
    assert changed(done) == 2


def test_a_change_that_is_taken_back_is_none(done: Workshop) -> None:
    written(done, target=MORE)
    done.run("people")
    written(done)
    # A run after a midnight has finished a window in the form that was taken back.
    assert changed(done) in by_midnight(0, 1)


def test_a_window_that_is_done_again_or_read_by_the_lookback_is_as_the_import_says(done: Workshop) -> None:
    written(done, target=MORE)
    (line,) = done.run("people", start=FIRST_WINDOW)
    assert line["changed_windows"] == 1
    written(done, target=MORE, updated_on={"column": "UPDATED_AT", "lookback": "1 hour"})
    (line,) = done.run("people")
    assert (line["successful_syncs"], line["changed_windows"]) == (2, 0)


@pytest.mark.parametrize("how", ["limit", "failed"])
def test_a_run_that_finished_no_window_renews_none(done: Workshop, how: str) -> None:
    written(done, target=MORE)
    if how == "limit":
        done.run("people", full=True, limit=10)
    else:
        done.clevertap.faults([{"kind": "status", "status": 401, "times": None}])
        assert done.run("people", full=True)[0]["status"] == "Failed"
        done.clevertap.faults([])
    assert changed(done) == 2


def test_windows_that_were_done_before_anything_was_remembered_are_not_called_changed(done: Workshop) -> None:
    with open_journal() as journal, journal.engine.begin() as connection:
        connection.execute(sa.delete(DONE_WINDOWS))
    written(done, target=MORE)
    assert changed(done) == 0


def test_windows_of_another_length_are_not_done_and_so_not_changed(done: Workshop) -> None:
    written(done, target=MORE, window="hour")
    assert changed(done) == 0


def test_a_dry_run_says_so_and_warns_of_events_that_would_be_stored_again(done: Workshop) -> None:
    written(done, target=EVENTS)
    config = load_folder(done.folder).called("people").config
    result = dry_run(done.instance, config, rows=None, all_rows=False, notify=lambda words: None)
    message = (
        f"{NOTE}. CleverTap cannot change an event: events that are different now are stored in addition to"
        " the old ones."
    )
    assert result.document["notes"] == [message]
    impact = next(check for check in result.checks if check["name"] == "impact")
    assert (impact["passed"], message in impact["description"]) == (True, True)


def test_a_run_on_the_command_line_says_what_it_left_and_what_was_empty(done: Workshop) -> None:
    written(done, target=MORE)
    nobody = {"kind": "sql", "sql": "select * from T where ID = 'nobody'"}
    done.write("empty", source=nobody, updated_on=None, start=None)
    done.write("quiet", source=nobody)
    said = command(done, "run", "people", "empty", "quiet")
    assert said.returncode == 0, said.stderr
    # Before these it says what it begins.
    *others, quiet = said.stderr.splitlines()[-3:]
    assert others == [
        f"people: {NOTE}, and sends the profiles that are different now.",
        "empty: The query returned no row, so nothing was sent.",
    ]
    assert quiet in [
        f"quiet: The query has no row with UPDATED_AT until {day + DAY} 00:00 UTC, so nothing was sent."
        for day in days_of_today()
    ]


def test_a_dry_run_of_no_row_says_so(done: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    done.write("nobody", source={"kind": "sql", "sql": "select * from T where ID = 'nobody'"})
    monkeypatch.setenv("CLEVERTAP_IMPORT_DEFS", str(done.folder))
    said = CliRunner().invoke(main, ["dry-run", "nobody"])
    assert said.exit_code == 0, said.output
    assert "query: The query compiles and returns what the import needs. It returned no row." in said.stdout
    assert said.stdout.endswith("0 rows checked; the query returns no row, so there is nothing to send.\n")


def test_three_hundred_imports_with_a_year_of_hours_are_counted_at_once(done: Workshop) -> None:
    configs = [
        profiles_import(nickname=f"many_{number}", updated_on={"column": "U"}, start="2026-01-01")
        for number in range(300)
    ]
    first = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    with open_journal() as journal:
        for config in configs:
            spans = [DoneSpan(first, first + 8760 * 3600, f"{VERSION}before")]
            with journal.engine.begin() as connection:
                enter_done_spans(connection, config.nickname, windows_of(config), spans)
        counts: dict[str, int] = {}
        calls = calls_of(lambda: counts.update(changed_counts(journal.engine, configs)))
    sys.stdout.write(f"{calls / len(configs):,.0f} calls for an import\n")
    assert calls < CALLS_OF_AN_IMPORT * len(configs)
    assert set(counts.values()) == {8760}
