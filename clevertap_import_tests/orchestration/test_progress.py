"""What the log of a run says while it goes on: where it is, also while no row moves."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from clevertap_import.clevertap.effort_meter import EffortMeter
from clevertap_import.clevertap.outcomes import Accepted, Busy, Outcome
from clevertap_import.orchestration.progress import LOG_SECONDS, Progress
from clevertap_import.records import Batch, batch_of_one
from clevertap_import.run_result import RunProgress


@dataclass
class Backoff:
    """A clock that moves only while somebody waits; the run has ended after `count` waits."""

    count: int
    now: float = 100.0
    waits: list[float] = field(default_factory=list)

    def has_ended(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return len(self.waits) > self.count


def test_a_line_comes_every_ten_seconds_also_while_no_row_moves() -> None:
    lines: list[str] = []
    waits = Backoff(count=2)
    progress = Progress("shop", lines.append, lambda: waits.now)
    progress.begin("query")
    progress.log_regularly(waits.has_ended)
    progress.step("sent", 12_000, 48_000)
    waits.count += 3
    progress.log_regularly(waits.has_ended)
    assert set(waits.waits) == {LOG_SECONDS}
    assert lines == [
        "Query: Snowflake has sent no row yet, 10 s so far.",
        "Query: Snowflake has sent no row yet, 20 s so far.",
        "Send: 12,000 of 48,000 rows sent, 1,200 rows/s, 30 s left, 0 requests in flight.",
        "Send: 12,000 of 48,000 rows sent, 600 rows/s, 60 s left, 0 requests in flight.",
    ]


def test_a_log_that_cannot_be_written_does_not_end_the_run() -> None:
    def broken(line: str) -> None:
        raise OSError(line)

    waits = Backoff(count=2)
    Progress("shop", broken, lambda: waits.now).log_regularly(waits.has_ended)
    assert len(waits.waits) == 3


def test_the_lines_end_with_the_run() -> None:
    lines: list[str] = []
    with Progress("shop", lines.append).logged():
        pass
    assert lines == []


def test_the_last_line_says_how_long_each_phase_took() -> None:
    lines: list[str] = []
    clock = Backoff(count=0)
    progress = Progress("shop", lines.append, lambda: clock.now)
    progress.begin("wait")
    with progress.logged():
        for phase, seconds in (("query", 2.0), ("stage", 3.5), ("check", 0.5)):
            progress.begin(phase)  # type: ignore[arg-type]
            clock.now += seconds
        progress.step("sent", 1, 2)
        clock.now += 1000
    assert lines == ["Phases: query 2.0 s, stage 3.5 s, check 0.5 s, send 1,000.0 s."]


def test_a_run_that_waits_for_clevertap_does_not_look_finished() -> None:
    """All that is left is in flight, and CleverTap answers 429."""
    lines: list[str] = []
    entered: list[RunProgress] = []
    waits = Backoff(count=1)
    meter = EffortMeter(lambda: waits.now)
    progress = Progress("shop", lines.append, lambda: waits.now, meter, entered.append)
    progress.step("sent", 999, 1_000)
    outcomes: Iterator[Outcome] = iter([Busy("429"), Busy("429"), Accepted(1)])

    def send(batch: Batch) -> Outcome:
        assert meter.in_flight == 1
        return next(outcomes)

    post, batch = meter.counted(send), batch_of_one(b"{}")
    post(batch)
    progress.log_regularly(waits.has_ended)
    post(batch)
    post(batch)
    waits.count += 2
    progress.log_regularly(waits.has_ended)
    assert lines == [
        "Send: 999 of 1,000 rows sent, 100 rows/s, 0 requests in flight. CleverTap has answered 429 (too many"
        " requests) for 10 s: the run is not complete, it waits and sends the rest.",
        "Send: 999 of 1,000 rows sent, 33 rows/s, 0 s left, 0 requests in flight. CleverTap answered 429 (too"
        " many requests) for 20 s of this run.",
    ]
    assert (meter.effort.requests, meter.effort.retries, meter.effort.throttled_seconds) == (3, 2, 20.0)
    assert [(each.phase, each.done, each.total) for each in entered] == [("send", 999, 1_000)] * 2
