"""`journal backup` and `journal restore`: whole copies of a journal that is in use, and what they refuse."""

import errno
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from clevertap_import.cli.main import main
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.tables import DELIVERY, default_url
from clevertap_import.orchestration.resources import JOURNAL_VARIABLE
from clevertap_import_tests.testing.builders import events


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With letters that mean something in an address."""
    home = tmp_path / "50%41 #1?"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.delenv(JOURNAL_VARIABLE, raising=False)
    return home


@pytest.fixture
def journal(home: Path) -> Journal:
    return Journal(default_url(home))


def said(*words: str) -> Result:
    return CliRunner().invoke(main, ["journal", *words])


def deliver(journal: Journal, run_id: str) -> None:
    with journal.engine.begin() as connection:
        batch = events("a", "b")
        values = {"import_name": "orders", "run_id": run_id, "batch_number": 1, "state": "answered"}
        values |= {"first_window": 0, "last_window": 0, "sent_at": journal.now()}
        blobs = {"digests": batch.digests, "identity_digests": b""}
        connection.execute(DELIVERY.insert().values({**values, **blobs}))


def runs_in(file: Path) -> list[str]:
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        return [row[0] for row in connection.execute("select run_id from delivery order by id")]


def test_a_copy_has_all_that_a_plain_copy_of_a_journal_in_use_lacks(journal: Journal, home: Path) -> None:
    deliver(journal, "run-1")
    file, plain, whole = (
        home / "clevertap_import" / "journal.db",
        home / "plain.db",
        home / "safe" / "whole.db",
    )
    with journal.engine.connect() as connection:
        connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
    deliver(journal, "run-2")
    shutil.copy(file, plain)
    result = said("backup", str(whole))
    journal.close()
    assert result.exit_code == 0, result.output
    assert (runs_in(plain), runs_in(whole)) == (["run-1"], ["run-1", "run-2"])
    assert f"{whole}: 2 batches of 1 imports, the last of them sent at " in result.output
    assert "Store the key of the journal in another place" in result.output
    assert whole.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in whole.parent.iterdir()] == ["whole.db"]


def test_nothing_is_overwritten(journal: Journal, home: Path) -> None:
    journal.close()
    there = home / "there.db"
    there.write_text("mine")
    result = said("backup", str(there))
    assert (result.exit_code, there.read_text()) == (2, "mine")
    assert "exists already, and is left as it is" in result.output


@pytest.fixture(params=["hard links", "no hard links"])
def file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """exFAT, and others, have no second names for files."""

    def link(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if request.param == "no hard links":
        monkeypatch.setattr(os, "link", link)


@pytest.mark.usefixtures("file_system")
def test_a_copy_is_put_back_and_the_old_journal_stays(home: Path) -> None:
    journal = Journal(default_url(home))
    deliver(journal, "run-1")
    backed_up = said("backup", str(home / "copy.db"))
    assert backed_up.exit_code == 0, backed_up.output
    assert "exists already" in said("backup", str(home / "copy.db")).output
    deliver(journal, "run-2")
    journal.close()
    result = said("restore", str(home / "copy.db"))
    assert result.exit_code == 0, result.output
    folder = home / "clevertap_import"
    assert runs_in(folder / "journal.db") == ["run-1"]
    (previous,) = folder.glob("journal.db.before-*")
    assert runs_in(previous) == ["run-1", "run-2"]
    assert str(previous) in result.output
    assert "Before it had 2 batches of 1 imports" in result.output
    assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o600}
    with Journal(default_url(home)) as restored, restored.engine.connect() as connection:
        assert connection.scalars(sa.select(DELIVERY.c.digests)).one() == events("a", "b").digests


def test_a_copy_takes_the_place_of_the_file_that_a_link_leads_to(journal: Journal, home: Path) -> None:
    deliver(journal, "run-1")
    assert said("backup", str(home / "copy.db")).exit_code == 0
    deliver(journal, "run-2")
    journal.close()
    link, volume = home / "clevertap_import" / "journal.db", home / "volume"
    volume.mkdir()
    link.rename(volume / "data.db")
    link.symlink_to(volume / "data.db")
    link.with_name("journal.key").rename(volume / "journal.key")
    result = said("restore", str(home / "copy.db"))
    assert result.exit_code == 0, result.output
    assert link.is_symlink()
    assert runs_in(volume / "data.db") == ["run-1"]
    (previous,) = volume.glob("data.db.before-*")
    assert not previous.is_symlink()
    assert runs_in(previous) == ["run-1", "run-2"]


def test_a_journal_that_is_in_use_is_not_replaced(journal: Journal, home: Path) -> None:
    assert said("backup", str(home / "copy.db")).exit_code == 0
    deliver(journal, "run-1")
    result = said("restore", str(home / "copy.db"))
    assert result.exit_code == 1
    assert "is in use" in result.output
    deliver(journal, "run-2")
    journal.close()
    assert runs_in(home / "clevertap_import" / "journal.db") == ["run-1", "run-2"]
    assert not list((home / "clevertap_import").glob("journal.db.before-*"))


KILLED_AT = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from clevertap_import.journal.copies import put_back

left = int(sys.argv[3])

def at(event, _):
    global left
    if event in ("os.link", "os.rename", "os.remove"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(at)
put_back(sys.argv[1], Path(sys.argv[2]), datetime.now(UTC))
"""


def test_restore_that_is_killed_at_any_step_leaves_a_whole_journal(journal: Journal, home: Path) -> None:
    deliver(journal, "run-1")
    copy, file = home / "copy.db", home / "clevertap_import" / "journal.db"
    assert said("backup", str(copy)).exit_code == 0
    deliver(journal, "run-2")
    journal.close()
    killed = 0
    while True:
        words = [sys.executable, "-c", KILLED_AT, default_url(home), str(copy), str(killed + 1)]
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
        journals = [runs_in(each) for each in (file, *file.parent.glob("journal.db.before-*"))]
        assert journals[0] in (["run-1"], ["run-1", "run-2"])
        assert ["run-1", "run-2"] in journals
        if ended.returncode != -signal.SIGKILL:
            break
        killed += 1
    assert (ended.returncode, journals[0]) == (0, ["run-1"]), ended.stderr
    assert killed >= 2


def test_a_copy_of_a_newer_version_is_not_put_back(journal: Journal, home: Path) -> None:
    copy, file = home / "copy.db", home / "clevertap_import" / "journal.db"
    assert said("backup", str(copy)).exit_code == 0
    deliver(journal, "run-1")
    journal.close()
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("update clevertap_import_version set version_num = '9999'")
        connection.commit()
    result = said("restore", str(copy))
    assert result.exit_code == 1
    assert "this version of clevertap_import knows none after" in result.output
    assert sorted(each.name for each in file.parent.iterdir()) == ["journal.db", "journal.key"]
    assert runs_in(file) == ["run-1"]


def test_a_copy_into_a_folder_or_onto_a_full_disk_is_reported_in_one_line(
    journal: Journal, home: Path
) -> None:
    deliver(journal, "run-1")
    assert "is a directory" in said("backup", str(home)).output
    full = said("backup", "/dev/full/copy.db")
    assert (full.exit_code, "Traceback" in full.output) in ((1, False), (2, False)), full.output
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        result = said("backup", str(home / "copies" / "copy.db"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    journal.close()
    assert result.exit_code == 1, result.output
    assert "The copy cannot be made" in result.output
    assert "The journal was not changed" in result.output
    assert list((home / "copies").iterdir()) == []


@pytest.mark.parametrize("damage", ["lost", "damaged"])
def test_a_copy_takes_the_place_of_a_journal_that_cannot_be_read(
    journal: Journal, home: Path, damage: str
) -> None:
    deliver(journal, "run-1")
    assert said("backup", str(home / "copy.db")).exit_code == 0
    journal.close()
    file = home / "clevertap_import" / "journal.db"
    file.unlink()
    if damage == "damaged":
        file.write_bytes(b"no database" * 1000)
    result = said("restore", str(home / "copy.db"))
    assert result.exit_code == 0, result.output
    assert runs_in(file) == ["run-1"]
    assert ("nothing that can be read" in result.output) == (damage == "damaged")


@pytest.mark.parametrize("content", [b"", b"no database" * 1000], ids=["empty", "damaged"])
def test_what_is_no_journal_is_not_put_back(journal: Journal, home: Path, content: bytes) -> None:
    deliver(journal, "run-1")
    journal.close()
    (home / "other.db").write_bytes(content)
    result = said("restore", str(home / "other.db"))
    assert result.exit_code == 2
    assert "is not a journal of clevertap_import" in result.output
    assert runs_in(home / "clevertap_import" / "journal.db") == ["run-1"]


def test_a_copy_under_another_key_is_not_put_back(journal: Journal, home: Path) -> None:
    assert said("backup", str(home / "copy.db")).exit_code == 0
    journal.close()
    (home / "clevertap_import" / "journal.key").write_text("0" * 64)
    result = said("restore", str(home / "copy.db"))
    assert result.exit_code == 2
    assert "is the key of another journal" in result.output
    assert sorted(each.name for each in (home / "clevertap_import").iterdir()) == [
        "journal.db",
        "journal.key",
    ]


def test_a_database_server_has_its_own_tools(
    home: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(JOURNAL_VARIABLE, postgresql_url)
    for words in (("backup", str(home / "copy.db")), ("restore", str(home / "copy.db"))):
        result = said(*words)
        assert result.exit_code == 2
        assert "pg_dump" in result.output
        assert "password" not in result.output
