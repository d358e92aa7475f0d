"""Progress of a run: in Dagster's log every few seconds, and to whoever listens (the command line's bar)."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

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
    """Reports one run. `log` gets a line at least every LOG_SECONDS while rows move."""

    import_name: str
    log: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _began: dict[str, float] = field(default_factory=dict)
    _logged: float = field(default=0.0)

    def step(self, doing: str, done: int, total: int | None) -> None:
        now = self.clock()
        if doing not in self._began:
            self._began[doing] = self._logged = now
        if LISTENERS.handlers:
            LISTENERS.info(doing, extra={"progress": Step(self.import_name, doing, done, total)})
        if now - self._logged >= LOG_SECONDS:
            self._logged = now
            self.log(line(doing, done, total, now - self._began[doing]))


def line(doing: str, done: int, total: int | None, seconds: float) -> str:
    """For example `12,000 of 48,000 rows sent, 4,000 rows/s, 9 s left`."""
    rate = done / seconds if seconds else 0.0
    if not total:
        return f"{done:,} rows {doing}, {rate:,.0f} rows/s"
    left = f", {(total - done) / rate:,.0f} s left" if rate else ""
    return f"{done:,} of {total:,} rows {doing}, {rate:,.0f} rows/s{left}"
