"""What a run tells of its imports from inside its steps, as tags: which of them is under way, and where.

A run that Dagster's UI, a backfill or its command line started has no other tag of ours, and may hold many.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import dagster as dg

from clevertap_import.errors import Unfinished
from clevertap_import.journal.process_identity import own_process

IMPORT_TAG = "clevertap/import/"
"""With the nickname: the run's id, since when the import is under way, and in which process; or ENDED."""

ENDED = "ended"
"""In place of a process: the import ended at that moment."""


class RunHasEnded(Unfinished):
    """The run was marked as ended before the import began in it."""


@dataclass(frozen=True, slots=True)
class Begun:
    """`since` is in epoch seconds by the clock of the process, which `lives` knows."""

    since: float
    process: str


@contextmanager
def marked_as_begun(instance: dg.DagsterInstance, run_id: str, nickname: str) -> Iterator[None]:
    """Let others know that the import is under way in the block.

    Raises RunHasEnded if somebody took the run for dead: its windows may be another run's by now.
    """
    run = instance.get_run_by_id(run_id)
    if run and run.is_finished:
        raise RunHasEnded(
            f"Run {run_id[:8]} was marked as {run.status.value.lower()} before {nickname!r} began in it, as"
            " nobody knew that it was alive. Nothing was sent. Start another run."
        )
    instance.add_run_tags(run_id, tag_of(run_id, nickname, own_process()))
    try:
        yield
    finally:
        # If it cannot be written, neither can the end of the step, and the run fails by that.
        with suppress(Exception):
            instance.add_run_tags(run_id, tag_of(run_id, nickname, ENDED))


def tag_of(run_id: str, nickname: str, process: str) -> dict[str, str]:
    return {IMPORT_TAG + nickname: f"{run_id} {time.time():.0f} {process}"}


def begun_imports(run: dg.DagsterRun) -> dict[str, Begun]:
    """The imports under way in the run, by nickname."""
    return {nickname: each for nickname, each in imports_in_tags(run).items() if each.process != ENDED}


def ended_imports(run: dg.DagsterRun) -> dict[str, float]:
    """When the imports that have ended in the run did so, by nickname."""
    return {nickname: each.since for nickname, each in imports_in_tags(run).items() if each.process == ENDED}


def imports_in_tags(run: dg.DagsterRun) -> dict[str, Begun]:
    """What the run tells of its imports. (A re-execution has the tags of another run too.)"""
    found = {}
    for tag, value in run.tags.items():
        run_id, _, rest = value.partition(" ")
        since, _, process = rest.partition(" ")
        if tag.startswith(IMPORT_TAG) and run_id == run.run_id and process:
            found[tag.removeprefix(IMPORT_TAG)] = Begun(float(since), process)
    return found
