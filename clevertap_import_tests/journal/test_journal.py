"""The journal on real databases: what it remembers, of which windows, and what it says if it cannot."""

import socket
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from clevertap_import.errors import CleverTapImportError, ConfigError
from clevertap_import.journal import tables
from clevertap_import.journal.delivered import UNDER_WAY_SECONDS
from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.states import UNANSWERED
from clevertap_import.journal.tables import JournalUnavailable, default_url, open_database
from clevertap_import.records import Batch
from clevertap_import_tests.testing.builders import events, profiles, unsettled

HOUR = 3600


@pytest.fixture
def journal(journal_url: str) -> Iterator[Journal]:
    with Journal(journal_url) as opened:
        yield opened


def deliver(journal: Journal, batch: Batch, *, run: str = "run-1", import_name: str = "orders") -> None:
    """Send `batch` and have all of it accepted."""
    journal.record_answer(journal.begin(import_name, run, batch), batch, range(len(batch)), [])


def new_mask(
    journal: Journal, batch: Batch, first: int | None = 0, last: int = 0, import_name: str = "orders"
) -> list[bool]:
    """Which records of `batch` are new to a run of these windows."""
    is_events = not batch.identity_digests
    mask: list[bool] = (
        journal.delivered_before(WindowRange(import_name, first, last), is_events=is_events)
        .is_new(batch.rows)
        .tolist()
    )
    return mask


def test_an_empty_journal_knows_nothing(journal: Journal) -> None:
    assert new_mask(journal, events("a")) == [True]
    assert new_mask(journal, profiles("a"), None) == [True]
    assert unsettled(journal, "orders") == 0


@pytest.mark.parametrize("batch", [events("a", "b"), profiles("a", "b")], ids=["events", "profiles"])
def test_what_was_accepted_is_not_new_to_the_same_windows(journal: Journal, batch: Batch) -> None:
    deliver(journal, batch)
    assert new_mask(journal, batch) == [False, False]
    assert new_mask(journal, batch, None) == [False, False]


def test_other_imports_are_not_seen(journal: Journal) -> None:
    deliver(journal, events("a"))
    assert new_mask(journal, events("a"), import_name="visits") == [True]


def test_the_journal_outlives_the_process_that_wrote_it(journal_url: str) -> None:
    with Journal(journal_url) as first:
        deliver(first, events("a"))
    with Journal(journal_url) as second:
        assert new_mask(second, events("a", "b")) == [False, True]


@pytest.mark.parametrize(
    ("first", "last", "is_new"),
    [
        (HOUR, HOUR, False),
        (0, 2 * HOUR, False),
        (None, HOUR, False),
        (0, 0, True),
        (2 * HOUR, 9 * HOUR, True),
    ],
)
def test_events_are_remembered_for_their_own_window(
    journal: Journal, first: int | None, last: int, is_new: bool
) -> None:
    deliver(journal, events("a", window=HOUR))
    assert new_mask(journal, events("a"), first, last) == [is_new]


@pytest.mark.parametrize(
    ("first", "last", "is_new"), [(HOUR, HOUR, False), (0, 0, False), (2 * HOUR, 9 * HOUR, True)]
)
def test_profiles_are_remembered_for_their_own_window_and_those_before(
    journal: Journal, first: int, last: int, is_new: bool
) -> None:
    deliver(journal, profiles("a", window=HOUR))
    assert new_mask(journal, profiles("a"), first, last) == [is_new]


def test_equal_events_are_counted(journal: Journal) -> None:
    deliver(journal, events("a", "a"))
    assert new_mask(journal, events("a", "a", "a")) == [False, False, True]


def test_the_last_content_of_a_profile_counts_though_it_came_in_a_later_window(journal: Journal) -> None:
    deliver(journal, profiles("a", city="Pune", window=0))
    deliver(journal, profiles("a", city="Oslo", window=HOUR))
    assert new_mask(journal, profiles("a", city="Pune")) == [True]
    assert new_mask(journal, profiles("a", city="Oslo")) == [False]


def test_only_what_was_accepted_is_entered_as_accepted(journal: Journal) -> None:
    batch = events("a", "b", "c", "d")
    journal.record_answer(journal.begin("orders", "run-1", batch), batch, [0, 2], [3])
    assert new_mask(journal, batch) == [False, True, False, True]
    assert unsettled(journal, "orders") == 1


def test_a_batch_of_which_nothing_was_accepted_leaves_nothing_behind(journal: Journal) -> None:
    for batch in (events("a"), profiles("a")):
        journal.record_answer(journal.begin("orders", "run-1", batch), batch, [], [])
        assert new_mask(journal, batch) == [True]
    assert unsettled(journal, "orders") == 0


def test_a_batch_under_way_when_the_process_died_is_not_accepted_and_is_unsettled(journal: Journal) -> None:
    journal.begin("orders", "run-1", events("a", "b"))
    assert new_mask(journal, events("a", "b")) == [True, True]
    assert (unsettled(journal, "orders"), unsettled(journal, "visits")) == (2, 0)


@pytest.mark.parametrize("is_killed", [True, False])
def test_a_profile_is_sent_again_as_a_if_the_answer_to_b_was_lost(journal: Journal, is_killed: bool) -> None:
    deliver(journal, profiles("a", city="Pune"))
    lost = profiles("a", city="Oslo", window=HOUR)
    delivery = journal.begin("orders", "run-2", lost)
    if not is_killed:
        journal.record_answer(delivery, lost, [], [0])
    assert new_mask(journal, profiles("a", city="Pune"), 0, HOUR) == [True]
    assert new_mask(journal, lost, 0, HOUR) == [True]
    deliver(journal, lost, run="run-3")
    assert new_mask(journal, lost, 0, HOUR) == [True]
    later = journal.now() + timedelta(seconds=UNDER_WAY_SECONDS)
    journal.now = lambda: later
    deliver(journal, lost, run="run-4")
    assert new_mask(journal, lost, 0, HOUR) == [False]


def test_a_later_run_of_the_same_windows_closes_what_earlier_ones_lost(journal: Journal) -> None:
    journal.begin("orders", "run-1", events("a", window=0))
    journal.begin("orders", "run-1", events("b", window=2 * HOUR))
    journal.begin("orders", "run-2", events("c", window=0))
    journal.begin("visits", "run-1", events("d", window=0))
    journal.close_others("orders", "run-2", 0, HOUR, UNANSWERED)
    assert (unsettled(journal, "orders"), unsettled(journal, "visits")) == (2, 1)
    journal.close_others("orders", "run-3", None, 2 * HOUR, UNANSWERED)
    assert (unsettled(journal, "orders"), unsettled(journal, "visits")) == (0, 1)
    assert new_mask(journal, events("a")) == [True]


def test_two_processes_may_use_the_journal_at_once(journal_url: str) -> None:
    with Journal(journal_url) as one, Journal(journal_url) as other:
        under_way = one.begin("orders", "run-1", events("a"))
        deliver(other, events("b"), import_name="visits")
        one.record_answer(under_way, events("a"), [0], [])
        assert new_mask(other, events("a")) == [False]


def read_only(path: Path) -> None:
    """Make the journal's table refuse every entry, as a full disk or a lost grant would."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            "create trigger full before insert on delivery begin select raise(abort, 'disk is full'); end"
        )
    connection.close()


def test_an_unwritable_journal_is_reported_without_digests(tmp_path: Path) -> None:
    batch = events("a")
    with Journal(default_url(tmp_path)) as journal:
        read_only(tmp_path / "clevertap_import" / "journal.db")
        with pytest.raises(JournalUnavailable) as caught:
            journal.begin("orders", "run-1", batch)
    assert str(caught.value) == (
        "The journal cannot be used: disk is full. Nothing more is sent without it."
        " Repair its database (CLEVERTAP_IMPORT_JOURNAL_URL), and run again."
    )
    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True)


def test_a_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(JournalUnavailable, match="file is not a database"):
        Journal(f"sqlite:///{tmp_path / 'journal.db'}")


def test_a_server_that_takes_connections_and_says_nothing_does_not_hold_up_monitoring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As PostgreSQL after SIGSTOP does, or a pooler whose server is away."""
    monkeypatch.setattr(tables, "CONNECT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"postgresql+psycopg://someone@127.0.0.1:{listener.getsockname()[1]}/none"
        with pytest.raises(JournalUnavailable, match="timeout expired"):
            open_database(url, tmp_path)


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "clevertap_import").write_text("a file where the folder should be")
    with pytest.raises(JournalUnavailable, match="File exists"):
        Journal(default_url(tmp_path))


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("no url, but pass-word-1", ConfigError),
        ("nosuch://me:pass-word-1@localhost/journal", ConfigError),
        ("postgresql+nosuchdriver://me:pass-word-1@localhost/journal", ConfigError),
        ("oracle://me:pass-word-1@localhost/journal", JournalUnavailable),
    ],
)
def test_a_url_that_opens_nothing_is_reported_without_its_secrets(
    url: str, error: type[CleverTapImportError]
) -> None:
    with pytest.raises(error) as caught:
        Journal(url)
    assert "pass-word-1" not in str(caught.value)
    assert caught.value.__suppress_context__
