"""How long a journal that cannot be reached is borne by whoever only waits."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clevertap_import.journal.tables import JournalUnavailable

OUTAGE_SECONDS = 120.0
"""A database that is restarted, or fails over to another machine, is back by then."""


class OutageLimit:
    """Errors of the journal, one after the other."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None

    @contextmanager
    def borne(self) -> Iterator[None]:
        """JournalUnavailable is swallowed, until that has gone on for OUTAGE_SECONDS."""
        try:
            yield
        except JournalUnavailable:
            self._since = self._clock() if self._since is None else self._since
            if self._clock() - self._since >= OUTAGE_SECONDS:
                raise
        else:
            self._since = None
