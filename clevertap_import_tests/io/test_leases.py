"""Leases on a real database: never over the capacity, shared fairly, and free again when a holder is gone."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa

from clevertap_import.io.database import LEASE, JournalUnavailable, default_url, open_database
from clevertap_import.io.leases import (
    DEAD_SECONDS,
    SILENT_SECONDS,
    STALE_SECONDS,
    STILL_SECONDS,
    Lease,
    Leases,
    holders,
    import_resource,
    is_dead,
)
from clevertap_import.pure.errors import TurnLost

CAPACITY = 15
UPLOADS = "uploads of an account"


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Processes:
    """Holders of leases as different processes would have them, with one clock."""

    engine: sa.Engine
    stack: ExitStack
    clock: Clock = field(default_factory=Clock)

    def joined(self, wanted: int = CAPACITY, resource: str = UPLOADS, capacity: int = CAPACITY) -> "Process":
        leases = Leases(self.engine, self.clock)
        scope = ExitStack()
        self.stack.push(scope)
        lease = scope.enter_context(leases.lease(resource, capacity, wanted, f"Run {wanted}"))
        return Process(leases, lease, scope)

    def move(self, process: "Process", host: str | None = None, pid: int | None = None) -> None:
        """Let a holder look as if it lived elsewhere."""
        values = {"host": host} if host else {"process": pid}
        with self.engine.begin() as connection:
            connection.execute(sa.update(LEASE).where(LEASE.c.holder == process.lease.holder).values(values))


@dataclass
class Process:
    leases: Leases
    lease: Lease
    scope: ExitStack

    def beat(self) -> int:
        self.leases.beat()
        return self.lease.granted


@pytest.fixture
def processes(journal_url: str) -> Iterator[Processes]:
    with ExitStack() as stack:
        engine = open_database(journal_url)
        stack.callback(engine.dispose)
        yield Processes(engine, stack)


@pytest.fixture
def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        process.wait()
    return process.pid


def test_one_alone_has_all(processes: Processes) -> None:
    assert processes.joined().lease.granted == CAPACITY


def test_two_have_half_each_after_a_beat_of_each(processes: Processes) -> None:
    first = processes.joined()
    second = processes.joined()
    assert second.lease.granted == 0
    assert (first.beat(), second.beat()) == (8, 7)


def test_who_wants_little_leaves_the_rest_to_others(processes: Processes) -> None:
    large, small = processes.joined(), processes.joined(wanted=1)
    assert (large.beat(), small.beat()) == (14, 1)


def test_a_share_shrinks_only_as_requests_end(processes: Processes) -> None:
    first = processes.joined()
    with ExitStack() as requests:
        for _ in range(CAPACITY):
            requests.enter_context(first.lease.one())
        second = processes.joined()
        assert (first.beat(), second.beat()) == (15, 0)
    assert not first.lease.has_room(0)
    assert (first.beat(), second.beat()) == (8, 7)


def test_nothing_new_is_begun_beyond_a_smaller_share(processes: Processes) -> None:
    first = processes.joined()
    with ExitStack() as requests:
        for _ in range(CAPACITY):
            requests.enter_context(first.lease.one())
        processes.joined()
        first.beat()
        requests.pop_all().close()
    with ExitStack() as requests:
        for _ in range(8):
            requests.enter_context(first.lease.one())
        assert not first.lease.has_room(CAPACITY)


def test_what_is_left_goes_back(processes: Processes) -> None:
    first, second = processes.joined(), processes.joined()
    assert (first.beat(), second.beat()) == (8, 7)
    second.scope.close()
    assert first.beat() == CAPACITY


def test_a_silent_holder_is_gone_after_a_while(processes: Processes) -> None:
    silent, other = processes.joined(), processes.joined()
    processes.move(silent, host="elsewhere")
    assert other.beat() == 0
    processes.clock.now += SILENT_SECONDS - 1
    assert other.beat() == 0
    processes.clock.now += 1
    assert other.beat() == CAPACITY


def test_a_killed_holder_on_this_machine_is_gone_sooner(processes: Processes, dead_pid: int) -> None:
    killed, other = processes.joined(), processes.joined()
    processes.move(killed, pid=dead_pid)
    assert other.beat() == 0
    processes.clock.now += DEAD_SECONDS
    assert other.beat() == CAPACITY


def test_the_turn_of_a_killed_run_is_free_soon(processes: Processes, dead_pid: int) -> None:
    turn = import_resource("orders")
    killed, other = processes.joined(1, turn, 1), processes.joined(1, turn, 1)
    processes.move(killed, pid=dead_pid)
    assert other.beat() == 0
    processes.clock.now += STILL_SECONDS
    assert other.beat() == 1


def test_a_living_run_keeps_its_turn_though_its_process_is_not_seen_here(
    processes: Processes, dead_pid: int
) -> None:
    """Machines of one name: each takes the other's process for dead, and sees its beats."""
    turn = import_resource("orders")
    first, second = processes.joined(1, turn, 1), processes.joined(1, turn, 1)
    processes.move(first, pid=dead_pid)
    for _ in range(10):
        processes.clock.now += STILL_SECONDS / 2
        assert (first.beat(), second.beat()) == (1, 0)


def test_a_lost_turn_does_not_come_back(processes: Processes) -> None:
    turn = import_resource("orders")
    stalled, other = processes.joined(1, turn, 1), processes.joined(1, turn, 1)
    processes.move(stalled, host="elsewhere")
    other.beat()
    processes.clock.now += SILENT_SECONDS
    assert other.beat() == 1
    other.scope.close()
    assert stalled.beat() == 0
    with pytest.raises(TurnLost):
        stalled.lease.check()
    assert stalled.beat() == 0
    assert processes.joined(1, turn, 1).lease.granted == 1


def test_a_turn_that_was_not_renewed_in_time_is_not_trusted(processes: Processes) -> None:
    lease = processes.joined(1, import_resource("orders"), 1).lease
    lease.check()
    processes.clock.now += STALE_SECONDS
    with pytest.raises(TurnLost):
        lease.check()


def test_the_turns_of_an_import_come_in_the_order_of_asking(processes: Processes) -> None:
    turn = import_resource("orders")
    first, second, third = (processes.joined(1, turn, 1) for _ in range(3))
    assert [each.beat() for each in (third, second, first)] == [0, 0, 1]
    first.scope.close()
    assert [each.beat() for each in (third, second)] == [0, 1]


def test_a_holder_that_stood_still_begins_nothing_before_its_next_beat(processes: Processes) -> None:
    lease = processes.joined().lease
    processes.clock.now += STALE_SECONDS
    assert not lease.has_room(CAPACITY)


def test_a_holder_that_was_taken_for_gone_comes_back_with_what_is_under_way(processes: Processes) -> None:
    slow, other = processes.joined(), processes.joined()
    with slow.lease.one(), slow.lease.one():
        other.beat()
        processes.clock.now += SILENT_SECONDS
        assert other.beat() == CAPACITY
        assert slow.beat() == 2
        assert other.beat() == 8
    assert (slow.beat(), other.beat()) == (7, 8)


def test_other_resources_are_dealt_by_themselves(processes: Processes) -> None:
    assert processes.joined().lease.granted == CAPACITY
    assert processes.joined(3, "lookups", 3).lease.granted == 3


def test_holders_are_named_but_for_the_dead(processes: Processes, dead_pid: int) -> None:
    killed = processes.joined(1)
    processes.move(killed, pid=dead_pid)
    processes.joined(2)
    assert holders(processes.engine, UPLOADS) == ["Run 2"]


def test_the_thread_renews_and_whoever_waits_goes_on(journal_url: str) -> None:
    engine = open_database(journal_url)
    told: list[str] = []
    done = threading.Event()

    def wait_for_turn() -> None:
        with Leases(engine) as leases, leases.lease("import a", 1, 1, "Run b") as lease:
            lease.wait(told.append)
            done.set()

    with Leases(engine) as leases:
        with leases.lease("import a", 1, 1, "Run a"):
            waiter = threading.Thread(target=wait_for_turn)
            waiter.start()
            while not told:
                assert not done.wait(0.05)
        assert done.wait(10)
    waiter.join()
    assert told == ["Run a"]
    engine.dispose()


@pytest.mark.parametrize("waits", [False, True], ids=["passing", "lasting"])
def test_a_database_out_of_reach_is_borne_for_a_while(tmp_path: Path, waits: bool) -> None:
    engine, clock = open_database(default_url(tmp_path)), Clock()
    with Leases(engine, clock) as leases, leases.lease("import a", 1, 1, "Run a") as lease:
        with engine.begin() as connection:
            connection.execute(sa.text("alter table lease_turn rename to gone"))
        clock.now += STALE_SECONDS if waits else STALE_SECONDS / 2
        if waits:
            with pytest.raises(JournalUnavailable, match="no such table"):
                lease.wait()
        with engine.begin() as connection:
            connection.execute(sa.text("alter table gone rename to lease_turn"))
        if waits:
            with pytest.raises(JournalUnavailable), leases.lease("uploads", 15, 15, "Run a"):
                raise AssertionError("what was lost once is not trusted again")
            with pytest.raises(JournalUnavailable):
                lease.check()
        else:
            leases.beat()
            lease.check()
    engine.dispose()


def test_nobody_is_dead_on_another_machine() -> None:
    assert not is_dead("elsewhere", 1)
    assert not is_dead(os.uname().nodename, os.getpid())
