"""Runs whose processes were killed: nobody else ends them, so they are found and marked as failed here.

Dagster's default launcher watches a run only from the code server that started it; if that went down too, or
a command carried the run out, nobody ends it. It would fill the queue (`max_concurrent_runs`) for ever.
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
"""The process of the command that carries a run out, as `own_process` says it."""

END_SECONDS = 600
"""A run whose import has ended, elsewhere, has ended itself by then: its last events may take their time."""

BEGIN_SECONDS = 60
"""A run has its lock by then: it takes it before it logs in anywhere."""

SILENT_SECONDS = 30.0
"""A run without its lock for so long is dead: if PostgreSQL was restarted, it takes it again in seconds."""

UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

HeartbeatLog = dict[str, tuple[float, str]]
"""By run: when it was first seen without its lock, and on which host."""


def process_tags() -> dict[str, str]:
    return {PROCESS_TAG: own_process()}


def clear_dead_runs(instance: dg.DagsterInstance, nicknames: Collection[str], now: datetime) -> list[str]:
    """Mark the runs of these imports that are dead as failed, and those of dead processes of this machine.

    `now` is the clock's. Returns their ids. Without the journal nothing can be told of runs elsewhere.
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
    """The process of the command that carries the run out; nothing for all other runs."""
    # A re-execution has the tags of the run that it repeats, and a process of its own.
    return "" if run.parent_run_id else run.tags.get(PROCESS_TAG, "")


def clear_silent_runs(
    instance: dg.DagsterInstance, nicknames: Collection[str], records: Collection[dg.RunRecord], now: float
) -> Iterator[dg.DagsterRun]:
    """Mark the runs that give no sign of life, as failed.

    It takes two looks, SILENT_SECONDS or more apart, with the first kept in Dagster's storage. Both are of
    one host, so that no two clocks are compared; one that is set back begins the time anew.
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
            # It may have ended or begun since it was found.
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
    """Whether the run is dead, unless it has its lock."""
    run, begun = record.dagster_run, begun_imports(record.dagster_run)
    processes = [command_of(run), *(each.process for each in begun.values())]
    if any(lives(process) for process in processes):
        # Also if it is stopped, or waits.
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
    """Whether an import that has begun must have its lock by now, or, of a dry run, its process is gone.

    Unless Dagster has seen it fail: then another process goes on with the run.
    """
    must_have_lock = delivers(run, nickname) and now - begun.since >= BEGIN_SECONDS
    if not must_have_lock and lives(begun.process) is None:
        return False
    steps = instance.get_run_step_stats(run.run_id, [op_name(nickname)])
    return all(step.status == StepEventStatus.IN_PROGRESS for step in steps)


def began_at(record: dg.RunRecord) -> float:
    return record.start_time or record.create_timestamp.timestamp()


def delivers(run: dg.DagsterRun, nickname: str) -> bool:
    """Whether the run is more than the import's checks: a dry run is judged by its process only."""
    assets, checks = run.asset_selection, run.asset_check_selection
    return asset_key(nickname) in assets if assets else not checks


def checked_assets(run: dg.DagsterRun) -> set[dg.AssetKey]:
    return {check.asset_key for check in run.asset_check_selection or ()}


def without_process(
    instance: dg.DagsterInstance, nickname: str, missed: Collection[str], now: float
) -> list[str]:
    """Those whose locks were missed at the first look, which was long ago; keeps the looks at the others."""
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
