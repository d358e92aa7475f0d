"""One picture of all imports: the only source of the listing, Dagster's UI, alerts, metrics and reports."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from clevertap_import.alerted import SEVERITIES, Mute, Severity
from clevertap_import.escapes import escaped
from clevertap_import.monitoring.concerns import Concern, concerns, streak
from clevertap_import.monitoring.facts import DraftFacts, ImportFacts, Status
from clevertap_import.monitoring.lateness import NEVER_DUE, Timing, timing
from clevertap_import.report import Report
from clevertap_import.run_result import NO_REJECTS, OpenRejects, RunProgress, RunResult

DAY = timedelta(hours=24)
SHOWN_RUNS = 7

CLOCKS_DIFFER = timedelta(minutes=5)
"""By so much the clock of a run's machine may be ahead of this one."""


@dataclass(frozen=True, slots=True)
class ImportState:
    """The state of one import at one moment.

    `health`, `health_state`: of the last run that ended well or failed. `new_24h`, `failed_24h`: how many new
    rows of the last 24 hours CleverTap took, and how many failed; `health_24h` is the share of the first in
    percent, None if there is no new row. `streak`: how many of the last runs failed, one after the other.
    Runs with a limit do not count for health and streak, and a success that read only older windows does not
    end a streak. `judged`: the run that `health` is of. `bad_since`: since when something is wrong.
    `last_runs`: newest first.
    """

    nickname: str
    status: Status
    health: float | None = None
    health_state: str = "none"
    last_run: datetime | None = None
    health_24h: float | None = None
    new_24h: int = 0
    failed_24h: int = 0
    open_rejects: OpenRejects = NO_REJECTS
    streak: int = 0
    timing: Timing = NEVER_DUE
    newest_updated_on: datetime | None = None
    progress: RunProgress | None = None
    last_runs: tuple[RunResult, ...] = ()
    judged: RunResult | None = None
    concerns: tuple[Concern, ...] = ()
    mute: Mute | None = None

    @property
    def severity(self) -> Severity | None:
        return self.concerns[0].severity if self.concerns else None

    @property
    def is_ok(self) -> bool:
        """Nothing is worse than a warning."""
        return self.severity in (None, "warning")

    @property
    def why(self) -> str | None:
        """The worst that is wrong, as a sentence."""
        return self.concerns[0].text if self.concerns else None

    @property
    def remedy(self) -> str | None:
        return self.concerns[0].remedy if self.concerns else None

    @property
    def bad_since(self) -> datetime | None:
        return min((each.since for each in self.concerns if each.since), default=None)

    @property
    def top_code(self) -> str | None:
        return self.judged.top_code if self.judged else None


def picture(facts: Iterable[ImportFacts | DraftFacts], now: datetime) -> list[ImportState]:
    """The state of each import, the worst first."""
    return sorted((state(each, now) for each in facts), key=badness)


def badness(found: ImportState) -> tuple[int, str]:
    return SEVERITIES.index(found.severity) if found.severity else len(SEVERITIES), found.nickname


def numbers(states: Collection[ImportState]) -> dict[str, int]:
    """What all imports have together."""
    return {
        "imports": len(states),
        "unhealthy": sum(not each.is_ok for each in states),
        "late": sum(each.timing.is_late for each in states),
        "open_rejects": sum(each.open_rejects.rows for each in states),
        "new_24h": sum(each.new_24h for each in states),
        "failed_24h": sum(each.failed_24h for each in states),
        "running": sum(each.status == "Running" for each in states),
    }


def state(facts: ImportFacts | DraftFacts, now: datetime) -> ImportState:
    if isinstance(facts, DraftFacts):
        return draft_state(facts)
    results = until_now(facts.results, now)
    facts = replace(facts, results=results)
    last = next((each for each in results if each.is_judged), None)
    under_way = next((each for each in results if each.status == "Running"), None)
    found, times = new_rows(results, now), timing(facts, now)
    return ImportState(
        nickname=facts.config.nickname,
        status=status(facts),
        health=last.health if last else None,
        health_state=last.health_state if last else "none",
        last_run=results[0].began_at if results else None,
        health_24h=found.health_percent,
        new_24h=found.accepted,
        failed_24h=found.failed,
        open_rejects=facts.open_rejects,
        streak=len(streak(results)),
        timing=times,
        newest_updated_on=max(
            (each.newest_updated_on for each in results if each.newest_updated_on), default=None
        ),
        progress=under_way.progress if under_way else None,
        last_runs=tuple(results[:SHOWN_RUNS]),
        judged=last,
        concerns=tuple(concerns(facts, times, now)),
        mute=facts.mute,
    )


def until_now(results: Sequence[RunResult], now: datetime) -> list[RunResult]:
    """Without runs that began while a clock was ahead: they would stay the last ones for as long."""
    return [each for each in results if not each.is_judged or each.began_at <= now + CLOCKS_DIFFER]


def draft_state(facts: DraftFacts) -> ImportState:
    problem = facts.problems[0] if facts.problems else "Its YAML has problems."
    remedy = "Correct the YAML; clevertap-import check shows all problems."
    concern = Concern("draft", "error", escaped(problem), remedy)
    return ImportState(facts.nickname, "Draft", concerns=(concern,), mute=facts.mute)


def status(facts: ImportFacts) -> Status:
    return "Running" if any(each.status == "Running" for each in facts.results) else facts.waiting


def new_rows(results: Sequence[RunResult], now: datetime) -> Report:
    """The counts of the last 24 hours without the rows that CleverTap had already.

    A run counts whole if it ended in that time, or goes on, however long ago it began.
    """
    recent = [
        each.report
        for each in results
        if each.status == "Running" or (each.ended_at or each.began_at) > now - DAY
    ]
    counts = {
        name: sum(getattr(report, name) for report in recent)
        for name in ("accepted", "invalid", "rejected", "uncertain")
    }
    return Report(read=sum(counts.values()), **counts)
