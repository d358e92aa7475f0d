"""What goes wrong on our own side: Snowflake's line, the disk, the journal's file, the clock."""

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from clevertap_import.journal.digest_key import KEY_FILE, JournalKeyWrong
from clevertap_import.journal.journal_outage import OUTAGE_SECONDS
from clevertap_import.journal.tables import default_url, open_database
from clevertap_import.orchestration.resources import home
from clevertap_import_tests.scenarios.people import TARGETS, fill
from clevertap_import_tests.scenarios.test_faults import report_of_run
from clevertap_import_tests.testing.cut_lines import cut_lines
from clevertap_import_tests.testing.virtual_time import VirtualTime, with_virtual_time
from clevertap_import_tests.testing.workshop import Line, Workshop

ROWS = 3000
MEGABYTE = 1_000_000
ONE_LOST_ANSWER = [{"kind": "reset", "applied": False, "dry_run": False}]


@pytest.fixture
def waits(workshop: Workshop) -> VirtualTime:
    fill(workshop, ROWS)
    workshop.write("signups", target=TARGETS["events"])
    return with_virtual_time(workshop)


def journal_file() -> Path:
    return home() / "clevertap_import" / "journal.db"


def run(workshop: Workshop, **options: bool) -> Line:
    (line,) = workshop.run("signups", **options)
    return report_of_run(workshop, "signups", line)


def run_at_a_fault(workshop: Workshop, waits: VirtualTime, then: Callable[[], object]) -> Line:
    """A run whose first answer is lost, all others being late; `then` happens while it waits."""
    waits.at_first_wait = [then]
    workshop.clevertap.faults(ONE_LOST_ANSWER)
    return run(workshop)


def events(workshop: Workshop) -> tuple[int, int]:
    """How many CleverTap has, and how many of them twice."""
    return len(workshop.clevertap.events()), workshop.clevertap.counters()["duplicate_events"]


def test_snowflake_lost_midway_ends_the_run_before_anything_is_sent(
    workshop: Workshop, waits: VirtualTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The connector's own: ten tries with waits of up to 16 seconds.
    monkeypatch.setattr("snowflake.connector.result_batch.MAX_DOWNLOAD_RETRY", 1)
    fill(workshop, 60_000)
    real = workshop.snowflake
    with cut_lines(real.host, real.port) as proxy:
        monkeypatch.setenv(f"{workshop.name.upper()}_PORT", str(proxy.server_address[1]))
        proxy.most_bytes = 100_000
        line = run(workshop)
        assert proxy.cuts
        assert line["status"] == "Failed"
        assert "Snowflake could not run the query" in line["problem"]
        assert "Run again later." in line["problem"]
        assert (line["successful_syncs"], line["uncertain"]) == (0, 0)
        assert events(workshop) == (0, 0)
        proxy.most_bytes = None
        assert run(workshop)["successful_syncs"] == 60_000
    assert events(workshop) == (60_000, 0)


@contextmanager
def small_files(most_bytes: int) -> Iterator[None]:
    """No file of this process may grow further, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_while_staging_ends_the_run_before_anything_is_sent(
    workshop: Workshop, waits: VirtualTime
) -> None:
    fill(workshop, 30_000)
    with small_files(2 * MEGABYTE):
        line = run(workshop)
    assert line["status"] == "Failed"
    assert "cannot be stored in" in line["problem"]
    assert "Nothing was sent." in line["problem"]
    assert events(workshop) == (0, 0)
    assert run(workshop)["successful_syncs"] == 30_000
    assert events(workshop) == (30_000, 0)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process that writes and does not come to an end."""
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("begin immediate")
        yield
        other.execute("rollback")


def test_a_journal_that_another_process_locks_ends_the_run_before_anything_is_sent(
    workshop: Workshop, waits: VirtualTime, use_journal: Callable[[str], None]
) -> None:
    open_database(default_url(home())).dispose()
    use_journal(f"{default_url(home())}?timeout=0.2")
    with locked(journal_file()):
        line = run(workshop)
    assert line["status"] == "Failed"
    assert "The journal cannot be used: database is locked." in line["problem"]
    assert events(workshop) == (0, 0)
    assert run(workshop)["successful_syncs"] == ROWS


def test_a_journal_locked_midway_doubles_only_what_was_under_way_and_counts_it(
    workshop: Workshop, waits: VirtualTime, use_journal: Callable[[str], None]
) -> None:
    use_journal(f"{default_url(home())}?timeout=0.2")
    other = []

    def lock() -> None:
        other.append(sqlite3.connect(journal_file(), isolation_level=None, check_same_thread=False))
        other[0].execute("begin immediate")

    line = run_at_a_fault(workshop, waits, lock)
    assert waits.seconds >= OUTAGE_SECONDS / 2
    other[0].execute("commit")
    other[0].close()
    assert_stopped_by_the_journal(workshop, line, "database is locked")


@pytest.mark.parametrize("seconds", [5, 60])
def test_a_journal_that_is_locked_for_up_to_two_minutes_is_waited_for_without_loss_of_answers(
    workshop: Workshop, waits: VirtualTime, use_journal: Callable[[str], None], seconds: float
) -> None:
    fill(workshop, 12_000)
    open_database(default_url(home())).dispose()
    use_journal(f"{default_url(home())}?timeout=0.2")
    with closing(sqlite3.connect(journal_file(), isolation_level=None, check_same_thread=False)) as other:

        def lock() -> None:
            other.execute("begin immediate")
            waits.later = [(waits.seconds + seconds, lambda: other.execute("rollback"))]

        line = run_at_a_fault(workshop, waits, lock)
    assert (line["status"], line["successful_syncs"], line["uncertain"]) == ("Success", 12_000, 0)
    # What was not stored at its lost answer was sent again; nothing else was.
    assert line["possible_duplicates"] == 1000
    assert events(workshop) == (12_000, 0)


def assert_stopped_by_the_journal(workshop: Workshop, line: Line, reason: str) -> None:
    """All was under way when the journal failed, so all of it is sent again, and counted."""
    assert line["status"] == "Failed"
    assert f"The journal cannot be used: {reason}" in line["problem"]
    assert line["accepted"] + line["uncertain"] == ROWS
    again = run(workshop)
    assert (again["status"], again["successful_syncs"]) == ("Success", ROWS)
    after, doubled = events(workshop)
    assert after == ROWS + doubled
    assert doubled <= again["possible_duplicates"] == line["uncertain"]


def test_a_journal_that_becomes_unwritable_midway_doubles_only_what_was_under_way_and_counts_it(
    workshop: Workshop, waits: VirtualTime
) -> None:
    def fill_disk() -> None:
        with closing(sqlite3.connect(journal_file())) as other:
            for verb in ("insert", "update"):
                other.execute(
                    f"create trigger full_{verb} before {verb} on delivery"
                    " begin select raise(abort, 'disk is full'); end"
                )

    line = run_at_a_fault(workshop, waits, fill_disk)
    with closing(sqlite3.connect(journal_file())) as other:
        other.executescript("drop trigger full_insert; drop trigger full_update;")
    assert_stopped_by_the_journal(workshop, line, "disk is full")


def test_a_journal_that_is_read_only_ends_the_run_before_anything_is_sent(
    workshop: Workshop, waits: VirtualTime, use_journal: Callable[[str], None]
) -> None:
    open_database(default_url(home())).dispose()
    use_journal(f"sqlite:///file:{journal_file()}?mode=ro&uri=true")
    line = run(workshop)
    assert line["status"] == "Failed"
    assert "The journal cannot be used: attempt to write a readonly database." in line["problem"]
    assert events(workshop) == (0, 0)
    use_journal(default_url(home()))
    assert run(workshop)["successful_syncs"] == ROWS
    assert events(workshop) == (ROWS, 0)


@pytest.mark.parametrize("key", [None, "ab" * 32], ids=["lost", "another"])
def test_a_journal_without_its_key_ends_the_run_before_anything_is_read_or_sent(
    workshop: Workshop, waits: VirtualTime, key: str | None
) -> None:
    assert run(workshop)["successful_syncs"] == ROWS
    file = journal_file().with_name(KEY_FILE)
    text = file.read_text()
    file.unlink() if key is None else file.write_text(key)
    with pytest.raises(JournalKeyWrong, match="The journal's digests cannot be read"):
        run(workshop, full=True)
    file.write_text(text)
    line = run(workshop, full=True)
    assert (line["status"], line["unchanged"]) == ("Success", ROWS)
    assert events(workshop) == (ROWS, 0)


def test_a_journal_that_is_deleted_midway_ends_the_run_and_the_next_is_refused_unless_forced(
    workshop: Workshop, waits: VirtualTime
) -> None:
    def delete() -> None:
        for file in journal_file().parent.glob("journal.db*"):
            file.unlink()

    line = run_at_a_fault(workshop, waits, delete)
    assert line["status"] == "Failed"
    assert "was deleted or replaced while it was in use" in line["problem"]
    before, _ = events(workshop)
    refused = run(workshop)
    assert refused["status"] == "Failed"
    assert "Dagster knows that" in refused["problem"]
    assert events(workshop)[0] == before
    assert run(workshop, full=True, force=True)["successful_syncs"] == ROWS
    assert events(workshop) == (ROWS + before, before)


def test_a_clock_that_is_set_back_sends_nothing_twice_and_misses_nothing(
    workshop: Workshop, waits: VirtualTime
) -> None:
    assert run(workshop)["successful_syncs"] == ROWS
    engine = open_database(default_url(home()))
    with engine.begin() as connection:
        # As if the first run had been two days from now.
        connection.execute(sa.text("update delivery set sent_at = datetime(sent_at, '+2 days')"))
    engine.dispose()
    workshop.sql("insert into T values ('late', 'Bela', current_timestamp()::timestamp_ntz)")
    line = run(workshop, full=True)
    assert (line["total_records"], line["unchanged"], line["accepted"]) == (ROWS + 1, ROWS, 1)
    assert events(workshop) == (ROWS + 1, 0)
