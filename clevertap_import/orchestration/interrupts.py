"""Ctrl-C and SIGTERM while Dagster executes a run in this process.

Dagster ends the run, but the caller gets no sign of it: a command would continue with its next run.
"""

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import dagster as dg

from clevertap_import.journal.ending import Ending
from clevertap_import.orchestration.dagster_internals import (
    JobFailureData,
    RunFailureReason,
    capture_interrupts,
    check_captured_interrupt,
)

INTERRUPTED = "It was canceled. What CleverTap took is in the journal; the next run sends the rest."


INTERRUPTS = (dg.DagsterExecutionInterruptedError, KeyboardInterrupt)
"""Dagster's exception, and that of a library that handles Ctrl-C itself for a while."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def end_on_signal(ending: Ending) -> Iterator[None]:
    """In the block, Ctrl-C and SIGTERM only set `ending`. The exception is raised after the block.

    An exception at any line could separate the counts from the entries of the journal.
    """
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread gets signals.
        yield
        return
    usual = {number: signal.signal(number, lambda *_: ending.request()) for number in SIGNALS}
    try:
        yield
    except Exception as error:
        if ending.is_requested:
            raise dg.DagsterExecutionInterruptedError from error
        raise
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
    if ending.is_requested:
        raise dg.DagsterExecutionInterruptedError


def report_canceling(instance: dg.DagsterInstance, run_id: str) -> None:
    """Report that a run was interrupted: without a report Dagster counts an interrupt as a failure.

    Does nothing if Dagster will resume the run elsewhere.
    """
    run = instance.get_run_by_id(run_id)
    if run and run.status == dg.DagsterRunStatus.STARTED and not instance.run_will_resume(run_id):
        instance.report_run_canceling(run, "It was asked to end by a signal.")


@contextmanager
def whole() -> Iterator[None]:
    """The block always ends; an interrupt in it is raised after it."""
    with capture_interrupts():
        yield
        is_interrupted = check_captured_interrupt()
    if is_interrupted:
        raise dg.DagsterExecutionInterruptedError


def is_interrupted(event: dg.DagsterEvent) -> bool:
    """Whether the event shows that an interrupt has ended a step."""
    error = event.step_failure_data.error if event.is_step_failure else None
    return error is not None and error.cls_name in [kind.__name__ for kind in INTERRUPTS]


def heeding_interrupts(events: Iterable[dg.DagsterEvent]) -> Iterator[dg.DagsterEvent]:
    """The events of a run. Raises KeyboardInterrupt after the last if an interrupt came outside a step."""
    is_late = is_ended = False
    for event in events:
        is_late = check_captured_interrupt()
        is_ended = is_ended or was_ended(event)
        yield event
    if is_late or is_ended:
        raise KeyboardInterrupt


def was_ended(event: dg.DagsterEvent) -> bool:
    data = event.event_specific_data
    return isinstance(data, JobFailureData) and data.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION
