"""One run of one import: query, stage, check, deliver, report. Without delivery it is the dry run."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from clevertap_import.clevertap.account_limiter import (
    AccountLimiter,
    destination,
    lookup_limiter,
    under,
    upload_limiter,
)
from clevertap_import.clevertap.backoff import resends
from clevertap_import.clevertap.batch_sender import BatchSender
from clevertap_import.clevertap.circuit_breaker import CircuitBreaker
from clevertap_import.clevertap.client import CleverTap
from clevertap_import.clevertap.delivery import Deliverer
from clevertap_import.clevertap.server_dry_run import (
    FOR_A_PERSON,
    ServerDryRunResult,
    looked_up,
    probed,
    server_dry_run,
)
from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import ConfigError, JournalLost
from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.ending import Ending
from clevertap_import.journal.import_lock import ImportLock, import_lock
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.journal_outage import bearing_outages
from clevertap_import.journal.locks import NamedLocks
from clevertap_import.journal.open_rejects import FoundRejects
from clevertap_import.journal.open_rejects_table import Outcome, closing_of, enter_open_rejects
from clevertap_import.journal.states import UNANSWERED
from clevertap_import.journal.tables import JournalUnavailable
from clevertap_import.mapping.column_types import resolve_types
from clevertap_import.mapping.mapper import Mapper
from clevertap_import.orchestration.changed_definitions import (
    changed_count,
    known_spans,
    remember_done,
    spans_after,
)
from clevertap_import.orchestration.checks import Impact
from clevertap_import.orchestration.delivered import StaleJournal
from clevertap_import.orchestration.interrupts import end_on_signal
from clevertap_import.orchestration.notes import changed_note
from clevertap_import.orchestration.open_rows import BEYOND, noting, span_of
from clevertap_import.orchestration.partitions import grid
from clevertap_import.orchestration.progress import Progress
from clevertap_import.orchestration.renamed import as_known, name_refusal
from clevertap_import.orchestration.resources import CleverTapAccount, SnowflakeConnection
from clevertap_import.orchestration.retention import Unchanged, forget_old, is_forgetting_due
from clevertap_import.orchestration.run_query import query_of_sample, query_of_windows
from clevertap_import.orchestration.run_values import (
    ChangedWindows,
    DeliveryResult,
    KnownBefore,
    RunStart,
    Sending,
    Staged,
)
from clevertap_import.orchestration.scope import (
    forced_of,
    history_forgotten,
    is_of_everything,
    refusal,
    scope_of,
    window_range,
)
from clevertap_import.reasons import Reason
from clevertap_import.records import Rejection
from clevertap_import.snowflake.late_rows import COMMIT_SECONDS
from clevertap_import.snowflake.session import open_snowflake, run_tag
from clevertap_import.snowflake.window_query import EPOCH_COLUMN, SourceColumn, source_query
from clevertap_import.staging.rejected_rows import RejectsFile, rejecting
from clevertap_import.staging.stage import Stage, Stager
from clevertap_import.staging.window_counts import WindowCounts, refusing
from clevertap_import.window import Window

if TYPE_CHECKING:
    from clevertap_import.snowflake.open_session import Snowflake


@dataclass(frozen=True, slots=True)
class ImportRun:
    """The options and resources of one run. Each step takes values and returns a value.

    `window` is None for a full import, and for a dry run, which reads a random sample. `was_imported`:
    whether Dagster has a run that delivered. `imports`: the nicknames of all imports, if known.
    """

    config: ImportConfig
    run_id: str
    window: Window | None
    force: bool
    limit: int | None
    sample_rows: int
    connection: SnowflakeConnection
    account: CleverTapAccount
    progress: Progress
    start: RunStart
    root_run_id: str
    was_imported: bool
    imports: frozenset[str] | None = None

    def stage(
        self, stage: Stage, known: KnownBefore, rejects: RejectsFile | None, *, is_sample: bool
    ) -> Staged:
        """Query Snowflake, and map and check every row. The session ends before the first batch is sent."""
        tag = run_tag(self.config.nickname, self.run_id)
        unchanged, codes = Unchanged() if known.is_forgetting else None, dict[Reason, int]()
        windows = WindowCounts(grid(self.config), self.window) if self.window else None
        found = FoundRejects(self.config.is_events)
        staged = Staged(stage.counts, unchanged=unchanged, found=found, windows=windows)
        reject = rejecting(codes, rejects, stage, found)
        try:
            with open_snowflake(self.connection.settings(), tag) as snowflake:
                columns = snowflake.describe(source_query(self.config))
                mapper = Mapper(self.config, int(time.time()), resolve_types(self.config, columns))
                sql = self.query(snowflake, columns, is_sample=is_sample)
                stager = self.stager(mapper, known, staged, reject, snowflake)
                read_at = snowflake.now()
                rows = snowflake.batches(sql, (*self.config.columns, EPOCH_COLUMN))
                stager.fill(stage, self.progress.meter.reading(rows))
                staged = replace(staged, read_at=read_at, query_id=snowflake.query_id)
        except BaseException as error:
            staged = replace(staged, error=error)
        return replace(staged, codes=codes)

    def stager(
        self,
        mapper: Mapper,
        known: KnownBefore,
        staged: Staged,
        reject: Callable[[Sequence[Rejection]], None],
        snowflake: "Snowflake",
    ) -> Stager:
        return Stager(
            mapper,
            grid(self.config),
            known.records,
            reject,
            self.progress.staging(lambda: snowflake.rows_expected),
            noting(staged.unchanged, known.closing),
            int(self.window.lower.timestamp()) if self.window and self.window.lower else None,
            sends_known=self.force and self.limit is not None,
            windows=staged.windows,
        )

    def query(self, snowflake: "Snowflake", columns: Sequence[SourceColumn], *, is_sample: bool) -> str:
        if is_sample:
            return query_of_sample(self.config, snowflake, columns, self.sample_rows)
        return query_of_windows(self.config, columns, self.read_window, self.limit)

    @property
    def read_window(self) -> Window | None:
        """The windows of the run, and the lookback before them."""
        if self.window is None or self.config.updated_on is None:
            return None
        return grid(self.config).looking_back(self.window, self.config.updated_on.lookback)

    @property
    def clevertap(self) -> CleverTap:
        """The account as a client. Raises ConfigError if the environment does not describe it."""
        return CleverTap(self.account.settings())

    def import_lock(self, locks: NamedLocks) -> AbstractContextManager[ImportLock]:
        """The import lock as a context: only one run of this import delivers. Waits for it."""

        def notify(others: str) -> None:
            self.progress.log(f"{others} is under way; this run waits for it.")

        return import_lock(locks, self.config.nickname, self.purpose, notify)

    def limiter(self, locks: NamedLocks, wanted: int) -> AbstractContextManager[AccountLimiter]:
        """The limiter of this run's uploads; `wanted`: how many it can use at once."""
        return upload_limiter(locks, self.clevertap.settings, wanted, self.purpose)

    @property
    def purpose(self) -> str:
        return f"Run {self.run_id[:8]} of {self.config.nickname!r}"

    def known_before(
        self, journal: Journal, stale: StaleJournal | None, *, was_imported: bool, delivers: bool
    ) -> KnownBefore:
        """The records of these windows that CleverTap has. Raises ConfigError if nothing may be delivered."""
        known_as = as_known(journal, self.config)
        is_forgetting = delivers and self.limit is None and is_forgetting_due(self.config, journal)
        place = self.connection.database, self.connection.schema_name
        scope = scope_of(self.config, self.account.settings(), *place)
        known = journal.scope(known_as.nickname, scope)
        windows = replace(window_range(known_as, scope, self.read_window), is_doubted=stale is not None)
        if self.may_double:
            wanted = window_range(self.config, scope, self.window)
            forced = forced_of(self.config, journal, self.root_run_id, wanted, windows)
            windows = replace(windows, forced=forced)
        refused = refusal(self.config, known, scope, was_imported=was_imported)
        refused = refused or name_refusal(journal, self.config, known, scope, self.imports)
        if delivers and refused and not self.overrides(refused, journal, windows):
            raise refused
        if delivers and self.config.is_events and not self.force and journal.has_forgotten(windows):
            raise history_forgotten(self.config)
        records = journal.delivered_before(windows, is_events=self.config.is_events)
        shown = None if delivers else refused
        closing = closing_of(journal.engine, self.config.nickname) if delivers else None
        return KnownBefore(
            scope, windows, records, stale, refused=shown, is_forgetting=is_forgetting, closing=closing
        )

    @property
    def may_double(self) -> bool:
        """Whether a person accepts that events may be stored twice: a forced run without a limit."""
        return self.force and self.limit is None

    def overrides(self, refused: ConfigError, journal: Journal, windows: WindowRange) -> bool:
        """Whether this run is forced, so that `refused` does not apply to it."""
        if isinstance(refused, JournalLost):
            return self.may_double
        return windows.forced is not None and is_of_everything(journal, windows.forced, self.config.nickname)

    def changed_windows(self, journal: Journal, *, delivers: bool) -> ChangedWindows:
        """Count the windows that were done before the import was changed: now, and after this run."""
        spans = after = known_spans(journal.engine, self.config)
        if delivers and self.limit is None and self.window and self.read_window:
            after = spans_after(self.config, spans, self.window, self.read_window, time.time())
        return ChangedWindows(changed_count(self.config, spans), changed_count(self.config, after))

    def server_dry_run(self, stage: Stage, locks: NamedLocks, *, delivers: bool) -> ServerDryRunResult:
        """CleverTap's own dry run of the first staged records; without any, a dry run sends a test record."""
        clevertap, retry_policy = self.clevertap, self.account.retry_policy()
        if not delivers:
            retry_policy = replace(retry_policy, retry=FOR_A_PERSON)
        with self.limiter(locks, 1) as limiter:
            ask = limiter.upload(self.progress.meter.counted(clevertap.dry_run))
            tried = server_dry_run(ask, stage, self.sample_rows, retry_policy)
            return tried if tried.rows or tried.stopped or delivers else probed(ask, retry_policy)

    def impact(
        self, stage: Stage, locks: NamedLocks, known: KnownBefore, changed: ChangedWindows, *, looks_up: bool
    ) -> Impact:
        """What a delivery would change. If `looks_up`, a few profiles are looked up."""
        counts, lookup = stage.counts, None
        if looks_up and not self.config.is_events:
            clevertap = self.clevertap
            key = "identity" if self.config.target.identity else "objectId"
            with lookup_limiter(locks, clevertap.settings, self.purpose) as limiter:
                exists = partial(clevertap.profile_exists, key)
                lookup = looked_up(limiter.ask(exists), stage)
        return Impact(
            counts.staged - counts.changed,
            counts.changed,
            counts.unchanged,
            lookup,
            changed_note(self.config, changed.after),
            changed.after,
            str(known.refused) if known.refused else None,
        )

    def begin_delivery(self, journal: Journal, known: KnownBefore) -> int:
        """Store the start of the delivery, while this run has the import lock. Returns its epoch."""
        return journal.begin_delivery(self.config.nickname, known.scope, known.windows.forced)

    def deliver(self, stage: Stage, staged: Staged, journal: Journal, sending: Sending) -> DeliveryResult:
        """Send the staged records, until a reason to stop."""
        clevertap, breaker, codes = self.clevertap, CircuitBreaker(), dict(staged.codes)
        meter = self.progress.meter
        post = sending.limiter.upload(under(sending.lock, meter.counted(clevertap.post)), breaker.check)
        deliverer = Deliverer(
            journal,
            BatchSender(post, self.account.retry_policy(), resends=resends(self.config), breaker=breaker),
            self.config.nickname,
            self.run_id,
            lambda: sending.limiter.width,
            clevertap.settings.max_in_flight,
            refusing(staged.windows, rejecting(codes, sending.rejects, stage, staged.found)),
            self.progress.sending(staged.counts.staged),
            destination(clevertap.settings),
            sending.epoch,
            sending.ending,
            clevertap.abandon,
            sending.delivery,
        )
        error = None
        try:
            deliverer.deliver(stage.batches())
        except BaseException as broken:
            error = broken
        return DeliveryResult(deliverer.delivery, codes, sending.epoch, error)

    def end_on_signal(self, ending: Ending) -> AbstractContextManager[None]:
        """In the block, signals request the end of the delivery."""
        return end_on_signal(ending)

    def finish(
        self, journal: Journal, known: KnownBefore, staged: Staged, sent: DeliveryResult, changed: int
    ) -> int:
        """The end of a run whose records all have an outcome. Returns how many `changed` windows remain.

        A run with a `limit` does not settle unanswered batches of earlier runs.
        """
        if self.limit is not None:
            with suppress(JournalUnavailable):
                self.enter_rejects(journal, known, staged)
            return changed
        left = bearing_outages(
            lambda: self.enter_end(journal, known, staged, sent.epoch, changed),
            self.account.retry_policy().sleep or time.sleep,
        )
        if note := changed_note(self.config, left):
            self.progress.log(note)
        return left

    def enter_rejects(self, journal: Journal, known: KnownBefore, staged: Staged) -> None:
        """Store the rows that were rejected and not accepted since. A `limit` reads no whole windows."""
        read = span_of(known.windows) if self.limit is None else None
        outcome = Outcome(self.run_id, staged.found, read, known.closing)
        with journal.transaction() as connection:
            is_beyond = enter_open_rejects(connection, self.config.nickname, outcome, journal.now())
        if is_beyond:
            self.progress.log(BEYOND)

    def enter_end(
        self, journal: Journal, known: KnownBefore, staged: Staged, epoch: int, changed: int
    ) -> int:
        """In one commit: close unanswered batches, remove old entries, and store the done windows."""
        windows = known.windows
        closed = windows if resends(self.config) != 0 else windows.forced
        with journal.together():
            if closed:
                journal.close_others(self.config.nickname, self.run_id, closed.first, closed.last, UNANSWERED)
            self.enter_rejects(journal, known, staged)
            forget_old(self.config, journal, self.run_id, windows, epoch, staged.unchanged)
            if self.window and self.read_window:
                read_until = min(self.seen_until(staged))
                return remember_done(journal, self.config, self.window, self.read_window, read_until)
        return changed

    def seen_until(self, staged: Staged) -> list[float]:
        """Until when the query saw the rows, by several clocks.

        A commit gets its time a moment before this session can see its rows.
        """
        unseen = COMMIT_SECONDS if self.config.is_by_commit_time else 0
        return [clock - unseen for clock in self.start.read_clocks(staged.read_at)]
