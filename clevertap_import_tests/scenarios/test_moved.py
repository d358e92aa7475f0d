"""An account at another address: never the same by itself, and gone on with once a person says so."""

import signal
import subprocess
import sys

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from clevertap_import.cli.main import main
from clevertap_import.journal.import_lock import import_lock
from clevertap_import.journal.locks import open_locks
from clevertap_import.journal.moved import PLACES
from clevertap_import.journal.tables import open_database
from clevertap_import.orchestration.resources import home
from clevertap_import.orchestration.resources import journal_url as url_of_commands
from clevertap_import_tests.scenarios.people import TARGETS, YESTERDAY, fill
from clevertap_import_tests.testing.fixtures_clevertap import running_fake_clevertap
from clevertap_import_tests.testing.workshop import Workshop, process_environment


@pytest.fixture
def workshop(commands_workshop: Workshop) -> Workshop:
    for name, target in TARGETS.items():
        commands_workshop.write(name, target=target)
    fill(commands_workshop, 3)
    return commands_workshop


only_sqlite = pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)


def moved(workshop: Workshop, *words: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, ["journal", "moved", workshop.name, *words], input=answer)


def status(workshop: Workshop, name: str, **options: object) -> str:
    line = workshop.run(name, **options)[-1]
    return f"{line['status']} {line['successful_syncs']} {line['unchanged']} {line['problem'] or ''}".strip()


def deliver_all(workshop: Workshop) -> None:
    for name in TARGETS:
        assert status(workshop, name) == "Success 3 0"


@pytest.fixture
def other_address(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> str:
    """After all was delivered: the same server by its other name."""
    deliver_all(workshop)
    url = workshop.clevertap.url.replace("127.0.0.1", "localhost")
    monkeypatch.setenv(f"{workshop.name.upper()}_API_URL", url)
    return url


def test_what_was_delivered_stays_delivered_once_a_person_says_so(
    workshop: Workshop, other_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in TARGETS:
        refused = status(workshop, name, full=True)
        assert "the same account id at another address before" in refused
        assert f"clevertap-import journal moved {workshop.name}." in refused
    result = moved(workshop, answer="y\n")
    assert result.exit_code == 0, result.output
    assert f"2 imports go on at {other_address}." in result.output
    assert sum(line["total_records"] for name in TARGETS for line in workshop.run(name)) == 0
    workshop.add_people([("p9", "Zoë", YESTERDAY)])
    for name in TARGETS:
        assert status(workshop, name, full=True) == "Success 4 3"
    assert len(workshop.clevertap.events()) == 4
    assert "Nothing was changed" in moved(workshop).output
    monkeypatch.setenv(f"{workshop.name.upper()}_API_URL", workshop.clevertap.url)
    assert "at another address before" in status(workshop, "events", full=True)


@only_sqlite
def test_a_real_server_after_a_mock_is_not_the_same_by_itself(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver_all(workshop)
    with running_fake_clevertap() as real:
        monkeypatch.setenv(f"{workshop.name.upper()}_API_URL", real.url)
        for name in TARGETS:
            assert "at another address before" in status(workshop, name, full=True)
        shown = moved(workshop, answer="n\n")
        assert shown.exit_code == 1
        assert "an address that is none of CleverTap's regions" in shown.output
        assert "are never sent to the new one" in shown.output
        assert real.events() == []
        for name in TARGETS:
            assert status(workshop, name, full=True, force=True) == "Success 3 0"
        assert (len(real.events()), len(real.profiles())) == (3, 3)


@only_sqlite
def test_several_old_addresses_are_distinguished(
    workshop: Workshop, other_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert status(workshop, "events", full=True, force=True) == "Success 3 0"
    port = workshop.clevertap.url.rpartition(":")[2]
    monkeypatch.setenv(f"{workshop.name.upper()}_API_URL", f"http://127.0.0.2:{port}")
    refused = moved(workshop, "--yes")
    assert refused.exit_code == 2
    assert "were delivered to several other addresses" in refused.output
    assert "1 imports go on" in moved(workshop, "--yes", "--from", other_address).output
    assert "1 imports go on" in moved(workshop, "--yes", "--from", workshop.clevertap.url).output


def test_nothing_changes_while_a_run_of_one_import_is_under_way(
    workshop: Workshop, other_address: str
) -> None:
    engine = open_database(url_of_commands(), home() / "clevertap_import")
    before = places(engine)
    with open_locks(engine) as locks, import_lock(locks, "profiles", "Run 1234 of 'profiles'"):
        result = moved(workshop, "--yes")
    assert result.exit_code == 1
    assert "Run 1234 of 'profiles' is under way. Nothing was changed" in result.output
    assert places(engine) == before
    assert moved(workshop, "--yes").exit_code == 0
    assert places(engine) != before
    engine.dispose()


KILLED_AT = """
import os, signal, sys
import sqlalchemy as sa
from clevertap_import.cli.main import main

left = int(sys.argv.pop(1))

def at(connection, cursor, statement, *_):
    global left
    if statement.startswith(("UPDATE", "DELETE FROM done", "DELETE FROM forgotten")):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sa.event.listen(sa.Engine, "after_cursor_execute", at)
main()
"""


def test_a_kill_at_any_step_leaves_the_old_address_or_the_new_one(
    workshop: Workshop, other_address: str
) -> None:
    engine = open_database(url_of_commands(), home() / "clevertap_import")
    old = places(engine)
    environment = process_environment(workshop, **{f"{workshop.name.upper()}_API_URL": other_address})
    for number in (1, 4, 14):
        words = [sys.executable, "-c", KILLED_AT, str(number), "journal", "moved", workshop.name, "--yes"]
        ended = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert places(engine) == old
    result = moved(workshop, "--yes")
    assert result.exit_code == 0, result.output
    assert len(places(engine)) == 1
    assert not places(engine) & old
    engine.dispose()


def places(engine: sa.Engine) -> set[str]:
    """All destinations in the journal."""
    with engine.connect() as connection:
        return {place for table in PLACES for place in connection.scalars(sa.select(table.c.destination))}
