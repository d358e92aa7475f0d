"""The values that the steps of a run return, and the run's report of them.

A step that fails also returns its value, with the `error`, so that the run can report its counts.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import sqlalchemy as sa

from clevertap_import.clevertap.account_limiter import AccountLimiter
from clevertap_import.clevertap.delivery import Delivery
from clevertap_import.clevertap.effort_meter import EffortMeter
from clevertap_import.errors import CleverTapImportError, ConfigError
from clevertap_import.journal.delivered import DeliveredBefore
from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.ending import Ending
from clevertap_import.journal.import_lock import ImportLock
from clevertap_import.journal.open_rejects import Closing, FoundRejects
from clevertap_import.journal.scope import Scope
from clevertap_import.mapping.dates import LAST_SECOND
from clevertap_import.orchestration.delivered import NO_DELIVERIES, DeliveryCounts, StaleJournal
from clevertap_import.orchestration.retention import Unchanged
from clevertap_import.orchestration.storage_trouble import storage_trouble
from clevertap_import.reasons import Reason
from clevertap_import.report import Report
from clevertap_import.run_result import RunStatus
from clevertap_import.staging.rejected_rows import RejectsFile
from clevertap_import.staging.stage import StageCounts
from clevertap_import.staging.window_counts import WindowCounts
from clevertap_import.window import Window


@dataclass(frozen=True, slots=True)
class RunStart:
    """When a run began: by the monotonic clock, and in epoch seconds."""

    monotonic: float = field(default_factory=time.monotonic)
    epoch_seconds: float = field(default_factory=time.time)

    @property
    def seconds(self) -> float:
        """The seconds since the start."""
        return time.monotonic() - self.monotonic

    def read_clocks(self, read_at: datetime | None) -> tuple[float, float, float]:
        """When Snowflake was read, in epoch seconds, by several clocks; `read_at` is by Snowflake's clock.

        A clock may be changed during the run, or be wrong all the time.
        """
        return (
            self.epoch_seconds,
            time.time() - self.seconds,
            read_at.timestamp() if read_at else self.epoch_seconds,
        )


@dataclass(frozen=True, slots=True)
class ChangedWindows:
    """How many windows were done before the import was changed: before this run, and after its success."""

    before: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class KnownBefore:
    """The records that CleverTap has of the windows that a run reads.

    `scope`: the destination, the windows and the source of the run. `stale`: how the journal lacks deliveries
    that Dagster knows (`in_dagster`). `refused`: why a run that is not forced would deliver nothing.
    `is_forgetting`: whether the journal should remove the records that this run does not see. `closing`:
    finds the open rejects that CleverTap has by now; None if there are none.
    """

    scope: Scope
    windows: WindowRange
    records: DeliveredBefore
    stale: StaleJournal | None = None
    refused: ConfigError | None = None
    in_dagster: DeliveryCounts = NO_DELIVERIES
    is_forgetting: bool = False
    closing: Closing | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """The result of staging, before the first batch is sent.

    `codes`: how many rows were rejected, by code and reason. `unchanged`: the records that CleverTap already
    has, if the journal should remove all others. `found`: the rejected rows, including those that CleverTap
    refuses later. `windows`: the rows by window; None without windows. `error`: why staging failed.
    """

    counts: StageCounts = field(default_factory=StageCounts)
    read_at: datetime | None = None
    query_id: str | None = None
    codes: Mapping[Reason, int] = field(default_factory=dict)
    unchanged: Unchanged | None = None
    found: FoundRejects = field(default_factory=lambda: FoundRejects(is_events=False))
    windows: WindowCounts | None = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Sending:
    """What a delivery needs beside the journal."""

    limiter: AccountLimiter
    lock: ImportLock
    ending: Ending
    epoch: int
    rejects: RejectsFile | None
    delivery: Delivery = field(default_factory=Delivery)


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """CleverTap's answers to the staged records. `codes`: of all rejected rows of the run.

    `error`: why the delivery failed, if the reason is not an answer of CleverTap (`counts.stopped`).
    """

    counts: Delivery = field(default_factory=Delivery)
    codes: Mapping[Reason, int] = field(default_factory=dict)
    epoch: int = 0
    error: BaseException | None = None


@dataclass(slots=True)
class SoFar:
    """The values of the finished steps. Only the code that calls the steps assigns them.

    `engine`: the journal's, after it was opened. `error`: why the run failed. `is_limited`: the run has
    a `limit`. `on_phase` gets each phase that the run begins.
    """

    sends_events: bool = True
    start: RunStart = field(default_factory=RunStart)
    window: Window | None = None
    rejects: RejectsFile | None = None
    deliveries: int = 0
    changed_windows: int = 0
    staged: Staged = field(default_factory=Staged)
    sent: DeliveryResult | None = None
    is_canceled: bool = False
    engine: sa.Engine | None = None
    error: BaseException | None = None
    is_limited: bool = False
    meter: EffortMeter = field(default_factory=EffortMeter)
    on_phase: Callable[[str], None] = lambda phase: None

    @property
    def status(self) -> RunStatus:
        """How the run ends, if it ends now."""
        if self.is_canceled:
            return "Canceled"
        return "Failed" if self.error else "Success"

    @property
    def newest_updated_on(self) -> datetime | None:
        """Of all rows; None if there are none, or if it is beyond what Python knows."""
        newest = self.staged.counts.newest
        return None if newest is None or newest > LAST_SECOND else datetime.fromtimestamp(newest, UTC)

    @property
    def top_reason(self) -> Reason | None:
        """That of most of the rejected rows."""
        return top_reason(self.codes)

    @property
    def problem(self) -> str | None:
        """Why the run failed, without values of rows; None if it did not."""
        if self.error is None or self.is_canceled:
            return None
        known = self.error if isinstance(self.error, CleverTapImportError) else storage_trouble(self.error)
        if known:
            return str(known)
        if isinstance(self.error, GeneratorExit):
            return "Dagster ended the step before it was complete."
        return f"An unexpected error: {type(self.error).__name__}. The log of the run has more of it."

    @property
    def delivery(self) -> Delivery:
        return self.sent.counts if self.sent else Delivery()

    @property
    def codes(self) -> Mapping[Reason, int]:
        return self.sent.codes if self.sent else self.staged.codes

    @property
    def report(self) -> Report:
        return report_of(self.staged.counts, self.delivery)

    @property
    def possible_duplicates(self) -> int:
        """How many extra copies of this run's events CleverTap may have.

        An unanswered event of an earlier run may be stored once; profiles stay the same.
        """
        if not self.sends_events:
            return 0
        sent = self.delivery.accepted + self.delivery.uncertain
        return self.delivery.possible_duplicates + min(self.staged.counts.sent_again, sent)


def top_reason(codes: Mapping[Reason, int]) -> Reason | None:
    """That of most of the rejected rows."""
    return max(codes, key=codes.__getitem__, default=None)


def report_of(staged: StageCounts, delivery: Delivery) -> Report:
    """The report of a run. Each row is in one count."""
    return Report(
        read=staged.read,
        accepted=delivery.accepted,
        unchanged=staged.unchanged,
        invalid=staged.invalid,
        rejected=delivery.rejected,
        uncertain=delivery.uncertain + staged.withheld,
        superseded=staged.superseded + staged.outdated,
    )
