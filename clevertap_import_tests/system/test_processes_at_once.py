"""Real processes that send for one account at once: none starves, whoever is stopped or killed."""

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa

from clevertap_import.errors import ConfigError
from clevertap_import.journal.locks import open_locks
from clevertap_import.journal.tables import open_database
from clevertap_import_tests.testing.dagster_processes import free_port
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_postgresql import is_up, owner
from clevertap_import_tests.testing.forked_commands import Started, start
from clevertap_import_tests.testing.waiting import wait_for

PATIENCE_SECONDS = 240
SENDING = "clevertap_import_tests.testing.sending_process"
WRITE_SECONDS = 5
LONG = 100_000
"""Batches of an import that is ended by the test."""

PGBOUNCER = Path("/usr/sbin/pgbouncer")


@dataclass
class Senders:
    """Processes that deliver, each an import of its own."""

    journal_url: str
    clevertap: FakeCleverTap

    @contextmanager
    def started(self, name: str, batches: int, most: int = 15, size: int = 1) -> Iterator[Started]:
        settings = [self.clevertap.url, self.clevertap.account_id, self.clevertap.passcode, str(most)]
        words = [self.journal_url, *settings, name, str(batches), str(size)]
        with start(words, os.environ, Path.cwd(), SENDING) as process:
            try:
                yield process
            finally:
                process.kill()

    def reports(self, process: Started) -> list[dict[str, Any]]:
        """All that a process says until its end."""
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, said
        return [json.loads(line) for line in said.splitlines()]

    def uploads(self) -> int:
        return int(self.clevertap.traffic()["uploads"])

    def wait_for_uploads(self, count: int) -> None:
        wait_for(f"{count} uploads", lambda: self.uploads() >= count or None, PATIENCE_SECONDS)


@pytest.fixture
def senders(journal_url: str, fake_clevertap: FakeCleverTap) -> Senders:
    fake_clevertap.knobs(service_seconds=0.1)
    open_database(journal_url).dispose()
    return Senders(journal_url, fake_clevertap)


def test_five_rows_get_in_beside_a_long_import_though_the_account_allows_one_request(
    senders: Senders,
) -> None:
    with senders.started("long", LONG, most=1) as long:
        senders.wait_for_uploads(3)
        with senders.started("short", 1, most=1, size=5) as short:
            for line in short.stdout or ():
                if "locked" in line:
                    before = senders.uploads()
                if "accepted" in line:
                    between = senders.uploads() - before
            assert short.wait(PATIENCE_SECONDS) == 0
        assert long.poll() is None
    assert between <= 20
    assert senders.clevertap.counters()["peak_in_flight"] == 1


def test_what_a_stopped_process_does_not_hold_is_for_the_others_and_it_goes_on_later(
    senders: Senders,
) -> None:
    with senders.started("first", 200) as first:
        senders.wait_for_uploads(30)
        with senders.started("second", 60) as second:
            wait_for("both to send", partial(has_sent, senders, "second"), PATIENCE_SECONDS)
            wait_for("a stop between writes", partial(has_stopped_free, senders, first), PATIENCE_SECONDS)
            assert senders.reports(second)[-1]["accepted"] == 60
            first.send_signal(signal.SIGCONT)
            assert senders.reports(first)[-1]["accepted"] == 200
    counters = senders.clevertap.counters()
    assert (counters["peak_in_flight"] <= 15, counters["busy_429"], counters["duplicate_events"]) == (
        True,
        0,
        0,
    )


def has_stopped_free(senders: Senders, process: Started) -> bool:
    """Stop a process; let it go on if it was writing, for a file of SQLite has one writer at a time."""
    process.send_signal(signal.SIGSTOP)
    if not senders.journal_url.startswith("sqlite"):
        return True
    file = str(sa.make_url(senders.journal_url).database)
    try:
        with closing(sqlite3.connect(file, timeout=WRITE_SECONDS)) as connection:
            connection.execute("begin immediate")
    except sqlite3.OperationalError:
        process.send_signal(signal.SIGCONT)
        return False
    return True


def has_sent(senders: Senders, name: str) -> bool:
    return any(event["name"] == name for event in senders.clevertap.events())


def test_the_slots_of_a_killed_process_are_for_the_others(senders: Senders) -> None:
    with senders.started("first", LONG) as first:
        senders.wait_for_uploads(30)
        with senders.started("second", 300) as second:
            wait_for("both to send", partial(has_sent, senders, "second"), PATIENCE_SECONDS)
            first.kill()
            assert senders.reports(second)[-1]["accepted"] == 300
    counters = senders.clevertap.counters()
    assert (counters["peak_in_flight"] <= 15, counters["busy_429"]) == (True, 0)


@pytest.mark.slow
def test_twenty_processes_at_once_end_well(senders: Senders) -> None:
    """Far more than there are slots."""
    most = 3
    with_each = [senders.started(f"import{number}", 2, most=most) for number in range(20)]
    processes = [each.__enter__() for each in with_each]
    assert [senders.reports(process)[-1]["accepted"] for process in processes] == [2] * 20
    for each in with_each:
        each.__exit__(None, None, None)
    counters = senders.clevertap.counters()
    assert (counters["peak_in_flight"] <= most, counters["busy_429"]) == (True, 0)


@contextmanager
def pooler(folder: Path, url: str, mode: str, sessions: int) -> Iterator[str]:
    """PgBouncer before the database at `url`; yields the URL that leads through it."""
    server = sa.make_url(url)
    schema = str(server.query["options"]).removeprefix("-csearch_path=")
    port = free_port()
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": mode,
        "default_pool_size": sessions,
        "ignore_startup_parameters": "options",
        "logfile": folder / "log",
    }
    behind = f"host={server.host} port={server.port} user={server.username}"
    lines = ["[databases]", f"{server.database} = {behind} connect_query='set search_path to {schema}'"]
    lines += ["[pgbouncer]", *(f"{name} = {value}" for name, value in settings.items())]
    (folder / "pgbouncer.ini").write_text("\n".join(lines))
    if owner():
        folder.chmod(0o777)
        (folder / "pgbouncer.ini").chmod(0o644)
    with subprocess.Popen([PGBOUNCER, "-q", folder / "pgbouncer.ini"], **owner()) as process:
        try:
            wait_for("PgBouncer", partial(is_up, port), PATIENCE_SECONDS)
            yield str(server.set(port=port, query={}).render_as_string(hide_password=False))
        finally:
            process.kill()


@pytest.mark.skipif(not PGBOUNCER.exists(), reason="PgBouncer is not installed here.")
@pytest.mark.parametrize(("mode", "sessions"), [("transaction", 20), ("transaction", 1), ("session", 20)])
def test_a_pooler_that_shares_sessions_is_refused(postgresql_url: str, mode: str, sessions: int) -> None:
    open_database(postgresql_url).dispose()
    with TemporaryDirectory() as name, pooler(Path(name), postgresql_url, mode, sessions) as url:
        engine = open_database(url)
        if mode == "session":
            with open_locks(engine) as locks:
                assert locks.take("x")
        else:
            with pytest.raises(ConfigError, match=r"pool_mode =\s+session"), open_locks(engine):
                pytest.fail("it cannot hold a lock")
        engine.dispose()
