"""Runs whose processes were killed: nobody else ends them, so they are found and marked as failed here.

Dagster itself cannot tell whether a run that has started is alive: its usual launcher does not watch runs.
"""

import json
import os
import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import datetime

import dagster as dg

from clevertap_import.io.database import JournalUnavailable
from clevertap_import.io.heartbeats import Beats, heartbeats
from clevertap_import.io.leases import SILENT_SECONDS, import_resource, is_dead
from clevertap_import.orchestration.assets import asset_key
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.stats import NICKNAME_TAG

PROCESS_TAG = "clevertap/process"
"""Host name and process id, as `host:pid`."""

BEGIN_SECONDS = 60
"""A run has its lease by then: it takes it before it logs in anywhere."""

UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

Looks = dict[str, tuple[int | None, float, str]]
"""By run: its beats when it was first seen with them (None: without a lease), when, and on which host."""


def process_tags() -> dict[str, str]:
    return {PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}"}


def clear_dead_runs(instance: dg.DagsterInstance, nicknames: Collection[str], now: datetime) -> list[str]:
    """Mark the runs of these imports that are dead as failed, and those of dead processes of this host.

    `now` is the clock's. Returns their ids. Without the journal nothing can be told of runs on other hosts.
    """
    dead = [
        run
        for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
        # A re-execution has the tags of the run that it repeats, and a process of its own.
        if run.parent_run_id is None and has_died(run.tags.get(PROCESS_TAG, ""))
    ]
    for run in dead:
        instance.report_run_failed(run, "The process of this run has ended without a word: it was killed.")
    with suppress(JournalUnavailable):
        dead += clear_silent_runs(instance, nicknames, now.timestamp())
    return [run.run_id for run in dead]


def has_died(process: str) -> bool:
    """Whether `host:pid` is of this host, and no such process is there any more."""
    host, _, number = process.rpartition(":")
    return number.isdecimal() and is_dead(host, int(number))


def clear_silent_runs(
    instance: dg.DagsterInstance, nicknames: Collection[str], now: float
) -> Iterator[dg.DagsterRun]:
    """Mark the runs that have begun, and whose leases stand still, as failed.

    It takes two looks, SILENT_SECONDS or more apart, with the first kept in Dagster's storage. Both are of
    one host, so that no two clocks are compared; one that is set back begins the time anew.
    """
    begun = begun_runs(instance, nicknames, now)
    if not begun:
        return
    names = {run.tags[NICKNAME_TAG] for run in begun}
    with open_journal() as journal:
        found = heartbeats(journal.engine, [import_resource(name) for name in names])
    for name in names:
        own = {run.run_id: run for run in begun if run.tags[NICKNAME_TAG] == name}
        seen = {run_id: beats_of(name, run_id, found) for run_id in own}
        for run_id in silent(instance, name, seen, now):
            # It may have ended since it was found.
            run = instance.get_run_by_id(run_id)
            if run and run.status == dg.DagsterRunStatus.STARTED:
                instance.report_run_failed(
                    run,
                    f"Nothing was heard of this run for {SILENT_SECONDS:g} seconds: it was killed, or its"
                    " machine went down. The journal knows what it had sent; the next run sends the rest.",
                )
                yield run


def begun_runs(instance: dg.DagsterInstance, nicknames: Collection[str], now: float) -> list[dg.DagsterRun]:
    """The runs under way that must have their lease by now.

    Only of the imports' own jobs: in a run that the UI made for several assets, or with an executor that
    starts a process for each, an import may begin long after its run.
    """
    if not nicknames:
        return []
    tags = {NICKNAME_TAG: list(nicknames)}
    records = instance.get_run_records(dg.RunsFilter(tags=tags, statuses=[dg.DagsterRunStatus.STARTED]))
    return [
        record.dagster_run
        for record in records
        if delivers(record.dagster_run)
        and now - (record.start_time or record.create_timestamp.timestamp()) >= BEGIN_SECONDS
    ]


def delivers(run: dg.DagsterRun) -> bool:
    """Whether the run of an import's job is more than its checks: a dry run takes no lease of the import."""
    assets, checks = run.asset_selection, run.asset_check_selection
    return asset_key(run.tags[NICKNAME_TAG]) in assets if assets else not checks


def beats_of(nickname: str, run_id: str, found: Beats) -> int | None:
    resource, words = import_resource(nickname), f"Run {run_id[:8]} "
    return next((found[key] for key in found if key[0] == resource and key[1].startswith(words)), None)


def silent(
    instance: dg.DagsterInstance, nickname: str, seen: Mapping[str, int | None], now: float
) -> list[str]:
    """The runs whose beats are those of the first look, which was long ago; keeps the looks at the others."""
    key, storage = f"clevertap_import/looks/{nickname}", instance.daemon_cursor_storage
    before: Looks = json.loads(storage.get_cursor_values({key}).get(key) or "{}")
    looks: Looks = {}
    host = socket.gethostname()
    for run_id, beats in seen.items():
        first_beats, at, by = before.get(run_id, (beats, now, host))
        looks[run_id] = (beats, min(at, now) if (first_beats, by) == (beats, host) else now, host)
    storage.set_cursor_values({key: json.dumps(looks)})
    return [run_id for run_id, (_, at, _) in looks.items() if now - at >= SILENT_SECONDS]
