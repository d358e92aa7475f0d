"""Copies of the journal that lack what was sent: made before a run that was killed, or during a delivery."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from clevertap_import.cli.main import main
from clevertap_import_tests.scenarios.people import TARGETS, YESTERDAY, fill
from clevertap_import_tests.scenarios.test_faults import report_of_run
from clevertap_import_tests.scenarios.test_postgresql_trouble import meanwhile
from clevertap_import_tests.testing.journal_rows import JournalCopy, copied_journal
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import Workshop, start_command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*fetch_planned_materializations.*:DeprecationWarning"),
]

NAME = "signups"
ROWS = 12_000
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SECONDS = 120
"""No measure: so long a machine that is busy with others may take."""
ONE_BATCH_SECONDS = 1.5
LATENCY = {"service_seconds": 0.2, "service_jitter_seconds": 0.1}


@pytest.fixture
def workshop(commands_workshop: Workshop) -> Workshop:
    commands_workshop.write(NAME, target=TARGETS["events"])
    return commands_workshop


only_sqlite = pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)


def run(workshop: Workshop, **options: object) -> dict[str, Any]:
    (line,) = workshop.run(NAME, **options)
    return report_of_run(workshop, NAME, line)


def command(*words: str) -> str:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    return result.output


def killed_run(workshop: Workshop, act: Callable[[], object] = lambda: None) -> None:
    """A run of its own process that is killed when CleverTap has taken of it; before that, `act`."""
    before = len(workshop.clevertap.events())
    # One batch after the other, so that some are left when `act` has ended.
    workshop.clevertap.knobs(service_seconds=ONE_BATCH_SECONDS)
    one_at_a_time = {f"{workshop.name.upper()}_MAX_IN_FLIGHT": "1"}
    with start_command(workshop, "run", NAME, **one_at_a_time) as process:
        try:
            wait_for("a first upload", lambda: len(workshop.clevertap.events()) > before, SECONDS)
            act()
            taken = len(workshop.clevertap.events())
            wait_for("more uploads", lambda: len(workshop.clevertap.events()) > taken, SECONDS)
        finally:
            process.kill()
    wait_for("CleverTap's rest", lambda: not workshop.clevertap.traffic()["in_flight"], SECONDS)
    workshop.clevertap.knobs(service_seconds=0.0, service_jitter_seconds=0.0)


def assert_refused(workshop: Workshop, words: str) -> None:
    """Nothing is sent, neither by this run nor by a second one."""
    stored = len(workshop.clevertap.events())
    for _ in range(2):
        refused = run(workshop)
        assert refused["status"] == "Failed"
        assert words in refused["problem"]
    assert len(workshop.clevertap.events()) == stored


def accepted_and_sent(workshop: Workshop) -> None:
    """A person goes on, and knows that events may come twice; then the import is as ever."""
    assert "counts as complete" in command("journal", "accept", NAME)
    assert run(workshop)["status"] == "Success"
    assert len({event["identity"] for event in workshop.clevertap.events()}) == ROWS
    assert "is complete" in command("journal", "accept", NAME)
    assert run(workshop)["status"] == "Success"


@pytest.mark.parametrize("is_first", [True, False], ids=["its first run", "a later run"])
def test_a_copy_from_before_a_run_that_was_killed_is_reported_before_events_are_stored_again(
    workshop: Workshop, is_first: bool
) -> None:
    if not is_first:
        first = YESTERDAY - DAY
        workshop.people([("p0", "Asha", first)])
        assert run(workshop, start=first, end=first + HOUR)["status"] == "Success"
    copy = copied_journal()
    fill(workshop, ROWS)
    killed_run(workshop)
    copy.put_back()
    assert_refused(workshop, "the journal knows ")
    accepted_and_sent(workshop)


def test_a_copy_that_was_made_during_a_delivery_is_reported_once_that_has_ended(workshop: Workshop) -> None:
    # More than a run enters at its start.
    fill(workshop, 30_000)
    workshop.clevertap.knobs(**LATENCY)
    copies: list[JournalCopy] = []
    with meanwhile(workshop, (4, lambda: copies.append(copied_journal()))):
        assert run(workshop)["status"] == "Success"
    assert copies[0].batches < copied_journal().batches
    copies[0].put_back()
    assert_refused(workshop, "the journal does not have all of it")


@only_sqlite
def test_a_copy_that_was_made_during_a_delivery_is_reported_also_if_that_was_killed(
    workshop: Workshop, tmp_path: Path
) -> None:
    fill(workshop, ROWS)
    copy = tmp_path / "copy.db"
    killed_run(workshop, lambda: command("journal", "backup", str(copy)))
    command("journal", "restore", str(copy))
    assert_refused(workshop, "one that was made during a delivery")
    accepted_and_sent(workshop)


def older_copy_of_a_window_that_is_not_done(workshop: Workshop) -> None:
    """A run sent yesterday's events and failed; a copy of the journal from before is put back."""
    workshop.write(NAME, target=TARGETS["events"], uncertain_events="hold")
    first = YESTERDAY - DAY
    workshop.people([("first", "Asha", first)])
    assert run(workshop, start=first, end=first + HOUR)["status"] == "Success"
    copy = copied_journal()
    fill(workshop, 1000)
    workshop.add_people([("first", "Asha", first)])
    workshop.clevertap.faults([{"kind": "status", "status": 500, "applied": True, "dry_run": False}])
    assert run(workshop, start=YESTERDAY)["status"] == "Failed"
    assert len(workshop.clevertap.events()) == 1001
    copy.put_back()


def test_forcing_other_windows_does_not_make_an_older_copy_the_right_one(workshop: Workshop) -> None:
    older_copy_of_a_window_that_is_not_done(workshop)
    forced = run(workshop, start=YESTERDAY - DAY, force=True)
    assert (forced["status"], forced["accepted"]) == ("Success", 1), forced["problem"]
    assert_refused(workshop, "may lack what was sent up to delivery 2")
    forced = run(workshop, start=YESTERDAY, force=True)
    assert (forced["status"], forced["accepted"]) == ("Success", 1000), forced["problem"]
    # Today is not done either, and was not forced.
    assert_refused(workshop, "may lack what was sent up to delivery 2")


def test_forcing_all_windows_that_are_not_done_makes_an_older_copy_the_right_one(workshop: Workshop) -> None:
    older_copy_of_a_window_that_is_not_done(workshop)
    forced = run(workshop, start=YESTERDAY, end=datetime.now(UTC), force=True)
    assert (forced["status"], forced["accepted"]) == ("Success", 1000), forced["problem"]
    assert run(workshop)["status"] == "Success"


def test_a_forced_run_that_breaks_off_sends_the_rest_in_the_next_though_the_copy_is_older(
    workshop: Workshop,
) -> None:
    older_copy_of_a_window_that_is_not_done(workshop)
    workshop.clevertap.faults([{"kind": "passcode_rotated", "dry_run": False}])
    assert run(workshop, start=YESTERDAY, end=datetime.now(UTC), force=True)["status"] == "Failed"
    workshop.clevertap.end_faults()
    line = run(workshop)
    assert (line["status"], line["accepted"]) == ("Success", 1000), line["problem"]
