"""Finds runs whose processes were killed, and marks them as failed.

Dagster's default launcher watches a run only from the code server that started it. If that goes down too, or
if a command executed the run, the run stays unfinished, and occupies the queue (`max_concurrent_runs`)
forever.
"""

import json
import socket
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import dagster as dg

from clevertap_import.errors import CleverTapImportError
from clevertap_import.journal.import_lock import is_run_alive
from clevertap_import.journal.locks import open_locks
from clevertap_import.journal.process_identity import lives, own_process
from clevertap_import.journal.run_results import enter_dead
from clevertap_import.journal.tables import JournalUnavailable
from clevertap_import.orchestration.begun_imports import Begun, begun_imports, ended_imports, imports_in_tags
from clevertap_import.orchestration.code_servers import CodeServers
from clevertap_import.orchestration.dagster_internals import StepEventStatus
from clevertap_import.orchestration.names import asset_key, op_name
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.run_history import NICKNAME_TAG
from clevertap_import.run_result import RunStatus

PROCESS_TAG = "clevertap/process"
"""The process of the command that executes a run, from `own_process`."""

END_SECONDS = 600
"""A run on another machine ends within this time after its import: its last events may be slow."""

BEGIN_SECONDS = 60
"""A run has its lock within this time: it takes the lock before any login."""

SILENT_SECONDS = 30.0
"""A run without its lock for this time is dead. After a restart of PostgreSQL it has the lock in seconds."""

UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

HeartbeatLog = dict[str, tuple[float, str]]
"""By run: when it was first seen without its lock, and by which host."""


def process_tags() -> dict[str, str]:
    return {PROCESS_TAG: own_process()}


def clear_dead_runs(instance: dg.DagsterInstance, nicknames: Collection[str], now: datetime) -> list[str]:
    """Mark dead runs of these imports as failed, and all runs of dead processes of this machine; returns
    their ids.

    `now` is the clock's time. Without the journal, runs of other machines cannot be checked.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED))
    dead = [record.dagster_run for record in records if lives(command_of(record.dagster_run)) is False]
    for run in dead:
        instance.report_run_failed(run, "The process of this run has ended without a word: it was killed.")
    left = [record for record in records if record.dagster_run not in dead]
    with suppress(JournalUnavailable):
        dead += clear_silent_runs(instance, nicknames, left, now.timestamp())
    enter_killed(instance, nicknames, dead)
    return [run.run_id for run in dead]


def command_of(run: dg.DagsterRun) -> str:
    """The process of the command that executes the run; empty for all other runs."""
    # A re-execution has the tags of the run that it repeats, but its own process.
    return "" if run.parent_run_id else run.tags.get(PROCESS_TAG, "")


def clear_silent_runs(
    instance: dg.DagsterInstance, nicknames: Collection[str], records: Collection[dg.RunRecord], now: float
) -> Iterator[dg.DagsterRun]:
    """Mark runs without a sign of life as failed.

    This takes two checks, at least SILENT_SECONDS apart; the first is stored in Dagster's storage. Both must
    be of the same host, so that no two clocks are compared. If the clock is set back, the time starts again.
    """
    servers = CodeServers()
    suspects = {
        name: [record.dagster_run for record in records if is_suspect(instance, record, name, servers, now)]
        for name in nicknames
    }
    names = [name for name in suspects if suspects[name]]
    if not names:
        return
    with open_journal() as journal, open_locks(journal.engine) as locks:
        missed = {
            name: [run.run_id for run in suspects[name] if not is_run_alive(locks, run.run_id, name)]
            for name in names
        }
    for name in names:
        for run_id in without_process(instance, name, missed[name], now):
            # It may have ended or begun since the first check.
            run = instance.get_run_by_id(run_id)
            if run and run.status in [each.status for each in suspects[name] if each.run_id == run_id]:
                mark(instance, run)
                yield run


def mark(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    words = (
        f"Nothing was heard of this run for {SILENT_SECONDS:g} seconds: it was killed, or its"
        " machine went down. The journal knows what it had sent; the next run sends the rest."
    )
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, words)
    else:
        instance.report_run_failed(run, words)


def is_suspect(
    instance: dg.DagsterInstance, record: dg.RunRecord, nickname: str, servers: CodeServers, now: float
) -> bool:
    """Whether the run is dead if it does not have its lock."""
    run, begun = record.dagster_run, begun_imports(record.dagster_run)
    processes = [command_of(run), *(each.process for each in begun.values())]
    if any(lives(process) for process in processes):
        # A stopped or waiting process is alive too.
        return False
    if nickname in begun:
        return is_silent(instance, run, nickname, begun[nickname], now)
    if run.tags.get(NICKNAME_TAG) == nickname and run.status == dg.DagsterRunStatus.STARTED:
        ended = ended_imports(run).get(nickname)
        due = began_at(record) + BEGIN_SECONDS if ended is None else ended + END_SECONDS
        return delivers(run, nickname) and now >= due
    is_planned = asset_key(nickname) in {*(run.asset_selection or ()), *checked_assets(run)}
    is_ours = is_planned or run.tags.get(NICKNAME_TAG) == nickname
    return is_ours and not begun and servers.abandoned(instance, run, op_name(nickname))


def is_silent(
    instance: dg.DagsterInstance, run: dg.DagsterRun, nickname: str, begun: Begun, now: float
) -> bool:
    """Whether an import that has begun must have its lock by now; for a dry run, whether its process is gone.

    False if Dagster has seen its step fail: then another process continues the run.
    """
    must_have_lock = delivers(run, nickname) and now - begun.since >= BEGIN_SECONDS
    if not must_have_lock and lives(begun.process) is None:
        return False
    steps = instance.get_run_step_stats(run.run_id, [op_name(nickname)])
    return all(step.status == StepEventStatus.IN_PROGRESS for step in steps)


def began_at(record: dg.RunRecord) -> float:
    return record.start_time or record.create_timestamp.timestamp()


def delivers(run: dg.DagsterRun, nickname: str) -> bool:
    """Whether the run delivers. A dry run selects only checks, and is judged by its process alone."""
    assets, checks = run.asset_selection, run.asset_check_selection
    return asset_key(nickname) in assets if assets else not checks


def checked_assets(run: dg.DagsterRun) -> set[dg.AssetKey]:
    return {check.asset_key for check in run.asset_check_selection or ()}


def without_process(
    instance: dg.DagsterInstance, nickname: str, missed: Collection[str], now: float
) -> list[str]:
    """The runs without a lock since a check at least SILENT_SECONDS ago; stores the checks of the others."""
    key, storage = f"clevertap_import/missed/{nickname}", instance.daemon_cursor_storage
    before: HeartbeatLog = json.loads(storage.get_cursor_values({key}).get(key) or "{}")
    looks: HeartbeatLog = {}
    host = socket.gethostname()
    for run_id in missed:
        at, by = before.get(run_id, (now, host))
        looks[run_id] = (min(at, now) if by == host else now, host)
    storage.set_cursor_values({key: json.dumps(looks)})
    return [run_id for run_id, (at, _) in looks.items() if now - at >= SILENT_SECONDS]


def enter_killed(
    instance: dg.DagsterInstance, nicknames: Collection[str], dead: Collection[dg.DagsterRun]
) -> None:
    """Runs that were marked as ended, since their processes were killed, could not enter their results."""
    if not dead:
        return
    with suppress(CleverTapImportError), open_journal() as journal:
        for run in dead:
            marked = instance.get_run_by_id(run.run_id)
            is_canceled = marked is not None and marked.status == dg.DagsterRunStatus.CANCELED
            names = {*nicknames, *imports_in_tags(run)}
            status: RunStatus = "Canceled" if is_canceled else "Failed"
            enter_dead(journal.engine, names, run.run_id, status, datetime.now(UTC))
