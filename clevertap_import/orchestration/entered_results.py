"""Each run enters its result in the journal's database, from which monitoring reads it.

The result is of use for monitoring alone: a run goes on, and ends, in the same way if it cannot be entered.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import sqlalchemy as sa

from clevertap_import.errors import CleverTapImportError
from clevertap_import.journal.run_results import enter_progress, enter_result
from clevertap_import.journal.tables import JournalUnavailable
from clevertap_import.orchestration.automation import TRIGGER_TAG
from clevertap_import.orchestration.resources import (
    JOURNAL_KEY,
    JournalDatabase,
    ResourcesInRunConfig,
)
from clevertap_import.orchestration.run_values import SoFar
from clevertap_import.run_result import RunProgress, RunResult, RunStatus

UNUSABLE = (JournalUnavailable, ResourcesInRunConfig)
"""After such an error the journal cannot be used, or is not the one that it should be."""


def enter_begun(context: dg.AssetExecutionContext, nickname: str, so_far: SoFar, engine: sa.Engine) -> None:
    """Enter that the run is under way, before it waits for others."""
    so_far.engine = engine
    result = result_of(context.run, nickname, so_far, "Running")
    with suppress(JournalUnavailable):
        enter_result(engine, replace(result, progress=RunProgress("wait", at=datetime.now(UTC))))


def enter_ended(context: dg.AssetExecutionContext, nickname: str, so_far: SoFar) -> None:
    """Enter how the run ended. If that is not possible its row says that it goes on; Dagster knows better."""
    if isinstance(so_far.error, UNUSABLE):
        return
    result = result_of(context.run, nickname, so_far, so_far.status)
    try:
        with engine_of(context, so_far) as engine:
            enter_result(engine, result)
    except CleverTapImportError as error:
        context.log.warning(f"The result of this run was not entered for monitoring. {error}")


@contextmanager
def engine_of(context: dg.AssetExecutionContext, so_far: SoFar) -> Iterator[sa.Engine]:
    """The journal's database, also of a run that failed before it used the journal."""
    if so_far.engine is not None:
        try:
            yield so_far.engine
        finally:
            so_far.engine.dispose()
        return
    resource: JournalDatabase = getattr(context.resources, JOURNAL_KEY)
    with resource.open() as journal:
        yield journal.engine


def entering_progress(
    context: dg.AssetExecutionContext, nickname: str, so_far: SoFar
) -> Callable[[RunProgress], None]:
    """Enters where the run is, each time by a connection of its own: another thread calls it."""
    resource: JournalDatabase = getattr(context.resources, JOURNAL_KEY)
    run_id = context.run.run_id

    def enter(progress: RunProgress) -> None:
        with resource.open() as journal:
            report, effort = so_far.report, so_far.meter.effort
            enter_progress(journal.engine, nickname, run_id, report, effort, progress)

    return enter


def result_of(run: dg.DagsterRun, nickname: str, so_far: SoFar, status: RunStatus) -> RunResult:
    code, reason = so_far.top_reason or (None, None)
    window = so_far.window
    return RunResult(
        nickname,
        run.run_id,
        datetime.fromtimestamp(so_far.start.epoch_seconds, UTC),
        None if status == "Running" else datetime.now(UTC),
        status,
        so_far.report,
        trigger=run.tags.get(TRIGGER_TAG),
        problem=so_far.problem,
        top_code=code,
        top_reason=reason,
        newest_updated_on=so_far.newest_updated_on,
        window_start=window.lower if window else None,
        window_end=window.upper if window else None,
        effort=so_far.meter.effort,
        is_limited=so_far.is_limited,
    )
