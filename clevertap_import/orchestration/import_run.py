"""One run of one import: query, stage, check, deliver, report. Without delivery it is the dry run."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

from clevertap_import.clevertap.account_limiter import AccountLimiter, lookup_limiter, under, upload_limiter
from clevertap_import.clevertap.backoff import resends
from clevertap_import.clevertap.batch_sender import BatchSender
from clevertap_import.clevertap.circuit_breaker import CircuitBreaker
from clevertap_import.clevertap.client import CleverTap
from clevertap_import.clevertap.delivery import Deliverer, Delivery, stop_reason
from clevertap_import.clevertap.server_dry_run import (
    FOR_A_PERSON,
    ServerDryRunResult,
    looked_up,
    probed,
    server_dry_run,
)
from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import ConfigError, JournalLost
from clevertap_import.journal.delivered import DeliveredBefore
from clevertap_import.journal.delivered_records import Asked
from clevertap_import.journal.ending import Ending
from clevertap_import.journal.import_lock import ImportLock, import_lock
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.journal_outage import bearing_outages
from clevertap_import.journal.locks import NamedLocks
from clevertap_import.journal.states import UNANSWERED
from clevertap_import.mapping.column_types import resolve_types
from clevertap_import.mapping.mapper import Mapper
from clevertap_import.orchestration.changed_definitions import (
    changed_count,
    known_spans,
    remember_done,
    spans_after,
)
from clevertap_import.orchestration.checks import Impact
from clevertap_import.orchestration.delivered import Behind
from clevertap_import.orchestration.interrupts import asking_to_end
from clevertap_import.orchestration.notes import changed_note
from clevertap_import.orchestration.partitions import grid
from clevertap_import.orchestration.progress import Progress
from clevertap_import.orchestration.renamed import as_known, name_refusal
from clevertap_import.orchestration.resources import CleverTapAccount, SnowflakeConnection
from clevertap_import.orchestration.retention import Unchanged, forget_old, to_keep
from clevertap_import.orchestration.run_facts import RunFacts
from clevertap_import.orchestration.scope import (
    asked_of,
    events_withheld,
    forced_of,
    history_forgotten,
    is_of_everything,
    refusal,
    scope_of,
)
from clevertap_import.reasons import count_reason
from clevertap_import.records import Rejection
from clevertap_import.snowflake.late_rows import COMMIT_SECONDS
from clevertap_import.snowflake.sample_query import SourceCounts, counts_query, sample_query
from clevertap_import.snowflake.session import Snowflake, open_snowflake
from clevertap_import.snowflake.window_query import EPOCH_COLUMN, SourceColumn, source_query, window_query
from clevertap_import.staging.stage import Stage, StageCounts, Stager
from clevertap_import.window import Window


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
    was_imported: bool = False
    behind: Behind | None = None
    kept: Unchanged | None = None
    root_run_id: str = ""
    there: frozenset[str] | None = None
    asked: Asked | None = None
    refused: ConfigError | None = None
    epoch: int = 0

    def stage(self, stage: Stage, past: DeliveredBefore, *, is_sample: bool) -> None:
        """Query Snowflake, and map and check every row. The session ends before anything is sent."""
        tag = f"clevertap_import:{self.config.nickname}:{self.run_id}"
        with open_snowflake(self.connection.settings(), tag) as snowflake:
            columns = snowflake.describe(source_query(self.config))
            mapper = Mapper(self.config, int(time.time()), resolve_types(self.config, columns))
            sql = self.sample(snowflake, columns) if is_sample else self.query(columns)
            stager = Stager(
                mapper,
                grid(self.config),
                past,
                lambda rejections: self.reject(stage, rejections),
                lambda counts: self.staged(counts, snowflake),
                self.kept.add if self.kept else None,
                int(self.window.lower.timestamp()) if self.window and self.window.lower else None,
                sends_known=self.force and self.limit is not None,
            )
            self.facts.counts = stage.counts
            self.facts.read_at = snowflake.now()
            stager.fill(stage, snowflake.batches(sql, (*self.config.columns, EPOCH_COLUMN)))
            self.facts.query_id = snowflake.query_id

    def sample(self, snowflake: Snowflake, columns: Sequence[SourceColumn]) -> str:
        """The query of a random sample; for profiles the source is counted first."""
        counts = None
        if not self.config.is_events:
            ((row,),) = (batch.to_pylist() for batch in snowflake.batches(counts_query(self.config, columns)))
            counts = SourceCounts(int(row["N_ROWS"]), int(row["N_WITH"]), int(row["N_DISTINCT"]))
        return sample_query(self.config, columns, self.sample_rows, counts)

    def query(self, columns: Sequence[SourceColumn]) -> str:
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

    def import_lock(self, locks: NamedLocks) -> AbstractContextManager[ImportLock]:
        """Held by the one run of this import that delivers; waits for it."""

        def notify(others: str) -> None:
            self.progress.log(f"{others} is under way; this run waits for it.")

        return import_lock(locks, self.config.nickname, self.purpose, notify)

    def limiter(self, locks: NamedLocks, wanted: int) -> AbstractContextManager[AccountLimiter]:
        """By which the uploads of this run go; `wanted`: how many at once are of use."""
        return upload_limiter(locks, self.clevertap.settings, wanted, self.purpose)

    @property
    def purpose(self) -> str:
        return f"Run {self.run_id[:8]} of {self.config.nickname!r}"

    def past(self, journal: Journal, *, delivers: bool) -> DeliveredBefore:
        """What CleverTap has of these windows already. Raises ConfigError if nothing may be delivered."""
        known_as = as_known(journal, self.config)
        self.compare_definitions(journal, delivers=delivers)
        if delivers and self.limit is None:
            self.kept = to_keep(self.config, journal)
        scope = scope_of(self.config, self.account.settings())
        known = journal.scope(known_as.nickname, scope)
        self.asked = replace(asked_of(known_as, scope, self.read_window), is_doubted=self.behind is not None)
        if self.force and self.limit is None:
            asked = asked_of(self.config, scope, self.window)
            root = self.root_run_id or self.run_id
            self.asked = replace(self.asked, forced=forced_of(self.config, journal, root, asked, self.asked))
        refused = refusal(self.config, known, scope, was_imported=self.was_imported)
        refused = refused or name_refusal(journal, self.config, known, scope, self.there)
        if not delivers:
            self.refused = refused
        elif refused and not self.overrides(refused, journal):
            raise refused
        if delivers and self.config.is_events and not self.force and journal.has_forgotten(self.asked):
            raise history_forgotten(self.config)
        return journal.past(self.asked, is_events=self.config.is_events)

    @property
    def may_double(self) -> bool:
        """Whether a person takes it on them that a lost journal doubles events: not with a few rows."""
        return self.force and self.limit is None

    def overrides(self, refused: ConfigError, journal: Journal) -> bool:
        """Whether this run was forced in such a way that `refused` does not hold for it."""
        if isinstance(refused, JournalLost):
            return self.may_double
        forced = self.asked.forced if self.asked else None
        return forced is not None and is_of_everything(journal, forced, self.config.nickname)

    def compare_definitions(self, journal: Journal, *, delivers: bool) -> None:
        """Count the windows that were done before the import was changed: now, and after this run."""
        spans = known_spans(journal.engine, self.config)
        self.facts.changed_windows = changed_count(self.config, spans)
        if delivers and self.limit is None and self.window and self.read_window:
            spans = spans_after(self.config, spans, self.window, self.read_window, time.time())
        self.facts.changed_after = changed_count(self.config, spans)

    def server_dry_run(self, stage: Stage, locks: NamedLocks, *, delivers: bool) -> ServerDryRunResult:
        """CleverTap's own dry run of the first staged records; in a dry run without any, of a made-up one."""
        clevertap, retry_policy = self.clevertap, self.account.retry_policy()
        if not delivers:
            retry_policy = replace(retry_policy, retry=FOR_A_PERSON)
        with self.limiter(locks, 1) as limiter:
            ask = limiter.upload(clevertap.dry_run)
            tried = server_dry_run(ask, stage, self.sample_rows, retry_policy)
            return tried if tried.rows or tried.stopped or delivers else probed(ask, retry_policy)

    def impact(self, stage: Stage, locks: NamedLocks, *, looks_up: bool) -> Impact:
        """What a delivery would change; for profiles a few are looked up, if `looks_up`."""
        counts, lookup = stage.counts, None
        if looks_up and not self.config.is_events:
            clevertap = self.clevertap
            key = "identity" if self.config.target.identity else "objectId"
            with lookup_limiter(locks, clevertap.settings, self.purpose) as limiter:
                exists = partial(clevertap.profile_exists, key)
                lookup = looked_up(limiter.ask(exists), stage)
        told = changed_note(self.config, self.facts.changed_after)
        return Impact(
            counts.staged - counts.changed,
            counts.changed,
            counts.unchanged,
            lookup,
            told,
            self.facts.changed_after,
            str(self.refused) if self.refused else None,
        )

    def deliver(self, stage: Stage, journal: Journal, locks: NamedLocks, lock: ImportLock) -> None:
        """Send what was staged. Raises why, if a record is left without an outcome that can stand."""
        clevertap = self.clevertap
        journal.import_lock = lock
        scope = scope_of(self.config, clevertap.settings)
        forced = self.asked.forced if self.asked else None
        self.epoch = journal.begin_delivery(self.config.nickname, scope, forced)
        with self.limiter(locks, stage.counts.batches) as limiter:
            breaker, ending = CircuitBreaker(), Ending()
            post = limiter.upload(under(lock, clevertap.post), breaker.check)
            tries = BatchSender(
                post, self.account.retry_policy(), resends=resends(self.config), breaker=breaker
            )
            deliverer = Deliverer(
                *(journal, tries, self.config.nickname, self.run_id),
                lambda: limiter.width,
                clevertap.settings.max_in_flight,
                lambda rejections: self.reject(stage, rejections),
                self.sent,
                scope.destination,
                self.epoch,
                ending,
                clevertap.abandon,
            )
            self.facts.delivery = deliverer.delivery
            with self.asking_to_end(ending):
                deliverer.deliver(stage.batches())
        stopped = stop_reason(deliverer.delivery)
        if stopped:
            raise stopped
        self.facts.report.checked()
        if stage.counts.held:
            raise events_withheld(self.config, stage.counts.held)

    def asking_to_end(self, ending: Ending) -> AbstractContextManager[None]:
        """In the block signals ask for the end of the delivery."""
        return asking_to_end(ending)

    def tidy(self, journal: Journal) -> None:
        """After a run that left nothing open. (A few rows settle nothing of what earlier runs left open.)"""
        if self.limit is not None or self.asked is None:
            return
        asked = self.asked
        bearing_outages(
            lambda: self.enter_end(journal, asked), self.account.retry_policy().sleep or time.sleep
        )
        if note := changed_note(self.config, self.facts.changed_windows):
            self.progress.log(note)

    def enter_end(self, journal: Journal, asked: Asked) -> None:
        """In one commit: what counts no more, what nobody needs any more, and which windows are done."""
        closed = asked if resends(self.config) != 0 else asked.forced
        with journal.together():
            if closed:
                journal.close_others(self.config.nickname, self.run_id, closed.first, closed.last, UNANSWERED)
            forget_old(self.config, journal, self.run_id, asked, self.epoch, self.kept)
            if self.window and self.read_window:
                self.facts.changed_windows = remember_done(
                    journal, self.config, self.window, self.read_window, min(self.seen_until)
                )

    @property
    def seen_until(self) -> list[float]:
        """Up to when rows were there to be read, as several clocks tell it.

        A commit takes its time a moment before this session could see its rows.
        """
        unseen = COMMIT_SECONDS if self.config.is_by_commit_time else 0
        return [clock - unseen for clock in self.facts.read_clocks]

    def reject(self, stage: Stage, rejections: Sequence[Rejection]) -> None:
        """Count `rejections`, and write them to the file with their source rows."""
        for rejection in rejections:
            count_reason(self.facts.codes, (rejection.code, rejection.reason))
        if self.facts.rejects:
            numbers = [rejection.row_number for rejection in rejections]
            self.facts.rejects.add(rejections, stage.sources.take(numbers))

    def staged(self, counts: StageCounts, snowflake: Snowflake) -> None:
        self.progress.step("staged", counts.read - counts.superseded, snowflake.rows_expected)

    def sent(self, delivery: Delivery) -> None:
        self.progress.step("sent", delivery.settled + delivery.uncertain, self.facts.counts.staged)
