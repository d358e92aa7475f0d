"""The command `settle` as a process: it shows what has no answer, and enters what a person found out."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clevertap_import.cli.main import main
from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.tables import default_url
from clevertap_import_tests.testing.builders import events
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.virtual_time import with_virtual_time
from clevertap_import_tests.testing.workshop import (
    Line,
    Workshop,
    command,
    days_ago,
    open_workshop,
    process_environment,
    profiles_target,
)

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
        for name in ("signups", "clean", "later"):
            shop.write(name, uncertain_events="hold")
        with open_journal(shop) as journal:
            for number in (3, 4):
                journal.begin("signups", "aaa-1", events(f"p{number}", window=FIRST, number=number))
            partly = events("q0", "q1", "q2", window=FIRST, number=3)
            journal.record_answer(journal.begin("signups", "bbb-2", partly), partly, [0], [1, 2])
        yield shop


def open_journal(workshop: Workshop) -> Journal:
    return Journal(default_url(Path(workshop.instance.root_directory)))


def settle(workshop: Workshop, *options: str) -> tuple[list[Line], str]:
    done = command(workshop, "settle", "signups", "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def here(workshop: Workshop, monkeypatch: pytest.MonkeyPatch, *options: str, name: str = "signups") -> Result:
    """`settle` in this process."""
    for key, value in process_environment(workshop).items():
        monkeypatch.setenv(key, value)
    return CliRunner().invoke(main, ["settle", name, *options])


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
        assert [(batch.run_id, batch.batch_number) for batch in journal.unanswered("signups")] == [
            ("aaa-1", 3)
        ]
        delivered = journal.delivered_before(WindowRange("signups", FIRST, FIRST), is_events=True)
        assert delivered.is_new(events("p3", "p4", "q0", "q1").rows).tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--run", "zzz"], "of a run 'zzz'"),
        (["--batch", "9", "--as", "lost"], "number 9"),
        (["--run", "aaa", "--batch", "9", "--as", "delivered"], "of a run 'aaa' number 9"),
    ],
)
def test_batches_that_are_not_there_are_an_error(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, options: list[str], what: str
) -> None:
    done = here(workshop, monkeypatch, *options)
    assert done.exit_code == 2
    assert f"'signups' has no batch without an answer {what}. There are: run aaa-1, batch 3" in done.stderr


def test_nothing_to_settle_is_reported(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    for options in ([], ["--as", "lost"]):
        done = here(workshop, monkeypatch, *options, name="clean")
        assert (done.exit_code, done.stderr) == (0, "'clean' has nothing to settle.\n")


def test_what_came_after_the_person_looked_is_left_open(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(run: str) -> None:
        with open_journal(workshop) as journal:
            journal.begin("later", run, events("p0", window=FIRST))

    begin("ccc-1")
    unseen = here(workshop, monkeypatch, "--as", "delivered", name="later")
    assert unseen.exit_code == 2
    assert "Look at them first (clevertap-import settle later), or name a run with --run." in unseen.stderr
    assert "ccc-1" in here(workshop, monkeypatch, name="later").stdout
    begin("ddd-2")
    done = here(workshop, monkeypatch, "--as", "delivered", name="later")
    assert (done.exit_code, done.stderr) == (
        0,
        "1 batches are newer than the last list that you saw; they were not settled.\n"
        "1 records of 'later' count as delivered now.\n",
    )
    with open_journal(workshop) as journal:
        assert [batch.run_id for batch in journal.unanswered("later")] == ["ddd-2"]
    assert here(workshop, monkeypatch, "--as", "lost", name="later").exit_code == 2
    assert here(workshop, monkeypatch, "--as", "lost", "--run", "ddd", name="later").exit_code == 0


@pytest.mark.parametrize("kind", ["events", "profiles"])
def test_whose_records_a_batch_holds_is_found_by_its_rows(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Two of three requests get no answer, and a person of these changes meanwhile."""
    name, sent = f"people_{kind}", 3
    workshop.people(
        [(f"{kind[0]}{number}", "Asha", datetime.fromtimestamp(FIRST, UTC)) for number in range(sent)]
    )
    target = {"kind": "events", "identity": {"column": "ID"}, "event_name": {"column": "NAME"}}
    workshop.write(name, target=target if kind == "events" else profiles_target(Name="NAME"))
    workshop.clevertap.faults([{"kind": "reset", "applied": False, "times": None, "dry_run": False}])
    workshop.enter_environment(monkeypatch)
    with_virtual_time(workshop)
    (line,) = workshop.run(name)
    workshop.clevertap.end_faults()
    assert (line["status"], line["uncertain"]) == ("Failed", sent), line["problem"]
    workshop.sql(f"update T set NAME = 'Other' where ID = '{kind[0]}1'")
    done = here(workshop, monkeypatch, "--identities", "--json", name=name)
    (batch,) = json.loads(done.stdout)
    found = {"e0", "e2"} if kind == "events" else {"p0", "p1", "p2"}
    assert (set(batch["identities"]), batch["not_found"]) == (found, sent - len(found))
    table = here(workshop, monkeypatch, "--identities", name=name).stdout
    assert all(identity in table for identity in found)


def test_an_import_that_is_not_there_is_reported(workshop: Workshop) -> None:
    done = command(workshop, "settle", "signup")
    assert done.returncode == 2
    assert "signups" in done.stderr
