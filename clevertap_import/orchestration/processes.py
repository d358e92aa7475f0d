"""Runs that commands start live in the command's process; what killed ones left behind is cleared here."""

import os
import socket

import dagster as dg

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
    """Mark the unfinished runs of dead processes of this host as failed, and free their places in the pools.

    Returns their ids. Runs of other hosts are left alone: nobody here can tell whether they are alive.
    """
    dead = [
        run
        for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
        if is_dead(run.tags.get(PROCESS_TAG, ""))
    ]
    for run in dead:
        instance.report_run_failed(run, "The process of this run has ended without a word: it was killed.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in dead]


def is_dead(process: str) -> bool:
    """Whether `host:pid` is of this host, and no such process is there any more."""
    host, _, number = process.rpartition(":")
    if host != socket.gethostname() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def busy_pool(instance: dg.DagsterInstance, account: str) -> str | None:
    """What a run for `account` will have to wait for, in words; None if it can start at once."""
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return None
    pool = storage.get_concurrency_info(pool_of(account))
    if pool.active_slot_count == 0 or pool.active_slot_count < (pool.limit or 0):
        return None
    others = ", ".join(sorted(run_id[:8] for run_id in pool.active_run_ids))
    return f"Another run for account {account!r} is under way ({others}); this one waits until it has ended."


def pool_of(account: str) -> str:
    """The Dagster pool of an account: together its runs would pass CleverTap's limit of requests at once."""
    return f"clevertap_{account}"
