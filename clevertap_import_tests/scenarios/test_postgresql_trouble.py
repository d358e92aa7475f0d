"""A real PostgreSQL that fails while an import delivers: restarted, failed over, without sessions, locked."""

import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any

import psycopg
import pytest

from clevertap_import.orchestration.resources import open_journal
from clevertap_import_tests.scenarios.people import TARGETS, fill
from clevertap_import_tests.scenarios.test_faults import report_of_run
from clevertap_import_tests.testing.cut_lines import Proxy, cut_lines
from clevertap_import_tests.testing.fixtures_postgresql import Server, journal_at, running_standby
from clevertap_import_tests.testing.virtual_time import with_virtual_time
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import Workshop

pytestmark = pytest.mark.slow

NAME = "signups"
ROWS = 50_000
LATENCY = {"service_seconds": 0.4, "service_jitter_seconds": 0.3}
SECONDS = 60
"""No measure: so long a machine that is busy with others may take."""
POLL_SECONDS = 0.01
MOST_RUNS = 3

Report = dict[str, Any]


@pytest.fixture
def journal(own_postgresql: Server, use_journal: Callable[[str], None]) -> Server:
    use_journal(own_postgresql.url)
    return own_postgresql


def prepared(workshop: Workshop, kind: str) -> None:
    fill(workshop, ROWS)
    workshop.write(NAME, target=TARGETS[kind])
    workshop.clevertap.knobs(**LATENCY)


@contextmanager
def meanwhile(workshop: Workshop, *faults: tuple[int, Callable[[], object]]) -> Iterator[None]:
    """Each fault as soon as CleverTap has got its number of requests; a fault that fails fails the test."""
    is_over = Event()

    def cause() -> None:
        for uploads, fault in faults:
            while workshop.clevertap.traffic()["uploads"] < uploads:
                assert not is_over.wait(POLL_SECONDS), "The run ended before the fault"
            fault()

    with ThreadPoolExecutor(1) as pool:
        caused = pool.submit(cause)
        try:
            yield
        finally:
            is_over.set()
        caused.result()


def runs_with(workshop: Workshop, *faults: tuple[int, Callable[[], object]]) -> list[Report]:
    """The report of the run that meets the faults, and of those after it: up to a success, or MOST_RUNS."""
    with meanwhile(workshop, *faults):
        reports = [run(workshop)]
    while reports[-1]["status"] != "Success" and len(reports) < MOST_RUNS:
        reports.append(run(workshop))
    return reports


def run(workshop: Workshop) -> Report:
    (line,) = workshop.run(NAME)
    return report_of_run(workshop, NAME, line)


def copies(workshop: Workshop, kind: str) -> tuple[int, int]:
    """How many rows CleverTap has, and how many copies beyond one it was sent and took."""
    if kind == "events":
        stored = Counter(event["identity"] for event in workshop.clevertap.events())
        return len(stored), stored.total() - len(stored)
    found = sum("Name" in profile["properties"] for profile in workshop.clevertap.profiles().values())
    return found, workshop.clevertap.traffic()["records_accepted"] - found


def assert_all_there_and_counted(workshop: Workshop, reports: list[Report], what: str, kind: str) -> None:
    assert reports[-1]["status"] == "Success", reports[-1]["problem"]
    stored, surplus = copies(workshop, kind)
    counted = sum(report["possible_duplicates"] or 0 for report in reports)
    uncertain = sum(report["uncertain"] for report in reports)
    sys.stdout.write(
        f"{what}, {kind}: {len(reports)} runs, lost {ROWS - stored:,}, doubled {surplus:,}, counted"
        f" {counted:,}, uncertain {uncertain:,}, problem {reports[0]['problem']}\n"
    )
    assert stored == ROWS
    # Profiles that are sent again stay the same, and are not counted as copies.
    assert surplus <= (counted if kind == "events" else uncertain)
    with open_journal() as opened:
        for report in reports:
            assert opened.of_run(report["run_id"]) == (report["accepted"], report["uncertain"])
    last = reports[-1]
    assert last["total_records"] == last["successful_syncs"] + last["failed_syncs"] + last["superseded"]
    assert last["successful_syncs"] == ROWS


def test_a_restart_of_postgresql_during_delivery_is_borne(workshop: Workshop, journal: Server) -> None:
    prepared(workshop, "events")

    def restart() -> None:
        journal.stop(signal.SIGINT)
        journal.start()

    reports = runs_with(workshop, (8, restart), (30, restart))
    assert_all_there_and_counted(workshop, reports, "restarted twice", "events")
    assert len(reports) == 1


def test_sessions_that_postgresql_ends_again_and_again_are_made_anew(
    workshop: Workshop, journal: Server
) -> None:
    prepared(workshop, "events")

    def end_all() -> None:
        assert journal.ask(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity"
            " where backend_type = 'client backend' and pid <> pg_backend_pid()"
        )

    reports = runs_with(workshop, *((uploads, end_all) for uploads in (5, 20, 35)))
    assert_all_there_and_counted(workshop, reports, "all sessions ended three times", "events")
    assert len(reports) == 1


def test_a_lock_on_the_deliveries_is_waited_for_beyond_lock_timeout(
    workshop: Workshop, journal: Server, use_journal: Callable[[str], None]
) -> None:
    use_journal(f"{journal.url}?options=-clock_timeout%3D200ms")
    waits = with_virtual_time(workshop)
    prepared(workshop, "events")
    with journal.connect() as other:

        def lock() -> None:
            other.execute("begin")
            other.execute("lock table delivery in share row exclusive mode")
            waits.later = [(waits.seconds + 5, lambda: other.execute("commit"))]

        reports = runs_with(workshop, (8, lock))
        assert other.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
    assert waits.seconds >= 5
    assert_all_there_and_counted(workshop, reports, "locked", "events")
    assert len(reports) == 1


@pytest.fixture
def way(own_postgresql: Server, use_journal: Callable[[str], None]) -> Iterator[Proxy]:
    """The address of the journal, which leads to the primary at first."""
    with cut_lines(*own_postgresql.address) as proxy:
        use_journal(journal_at(proxy.server_address[1]))
        yield proxy


def wait_until_equal(primary: Server, standby: Server) -> None:
    end = primary.ask("select pg_current_wal_lsn()::text")
    with standby.connect() as connection:

        def has_replayed() -> bool:
            row = connection.execute(
                "select pg_last_wal_replay_lsn() >= %s::pg_lsn and exists (select from pg_stat_wal_receiver)",
                [end],
            ).fetchone()
            return bool(row and row[0])

        wait_for("the standby", has_replayed, SECONDS)


def leave_behind(standby: Server) -> None:
    """From now on the standby gets nothing, and the primary does not care."""
    with standby.connect() as connection:
        connection.execute("alter system set primary_conninfo = ''")
        connection.execute("select pg_reload_conf()")
    receivers = "select count(*) from pg_stat_wal_receiver"
    wait_for("the end of the WAL receiver", lambda: standby.ask(receivers) == 0, SECONDS)


@dataclass
class FailedOver:
    """What became of an import whose PostgreSQL failed over to a standby that was behind."""

    reports: list[Report]
    entries: int
    entries_lost: int

    def __str__(self) -> str:
        return f"failed over, {self.entries_lost} entries of {self.entries} lost"


@contextmanager
def failed_over(
    workshop: Workshop, primary: Server, way: Proxy, *, behind_at: int | None
) -> Iterator[FailedOver]:
    """The standby gets nothing after `behind_at` requests; None: nothing of the run at all."""
    seen: list[tuple[int, int]] = []
    entered = "select count(*) from delivery"
    with running_standby(primary) as standby:
        wait_until_equal(primary, standby)

        def fail_over() -> None:
            seen.append((primary.ask(entered), standby.ask(entered)))
            primary.stop()
            assert standby.ask("select pg_promote()")
            way.target = standby.address

        faults = [(30, fail_over)]
        if behind_at is None:
            leave_behind(standby)
        else:
            faults.insert(0, (behind_at, lambda: leave_behind(standby)))
        reports = runs_with(workshop, *faults)
        ((of_primary, of_standby),) = seen
        yield FailedOver(reports, of_primary, of_primary - of_standby)


@pytest.mark.parametrize("kind", ["events", "profiles"])
def test_a_failover_that_loses_the_last_commits_loses_and_doubles_no_record(
    workshop: Workshop, own_postgresql: Server, way: Proxy, kind: str
) -> None:
    prepared(workshop, kind)
    open_journal().close()
    with failed_over(workshop, own_postgresql, way, behind_at=5) as found:
        assert 0 < found.entries_lost < found.entries
        assert_all_there_and_counted(workshop, found.reports, str(found), kind)
    assert len(found.reports) == 1


@pytest.mark.parametrize("kind", ["events", "profiles"])
def test_a_failover_that_loses_all_of_the_first_run_loses_and_doubles_no_record(
    workshop: Workshop, own_postgresql: Server, way: Proxy, kind: str
) -> None:
    prepared(workshop, kind)
    open_journal().close()
    with failed_over(workshop, own_postgresql, way, behind_at=None) as found:
        assert found.entries_lost == found.entries
        assert_all_there_and_counted(workshop, found.reports, str(found), kind)
        assert len(found.reports) == 1
        sent = workshop.clevertap.traffic()["records_accepted"]
        again = run(workshop)
        assert (again["status"], again["accepted"]) == ("Success", 0), again["problem"]
        assert workshop.clevertap.traffic()["records_accepted"] == sent
