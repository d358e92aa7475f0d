"""All private names of Dagster that this package uses, and why.

Dagster may change them in any release. If you try a new version, look here first.
"""

# What the UI would load in this folder: only Dagster's command line reads workspace.yaml.
from dagster._cli.workspace.cli_target import workspace_opts_to_load_target

# The tag of a materialization with the version of its data; the public API reads it for no partition.
from dagster._core.definitions.data_version import DATA_VERSION_TAG

# A job as `execute_run_iterator` takes it.
from dagster._core.definitions.job_base import InMemoryJob

# The name of the repository of a code location, which is part of each address in Dagster's storage.
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME

# Whether a stored switch is that of a schedule or of a sensor.
from dagster._core.definitions.run_request import InstigatorType

# The kind of a sensor, which its stored switch carries.
from dagster._core.definitions.sensor_definition import SensorType

# The type that the public `define_asset_job` returns.
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

# The error of a code server that does not answer.
from dagster._core.errors import DagsterUserCodeUnreachableError

# Whether a run failed because it was interrupted.
from dagster._core.events import JobFailureData, RunFailureReason

# Executes a run that was recorded before; the public `execute_in_process` records no code location, so that
# the UI could not execute the run again.
from dagster._core.execution.api import execute_run_iterator

# The metadata of all partitions of a run: the public `add_asset_metadata` takes one, and lists all each time.
from dagster._core.execution.context.metadata_logging import (
    AssetMetadataHandle,
    OutputMetadataAccumulator,
    OutputMetadataHandle,
)

# The states of what the public `get_run_step_stats` returns.
from dagster._core.execution.stats import StepEventStatus

# An instance before it is opened: its storage and its folders are set in it.
from dagster._core.instance.ref import InstanceRef

# The address of a schedule, sensor or job in Dagster's storage. A command that writes a switch needs it.
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)

# The switches of schedules and sensors as Dagster stores them; publicly only a code server can change them.
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    SensorInstigatorData,
)

# The last executions of checks, as the storage of an instance returns them, and their states.
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

# The type in what the public `get_asset_records` returns.
from dagster._core.storage.event_log.base import AssetEntry

# The tables and classes of the SQLite storage: ours writes the windows of a run together into the same files.
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

# The tag of a run with the address of the code server that started it.
from dagster._core.storage.tags import GRPC_INFO_TAG

# The address of a module, for an import that no workspace names.
from dagster._core.workspace.load_target import ModuleTarget

# Asks the code server that started a run whether it still has its process.
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult

# The parts of an instance before it is opened.
from dagster._serdes import ConfigurableClassData

# Dagster's own handling of signals in a run: it notes an interrupt, which is taken between two events.
from dagster._utils.interrupts import capture_interrupts, check_captured_interrupt

# The error of an instance that cannot be opened, and of a run that belongs to no code location.
from dagster_shared.check import CheckError

# The options of `workspace_opts_to_load_target`.
from dagster_shared.cli import WorkspaceOpts

__all__ = [
    "DATA_VERSION_TAG",
    "GRPC_INFO_TAG",
    "SINGLETON_REPOSITORY_NAME",
    "AssetCheckExecutionRecord",
    "AssetCheckExecutionRecordStatus",
    "AssetCheckExecutionsTable",
    "AssetEntry",
    "AssetMetadataHandle",
    "CanCancelExecutionRequest",
    "CanCancelExecutionResult",
    "CheckError",
    "ConfigurableClassData",
    "DagsterGrpcClient",
    "DagsterSqliteStorage",
    "DagsterUserCodeUnreachableError",
    "InMemoryJob",
    "InstanceRef",
    "InstigatorState",
    "InstigatorStatus",
    "InstigatorType",
    "JobFailureData",
    "ManagedGrpcPythonEnvCodeLocationOrigin",
    "ModuleTarget",
    "OutputMetadataAccumulator",
    "OutputMetadataHandle",
    "RemoteInstigatorOrigin",
    "RemoteRepositoryOrigin",
    "RunFailureReason",
    "ScheduleInstigatorData",
    "SensorInstigatorData",
    "SensorType",
    "SqlEventLogStorageTable",
    "SqliteEventLogStorage",
    "StepEventStatus",
    "UnresolvedAssetJobDefinition",
    "WorkspaceOpts",
    "capture_interrupts",
    "check_captured_interrupt",
    "execute_run_iterator",
    "workspace_opts_to_load_target",
]
