"""Which windows are run again because of their rejected rows: those that the newest finished run left so."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from clevertap_import.io.import_files import load_folder
from clevertap_import.orchestration.launch import Wish
from clevertap_import.orchestration.resources import home
from clevertap_import.orchestration.retrying import retry_wishes
from clevertap_import_tests.workshop import Workshop, days_ago, profiles_target

TODAY = datetime.combine(days_ago(0), time(), UTC)
DAY = timedelta(days=1)
YESTERDAY = TODAY - DAY


def wishes(workshop: Workshop, nickname: str) -> list[Wish]:
    config = load_folder(workshop.folder).called(nickname).config
    return retry_wishes(workshop.instance, config, home())


def written(workshop: Workshop, nickname: str, **attributes: object) -> Path:
    lenient = {"max_rejected_percent": 100}
    return workshop.write(nickname, target=profiles_target(Email="NAME"), dry_run=lenient, **attributes)


def malformed(identity: str, at: datetime) -> tuple[str, str, datetime]:
    return (identity, "no address", at)


def test_windows_that_follow_each_other_are_one_run_and_others_are_left_alone(workshop: Workshop) -> None:
    written(workshop, "ranges", start=days_ago(4))
    days = [TODAY - number * DAY for number in (4, 3, 1)]
    workshop.people([malformed(f"m{at:%d}", at) for at in days])
    assert wishes(workshop, "ranges") == []
    workshop.run("ranges")
    first, second, third = days
    assert wishes(workshop, "ranges") == [Wish(start=first, end=second + DAY), Wish(start=third, end=TODAY)]


def test_a_later_run_that_read_the_window_by_its_lookback_counts(workshop: Workshop) -> None:
    written(workshop, "looking", updated_on={"column": "UPDATED_AT", "lookback": "3 days"})
    workshop.people([malformed("m", YESTERDAY)])
    workshop.run("looking")
    assert wishes(workshop, "looking") == [Wish(start=YESTERDAY, end=TODAY)]
    workshop.sql("update T set NAME = 'mended@example.com'")
    workshop.run("looking")
    assert wishes(workshop, "looking") == []


def test_a_later_run_that_does_not_look_back_so_far_does_not_count(workshop: Workshop) -> None:
    written(workshop, "near")
    workshop.people([malformed("m", YESTERDAY)])
    workshop.run("near")
    workshop.sql("update T set NAME = 'mended@example.com'")
    workshop.run("near")
    assert wishes(workshop, "near") == [Wish(start=YESTERDAY, end=TODAY)]


@pytest.mark.parametrize("how", ["limit", "failed"])
def test_a_run_that_finished_no_window_does_not_count(workshop: Workshop, how: str) -> None:
    written(workshop, how)
    workshop.people([malformed("m", YESTERDAY), ("a", "a@example.com", YESTERDAY)])
    if how == "limit":
        workshop.run(how, limit=10)
    else:
        workshop.clevertap.faults([{"kind": "status", "status": 401, "times": None}])
        assert workshop.run(how)[0]["status"] == "Failed"
    assert wishes(workshop, how) == []
