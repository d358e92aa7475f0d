"""The result of one run of an import, as monitoring reads it: one line for each run, for years."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from clevertap_import.report import Report, health_state

RunStatus = Literal["Queued", "Running", "Success", "Failed", "Canceled"]

NOT_JUDGED = ("Queued", "Running", "Canceled")
"""Such a run says nothing about the health of its import: it goes on, or a person ended it."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What a run cost. `requests` and `retries` are those to CleverTap; the last may be of the same batch.

    `throttled_seconds`: for how long CleverTap answered 429, from the first such answer of a wait to the next
    answer that is none. `snowflake_seconds` is None if Snowflake was not asked for rows. The bytes that it
    scanned are in Snowflake's query history alone.
    """

    requests: int = 0
    retries: int = 0
    throttled_seconds: float = 0.0
    staging_seconds: float = 0.0
    sending_seconds: float = 0.0
    snowflake_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Where a run under way is. `phase`: wait, query, stage, check, dry run or send.

    `total`: None if not known.
    """

    phase: str
    done: int = 0
    total: int | None = None
    in_flight: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """`trigger`: the kind of the schedule that asked for the run, or None for a person or a program.

    `top_code` and `top_reason`: of most of the rejected rows. `newest_updated_on`: of all rows that were
    read. `ended_at` and `report` are those so far while the run goes on. `is_limited`: it read a few rows,
    and says nothing about the health of its import.
    """

    import_name: str
    run_id: str
    began_at: datetime
    ended_at: datetime | None
    status: RunStatus
    report: Report = field(default_factory=Report)
    trigger: str | None = None
    problem: str | None = None
    top_code: str | None = None
    top_reason: str | None = None
    newest_updated_on: datetime | None = None
    window_start: datetime | None = None
    window_end: datetime | None = None
    effort: Effort = field(default_factory=Effort)
    progress: RunProgress | None = None
    is_limited: bool = False

    @property
    def is_judged(self) -> bool:
        return self.status not in NOT_JUDGED and not self.is_limited

    @property
    def is_success(self) -> bool:
        return self.status == "Success" and self.is_judged

    @property
    def moved_at(self) -> datetime:
        """When a run under way last said where it is."""
        return self.progress.at if self.progress and self.progress.at else self.began_at

    @property
    def span(self) -> timedelta | None:
        """How long a span of Updated On it read; None of a full import, and of an open first window."""
        if self.window_start is None or self.window_end is None:
            return None
        return self.window_end - self.window_start

    @property
    def health(self) -> float | None:
        return self.report.health_percent

    @property
    def health_state(self) -> str:
        return health_state(self.health, has_run=self.is_judged, finished=self.status == "Success")


@dataclass(frozen=True, slots=True)
class OpenRejects:
    """The rows of an import that were rejected and not accepted since.

    `since`: when the first of them was rejected. `codes`: how many rows each pair of code and reason has.
    """

    rows: int = 0
    since: datetime | None = None
    codes: tuple[tuple[str, str, int], ...] = ()

    @staticmethod
    def of(codes: Iterable[tuple[str, str, int]], since: datetime | None) -> "OpenRejects":
        """The most frequent first. A pair of code and reason may come several times."""
        rows: Counter[tuple[str, str]] = Counter()
        for code, reason, count in codes:
            rows[code, reason] += count
        ordered = sorted(rows.items(), key=lambda each: (-each[1], each[0]))
        return OpenRejects(rows.total(), since, tuple((*pair, count) for pair, count in ordered))


NO_REJECTS = OpenRejects()
