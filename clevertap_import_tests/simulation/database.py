"""The journal's database in a simulation: real SQL on SQLite, with commits that fail or are lost."""

import shutil
import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from clevertap_import.io.database import METADATA
from clevertap_import.io.journal import Journal
from clevertap_import_tests.simulation.process import Process
from clevertap_import_tests.simulation.scheduler import Scheduler
from clevertap_import_tests.simulation.script import Fault

FIRST_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
COMMITS_KEPT = 4
LOCK_WAIT_SECONDS = 5.0
TABLES = tuple(METADATA.tables)
Content = dict[str, list[Any]]


class Database:
    """One file for all processes of a simulation; `template` is a journal without entries."""

    def __init__(self, scheduler: Scheduler, file: Path, template: Path, *, fails_over: bool) -> None:
        shutil.copy(template, file)
        self.scheduler = scheduler
        self.file = file
        self.url = f"sqlite:///{file}?timeout=0"
        self.down_until = 0.0
        self.fails_over = fails_over
        self.commits: deque[Content] = deque(maxlen=COMMITS_KEPT)
        self.copy: Content | None = None
        self.newest: Content | None = None
        self.failovers = 0

    def now(self) -> datetime:
        return FIRST_MOMENT + timedelta(seconds=self.scheduler.now)

    def journal(self, process: Process) -> Journal:
        """The journal as `process` has it open."""
        journal = Journal(self.url, self.now)
        engine = journal.engine
        sa.event.listen(engine, "begin", lambda connection: self.before(process, "begin"))
        commit = engine.dialect.do_commit

        def do_commit(connection: Any) -> None:  # noqa: ANN401 - whatever the driver gives
            self.commit(process, lambda: commit(connection))

        engine.dialect.do_commit = do_commit  # type: ignore[method-assign]
        return journal

    def before(self, process: Process, point: Any) -> Fault | None:  # noqa: ANN401
        fault = process.reach(point)
        if self.scheduler.now < self.down_until:
            self.scheduler.pause(min(LOCK_WAIT_SECONDS, self.down_until - self.scheduler.now))
            if self.scheduler.now < self.down_until:
                raise unavailable("the database system is starting up")
        return fault

    def commit(self, process: Process, commit: Callable[[], None]) -> None:
        fault = self.before(process, "commit")
        if fault and fault.do == "fail":
            raise unavailable("the connection was lost before the commit")
        commit()
        if self.fails_over:
            self.commits.append(self.snapshot())
        if fault and fault.do == "fail after":
            raise unavailable("the connection was lost after the commit")
        process.reach("committed")

    def snapshot(self) -> Content:
        """All rows of all tables."""
        with closing(sqlite3.connect(self.file, timeout=0)) as live:
            return {table: live.execute(f"select * from {table}").fetchall() for table in TABLES}

    def fail_over(self, lost: int) -> None:
        """The last commits are gone, and nobody is told."""
        if len(self.commits) > lost:
            self.failovers += 1
            self.put(self.commits[-1 - lost])

    def put(self, content: Content) -> None:
        """Another state of the database, under the connections that are open."""
        with closing(sqlite3.connect(self.file, timeout=0)) as live:
            for table, rows in content.items():
                live.execute(f"delete from {table}")
                live.executemany(f"insert into {table} values ({marks(table)})", rows)
            live.commit()

    def put_back(self) -> None:
        if self.copy is not None:
            self.newest = self.snapshot()
            self.put(self.copy)

    def put_newest(self) -> bool:
        """What a person does who is told that the journal is an older one."""
        if self.newest is None:
            return False
        self.put(self.newest)
        self.newest = None
        return True


def unavailable(reason: str) -> sa.exc.OperationalError:
    return sa.exc.OperationalError("", {}, sqlite3.OperationalError(reason))


def marks(table: str) -> str:
    return ", ".join("?" * len(METADATA.tables[table].columns))
