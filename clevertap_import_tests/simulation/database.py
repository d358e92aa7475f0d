"""The journal's database in a simulation: real SQL on SQLite, with commits that fail or are lost."""

import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from clevertap_import.journal.copies import mark_unended
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.tables import METADATA, open_database
from clevertap_import_tests.simulation.process import Process
from clevertap_import_tests.simulation.scheduler import Scheduler
from clevertap_import_tests.simulation.script import Fault, Point

FIRST_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
COMMITS_STORED = 4
LOCK_WAIT_SECONDS = 5.0
TABLES = tuple(METADATA.tables)
Content = dict[str, list[Any]]


class SharedEngine:
    """The engine of all simulations of a session, so that it compiles each SQL statement once.

    `database`: that of the simulation that runs now.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / "journal.db"
        self.engine = open_database(f"sqlite:///{self.file}?timeout=0")
        self.database: Database | None = None
        self.empty = snapshot(self.file)
        sa.event.listen(self.engine, "begin", lambda connection: self.reached("begin"))
        self.own_listeners = len(self.listeners)
        commit = self.engine.dialect.do_commit

        def do_commit(connection: Any) -> None:  # noqa: ANN401 - any connection of the driver
            process = self.process
            if process and self.database:
                self.database.commit(process, lambda: commit(connection))
            else:
                commit(connection)

        self.engine.dialect.do_commit = do_commit  # type: ignore[assignment,method-assign]

    @property
    def listeners(self) -> Any:  # noqa: ANN401 - SQLAlchemy's, which is a deque
        return self.engine.pool.dispatch.connect.listeners

    def play_for(self, database: "Database") -> None:
        """Serve `database` from now on. Remove listeners of earlier simulations: they would slow all down.

        SQLAlchemy must forget them too: it takes a new listener at the address of a forgotten one for known.
        """
        self.database = database
        for listener in list(self.listeners)[self.own_listeners :]:
            sa.event.remove(self.engine, "connect", listener)

    @property
    def process(self) -> Process | None:
        """The process whose task uses the engine at this moment; None outside of tasks."""
        task = self.database.scheduler.found if self.database else None
        return task.owner if task and isinstance(task.owner, Process) else None

    def reached(self, point: Point) -> None:
        process = self.process
        if process and self.database:
            self.database.before(process, point)


class Database:
    """The journal's database of one simulation, for all of its processes."""

    def __init__(self, scheduler: Scheduler, shared: SharedEngine, *, fails_over: bool) -> None:
        self.scheduler = scheduler
        self.file = shared.file
        self.engine = shared.engine
        shared.play_for(self)
        self.down_until = 0.0
        self.fails_over = fails_over
        self.commits: deque[Content] = deque(maxlen=COMMITS_STORED)
        self.copy: Content | None = None
        self.newest: Content | None = None
        self.failovers = 0
        self.begun = 0
        self.begun_at_failover = 0
        self.put(shared.empty)

    def now(self) -> datetime:
        return FIRST_MOMENT + timedelta(seconds=self.scheduler.now)

    def journal(self) -> Journal:
        """The journal as one process has it open."""
        return Journal(self.engine, self.now)

    def before(self, process: Process, point: Point) -> Fault | None:
        fault = process.reach(point)
        self.begun += point == "begin"
        if self.is_down and point != "commit":
            self.scheduler.pause(min(LOCK_WAIT_SECONDS, self.down_until - self.scheduler.now))
        if self.is_down:
            raise unavailable("the database system is starting up")
        return fault

    @property
    def is_down(self) -> bool:
        return self.scheduler.now < self.down_until

    def commit(self, process: Process, commit: Callable[[], None]) -> None:
        fault = self.before(process, "commit")
        if fault and fault.do == "fail":
            raise unavailable("the connection was lost before the commit")
        commit()
        if self.fails_over:
            self.commits.append(snapshot(self.file))
        if fault and fault.do == "fail after":
            raise unavailable("the connection was lost after the commit")
        process.reach("committed")

    @property
    def is_noticed(self) -> bool:
        """Whether anybody has used the database since its last failover."""
        return self.begun > self.begun_at_failover

    def forget_commits(self) -> None:
        """No later failover loses the commits until now."""
        self.commits.clear()
        if self.fails_over:
            self.commits.append(snapshot(self.file))

    def fail_over(self, lost: int) -> None:
        """Lose the last commits without a message to anybody."""
        if len(self.commits) > lost:
            self.failovers += 1
            self.begun_at_failover = self.begun
            self.put(self.commits[-1 - lost])
            # The sessions ended with the server that had them.
            self.engine.dispose()

    def put(self, content: Content) -> None:
        """Replace the content of the database while connections are open."""
        with closing(sqlite3.connect(self.file, timeout=0)) as live:
            for table, rows in content.items():
                live.execute(f"delete from {table}")
                live.executemany(f"insert into {table} values ({marks(table)})", rows)
            live.commit()

    def keep_copy(self) -> None:
        self.copy = snapshot(self.file)

    def put_back(self) -> None:
        if self.copy is not None:
            self.newest = snapshot(self.file)
            self.restore(self.copy)

    def put_newest(self) -> bool:
        """Put the journal back that was there before the older copy. Returns whether there was one."""
        if self.newest is None:
            return False
        self.restore(self.newest)
        self.newest = None
        return True

    def restore(self, content: Content) -> None:
        """Put `content` in place, as `journal restore` does."""
        self.put(content)
        with closing(sqlite3.connect(self.file, timeout=0)) as live:
            mark_unended(live)
            live.commit()


def snapshot(file: Path) -> Content:
    """All rows of all tables."""
    with closing(sqlite3.connect(file, timeout=0)) as live:
        return {table: live.execute(f"select * from {table}").fetchall() for table in TABLES}


def unavailable(reason: str) -> sa.exc.OperationalError:
    return sa.exc.OperationalError("", {}, sqlite3.OperationalError(reason))


def marks(table: str) -> str:
    return ", ".join("?" * len(METADATA.tables[table].columns))
