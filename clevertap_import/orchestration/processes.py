"""Runs that commands start live in the command's process; what killed ones left behind is cleared here."""

import os
import socket

import dagster as dg

from clevertap_import.io.leases import is_dead

PROCESS_TAG = "clevertap/process"
"""Host name and process id, as `host:pid`."""

UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def process_tags() -> dict[str, str]:
    return {PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}"}


def clear_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark the unfinished runs of dead processes of this host as failed.

    Returns their ids. Runs of other hosts are left alone: nobody here can tell whether they are alive.
    """
    dead = [
        run
        for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
        if has_died(run.tags.get(PROCESS_TAG, ""))
    ]
    for run in dead:
        instance.report_run_failed(run, "The process of this run has ended without a word: it was killed.")
    return [run.run_id for run in dead]


def has_died(process: str) -> bool:
    """Whether `host:pid` is of this host, and no such process is there any more."""
    host, _, number = process.rpartition(":")
    return number.isdecimal() and is_dead(host, int(number))
