"""The command `settle` as a process: it shows what has no answer, and enters what a person found out."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from clevertap_import.io.database import default_url
from clevertap_import.io.journal import Journal
from clevertap_import_tests.builders import events
from clevertap_import_tests.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.workshop import Line, Workshop, command, days_ago, open_workshop

DAY = 24 * 3600
KEYS = {"run_id", "batch_number", "records", "sent_at", "window_start", "window_end"}
FIRST = int(datetime.fromisoformat(f"{days_ago(1)}T00:00+00:00").timestamp())


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> Iterator[Workshop]:
    """An import of which two runs lost answers: one for two batches, one for a part of a batch."""
    with open_workshop(tmp_path_factory.mktemp("settle"), local_snowflake, fake_clevertap_process) as shop:
        shop.write("signups", uncertain_events="hold")
        with open_journal(shop) as journal:
            for number in (3, 4):
                journal.begin("signups", "aaa-1", events(f"p{number}", window=FIRST, number=number))
            partly = events("q0", "q1", "q2", window=FIRST, number=3)
            journal.settle(journal.begin("signups", "bbb-2", partly), partly, [0], [1, 2])
        yield shop


def open_journal(workshop: Workshop) -> Journal:
    return Journal(default_url(Path(workshop.instance.root_directory)))


def settle(workshop: Workshop, *options: str) -> tuple[list[Line], str]:
    done = command(workshop, "settle", "signups", "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_settle_shows_then_enters_what_was_found_out(workshop: Workshop) -> None:
    lines, words = settle(workshop)
    assert [(line["run_id"], line["batch_number"], line["records"]) for line in lines] == [
        ("aaa-1", 3, 1),
        ("aaa-1", 4, 1),
        ("bbb-2", 3, 2),
    ]
    assert words == ""
    assert lines[0].keys() == KEYS
    assert (lines[0]["window_start"], lines[0]["window_end"]) == (
        f"{days_ago(1)}T00:00:00+00:00",
        f"{days_ago(0)}T00:00:00+00:00",
    )
    table = command(workshop, "settle", "signups", "--run", "bbb").stdout
    assert "bbb-2" in table
    assert "aaa-1" not in table
    settled, words = settle(workshop, "--run", "aaa", "--batch", "4", "--as", "delivered")
    assert [(line["run_id"], line["batch_number"]) for line in settled] == [("aaa-1", 4)]
    assert words == "1 records of 'signups' count as delivered now.\n"
    settled, words = settle(workshop, "--run", "bbb", "--as", "lost")
    assert words == "2 records of 'signups' count as lost now.\n"
    with open_journal(workshop) as journal:
        assert [(held.run_id, held.batch_number) for held in journal.held("signups")] == [("aaa-1", 3)]
        past = journal.past("signups", FIRST, FIRST, is_events=True)
        assert past.is_news(events("p3", "p4", "q0", "q1").rows).tolist() == [True, False, False, True]


def test_settle_says_so_if_there_is_nothing(workshop: Workshop) -> None:
    lines, words = settle(workshop, "--run", "zzz")
    assert (lines, words) == ([], "'signups' has nothing to settle.\n")


def test_an_import_that_is_not_there_is_told(workshop: Workshop) -> None:
    done = command(workshop, "settle", "signup")
    assert done.returncode == 2
    assert "signups" in done.stderr
