"""Fixes that a test can take out of the running code: the simulation must then find the fault again."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa

from clevertap_import.clevertap import backoff
from clevertap_import.clevertap.outcomes import Accepted
from clevertap_import.clevertap.settlement import BatchInProgress
from clevertap_import.journal import delivered, import_state
from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.entries import Entry
from clevertap_import.journal.forced_runs import enter_epoch, has_epoch
from clevertap_import.journal.journal_outage import JournalOutage, bearing_outages
from clevertap_import.journal.tables import DELIVERY
from clevertap_import.orchestration.delivered import report_delivery, stale_journal
from clevertap_import.orchestration.scope import refusal
from clevertap_import_tests.simulation.import_run import SimulatedRun


@dataclass(frozen=True)
class Fix:
    """`script`: the name of one that fails without the fix. `taken_out`: its block runs without the fix."""

    script: str
    taken_out: Callable[[], AbstractContextManager[object]]


@contextmanager
def everywhere(function: Callable[..., Any], instead: Callable[..., Any]) -> Iterator[None]:
    """Replace `function` by `instead` in each module that has imported it."""
    name = function.__name__
    modules = [module for module in list(sys.modules.values()) if vars(module).get(name) is function]
    for module in modules:
        setattr(module, name, instead)
    try:
        yield
    finally:
        for module in modules:
            setattr(module, name, function)


def updates_believed() -> AbstractContextManager[object]:
    """Believe an update that changed no row: enter nothing again."""
    real = Entry.ensure

    def ensure(entry: Entry, connection: sa.Connection) -> None:
        with patch.object(Entry, "insert", lambda *_: None):
            real(entry, connection)

    return patch.object(Entry, "ensure", ensure)


def copies_counted_once() -> AbstractContextManager[object]:
    real = BatchInProgress.enter

    def enter(settling: BatchInProgress, outcome: Accepted) -> bool:
        sub_batch = settling.sub_batches[0]
        settling.sub_batches[0] = replace(sub_batch, doubts=min(1, sub_batch.doubts))
        return real(settling, outcome)

    return patch.object(BatchInProgress, "enter", enter)


@contextmanager
def destination_ignored() -> Iterator[None]:
    """Count records that went to any account, and refuse no change of the account."""
    everything = property(lambda windows: DELIVERY.c.import_name == windows.import_name)
    nothing = everywhere(refusal, lambda *_, **__: None)
    with patch.object(WindowRange, "mine", everything), nothing:
        yield


FIXES = {
    "what was sent counts for its destination only": Fix("account_changed_and_401", destination_ignored),
    "a forced run begins an epoch": Fix(
        "forced_run_after_wipe_killed", lambda: everywhere(enter_epoch, lambda *_: None)
    ),
    "runs of one root share an epoch": Fix(
        "forced_run_reexecuted", lambda: everywhere(has_epoch, lambda *_: False)
    ),
    "an older copy is known by its count": Fix(
        "older_copy_put_back", lambda: everywhere(stale_journal, lambda *_: None)
    ),
    "Dagster knows of a delivery before it sends": Fix(
        "older_copy_of_before_a_killed_run", lambda: everywhere(report_delivery, lambda *_: None)
    ),
    "an update that meets no row is noticed": Fix("failover_loses_an_entry", updates_believed),
    "events are sent again twice at most": Fix(
        "answers_lost_without_end", lambda: patch.object(backoff, "MOST_RESENDS", 7)
    ),
    "each copy is counted": Fix("answers_lost_twice", copies_counted_once),
    "a short outage of the journal is borne": Fix(
        "short_outage", lambda: patch.object(JournalOutage, "is_borne", lambda outage: False)
    ),
    "it is borne at the end of the run too": Fix(
        "outage_at_the_end", lambda: everywhere(bearing_outages, lambda act, sleep: act())
    ),
    "ending is a state of the delivery": Fix(
        "interrupt_after_a_commit",
        lambda: patch.object(SimulatedRun, "end_on_signal", lambda run, ending: nullcontext()),
    ),
    "a request may be applied late": Fix(
        "profile_applied_late", lambda: patch.object(delivered, "UNDER_WAY_SECONDS", 0)
    ),
    "so may one that an older copy lacks": Fix(
        "older_copy_and_a_late_request", lambda: patch.object(import_state, "UNDER_WAY_SECONDS", 0)
    ),
}
"""By what each fix does."""
