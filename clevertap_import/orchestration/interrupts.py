"""Ctrl-C and SIGTERM while Dagster executes a run in this process.

Dagster ends the run and tells nothing of it to whoever started it: a command would go on with its next run.
"""

from collections.abc import Iterable, Iterator

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._utils.interrupts import check_captured_interrupt

INTERRUPTED = "It was canceled. What CleverTap took is in the journal; the next run sends the rest."


def is_interrupted(event: dg.DagsterEvent) -> bool:
    """Whether the event tells that an interrupt has ended a step."""
    error = event.step_failure_data.error if event.is_step_failure else None
    return error is not None and error.cls_name == DagsterExecutionInterruptedError.__name__


def heeding_interrupts(events: Iterable[dg.DagsterEvent]) -> Iterator[dg.DagsterEvent]:
    """The events of a run. Raises KeyboardInterrupt after the last if an interrupt came outside of steps."""
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
