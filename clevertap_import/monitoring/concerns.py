"""What is wrong with an import: each problem is one concern, with its severity and what to do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from statistics import median
from typing import Literal

from clevertap_import.alerted import SEVERITIES, Severity
from clevertap_import.mapping.rejection_codes import remedy_of
from clevertap_import.monitoring.facts import ImportFacts
from clevertap_import.monitoring.lateness import Timing
from clevertap_import.monitoring.onward import onward
from clevertap_import.run_result import RunResult

Kind = Literal[
    "draft",
    "journal",
    "failed",
    "late",
    "stuck",
    "degraded",
    "open_rejects",
    "uncertain_events",
    "no_data",
    "volume",
]
OF_THE_LAST_RUN: tuple[Kind, ...] = ("failed", "degraded", "no_data", "volume")
"""Kinds that the last run explains."""

JOURNAL_REMEDY = "Nothing is sent without the journal. Correct CLEVERTAP_IMPORT_JOURNAL_URL or its database."

CRITICAL_FAILURES = 3
"""This number of failed runs in a row is critical."""

RED_BELOW = 50
STUCK_AFTER = timedelta(minutes=15)
"""A run logs its progress every 10 seconds, also while it waits."""

COMPARED = 7
LEAST_COMPARED = 5
SPAN_TOLERANCE = 0.25
LEAST_ROWS = 100
"""Fewer rows than this vary by chance."""


@dataclass(frozen=True, slots=True)
class Concern:
    """`text`: what is wrong, as a sentence. `remedy`: what to do. `since`: None if that is not known."""

    kind: Kind
    severity: Severity
    text: str
    remedy: str
    since: datetime | None = None


def concerns(facts: ImportFacts, timing: Timing, now: datetime) -> list[Concern]:
    """The worst first."""
    judged = [each for each in facts.results if each.is_judged]
    found = [
        *journal(facts),
        *failed(facts),
        *degraded(facts, judged),
        *late(facts, timing),
        *stuck(facts, now),
        *open_rejects(facts),
        *uncertain_events(facts),
        *volume(facts, judged),
    ]
    return sorted(found, key=lambda each: SEVERITIES.index(each.severity))


def journal(facts: ImportFacts) -> Iterator[Concern]:
    if facts.journal_problem:
        yield Concern("journal", "critical", facts.journal_problem, JOURNAL_REMEDY)


def streak(results: Sequence[RunResult]) -> list[RunResult]:
    """The last runs that failed one after the other, newest first. A success that read only older windows
    does not end them."""
    return list(takewhile(lambda each: each.status != "Success", onward(results)))


def failed(facts: ImportFacts) -> Iterator[Concern]:
    found = streak(facts.results)
    if not found:
        return
    severity: Severity = "critical" if len(found) >= CRITICAL_FAILURES else "error"
    times = "The last run failed" if len(found) == 1 else f"The last {len(found)} runs failed"
    if any(each.is_success and each.began_at > found[0].began_at for each in facts.results):
        times += " (later runs of older windows do not count)"
    problem = found[0].problem or "The run did not finish."
    remedy = remedy_of_run(facts.config.nickname, found[0])
    yield Concern("failed", severity, f"{times}: {problem}", remedy, found[-1].began_at)


def remedy_of_run(name: str, result: RunResult) -> str:
    """What to do about a run of the import `name` that failed, or of which rows failed."""
    if result.status == "Failed":
        return f"Correct the cause, then: clevertap-import run {name}"
    return remedy_of(result.top_code) or f"Look at the rows: clevertap-import rejects {name}"


def degraded(facts: ImportFacts, judged: Sequence[RunResult]) -> Iterator[Concern]:
    expected = facts.config.expect.health
    bad = list(takewhile(lambda each: each.is_success and health_of(each) < expected, judged))
    if not bad:
        return
    last = bad[0]
    severity: Severity = "error" if health_of(last) < RED_BELOW else "warning"
    why = f", most by code {last.top_code} ({last.top_reason})" if last.top_code else ""
    rows = "1 row" if last.report.failed == 1 else f"{last.report.failed:,} rows"
    text = f"The health of the last run is {health_of(last):g} %: {rows} failed{why}."
    remedy = remedy_of_run(facts.config.nickname, last)
    yield Concern("degraded", severity, text, remedy, bad[-1].began_at)


def health_of(result: RunResult) -> float:
    """That of a run without rows is as good as can be."""
    return 100 if result.health is None else result.health


def late(facts: ImportFacts, timing: Timing) -> Iterator[Concern]:
    if not timing.is_late or timing.missed is None:
        return
    running = next((each for each in facts.results if each.status == "Running"), None)
    if facts.config.expect.within is not None:
        text = f"No run has ended well within {facts.config.expect.within}."
    else:
        text = f"No run has ended well that was due at {timing.missed:%Y-%m-%d %H:%M} UTC."
    if running:
        text += f" A run goes on since {running.began_at:%Y-%m-%d %H:%M} UTC."
    name = facts.config.nickname
    remedy = (
        f"See whether Dagster's daemon runs (clevertap-import health), and: clevertap-import stats {name}"
    )
    yield Concern("late", "error", text, remedy, timing.missed)


def stuck(facts: ImportFacts, now: datetime) -> Iterator[Concern]:
    for each in facts.results:
        if each.status == "Running" and now - each.moved_at > STUCK_AFTER:
            text = f"Run {each.run_id[:8]} has not moved since {each.moved_at:%Y-%m-%d %H:%M} UTC."
            remedy = "Look at the log of the run in Dagster. Terminate it there if its process is gone."
            yield Concern("stuck", "error", text, remedy, each.moved_at)


def open_rejects(facts: ImportFacts) -> Iterator[Concern]:
    found = facts.open_rejects
    if not found.rows:
        return
    code, reason, _ = found.codes[0] if found.codes else ("", "", 0)
    why = f", most by code {code} ({reason})" if code else ""
    rows = "1 rejected row is" if found.rows == 1 else f"{found.rows:,} rejected rows are"
    remedy = remedy_of(code)
    name = facts.config.nickname
    advice = f"{remedy + ' ' if remedy else ''}Then: clevertap-import retry {name}"
    yield Concern("open_rejects", "warning", f"{rows} open{why}.", advice, found.since)


def uncertain_events(facts: ImportFacts) -> Iterator[Concern]:
    if facts.unanswered_events:
        text = f"{facts.unanswered_events:,} events were sent and have no answer."
        remedy = f"Say whether they arrived: clevertap-import settle {facts.config.nickname}"
        yield Concern("uncertain_events", "warning", text, remedy)


def volume(facts: ImportFacts, judged: Sequence[RunResult]) -> Iterator[Concern]:
    """Fewer rows than the YAML wants, or fewer than half or more than twice of what such runs read.

    A run of older windows, such as a retry, reads as few as it likes.
    """
    last, least = next(iter(onward(facts.results)), None), facts.config.expect.rows.min
    if last is None or not last.is_success:
        return
    if last.report.read < least:
        rows = f"The last run read {last.report.read:,} rows; at least {least:,} are expected."
        kind: Kind = "volume" if last.report.read else "no_data"
        yield Concern(kind, "warning", rows, "See whether the source table is filled.", last.began_at)
        return
    before = [each.report.read for each in judged if each is not last and is_comparable(each, last)][
        :COMPARED
    ]
    if len(before) < LEAST_COMPARED or (usual := median(before)) < LEAST_ROWS:
        return
    if not usual / 2 <= last.report.read <= usual * 2:
        read, runs = f"{last.report.read:,}", len(before)
        text = f"The last run read {read} rows; the median of the {runs} before is {usual:,.0f}."
        yield Concern("volume", "warning", text, "See whether the source table is right.", last.began_at)


def is_comparable(result: RunResult, last: RunResult) -> bool:
    """Whether it ended well, was started by the same kind of schedule, and read about as long a span."""
    if result.status != "Success" or result.trigger != last.trigger:
        return False
    if result.span is None or last.span is None:
        return result.span == last.span
    return abs(result.span - last.span) <= last.span * SPAN_TOLERANCE
