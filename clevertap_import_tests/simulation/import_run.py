"""A run of the import as a process of the simulation: real code between a simulated table and CleverTap."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from dagster import DagsterExecutionInterruptedError

from clevertap_import.clevertap.account_limiter import AccountLimiter
from clevertap_import.clevertap.batch_sender import RetryPolicy
from clevertap_import.clevertap.client import AccountSettings, CleverTap
from clevertap_import.errors import CleverTapImportError
from clevertap_import.journal.ending import Ending
from clevertap_import.journal.import_state import import_state
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.locks import NamedLocks
from clevertap_import.journal.open_rejects import FoundRejects
from clevertap_import.mapping.mapper import Mapper
from clevertap_import.orchestration.delivered import (
    DeliveryCounts,
    counted,
    counted_delivery,
    counts_in_dagster,
    refuse_doubles,
    stale_journal,
)
from clevertap_import.orchestration.import_run import ImportRun
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.open_rows import noting
from clevertap_import.orchestration.partitions import grid
from clevertap_import.orchestration.progress import Progress
from clevertap_import.orchestration.resources import CleverTapAccount, snowflake_connection
from clevertap_import.orchestration.retention import Unchanged
from clevertap_import.orchestration.run_story import Opened, deliver
from clevertap_import.orchestration.run_values import KnownBefore, SoFar, Staged
from clevertap_import.reasons import Reason
from clevertap_import.records import Batch
from clevertap_import.staging.rejected_rows import RejectsFile, rejecting
from clevertap_import.staging.stage import Stage, Stager
from clevertap_import_tests.simulation.clevertap import SimulatedCleverTap
from clevertap_import_tests.simulation.database import Database
from clevertap_import_tests.simulation.instance import SimulatedInstance
from clevertap_import_tests.simulation.locks import Locks, Resource
from clevertap_import_tests.simulation.process import Process
from clevertap_import_tests.simulation.source import Source

RECORDS_PER_REQUEST = 2
NO_CONNECTION = snowflake_connection("simulated")


class SmallStage(Stage):
    """A stage whose requests are small, so that a few rows make several."""

    def finish(self) -> None:
        super().finish()
        self.counts.batches = -(-self.counts.staged // RECORDS_PER_REQUEST)

    def batches(self) -> Any:  # noqa: ANN401 - an iterator of batches
        number = 0
        for batch in super().batches():
            for begin in range(0, len(batch), RECORDS_PER_REQUEST):
                yield Batch(number, batch.rows.slice(begin, RECORDS_PER_REQUEST))
                number += 1


@dataclass
class SimulatedAccount:
    """Gives a run the settings of its account."""

    process: Process
    clevertap: SimulatedCleverTap

    def settings(self) -> AccountSettings:
        return self.clevertap.settings

    def retry_policy(self) -> RetryPolicy:
        scheduler = self.process.scheduler
        dice = scheduler.dice.random if scheduler.dice else lambda: 0.5
        return RetryPolicy(sleep=scheduler.pause, dice=dice, senders=self.process.senders)


@dataclass(frozen=True, slots=True)
class SimulatedRun(ImportRun):
    """A run that reads a simulated table and sends to a simulated CleverTap."""

    source: Source = field(default_factory=lambda: Source(False, False))
    simulated: SimulatedCleverTap | None = None

    @property
    def clevertap(self) -> CleverTap:
        return cast(CleverTap, self.simulated)

    def limiter(self, locks: NamedLocks, wanted: int) -> AbstractContextManager[AccountLimiter]:
        return cast(Locks, locks).limiter(self.clevertap.settings.max_in_flight)

    @contextmanager
    def end_on_signal(self, ending: Ending) -> Iterator[None]:
        process = cast(SimulatedCleverTap, self.simulated).process
        process.ending = ending
        try:
            yield
        finally:
            process.ending = None
            if ending.is_requested:
                raise DagsterExecutionInterruptedError

    def stage(
        self, stage: Stage, known: KnownBefore, rejects: RejectsFile | None, *, is_sample: bool
    ) -> Staged:
        unchanged, codes = Unchanged() if known.is_forgetting else None, dict[Reason, int]()
        found = FoundRejects(self.config.is_events)
        stager = Stager(
            Mapper(self.config, 0),
            grid(self.config),
            known.records,
            rejecting(codes, rejects, stage, found),
            lambda counts: None,
            noting(unchanged, known.closing),
        )
        try:
            stager.fill(stage, self.source.chunks())
        except BaseException as error:
            return Staged(stage.counts, codes=codes, found=found, error=error)
        return Staged(stage.counts, codes=codes, found=found, unchanged=unchanged)


@dataclass
class Ended:
    """How a run ended: `error` is None if it did so well."""

    process: Process
    so_far: SoFar
    force: bool
    error: BaseException | None = None
    was_killed: bool = True
    failed_over: bool = False
    forgotten: int = 0
    """Records whose entries a failover may have lost when nobody was left to notice it."""

    accepted_by_journal: int = 0
    uncertain_by_journal: int = 0


@dataclass
class Start:
    """The world around a new process, and its task."""

    process: Process
    database: Database
    resources: defaultdict[str, Resource]
    clevertap: SimulatedCleverTap
    source: Source
    force: bool
    instance: SimulatedInstance

    def run(self, so_far: SoFar) -> SimulatedRun:
        account = cast(CleverTapAccount, SimulatedAccount(self.process, self.clevertap))
        return SimulatedRun(
            config=self.source.config,
            run_id=self.process.run_id,
            window=None,
            force=self.force,
            limit=None,
            sample_rows=1,
            connection=NO_CONNECTION,
            account=account,
            progress=Progress("import_under_test", lambda words: None),
            start=so_far.start,
            root_run_id=self.process.root_run_id,
            was_imported=False,
            source=self.source,
            simulated=self.clevertap,
        )


def carry_out(start: Start, ended: Ended) -> None:
    """A run from its start to its end, in the order of a real one."""
    try:
        carry_out_steps(start, start.run(ended.so_far), ended.so_far)
    except (CleverTapImportError, DagsterExecutionInterruptedError) as error:
        ended.error = error
    ended.was_killed = False
    start.instance.report(asset_key(start.source.config.nickname), ended.so_far, is_well=ended.error is None)


def known_before(
    instance: SimulatedInstance, run: SimulatedRun, journal: Journal, in_dagster: DeliveryCounts
) -> KnownBefore:
    """The records that CleverTap has. Raises JournalLost if Dagster knows of more deliveries of events."""
    nickname = run.config.nickname
    stale = stale_journal(run.config, journal, in_dagster)
    was_imported = instance.was_imported(asset_key(nickname))
    was_imported &= not import_state(journal.engine, nickname).deliveries
    known = run.known_before(journal, stale, was_imported=was_imported, delivers=True)
    if stale and not run.may_double:
        refuse_doubles(run.config, stale)
    return known


def carry_out_steps(start: Start, run: SimulatedRun, so_far: SoFar) -> None:
    """Without windows: a forced run sends all that an older journal may lack."""
    locks = Locks(start.process, start.resources)
    with ExitStack() as stack:
        journal: Journal = stack.enter_context(start.database.journal())
        lock = journal.import_lock = stack.enter_context(locks.import_lock(journal.engine))
        stage = stack.enter_context(SmallStage())
        in_dagster = counts_in_dagster(start.instance.real, run.config.nicknames)
        so_far.deliveries = in_dagster.begun
        known = known_before(start.instance, run, journal, in_dagster)
        staged = so_far.staged = run.stage(stage, known, None, is_sample=False)
        if staged.error:
            raise staged.error
        if staged.counts.batches or known.stale:
            count = so_far.deliveries = counted(journal, run.config, in_dagster, known.stale)
            stack.enter_context(counted_delivery(start.instance.real, journal, run.config, count))
        use = Opened(journal, cast(NamedLocks, locks), lock, stage)
        sent = deliver(run, use, lock, staged, known, so_far)
        run.finish(journal, known, staged, sent, 0)
