"""The steps of a run, in their order: known records, stage, check, deliver, finish."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace

import dagster as dg

from clevertap_import.clevertap.delivery import stop_reason
from clevertap_import.journal.ending import Ending
from clevertap_import.journal.import_lock import ImportLock, run_lock
from clevertap_import.journal.import_state import import_state
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.locks import NamedLocks, open_locks
from clevertap_import.orchestration.checks import Checks, checked, not_staged
from clevertap_import.orchestration.delivered import (
    DeliveryCounts,
    counted,
    counted_delivery,
    counts_in_dagster,
    refuse_doubles,
    stale_journal,
)
from clevertap_import.orchestration.done import copy_from_dagster, covers_undone
from clevertap_import.orchestration.entered_results import enter_begun
from clevertap_import.orchestration.import_run import ImportRun
from clevertap_import.orchestration.partitions import reading_version
from clevertap_import.orchestration.renamed import take_name_over
from clevertap_import.orchestration.resources import JOURNAL_KEY
from clevertap_import.orchestration.run_values import (
    ChangedWindows,
    DeliveryResult,
    KnownBefore,
    Sending,
    SoFar,
    Staged,
    report_of,
)
from clevertap_import.orchestration.scope import events_withheld
from clevertap_import.orchestration.window_results import materialized
from clevertap_import.staging.stage import Stage

Results = Generator[dg.AssetCheckResult | dg.MaterializeResult, None, None]  # type: ignore[type-arg]


@dataclass(frozen=True, slots=True)
class Opened:
    """The open resources of a run. `lock` is the import lock; None for a dry run, which delivers nothing."""

    journal: Journal
    locks: NamedLocks
    lock: ImportLock | None
    stage: Stage


@contextmanager
def opened(
    context: dg.AssetExecutionContext, run: ImportRun, so_far: SoFar, *, delivers: bool
) -> Iterator[Opened]:
    """In the block, if this run delivers, no other run of the import does."""
    with ExitStack() as stack:
        journal: Journal = stack.enter_context(getattr(context.resources, JOURNAL_KEY).open())
        if delivers:
            enter_begun(context, run.config.nickname, so_far, journal.engine)
        locks = stack.enter_context(open_locks(journal.engine))
        stack.enter_context(run_lock(locks, run.run_id, run.config.nickname))
        run.progress.begin("wait")
        stack.enter_context(run.progress.logged())
        lock = stack.enter_context(run.import_lock(locks)) if delivers else None
        run.progress.begin("query")
        stage = stack.enter_context(Stage())
        journal.import_lock = lock
        if lock:
            take_name_over(journal, locks, lock, run.config, run.purpose)
        yield Opened(journal, locks, lock, stage)


def run_steps(
    context: dg.AssetExecutionContext, key: dg.AssetKey, run: ImportRun, so_far: SoFar, *, is_sample: bool
) -> Results:
    """All steps if the asset itself is selected and no check blocks. A dry run ends with the checks."""
    delivers = key in context.selected_asset_keys
    with opened(context, run, so_far, delivers=delivers) as use:
        # Only after this run has the lock: an earlier run may have begun a delivery in the meantime.
        in_dagster = counts_in_dagster(context.instance, run.config.nicknames)
        so_far.deliveries = in_dagster.begun
        changed = run.changed_windows(use.journal, delivers=delivers)
        so_far.changed_windows = changed.before
        known = known_before(context, run, use.journal, in_dagster, delivers=delivers)
        # Another thread reports the counts while they grow.
        so_far.staged = Staged(use.stage.counts)
        with run.progress.meter.timed("staging"):
            staged = so_far.staged = run.stage(use.stage, known, so_far.rejects, is_sample=is_sample)
        checks = check(key, run, use, staged, known, changed)
        yield from selected(context, checks.results)
        if checks.error:
            raise checks.error
        if use.lock is None:
            return
        number = begin_delivery(context, key, run, use.journal, staged, known)
        so_far.deliveries = number or in_dagster.begun
        with counted_delivery(context.instance, use.journal, run.config, number) if number else nullcontext():
            sent = deliver(run, use, use.lock, staged, known, so_far)
            so_far.changed_windows = run.finish(use.journal, known, staged, sent, changed.before)
            if run.limit is None:
                version = reading_version(*run.seen_until(staged))
                yield materialized(context, key, run.config, so_far, version)


def known_before(
    context: dg.AssetExecutionContext,
    run: ImportRun,
    journal: Journal,
    in_dagster: DeliveryCounts,
    *,
    delivers: bool,
) -> KnownBefore:
    """The records that CleverTap has. Raises JournalLost if the journal lacks deliveries of events."""
    stale = stale_journal(run.config, journal, in_dagster)
    # If the journal counts deliveries, a new one was begun, or a person has accepted an empty one.
    was_imported = run.was_imported and not import_state(journal.engine, run.config.nickname).deliveries
    known = run.known_before(journal, stale, was_imported=was_imported, delivers=delivers)
    if stale:
        context.log.warning(str(stale))
        if delivers and not run.may_double:
            refuse_doubles(run.config, stale)
    return replace(known, in_dagster=in_dagster)


def check(
    key: dg.AssetKey,
    run: ImportRun,
    use: Opened,
    staged: Staged,
    known: KnownBefore,
    changed: ChangedWindows,
) -> Checks:
    """All checks of the staged rows, or of the error that prevented staging."""
    if staged.error:
        return not_staged(key, staged.error)
    # A run without new records needs no CleverTap, but a dry run must show whether CleverTap accepts records.
    is_dry_run = use.lock is None
    run.progress.begin("dry run")
    tried = run.server_dry_run(use.stage, use.locks, delivers=not is_dry_run)
    run.progress.begin("check")
    looks_up = is_dry_run and tried.stopped is None
    impact = run.impact(use.stage, use.locks, known, changed, looks_up=looks_up)
    return checked(key, run.config, staged.counts, tried, impact)


def begin_delivery(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    run: ImportRun,
    journal: Journal,
    staged: Staged,
    known: KnownBefore,
) -> int | None:
    """Copy done windows that only Dagster has, and count one more run that sends records.

    Returns how many runs have sent records, including this one; None if it has no records to send.
    """
    config, instance = run.config, context.instance
    is_lost = known.stale is not None and config.is_events
    copied = copy_from_dagster(instance, journal, config, key, again=is_lost)
    if not staged.counts.batches and not known.stale:
        return None
    lacks = is_lost and not covers_undone(instance, journal, config, key, known.windows.forced)
    return counted(journal, config, known.in_dagster, known.stale, lacks=lacks, copied=copied)


def deliver(
    run: ImportRun, use: Opened, lock: ImportLock, staged: Staged, known: KnownBefore, so_far: SoFar
) -> DeliveryResult:
    """Send the staged records. Raises the reason if a record has no final outcome."""
    epoch, ending = run.begin_delivery(use.journal, known), Ending()
    run.progress.begin("send")
    with (
        run.limiter(use.locks, staged.counts.batches) as limiter,
        run.progress.meter.timed("sending"),
        run.end_on_signal(ending),
    ):
        sending = Sending(limiter, lock, ending, epoch, so_far.rejects)
        so_far.sent = DeliveryResult(sending.delivery, staged.codes, epoch)
        # Inside the block, because an interrupt is raised at its end: the result must be stored before.
        sent = so_far.sent = run.deliver(use.stage, staged, use.journal, sending)
        if sent.error:
            raise sent.error
    if stopped := stop_reason(sent.counts):
        raise stopped
    report = report_of(staged.counts, sent.counts).checked()
    if staged.windows:
        staged.windows.check(report)
    if staged.counts.withheld:
        raise events_withheld(run.config, staged.counts.withheld)
    return sent


def selected(
    context: dg.AssetExecutionContext, results: Iterable[dg.AssetCheckResult]
) -> Iterator[dg.AssetCheckResult]:
    """All checks are always made; Dagster accepts only the selected ones."""
    names = {check.name for check in context.selected_asset_check_keys}
    return (result for result in results if result.check_name in names)
