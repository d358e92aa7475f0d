"""Everything that the tests use of Dagster beyond its public names and those of the production code."""

# The names that Dagster refuses for what it is given.
from dagster._core.definitions.utils import DISALLOWED_NAMES

# The events of a step, as Dagster enters them for runs that other processes carry out.
from dagster._core.execution.plan.objects import StepFailureData, StepSuccessData

# The address of a code location without a server.
from dagster._core.remote_origin import InProcessCodeLocationOrigin

# The tables that a test reads beside the instance.
from dagster._core.storage.event_log.schema import AssetEventTagsTable

# A run in the history that nobody carries out.
from dagster._core.test_utils import create_run_for_test

# The address of a module.
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

# The ticks of a schedule, as the daemon counts them.
from dagster._utils.schedules import schedule_execution_time_iterator

# A copy of definitions with other resources.
from dagster_shared.record import replace

from clevertap_import.orchestration.dagster_internals import (
    GRPC_INFO_TAG,
    DagsterGrpcClient,
    DagsterUserCodeUnreachableError,
    InMemoryJob,
    InstigatorStatus,
    RemoteRepositoryOrigin,
    ScheduleInstigatorData,
    SqlEventLogStorageTable,
    execute_run_iterator,
)

__all__ = [
    "DISALLOWED_NAMES",
    "GRPC_INFO_TAG",
    "AssetEventTagsTable",
    "DagsterGrpcClient",
    "DagsterUserCodeUnreachableError",
    "InMemoryJob",
    "InProcessCodeLocationOrigin",
    "InstigatorStatus",
    "LoadableTargetOrigin",
    "RemoteRepositoryOrigin",
    "ScheduleInstigatorData",
    "SqlEventLogStorageTable",
    "StepFailureData",
    "StepSuccessData",
    "create_run_for_test",
    "execute_run_iterator",
    "replace",
    "schedule_execution_time_iterator",
]
