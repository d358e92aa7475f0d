"""How long a delivery, or a process that only waits, tolerates an unavailable journal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import sqlalchemy as sa

from clevertap_import.journal.ending import JOURNAL_SECONDS, Ending
from clevertap_import.journal.tables import JournalUnavailable

Result = TypeVar("Result")

OUTAGE_SECONDS = 120.0
"""A database that restarts, or fails over to another machine, is available again by then."""

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 3.0

BRIEF_MILLISECONDS = 4_000
"""The lock timeout of a transaction that is repeated if it fails: a run that should end cannot wait long."""

HURRIED_MILLISECONDS = 1_000
"""The lock timeout of each transaction of a run that should end, because it still has several to do."""

BRIEF_LOCK_TIMEOUT = sa.text(
    "select set_config('lock_timeout', least(:most, nullif(setting::int, 0))::text, true)"
    " from pg_settings where name = 'lock_timeout'"
)


@dataclass(slots=True)
class JournalOutage:
    """The attempts of one commit. The time of the attempts and of the waits between them counts."""

    ending: Ending
    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic
    seconds: float = 0.0
    wait_seconds: float = FIRST_WAIT_SECONDS
    last_end: float = field(init=False)

    def __post_init__(self) -> None:
        self.last_end = self.clock()

    def is_borne(self) -> bool:
        """After a failed attempt: waits, and returns whether to try again."""
        self.seconds += self.clock() - self.last_end
        left = min(OUTAGE_SECONDS - self.seconds, self.ending.seconds_left + JOURNAL_SECONDS)
        if left <= 0:
            return False
        wait = min(left, self.wait_seconds)
        self.sleep(wait)
        self.seconds += wait
        self.wait_seconds = min(LONGEST_WAIT_SECONDS, 2 * self.wait_seconds)
        self.last_end = self.clock()
        return True


class OutageLimit:
    """Consecutive errors of the journal, for a process that only waits."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None

    @contextmanager
    def borne(self) -> Iterator[None]:
        """Suppress JournalUnavailable until the errors have lasted for OUTAGE_SECONDS."""
        try:
            yield
        except JournalUnavailable:
            self._since = self._clock() if self._since is None else self._since
            if self._clock() - self._since >= OUTAGE_SECONDS:
                raise
        else:
            self._since = None


def bearing_outages(act: Callable[[], Result], sleep: Callable[[float], object]) -> Result:
    """Repeat `act` while the journal is unavailable. It must be idempotent: a commit may have succeeded."""
    outage = JournalOutage(Ending(), sleep)
    while True:
        try:
            return act()
        except JournalUnavailable as error:
            if error.is_final or not outage.is_borne():
                raise


@contextmanager
def brief_waits(connection: sa.Connection) -> Iterator[None]:
    """In the block, a transaction waits for locks of others for a few seconds at most."""
    if connection.dialect.name != "sqlite":
        connection.execute(BRIEF_LOCK_TIMEOUT, {"most": BRIEF_MILLISECONDS})
        yield
        return
    usual = int(connection.exec_driver_sql("pragma busy_timeout").scalar() or 0)
    connection.exec_driver_sql(f"pragma busy_timeout={min(usual, BRIEF_MILLISECONDS)}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"pragma busy_timeout={usual}")


def hurry(engine: sa.Engine) -> None:
    """From now on no transaction waits for locks longer than a second, because a run should end."""
    if not sa.event.contains(engine, "begin", wait_no_more):
        sa.event.listen(engine, "begin", wait_no_more)


def wait_no_more(connection: sa.Connection) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    words = "pragma busy_timeout={}" if is_sqlite else "set local lock_timeout = {}"
    cursor = connection.connection.cursor()
    cursor.execute(words.format(HURRIED_MILLISECONDS))
    cursor.close()
