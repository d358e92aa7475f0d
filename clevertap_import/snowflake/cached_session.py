"""A Snowflake session that is kept open between questions, and closed when nobody asks for a while."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from threading import Lock, Timer
from typing import Any

from clevertap_import.snowflake.session import Snowflake


class CachedSession:
    """Logs in at the first question, and again after a question that failed.

    Snowflake has many ways to say that a session has ended, and the connector knows one of them. So no reason
    is looked at: a question that is wrong fails in the new session too.

    `log_in` gives a session as a context. Questions of several threads are asked one after the other.
    """

    def __init__(self, log_in: Callable[[], AbstractContextManager[Snowflake]], idle_seconds: float) -> None:
        self._log_in = log_in
        self._idle_seconds = idle_seconds
        self._lock = Lock()
        self._session: AbstractContextManager[Snowflake] | None = None
        self._snowflake: Snowflake | None = None
        self._timer: Timer | None = None

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The result of `sql`, which is small. If it fails in a session of before, a new one is asked."""
        with self._lock:
            was_open = self._snowflake is not None
            try:
                return self._asked(sql)
            except Exception:
                if not was_open:
                    raise
                self._close()
                return self._asked(sql)
            finally:
                self._wait_for_more()

    def close(self) -> None:
        with self._lock:
            self._close()

    def _asked(self, sql: str) -> list[dict[str, Any]]:
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
            # One that has ended may not be closed any more.
            with suppress(Exception):
                session.__exit__(None, None, None)

    def _wait_for_more(self) -> None:
        """Begin the time anew after which the session is closed."""
        if self._timer:
            self._timer.cancel()
        if self._snowflake:
            self._timer = Timer(self._idle_seconds, self.close)
            self._timer.daemon = True
            self._timer.start()
