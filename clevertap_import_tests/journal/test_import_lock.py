"""The import lock on both databases: one holder, the waiting in order, lost when another has had it since."""

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from clevertap_import.errors import ImportLockLost
from clevertap_import.journal import advisory_locks
from clevertap_import.journal.advisory_locks import AdvisoryLocks
from clevertap_import.journal.file_locks import FOLDER
from clevertap_import.journal.import_lock import (
    FirstInLine,
    ImportLock,
    free_import_lock,
    import_lock,
    import_lock_name,
    is_run_alive,
    run_lock,
    under_way,
)
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.participants import Participants
from clevertap_import.journal.tables import JournalUnavailable, default_url
from clevertap_import_tests.testing.builders import events, unsettled
from clevertap_import_tests.testing.lock_holders import (
    Processes,
    kill,
    open_processes,
    terminate,
)

NAME = import_lock_name("orders")


@pytest.fixture
def processes(journal_url: str) -> Iterator[Processes]:
    with open_processes(journal_url) as opened:
        yield opened


@pytest.fixture
def on_postgresql(postgresql_url: str) -> Iterator[Processes]:
    with open_processes(postgresql_url) as opened:
        yield opened


def waiting(processes: Processes, purpose: str, scope: ExitStack) -> FirstInLine:
    locks = processes.locks()
    line = Participants(locks, NAME)
    return FirstInLine(locks, line, scope.enter_context(line.joined(1, purpose)))


def purposes(first: FirstInLine) -> list[str] | None:
    ahead = first.ahead()
    return None if ahead is None else [one.purpose for one in ahead]


def test_the_lock_of_an_import_comes_in_the_order_of_asking(processes: Processes) -> None:
    with ExitStack() as scope:
        first, second, third = (waiting(processes, f"Run {name}", scope) for name in "abc")
        assert purposes(third) == ["Run a", "Run b"]
        assert purposes(first) is None
        assert purposes(second) == ["Run a"]
        first.line.remove([first.me])
        first.locks.give_back(NAME)
        assert purposes(third) == ["Run b"]
        assert purposes(second) is None


def test_the_lock_of_a_killed_run_is_free_at_once(processes: Processes) -> None:
    with ExitStack() as scope:
        killed, other = waiting(processes, "Run a", scope), waiting(processes, "Run b", scope)
        assert purposes(killed) is None
        assert purposes(other) == ["Run a"]
        kill(killed.locks)
        assert purposes(other) is None


def test_one_who_waits_and_is_stopped_is_passed(processes: Processes) -> None:
    with ExitStack() as scope:
        _, second, third = (waiting(processes, f"Run {name}", scope) for name in "abc")
        assert (purposes(third), purposes(second)) == (["Run a", "Run b"], ["Run a"])
        second.free_since = -1e9
        assert purposes(second) is None
        assert purposes(third) == ["Run a", "Run b"]


def test_whoever_waits_says_for_whom_and_goes_on(processes: Processes) -> None:
    notified: list[str] = []
    done = threading.Event()

    def wait_for_lock() -> None:
        with import_lock(processes.locks(), "orders", "Run b", notified.append):
            done.set()

    with import_lock(processes.locks(), "orders", "Run a"):
        waiter = threading.Thread(target=wait_for_lock)
        waiter.start()
        while not notified:
            assert not done.wait(0.05)
    assert done.wait(20)
    waiter.join()
    assert notified == ["Run a"]


def test_a_person_settles_only_while_no_run_has_the_lock(processes: Processes) -> None:
    asking = processes.locks()
    with import_lock(processes.locks(), "orders", "Run a"):
        assert under_way(asking, "orders") == "Run a"
        with free_import_lock(asking, "orders") as purpose:
            assert purpose == "Run a"
    assert under_way(asking, "orders") is None
    with free_import_lock(asking, "orders") as purpose:
        assert purpose is None
        assert not processes.locks().take(NAME)
    assert processes.locks().take(NAME)


def test_a_run_lives_as_long_as_it_has_its_lock(processes: Processes) -> None:
    locks, asking = processes.locks(), processes.locks()
    assert not is_run_alive(asking, "r1", "orders")
    with run_lock(locks, "r1", "orders"):
        assert is_run_alive(asking, "r1", "orders")
        assert not is_run_alive(asking, "r1", "visits")
        kill(locks)
        assert not is_run_alive(asking, "r1", "orders")


def test_a_run_without_the_lock_enters_nothing(on_postgresql: Processes, postgresql_url: str) -> None:
    locks = on_postgresql.locks()
    assert isinstance(locks, AdvisoryLocks)
    with Journal(postgresql_url) as journal, import_lock(locks, "orders", "Run a") as lock:
        journal.import_lock = lock
        with journal.together():
            journal.begin("orders", "run-1", events("a"))
        # Nobody opens a new session meanwhile.
        with locks._lock:
            terminate(on_postgresql, locks)
            locks._proven_at = float("inf")
            with pytest.raises(JournalUnavailable), journal.together():
                journal.begin("orders", "run-1", events("b"))
        assert unsettled(journal, "orders") == 1


def test_a_lost_session_is_made_anew_and_the_run_goes_on(on_postgresql: Processes) -> None:
    locks = on_postgresql.locks()
    assert isinstance(locks, AdvisoryLocks)
    with import_lock(locks, "orders", "Run a") as lock, run_lock(locks, "r1", "orders"):
        terminate(on_postgresql, locks)
        locks._proven_at = float("-inf")
        lock.check()
        assert locks.losses == 1
        assert not on_postgresql.locks().take(NAME)
        assert is_run_alive(on_postgresql.locks(), "r1", "orders")


def test_a_lock_that_another_run_has_had_since_is_lost(on_postgresql: Processes) -> None:
    locks, other = on_postgresql.locks(), on_postgresql.locks()
    assert isinstance(locks, AdvisoryLocks)
    with import_lock(locks, "orders", "Run a") as lock:
        with locks._lock:
            terminate(on_postgresql, locks)
            with import_lock(other, "orders", "Run b"):
                assert not other.has("anything")
        locks._proven_at = float("-inf")
        for _ in range(2):
            with pytest.raises(ImportLockLost):
                lock.check()
            with pytest.raises(ImportLockLost), lock.transaction():
                raise AssertionError("nothing is entered")


def test_a_lock_that_another_run_has_is_lost(on_postgresql: Processes) -> None:
    locks, other = on_postgresql.locks(), on_postgresql.locks()
    assert isinstance(locks, AdvisoryLocks)
    with import_lock(locks, "orders", "Run a") as lock, ExitStack() as scope:
        with locks._lock:
            terminate(on_postgresql, locks)
            scope.enter_context(import_lock(other, "orders", "Run b"))
        locks._proven_at = float("-inf")
        with pytest.raises(ImportLockLost):
            lock.check()


@pytest.mark.parametrize("is_a_person", [False, True])
def test_a_run_that_lost_the_lock_does_not_go_on_when_it_has_it_again(
    on_postgresql: Processes, monkeypatch: pytest.MonkeyPatch, is_a_person: bool
) -> None:
    """It had its session again, but not the lock yet, when another run or a person came to the lock."""
    monkeypatch.setattr(advisory_locks, "PING_SECONDS", 1e6)
    locks, between, other = (on_postgresql.locks() for _ in range(3))
    assert isinstance(locks, AdvisoryLocks)
    with import_lock(locks, "orders", "Run a") as lock:
        terminate(on_postgresql, locks)
        assert between.take(NAME)
        locks._proven_at = float("-inf")
        with pytest.raises(ImportLockLost):
            lock.check()
        between.give_back(NAME)
        taking = free_import_lock(other, "orders") if is_a_person else import_lock(other, "orders", "Run b")
        with taking as taken:
            assert taken is None or isinstance(taken, ImportLock)
        locks.regain()
        assert locks.has(NAME)
        with pytest.raises(ImportLockLost):
            lock.check()


def test_a_lock_whose_session_is_lost_while_it_is_taken_is_free(on_postgresql: Processes) -> None:
    locks, names = on_postgresql.locks(), ["slot 1", "slot 2", "slot 3"]
    assert isinstance(locks, AdvisoryLocks)
    commits = count(1)

    def end_at_third(_: sa.Connection) -> None:
        if next(commits) == 3:
            terminate(on_postgresql, locks)

    # The look which are free commits first, then each that is taken.
    sa.event.listen(locks.engine, "commit", end_at_third)
    with pytest.raises(JournalUnavailable):
        locks.take_some(names, 3)
    locks.regain()
    assert set(on_postgresql.locks().take_some(names, 3)) == set(names)
    assert not locks.take(names[0])


def test_a_lock_that_cannot_be_written_down_is_free(tmp_path: Path) -> None:
    """As on a disk that is full for a while; what a killed process left behind is not forgotten."""
    with open_processes(default_url(tmp_path)) as processes:
        killed, locks = processes.locks(), processes.locks()
        assert killed.take("slot 1")
        kill(killed)
        with full_disk(), pytest.raises(JournalUnavailable):
            locks.take_some(["slot 1"], 1)
        assert locks.take("slot 1")
        assert locks.abandoned(["slot 1"], list) == ["slot 1"]


@contextmanager
def full_disk() -> Iterator[None]:
    """Nothing can be written to any file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_folder_of_locks_that_was_deleted_ends_the_run(tmp_path: Path) -> None:
    with (
        open_processes(default_url(tmp_path)) as processes,
        import_lock(processes.locks(), "orders", "Run a") as lock,
    ):
        lock.check()
        folder = Path(str(processes.engine.url.database)).parent / FOLDER
        for file in folder.iterdir():
            file.unlink()
        with pytest.raises(ImportLockLost):
            lock.check()


def test_nothing_of_a_run_that_ended_stays_in_the_folder(tmp_path: Path) -> None:
    with open_processes(default_url(tmp_path)) as processes:
        with import_lock(processes.locks(), "orders", "Run a") as lock, run_lock(lock.locks, "r1", "orders"):
            folder = Path(str(processes.engine.url.database)).parent / FOLDER
            said = "".join(file.read_text() for file in folder.iterdir())
            assert f"{os.getpid()} {NAME} Run a" in said
        assert list(folder.iterdir()) == []


def test_files_of_killed_processes_are_removed_unless_they_say_something(tmp_path: Path) -> None:
    with open_processes(default_url(tmp_path)) as processes:
        killed, living = processes.locks(), processes.locks()
        for name in ("run r1 orders", "participant p1", "slot 1"):
            assert killed.take(name)
        assert living.take("run r2 orders")
        folder = Path(str(processes.engine.url.database)).parent / FOLDER
        (folder / "begun").touch()
        kill(killed)
        processes.locks()
        names = [file.read_text().partition(" ")[2].strip() for file in folder.iterdir()]
        assert sorted(names) == ["", "run r2 orders", "slot 1"]
        assert not processes.locks().take("run r2 orders")


def test_other_imports_and_other_journals_do_not_wait(processes: Processes) -> None:
    with (
        import_lock(processes.locks(), "orders", "Run a"),
        import_lock(processes.locks(), "visits", "Run b") as other,
    ):
        assert isinstance(other, ImportLock)
