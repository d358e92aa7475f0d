"""Each run enters its result in the journal's database, from which monitoring reads it.

The result is of use for monitoring alone: a run goes on, and ends, in the same way if it cannot be entered.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import dagster as dg
import sqlalchemy as sa

from clevertap_import.errors import CleverTapImportError
from clevertap_import.journal.run_results import enter_result
from clevertap_import.journal.tables import JournalUnavailable
from clevertap_import.orchestration.automation import TRIGGER_TAG
from clevertap_import.orchestration.resources import (
    JOURNAL_KEY,
    JournalDatabase,
    ResourcesInRunConfig,
)
from clevertap_import.orchestration.run_values import SoFar
from clevertap_import.run_result import RunResult, RunStatus

UNUSABLE = (JournalUnavailable, ResourcesInRunConfig)
"""After such an error the journal cannot be used, or is not the one that it should be."""


def enter_begun(context: dg.AssetExecutionContext, nickname: str, so_far: SoFar, engine: sa.Engine) -> None:
    """Enter that the run is under way, before it waits for others."""
    so_far.engine = engine
    with suppress(JournalUnavailable):
        enter_result(engine, result_of(context.run, nickname, so_far, "Running"))


def enter_ended(context: dg.AssetExecutionContext, nickname: str, so_far: SoFar) -> None:
    """Enter how the run ended. If that is not possible its row says that it goes on; Dagster knows better."""
    if isinstance(so_far.error, UNUSABLE):
        return
    result = result_of(context.run, nickname, so_far, status_of(so_far))
    try:
        with engine_of(context, so_far) as engine:
            enter_result(engine, result)
    except CleverTapImportError as error:
        context.log.warning(f"The result of this run was not entered for monitoring. {error}")


@contextmanager
def engine_of(context: dg.AssetExecutionContext, so_far: SoFar) -> Iterator[sa.Engine]:
    """The journal's database, also of a run that failed before it used the journal."""
    if so_far.engine is not None:
        yield so_far.engine
        so_far.engine.dispose()
        return
    resource: JournalDatabase = getattr(context.resources, JOURNAL_KEY)
    with resource.open() as journal:
        yield journal.engine


def status_of(so_far: SoFar) -> RunStatus:
    """How a run ended."""
    if so_far.is_canceled:
        return "Canceled"
    return "Failed" if so_far.error else "Success"


def result_of(run: dg.DagsterRun, nickname: str, so_far: SoFar, status: RunStatus) -> RunResult:
    code, reason = max(so_far.codes, key=so_far.codes.__getitem__, default=(None, None))
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
        window_start=window.lower if window else None,
        window_end=window.upper if window else None,
    )
