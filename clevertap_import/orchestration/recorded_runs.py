"""Executes a run in this process as one of the code location, so that Dagster's UI can re-execute it."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.orchestration.dagster_internals import (
    InMemoryJob,
    RemoteRepositoryOrigin,
    execute_run_iterator,
)
from clevertap_import.orchestration.interrupts import heeding_interrupts, is_interrupted, report_canceling
from clevertap_import.orchestration.names import automation_name
from clevertap_import.orchestration.schedule_state import instigator_states, repositories, since
from clevertap_import.orchestration.sensors import FIRST_RUNS, KILLED_RUNS


def execute_recorded(
    instance: dg.DagsterInstance,
    job: dg.JobDefinition,
    config: ImportConfig,
    run_config: Mapping[str, Any],
    tags: Mapping[str, str],
) -> tuple[str, Sequence[dg.DagsterEvent]]:
    """Execute the job of an import in this process; returns the id and the events of its run.

    Unlike `execute_in_process`, it stores the code location of the job; without that the UI cannot re-execute
    the run. An interrupted run is recorded as canceled.
    """
    run = instance.create_run_for_job(
        job,
        run_config=run_config,
        tags={**job.run_tags, **tags},
        remote_job_origin=code_location(instance, config).get_job_origin(job.name),
    )
    events: list[dg.DagsterEvent] = []
    for event in heeding_interrupts(execute_run_iterator(InMemoryJob(job), run, instance)):
        events.append(event)
        if is_interrupted(event):
            # The step reports it itself, except for an interrupt between two of its results.
            report_canceling(instance, run.run_id)
    return run.run_id, events


def code_location(instance: dg.DagsterInstance, config: ImportConfig) -> RemoteRepositoryOrigin:
    """The code location of the import: the one in Dagster's storage, or the one of this folder."""
    own = {
        *(FIRST_RUNS, KILLED_RUNS, f"{config.nickname}_{KILLED_RUNS}"),
        automation_name(config) or KILLED_RUNS,
    }
    states = [state for state in instigator_states(instance) if state.instigator_name in own]
    newest_first = sorted(states, key=lambda state: since(state) or 0, reverse=True)
    known = [state.origin.repository_origin for state in newest_first]
    here = repositories()
    names = {origin.get_label() for origin in known}
    return next((origin for origin in here if origin.get_label() in names), (*known, *here)[0])
