"""A Snowflake session that stays open between queries, and is closed after some time without a query."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clevertap_import.snowflake.open_session import Snowflake


class CachedSession:
    """Logs in at the first query, and again after a query that failed.

    Snowflake reports an ended session in many ways, and the connector knows only one of them. So the error is
    not examined: a wrong query fails in the new session too.

    `log_in` returns a session as a context manager. Queries of several threads run one after the other.
    """

    def __init__(
        self, log_in: Callable[[], AbstractContextManager["Snowflake"]], idle_seconds: float
    ) -> None:
        self._log_in = log_in
        self._idle_seconds = idle_seconds
        self._lock = Lock()
        self._session: AbstractContextManager[Snowflake] | None = None
        self._snowflake: Snowflake | None = None
        self._timer: Timer | None = None

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The result of `sql`, which must be small. After a failure in an open session, a new one is used."""
        with self._lock:
            was_open = self._snowflake is not None
            try:
                return self._queried(sql)
            except Exception:
                if not was_open:
                    raise
                self._close()
                return self._queried(sql)
            finally:
                self._restart_timer()

    def close(self) -> None:
        with self._lock:
            self._close()

    def _queried(self, sql: str) -> list[dict[str, Any]]:
        if self._snowflake is None:
            session = self._log_in()
            self._snowflake = session.__enter__()
            self._session = session
        return [row for batch in self._snowflake.batches(sql) for row in batch.to_pylist()]

    def _close(self) -> None:
        session, self._session, self._snowflake = self._session, None, None
        if self._timer:
            self._timer.cancel()
        if session:
            # A session that has ended may refuse to be closed.
            with suppress(Exception):
                session.__exit__(None, None, None)

    def _restart_timer(self) -> None:
        """Start the idle timer again. It closes the session."""
        if self._timer:
            self._timer.cancel()
        if self._snowflake:
            self._timer = Timer(self._idle_seconds, self.close)
            self._timer.daemon = True
            self._timer.start()
