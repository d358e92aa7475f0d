"""A run of the import as a process of the simulation: all is real but the table and CleverTap."""

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
from clevertap_import.journal.delivered import DeliveredBefore
from clevertap_import.journal.ending import Ending
from clevertap_import.journal.import_state import import_state
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.locks import NamedLocks
from clevertap_import.mapping.mapper import Mapper
from clevertap_import.orchestration.assets import asset_key
from clevertap_import.orchestration.delivered import (
    Told,
    behind,
    counted,
    counted_delivery,
    refuse_doubles,
    told_deliveries,
)
from clevertap_import.orchestration.import_run import ImportRun
from clevertap_import.orchestration.partitions import grid
from clevertap_import.orchestration.progress import Progress
from clevertap_import.orchestration.resources import CleverTapAccount, snowflake_connection
from clevertap_import.orchestration.run_facts import RunFacts
from clevertap_import.records import Batch
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
    """What a run asks of its account."""

    process: Process
    clevertap: SimulatedCleverTap

    def settings(self) -> AccountSettings:
        return self.clevertap.settings

    def retry_policy(self) -> RetryPolicy:
        scheduler = self.process.scheduler
        dice = scheduler.dice.random if scheduler.dice else lambda: 0.5
        return RetryPolicy(sleep=scheduler.pause, dice=dice, senders=self.process.senders)


@dataclass(slots=True)
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
    def asking_to_end(self, ending: Ending) -> Iterator[None]:
        process = cast(SimulatedCleverTap, self.simulated).process
        process.ending = ending
        try:
            yield
        finally:
            process.ending = None
            if ending.is_asked:
                raise DagsterExecutionInterruptedError

    def stage(self, stage: Stage, past: DeliveredBefore, *, is_sample: bool) -> None:
        self.facts.counts = stage.counts
        stager = Stager(
            Mapper(self.config, 0),
            grid(self.config),
            past,
            lambda rejections: self.reject(stage, rejections),
            lambda counts: None,
            self.kept.add if self.kept else None,
        )
        stager.fill(stage, self.source.chunks())


@dataclass
class Ended:
    """How a run ended: `error` is None if it did so well."""

    process: Process
    facts: RunFacts
    force: bool
    error: BaseException | None = None
    was_killed: bool = True
    failed_over: bool = False
    forgotten: int = 0
    """Records whose entries a failover may have lost with nobody left to notice it."""

    accepted_by_journal: int = 0
    uncertain_by_journal: int = 0


@dataclass
class Start:
    """What a new process finds: the machines around it, and what it is asked to do."""

    process: Process
    database: Database
    resources: defaultdict[str, Resource]
    clevertap: SimulatedCleverTap
    source: Source
    force: bool
    instance: SimulatedInstance

    def run(self, facts: RunFacts) -> SimulatedRun:
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
            facts=facts,
            root_run_id=self.process.root_run_id,
            source=self.source,
            simulated=self.clevertap,
        )


def carry_out(start: Start, ended: Ended) -> None:
    """A run from its start to its end, in the order of a real one."""
    try:
        deliver(start, start.run(ended.facts))
    except (CleverTapImportError, DagsterExecutionInterruptedError) as error:
        ended.error = error
    ended.was_killed = False
    start.instance.report(asset_key(start.source.config.nickname), ended.facts, is_well=ended.error is None)


def all_delivered(instance: SimulatedInstance, run: SimulatedRun, journal: Journal) -> DeliveredBefore:
    """What CleverTap has, if the journal knows of as many deliveries as Dagster does."""
    nickname = run.config.nickname
    run.facts.told = told_deliveries(instance.real, run.config.nicknames)
    run.behind = behind(run.config, journal, run.facts.told)
    run.was_imported = instance.was_imported(asset_key(nickname))
    if import_state(journal.engine, nickname).deliveries:
        run.was_imported = False
    past = run.past(journal, delivers=True)
    if run.behind and not run.may_double:
        refuse_doubles(run.config, run.behind)
    return past


def begin_delivery(
    instance: SimulatedInstance, run: SimulatedRun, stage: Stage, journal: Journal, until_end: ExitStack
) -> None:
    """Without windows: a forced run sends all that an older journal may lack."""
    if stage.counts.batches or run.behind:
        count = counted(journal, run.config, run.facts.told, run.behind)
        run.facts.told = Told(count, run.facts.told.ended)
        until_end.enter_context(counted_delivery(instance.real, journal, run.config, count))


def deliver(start: Start, run: SimulatedRun) -> None:
    locks = Locks(start.process, start.resources)
    with ExitStack() as stack:
        journal: Journal = stack.enter_context(start.database.journal())
        lock = stack.enter_context(locks.import_lock(journal.engine))
        stage = stack.enter_context(SmallStage())
        run.stage(stage, all_delivered(start.instance, run, journal), is_sample=False)
        begin_delivery(start.instance, run, stage, journal, stack)
        run.deliver(stage, journal, cast(NamedLocks, locks), lock)
        run.tidy(journal)
