"""Progress of a run: in Dagster's log every few seconds, and for listeners such as the command line's bar."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Literal

from clevertap_import.clevertap.delivery import Delivery
from clevertap_import.clevertap.effort_meter import EffortMeter
from clevertap_import.run_result import RunProgress
from clevertap_import.staging.stage import StageCounts

LISTENERS = logging.getLogger("clevertap_import.progress")
"""Each change is one record whose `progress` is a Step. Nothing is printed unless a handler is added."""

LOG_SECONDS = 10.0

LAST_LINE_SECONDS = 5.0

Phase = Literal["wait", "query", "stage", "check", "dry run", "send"]

PHASES: dict[Phase, str] = {
    "wait": "Wait: another run of this import is under way",
    "query": "Query: Snowflake has sent no row yet",
    "stage": "Stage",
    "check": "Check: the staged rows are checked",
    "dry run": "Dry run: CleverTap checks a sample of the records",
    "send": "Send",
}
"""How the log names each phase."""

PHASE_OF: dict[str, Phase] = {"staged": "stage", "sent": "send"}


@dataclass(frozen=True, slots=True)
class Step:
    """How far a run is: `done` of `total` rows (None: not known) are `doing` (`staged` or `sent`)."""

    import_name: str
    doing: str
    done: int
    total: int | None


@dataclass(slots=True)
class Progress:
    """Reports one run. `enter` gets, as often as the log, where the run is."""

    import_name: str
    log: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    meter: EffortMeter = field(default_factory=EffortMeter)
    enter: Callable[[RunProgress], None] = lambda progress: None
    on_phase: Callable[[Phase], None] = lambda phase: None
    _phase: Phase = "query"
    _began: dict[Phase, float] = field(default_factory=dict)
    _last: Step | None = None
    _since: float | None = None
    _seconds: dict[Phase, float] = field(default_factory=dict)

    def begin(self, phase: Phase) -> None:
        """From now on the run is in this phase, of whose rows nothing is known yet."""
        self._end_phase()
        self._phase, self._last, self._since = phase, None, self.clock()
        self._began.setdefault(phase, self._since)
        self.on_phase(phase)

    def _end_phase(self) -> None:
        if self._since is not None:
            before = self._seconds.get(self._phase, 0.0)
            self._seconds[self._phase] = before + self.clock() - self._since
            self._since = None

    def step(self, doing: str, done: int, total: int | None) -> None:
        phase = PHASE_OF[doing]
        if phase != self._phase:
            self.begin(phase)
        self._began.setdefault(phase, self.clock())
        self._last = Step(self.import_name, doing, done, total)
        if LISTENERS.handlers:
            LISTENERS.info(doing, extra={"progress": self._last})

    def staging(self, expected: Callable[[], int | None]) -> Callable[[StageCounts], None]:
        """Takes the counts of a stage; `expected`: how many rows come in all, once that is known."""
        return lambda counts: self.step("staged", counts.read - counts.superseded, expected())

    def sending(self, total: int) -> Callable[[Delivery], None]:
        """Takes the counts of a delivery of `total` records."""
        return lambda delivery: self.step("sent", delivery.settled + delivery.uncertain, total)

    @contextmanager
    def logged(self) -> Iterator[None]:
        """In the block, `log` gets a line every LOG_SECONDS, also if no row was processed since.

        After it, `log` gets how long each phase took, unless the run was asked to end.
        """
        ended = Event()
        thread = Thread(target=self.log_regularly, args=(ended.wait,), daemon=True)
        thread.start()
        try:
            yield
        except Exception:
            self.log_phases()
            raise
        else:
            self.log_phases()
        finally:
            ended.set()
            # It may be waiting for a journal that is away.
            thread.join(LAST_LINE_SECONDS)

    def log_phases(self) -> None:
        """For example `Phases: query 1.2 s, stage 3.0 s, dry run 0.2 s, check 0.1 s, send 12.4 s.`"""
        self._end_phase()
        took = [f"{phase} {seconds:,.1f} s" for phase, seconds in self._seconds.items() if seconds >= 0.05]
        throttled = throttled_line(0.0, self.meter.effort.throttled_seconds)
        if took:
            with suppress(Exception):
                self.log(f"Phases: {', '.join(took)}.{throttled}")

    def log_regularly(self, has_ended: Callable[[float], bool]) -> None:
        """Log the progress until `has_ended` returns True; it waits for the given seconds."""
        while not has_ended(LOG_SECONDS):
            # If a line cannot be written, the run still continues.
            with suppress(Exception):
                self.log(self.line())
            with suppress(Exception):
                self.enter(self.now)

    @property
    def now(self) -> RunProgress:
        """Where the run is."""
        done, total = (self._last.done, self._last.total) if self._last else (0, None)
        return RunProgress(self._phase, done, total, self.meter.in_flight, datetime.now(UTC))

    def line(self) -> str:
        """For example `Send: 12,000 of 48,000 rows sent, 4,000 rows/s, 9 s left, 8 requests in flight.`"""
        throttled, last = self.meter.throttled_for, self._last
        seconds = self.clock() - self._began.get(self._phase, self.clock())
        words = PHASES[self._phase]
        if last is None:
            words += f", {seconds:,.0f} s so far" if seconds else ""
        else:
            words += f": {rows_line(last, seconds, is_waiting=throttled > 0)}"
        if self._phase == "send":
            words += f", {self.meter.in_flight:,} requests in flight"
        return f"{words}.{throttled_line(throttled, self.meter.effort.throttled_seconds)}"


def rows_line(step: Step, seconds: float, *, is_waiting: bool) -> str:
    """While the run waits for CleverTap nobody knows how much time is left."""
    rate = step.done / seconds if seconds else 0.0
    if not step.total:
        return f"{step.done:,} rows {step.doing}, {rate:,.0f} rows/s"
    left = f", {(step.total - step.done) / rate:,.0f} s left" if rate and not is_waiting else ""
    return f"{step.done:,} of {step.total:,} rows {step.doing}, {rate:,.0f} rows/s{left}"


def throttled_line(now: float, in_all: float) -> str:
    """What CleverTap's answers 429 do to the run."""
    if now:
        return (
            f" CleverTap has answered 429 (too many requests) for {now:,.0f} s: the run is not complete, it"
            " waits and sends the rest."
        )
    return f" CleverTap answered 429 (too many requests) for {in_all:,.0f} s of this run." if in_all else ""
