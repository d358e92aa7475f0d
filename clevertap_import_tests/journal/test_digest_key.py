"""The journal at rest: private files, digests under a key, and a missing key that is reported before use."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.digest_key import (
    KEY_FILE,
    KEY_VARIABLE,
    DigestCipher,
    JournalKeyWrong,
    sqlite_file,
)
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.states import ANSWERED, UNCERTAIN
from clevertap_import.journal.tables import default_url
from clevertap_import.records import DIGEST_BYTES, Batch
from clevertap_import_tests.journal.test_migrations import OPENED, PROCESS_SECONDS
from clevertap_import_tests.testing.builders import profiles

BATCH = profiles("a", "b", "c")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    found = {file.name: oct(file.stat().st_mode & 0o777) for file in folder.iterdir()}
    return {**found, "": oct(folder.stat().st_mode & 0o777)}


def used(journal: Journal, batch: Batch = BATCH) -> None:
    """A delivery of which one answer was lost, one resent, and some stored for later runs."""
    number = journal.begin("shop", "run-1", batch)
    journal.record_answer(number, batch, [0], [1, 2])
    journal.retain_only("shop", "run-2", (batch.digests, batch.identity_digests), "", 0)
    journal.begin("shop", "run-3", batch)


def blobs(url: str) -> bytes:
    """All digests as the database itself has them."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            rows = connection.execute(sa.text("select digests, identity_digests from delivery")).all()
        return b"".join(bytes(cell) for row in rows for cell in row)
    finally:
        engine.dispose()


def digests(batch: Batch) -> set[bytes]:
    text = batch.digests + batch.identity_digests
    return {text[place : place + DIGEST_BYTES] for place in range(0, len(text), DIGEST_BYTES)}


def test_a_new_journal_is_private_whatever_the_umask_says(tmp_path: Path) -> None:
    with umask(0), Journal(default_url(tmp_path)) as journal:
        used(journal)
        found = modes(tmp_path / "clevertap_import")
    files = ("journal.db", "journal.db-wal", "journal.db-shm", KEY_FILE)
    assert found == {"": "0o700", **dict.fromkeys(files, "0o600")}


def test_a_journal_that_others_could_read_is_tightened_when_its_owner_opens_it(tmp_path: Path) -> None:
    with Journal(default_url(tmp_path)) as first:
        used(first)
        folder = tmp_path / "clevertap_import"
        for file in folder.iterdir():
            file.chmod(0o644)
        folder.chmod(0o755)
        Journal(default_url(tmp_path)).close()
        assert set(modes(folder).values()) == {"0o700", "0o600"}


def test_a_folder_of_others_things_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o755)
    Journal(f"sqlite:///{folder / 'journal.db'}").close()
    assert modes(folder) == {"": "0o755", "journal.db": "0o600", KEY_FILE: "0o600"}


def test_no_digest_is_in_the_database_as_it_is_and_all_are_read_back(journal_url: str) -> None:
    with Journal(journal_url) as journal:
        used(journal)
        stored = blobs(journal_url)
        assert len(stored) == 2 * DIGEST_BYTES * (2 + 3 + 3)
        assert not [digest for digest in digests(BATCH) if digest in stored]
        delivered = journal.delivered_before(WindowRange("shop", None, 0), is_events=False)
        assert delivered.was_delivered(BATCH.rows).all()
        assert sorted({batch.records for batch in journal.unanswered("shop")}) == [2, 3]


def test_a_key_that_is_gone_or_another_is_reported_before_anything_is_read(tmp_path: Path) -> None:
    url = default_url(tmp_path)
    with Journal(url) as journal:
        used(journal)
    key = tmp_path / "clevertap_import" / KEY_FILE
    text = key.read_text()
    key.unlink()
    with pytest.raises(JournalKeyWrong, match=rf"key is not in .*{KEY_FILE} or {KEY_VARIABLE}.*put it back"):
        Journal(url)
    assert not key.exists()
    key.write_text(secrets.token_hex(32))
    with pytest.raises(JournalKeyWrong, match=f"{KEY_FILE} is the key of another journal"):
        Journal(url)
    key.write_text("no key")
    with pytest.raises(JournalKeyWrong, match="is not a key of a journal: a key has 64 digits"):
        Journal(url)
    key.write_text(text)
    Journal(url).close()


def test_the_variable_goes_before_the_file_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "ab" * 32)
    url = default_url(tmp_path)
    Journal(url).close()
    assert not (tmp_path / "clevertap_import" / KEY_FILE).exists()
    for text in ("cd" * 32, "cd" * 31):
        monkeypatch.setenv(KEY_VARIABLE, text)
        with pytest.raises(JournalKeyWrong, match=KEY_VARIABLE) as raised:
            Journal(url)
        assert text not in str(raised.value)


def test_a_second_machine_is_asked_to_take_the_key_of_the_first(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(KEY_VARIABLE)
    one, other = tmp_path / "one", tmp_path / "other"
    Journal(postgresql_url, key_folder=one).close()
    assert modes(one) == {"": "0o700", KEY_FILE: "0o600"}
    assert f"was made in {one / KEY_FILE}" in caplog.text
    with pytest.raises(JournalKeyWrong, match=f"If another machine made it, set {KEY_VARIABLE} here"):
        Journal(postgresql_url, key_folder=other)
    assert not other.exists()
    monkeypatch.setenv(KEY_VARIABLE, (one / KEY_FILE).read_text())
    Journal(postgresql_url, key_folder=other).close()


def test_without_any_place_for_a_key_a_server_journal_says_what_to_set(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(JournalKeyWrong, match=f"Set {KEY_VARIABLE}. To make one: openssl"):
        Journal(postgresql_url)


def test_processes_that_open_two_new_journals_of_a_folder_at_once_take_one_key(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("one", "two", "one", "two")]
    opening = [
        subprocess.Popen([sys.executable, "-c", OPENED, url], stderr=subprocess.PIPE, text=True)
        for url in urls
    ]
    ends = [process.communicate(timeout=PROCESS_SECONDS)[1] for process in opening]
    assert [process.returncode for process in opening] == [0] * len(urls), ends
    for url in urls:
        Journal(url).close()
    assert sorted(file.name for file in tmp_path.iterdir()) == [KEY_FILE, "one.db", "two.db"]


def test_a_batch_whose_answer_was_lost_is_found_under_its_identities(journal_url: str) -> None:
    """The copy of an entry is made by the database, and its digests are bound apart."""
    with Journal(journal_url) as journal:
        journal.record_answer(journal.begin("shop", "run-1", BATCH), BATCH, [0], [1, 2])
        states = sa.text("select state, digests from delivery")
        with journal.engine.connect() as connection:
            found = {state: bytes(cell) for state, cell in connection.execute(states)}
    assert {state: len(cell) // DIGEST_BYTES for state, cell in found.items()} == {ANSWERED: 1, UNCERTAIN: 2}
    assert not [digest for digest in digests(BATCH) if any(digest in cell for cell in found.values())]


@given(st.binary(max_size=200), st.binary(min_size=32, max_size=32))
def test_what_is_hidden_comes_back_and_equal_digests_stay_equal(text: bytes, key: bytes) -> None:
    whole = text[: len(text) // DIGEST_BYTES * DIGEST_BYTES]
    cipher = DigestCipher(key)
    assert cipher.plain(cipher.hidden(whole)) == whole
    assert cipher.hidden(whole * 2) == cipher.hidden(whole) * 2
    assert not whole or cipher.hidden(whole) != whole


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:////a/j.db", "/a/j.db"),
        ("sqlite:////a%3Fb/j.db?timeout=5", "/a?b/j.db"),
        ("sqlite:///file:/a/j.db?uri=true&mode=ro", "/a/j.db"),
        ("sqlite:///file:/a%253Fb/j.db?uri=true", "/a?b/j.db"),
        ("sqlite:///file:///a/j.db?uri=true", "/a/j.db"),
        ("sqlite:///file::memory:?uri=true", None),
        ("sqlite://", None),
    ],
)
def test_the_file_of_a_journal_is_the_one_that_sqlite_opens(url: str, file: str | None) -> None:
    assert sqlite_file(sa.make_url(url)) == (Path(file) if file else None)
