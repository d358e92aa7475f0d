"""Whether the code server that started a run still has its process, for runs without an active step.

Dagster's default launcher starts each run as a child of a code server, which marks the run as failed if the
child is killed. If the code server itself goes down, nothing marks the run.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from clevertap_import.orchestration.dagster_internals import (
    GRPC_INFO_TAG,
    CanCancelExecutionRequest,
    CanCancelExecutionResult,
    DagsterGrpcClient,
    DagsterUserCodeUnreachableError,
    StepEventStatus,
)

ANSWER_SECONDS = 5

BEGINNING = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED)


@dataclass(slots=True)
class CodeServers:
    """The code servers of one evaluation. A server that does not answer is called only once."""

    unreachable: set[str] = field(default_factory=set)

    def abandoned(self, instance: dg.DagsterInstance, run: dg.DagsterRun, own_step: str) -> bool:
        """Whether the run is abandoned: it has no active step, and no code server has its process.

        `own_step` may have begun, but not the import in it. A run that is marked as finished does not
        continue, so a mistake about a live run does no harm. Runs of other launchers are never abandoned.
        """
        info = run.tags.get(GRPC_INFO_TAG)
        if info is None or run.status not in BEGINNING:
            return False
        steps = instance.get_run_step_stats(run.run_id)
        if any(step.status == StepEventStatus.IN_PROGRESS and step.step_key != own_step for step in steps):
            return False
        return not self.knows(info, run.run_id)

    def knows(self, info: str, run_id: str) -> bool:
        if info in self.unreachable:
            return False
        address: dict[str, Any] = json.loads(info)
        client = DagsterGrpcClient(
            host=address["host"],
            port=address.get("port"),
            socket=address.get("socket"),
            use_ssl=bool(address.get("use_ssl")),
        )
        try:
            answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run_id), ANSWER_SECONDS)
        except DagsterUserCodeUnreachableError:
            self.unreachable.add(info)
            return False
        return dg.deserialize_value(answer, CanCancelExecutionResult).can_cancel
