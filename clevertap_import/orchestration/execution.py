"""One run of one import: query, stage, check, deliver, report. Without delivery it is the dry run."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from clevertap_import.io.attempts import Attempts, Patience
from clevertap_import.io.clevertap import CleverTap
from clevertap_import.io.deliver import Deliverer, Delivery, stop_reason
from clevertap_import.io.journal import Journal
from clevertap_import.io.rejects import RejectsFile
from clevertap_import.io.snowflake import Snowflake, open_snowflake
from clevertap_import.io.stage import Stage, StageCounts, Stager
from clevertap_import.io.try_out import looked_up
from clevertap_import.orchestration.checks import Impact
from clevertap_import.orchestration.partitions import grid
from clevertap_import.orchestration.progress import Progress
from clevertap_import.orchestration.resources import CleverTapAccount, SnowflakeConnection
from clevertap_import.pure.config import ImportConfig
from clevertap_import.pure.errors import Unfinished
from clevertap_import.pure.mapping import Mapper
from clevertap_import.pure.past import NoPast, Past
from clevertap_import.pure.plan import planned
from clevertap_import.pure.records import Rejection
from clevertap_import.pure.report import Report
from clevertap_import.pure.sql import SourceColumn, sample_query, source_query, window_query
from clevertap_import.pure.target import EventsTarget
from clevertap_import.pure.window import Window


class HeldEvents(Unfinished):
    """Events were sent whose answers were lost, and the import says to hold on until that is settled."""


@dataclass(slots=True)
class RunFacts:
    """What a run found out, filled while it goes on."""

    window: Window | None
    began: float = field(default_factory=time.monotonic)
    query_id: str | None = None
    counts: StageCounts = field(default_factory=StageCounts)
    delivery: Delivery = field(default_factory=Delivery)
    codes: dict[tuple[str, str], int] = field(default_factory=dict)
    rejects: RejectsFile | None = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def report(self) -> Report:
        return Report(
            read=self.counts.read,
            accepted=self.delivery.accepted,
            unchanged=self.counts.unchanged,
            invalid=self.counts.invalid,
            rejected=self.delivery.rejected,
            uncertain=self.delivery.uncertain,
            superseded=self.counts.superseded,
        )


@dataclass(slots=True)
class ImportRun:
    """One run. `window` is None for a full import, and for a dry run, which reads a random sample."""

    config: ImportConfig
    run_id: str
    window: Window | None
    force: bool
    limit: int | None
    sample_rows: int
    connection: SnowflakeConnection
    account: CleverTapAccount
    progress: Progress
    facts: RunFacts

    def stage(self, stage: Stage, past: Past, *, is_sample: bool) -> None:
        """Query Snowflake, and map and check every row. The session ends before anything is sent."""
        tag = f"clevertap_import:{self.config.nickname}:{self.run_id}"
        with open_snowflake(self.connection.settings(), tag) as snowflake:
            columns = snowflake.describe(source_query(self.config))
            mapper = Mapper(self.config, int(time.time()), planned(self.config, columns))
            sql = self.query(columns, is_sample=is_sample)
            stager = Stager(
                mapper,
                grid(self.config),
                past,
                lambda rejections: self.reject(stage, rejections),
                lambda counts: self.staged(counts, snowflake),
            )
            self.facts.counts = stage.counts
            stager.fill(stage, snowflake.batches(sql))
            self.facts.query_id = snowflake.query_id

    def query(self, columns: Sequence[SourceColumn], *, is_sample: bool) -> str:
        if is_sample:
            return sample_query(self.config, columns, self.sample_rows)
        sql = window_query(self.config, columns, self.read_window)
        return f"{sql}\nlimit {self.limit:d}" if self.limit is not None else sql

    @property
    def read_window(self) -> Window | None:
        """The windows that were asked for, and the lookback before them."""
        if self.window is None or self.config.updated_on is None:
            return None
        return grid(self.config).looking_back(self.window, self.config.updated_on.lookback)

    @property
    def clevertap(self) -> CleverTap:
        """The account as a client. Raises ConfigError if the environment does not describe it."""
        return CleverTap(self.account.settings())

    def past(self, journal: Journal, *, delivers: bool) -> Past:
        """What CleverTap has of these windows already. Raises HeldEvents if something is to be delivered."""
        lost = journal.unsettled(self.config.nickname) if delivers else 0
        if lost and self.is_events and self.config.uncertain_events == "hold":
            raise HeldEvents(
                f"{lost:,} events of {self.config.nickname!r} were sent and their answers lost. The import"
                " says uncertain_events: hold, so nothing is sent."
                " Set it to resend to send them again, possibly twice."
            )
        if self.force:
            return NoPast()
        first, last = self.window_starts
        return journal.past(self.config.nickname, first, last, is_events=self.is_events)

    @property
    def is_events(self) -> bool:
        return isinstance(self.config.target, EventsTarget)

    @property
    def window_starts(self) -> tuple[int | None, int]:
        """The first and the last window of the run in epoch seconds; the first is None if it is open."""
        window = self.read_window
        if window is None:
            return None, int(datetime.max.replace(tzinfo=UTC).timestamp())
        lower = window.lower
        last = int(window.upper.timestamp()) - grid(self.config).size_seconds
        return int(lower.timestamp()) if lower else None, last

    def deliver(self, stage: Stage, journal: Journal) -> None:
        """Send what was staged. Raises why, if a record is left without an outcome that can stand."""
        clevertap = self.clevertap
        may_repeat = not self.is_events or self.config.uncertain_events == "resend"
        attempts = Attempts(clevertap.post, Patience(), may_repeat=may_repeat)
        deliverer = Deliverer(
            journal,
            attempts,
            self.config.nickname,
            self.run_id,
            clevertap.settings.max_in_flight,
            lambda rejections: self.reject(stage, rejections),
            self.sent,
        )
        self.facts.delivery = deliverer.delivery
        deliverer.deliver(stage.batches())
        stopped = stop_reason(deliverer.delivery)
        if stopped:
            raise stopped
        self.facts.report.checked()
        if self.limit is None:
            # A few rows settle nothing of what earlier runs left open.
            journal.close_unsettled(self.config.nickname, self.run_id, *self.window_starts)

    def reject(self, stage: Stage, rejections: Sequence[Rejection]) -> None:
        """Count `rejections`, and write them to the file with their source rows."""
        for rejection in rejections:
            key = (rejection.code, rejection.reason)
            self.facts.codes[key] = self.facts.codes.get(key, 0) + 1
        if self.facts.rejects:
            numbers = [rejection.row_number for rejection in rejections]
            self.facts.rejects.add(rejections, stage.sources.take(numbers))

    def staged(self, counts: StageCounts, snowflake: Snowflake) -> None:
        self.progress.step("staged", counts.read - counts.superseded, snowflake.rows_expected)

    def sent(self, delivery: Delivery) -> None:
        self.progress.step("sent", delivery.settled + delivery.uncertain, self.facts.counts.staged)


def stage_impact(run: ImportRun, stage: Stage, *, looks_up: bool) -> Impact:
    """What a delivery would change; for profiles a few are looked up, if `looks_up`."""
    counts = stage.counts
    lookup = None
    if looks_up and not run.is_events:
        clevertap = run.clevertap
        key = "identity" if run.config.target.identity else "objectId"
        lookup = looked_up(lambda identity: clevertap.profile_exists(key, identity), stage)
    return Impact(counts.staged - counts.changed, counts.changed, counts.unchanged, lookup)
