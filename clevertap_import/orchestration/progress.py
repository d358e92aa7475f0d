"""Progress of a run: in Dagster's log every few seconds, and for listeners such as the command line's bar."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

LISTENERS = logging.getLogger("clevertap_import.progress")
"""Each change is one record whose `progress` is a Step. Nothing is printed unless a handler is added."""

LOG_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """How far a run is: `done` of `total` rows (None: not known) are `doing` (`staged` or `sent`)."""

    import_name: str
    doing: str
    done: int
    total: int | None


@dataclass(slots=True)
class Progress:
    """Reports one run."""

    import_name: str
    log: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _began: dict[str, float] = field(default_factory=dict)
    _last: Step | None = None

    def step(self, doing: str, done: int, total: int | None) -> None:
        self._began.setdefault(doing, self.clock())
        self._last = Step(self.import_name, doing, done, total)
        if LISTENERS.handlers:
            LISTENERS.info(doing, extra={"progress": self._last})

    @contextmanager
    def logged(self) -> Iterator[None]:
        """In the block, `log` gets a line every LOG_SECONDS, also if no row was processed since."""
        ended = Event()
        thread = Thread(target=self.log_regularly, args=(ended.wait,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def log_regularly(self, has_ended: Callable[[float], bool]) -> None:
        """Log the progress until `has_ended` returns True; it waits for the given seconds."""
        while not has_ended(LOG_SECONDS):
            # If a line cannot be logged, the run still continues.
            with suppress(Exception):
                self.log(self.line())

    def line(self) -> str:
        if self._last is None:
            return "Waiting for the first rows of the query."
        doing, done, total = self._last.doing, self._last.done, self._last.total
        return line(doing, done, total, self.clock() - self._began[doing])


def line(doing: str, done: int, total: int | None, seconds: float) -> str:
    """For example `12,000 of 48,000 rows sent, 4,000 rows/s, 9 s left`."""
    rate = done / seconds if seconds else 0.0
    if not total:
        return f"{done:,} rows {doing}, {rate:,.0f} rows/s"
    left = f", {(total - done) / rate:,.0f} s left" if rate else ""
    return f"{done:,} of {total:,} rows {doing}, {rate:,.0f} rows/s{left}"
