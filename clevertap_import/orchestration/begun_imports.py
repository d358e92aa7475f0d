"""Tags that a run sets from inside its steps: which of its imports are active, and in which process.

A run from Dagster's UI, a backfill or its command line has no other tag of ours, and may have many imports.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import dagster as dg

from clevertap_import.errors import Unfinished
from clevertap_import.journal.process_identity import own_process

IMPORT_TAG = "clevertap/import/"
"""Followed by the nickname. Value: the run's id, the start of the import, and its process or ENDED."""

ENDED = "ended"
"""In place of a process: the import ended at that moment."""


class RunHasEnded(Unfinished):
    """The run was marked as finished before the import began in it."""


@dataclass(frozen=True, slots=True)
class Begun:
    """`since`: epoch seconds by the clock of the process. `process`: as `own_process` names it."""

    since: float
    process: str


@contextmanager
def marked_as_begun(instance: dg.DagsterInstance, run_id: str, nickname: str) -> Iterator[None]:
    """Mark the import as active in the block, for other processes.

    Raises RunHasEnded if the run was marked as dead: another run may have its windows by now.
    """
    run = instance.get_run_by_id(run_id)
    if run and run.is_finished:
        raise RunHasEnded(
            f"Run {run_id[:8]} was marked as {run.status.value.lower()} before {nickname!r} began in it,"
            " because no sign of life was found. Nothing was sent. Start another run."
        )
    instance.add_run_tags(run_id, tag_of(run_id, nickname, own_process()))
    try:
        yield
    finally:
        # If this cannot be written, neither can the end of the step, and the run fails.
        with suppress(Exception):
            instance.add_run_tags(run_id, tag_of(run_id, nickname, ENDED))


def tag_of(run_id: str, nickname: str, process: str) -> dict[str, str]:
    return {IMPORT_TAG + nickname: f"{run_id} {time.time():.0f} {process}"}


def begun_imports(run: dg.DagsterRun) -> dict[str, Begun]:
    """The active imports of the run, by nickname."""
    return {nickname: each for nickname, each in imports_in_tags(run).items() if each.process != ENDED}


def ended_imports(run: dg.DagsterRun) -> dict[str, float]:
    """When each finished import of the run ended, by nickname."""
    return {nickname: each.since for nickname, each in imports_in_tags(run).items() if each.process == ENDED}


def imports_in_tags(run: dg.DagsterRun) -> dict[str, Begun]:
    """The imports in the run's own tags. (A re-execution has the tags of another run too.)"""
    found = {}
    for tag, value in run.tags.items():
        run_id, _, rest = value.partition(" ")
        since, _, process = rest.partition(" ")
        if tag.startswith(IMPORT_TAG) and run_id == run.run_id and process:
            found[tag.removeprefix(IMPORT_TAG)] = Begun(float(since), process)
    return found
