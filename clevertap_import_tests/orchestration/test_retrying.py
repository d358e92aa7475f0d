"""Which windows are run again because of their rejected rows: those in which some are open."""

import shutil
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from clevertap_import.journal import open_rejects
from clevertap_import.orchestration.resources import home
from clevertap_import.orchestration.retry_rejected import retried, retry_ranges
from clevertap_import.orchestration.runs import RunRange
from clevertap_import.project.folder import load_folder
from clevertap_import.staging.rejected_rows import rejects_folder
from clevertap_import_tests.testing.workshop import Line, Workshop, days_ago, profiles_target

TODAY = datetime.combine(days_ago(0), time(), UTC)
DAY = timedelta(days=1)
YESTERDAY = TODAY - DAY


def retry_ranges_of(workshop: Workshop, nickname: str) -> list[RunRange]:
    config = load_folder(workshop.folder).called(nickname).config
    return retry_ranges(config, datetime.now(UTC))


def written(workshop: Workshop, nickname: str, **attributes: object) -> Path:
    lenient = {"max_rejected_percent": 100}
    return workshop.write(nickname, target=profiles_target(Email="NAME"), dry_run=lenient, **attributes)


def malformed(identity: str, at: datetime) -> tuple[str, str, datetime]:
    return (identity, "no address", at)


def test_windows_that_follow_each_other_are_one_run_and_others_are_left_alone(workshop: Workshop) -> None:
    written(workshop, "ranges", start=days_ago(4))
    days = [TODAY - number * DAY for number in (4, 3, 1)]
    workshop.people([malformed(f"m{at:%d}", at) for at in days])
    assert retry_ranges_of(workshop, "ranges") == []
    workshop.run("ranges")
    first, second, third = days
    assert retry_ranges_of(workshop, "ranges") == [
        RunRange(start=first, end=second + DAY),
        RunRange(start=third, end=TODAY),
    ]


def test_a_later_run_that_read_the_window_by_its_lookback_counts(workshop: Workshop) -> None:
    written(workshop, "looking", updated_on={"column": "UPDATED_AT", "lookback": "3 days"})
    workshop.people([malformed("m", YESTERDAY)])
    workshop.run("looking")
    assert retry_ranges_of(workshop, "looking") == [RunRange(start=YESTERDAY, end=TODAY)]
    workshop.sql("update T set NAME = 'correct@example.com'")
    workshop.run("looking")
    assert retry_ranges_of(workshop, "looking") == []


def test_a_later_run_that_does_not_look_back_so_far_does_not_count(workshop: Workshop) -> None:
    written(workshop, "near")
    workshop.people([malformed("m", YESTERDAY)])
    workshop.run("near")
    workshop.sql("update T set NAME = 'correct@example.com'")
    workshop.run("near")
    assert retry_ranges_of(workshop, "near") == [RunRange(start=YESTERDAY, end=TODAY)]


def test_another_machine_can_retry_when_the_files_and_the_run_were_removed(workshop: Workshop) -> None:
    written(workshop, "removed")
    workshop.people([malformed("m", YESTERDAY)])
    (line,) = workshop.run("removed")
    workshop.instance.delete_run(line["run_id"])
    shutil.rmtree(rejects_folder(home(), "removed"))
    assert retry_ranges_of(workshop, "removed") == [RunRange(start=YESTERDAY, end=TODAY)]
    workshop.sql("update T set NAME = 'correct@example.com'")
    assert [line["successful_syncs"] for line in retry(workshop, "removed")] == [1]
    assert retry_ranges_of(workshop, "removed") == []


def test_rows_beyond_the_limit_are_retried_in_their_windows(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_rejects, "MOST_OPEN", 1)
    written(workshop, "beyond", start=days_ago(4))
    workshop.people([malformed(f"m{number}", TODAY - number * DAY) for number in (4, 4, 2)])
    workshop.run("beyond")
    days = [TODAY - number * DAY for number in (4, 2)]
    assert retry_ranges_of(workshop, "beyond") == [RunRange(start=day, end=day + DAY) for day in days]


def test_a_row_before_the_first_window_is_retried_in_it(workshop: Workshop) -> None:
    written(workshop, "older", start=days_ago(2))
    workshop.people([malformed("m", TODAY - 50 * DAY), malformed("n", TODAY)])
    workshop.run("older")
    first = TODAY - 2 * DAY
    assert retry_ranges_of(workshop, "older") == [
        RunRange(start=first, end=first + DAY),
        RunRange(start=TODAY, end=TODAY + DAY),
    ]


def test_the_rows_of_a_full_import_are_retried_by_one_run(workshop: Workshop) -> None:
    written(workshop, "full", updated_on=None)
    workshop.people([malformed("m", YESTERDAY)])
    workshop.run("full")
    assert retry_ranges_of(workshop, "full") == [RunRange()]
    workshop.sql("update T set NAME = 'correct@example.com'")
    workshop.run("full")
    assert retry_ranges_of(workshop, "full") == []


def test_a_run_that_failed_leaves_its_windows_to_the_next_run(workshop: Workshop) -> None:
    written(workshop, "failed")
    workshop.people([malformed("m", YESTERDAY), ("a", "a@example.com", YESTERDAY)])
    workshop.clevertap.faults([{"kind": "status", "status": 401, "times": None}])
    assert workshop.run("failed")[0]["status"] == "Failed"
    assert retry_ranges_of(workshop, "failed") == []


def test_rows_that_a_run_of_a_few_rows_rejected_are_retried(workshop: Workshop) -> None:
    written(workshop, "few")
    workshop.people([malformed("m", YESTERDAY), ("a", "a@example.com", YESTERDAY)])
    workshop.run("few", limit=10)
    assert retry_ranges_of(workshop, "few") == [RunRange(start=YESTERDAY, end=TODAY)]


def retry(workshop: Workshop, nickname: str) -> list[Line]:
    config = load_folder(workshop.folder).called(nickname).config
    return list(retried(workshop.instance, workshop.definitions(), config))


def test_a_window_in_which_most_rows_are_wrong_is_retried_all_the_same(workshop: Workshop) -> None:
    """Two of forty rows are within the five percent of the first run; one of the two of a window is not."""
    workshop.write("dense", target=profiles_target(Email="NAME"))
    workshop.people([(f"p{number}", f"p{number}@example.com", TODAY - 2 * DAY) for number in range(38)])
    workshop.add_people([malformed("m", YESTERDAY), malformed("n", YESTERDAY)])
    (line,) = workshop.run("dense")
    assert (line["status"], line["invalid"]) == ("Success", 2)
    workshop.sql("update T set NAME = 'correct@example.com' where ID = 'm'")
    (line,) = retry(workshop, "dense")
    assert (line["status"], line["successful_syncs"], line["invalid"]) == ("Success", 1, 1), line["problem"]


def test_what_only_clevertap_refuses_is_retried_all_the_same(workshop: Workshop) -> None:
    """Its own dry run gets nothing but what it has refused before."""
    workshop.write("refused")
    workshop.people([(f"p{number}", "Asha", YESTERDAY) for number in range(40)])
    workshop.clevertap.faults([{"kind": "reject", "identities": ["p1", "p2"], "code": 513}])
    (line,) = workshop.run("refused")
    assert (line["status"], line["rejected"]) == ("Success", 2), line["problem"]
    workshop.clevertap.end_faults()
    workshop.clevertap.faults([{"kind": "reject", "identities": ["p2"], "code": 513}])
    (line,) = retry(workshop, "refused")
    assert line["status"] == "Success", line["problem"]
    assert (line["unchanged"], line["successful_syncs"], line["rejected"]) == (38, 39, 1)
