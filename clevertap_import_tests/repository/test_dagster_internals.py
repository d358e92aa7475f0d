"""What is used of Dagster beyond its public names: in one file, and named here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from clevertap_import.orchestration import dagster_internals as production
from clevertap_import_tests.repository.test_architecture import MODULES, ROOT, name_of
from clevertap_import_tests.testing import dagster_internals as of_tests

DOORS = {
    "clevertap_import": "clevertap_import/orchestration/dagster_internals.py",
    "clevertap_import_tests": "clevertap_import_tests/testing/dagster_internals.py",
}

PRIVATE = {
    "clevertap_import": """
        dagster._cli.workspace.cli_target.workspace_opts_to_load_target
        dagster._core.definitions.data_version.DATA_VERSION_TAG
        dagster._core.definitions.job_base.InMemoryJob
        dagster._core.definitions.repository_definition.SINGLETON_REPOSITORY_NAME
        dagster._core.definitions.run_request.InstigatorType
        dagster._core.definitions.sensor_definition.SensorType
        dagster._core.definitions.unresolved_asset_job_definition.UnresolvedAssetJobDefinition
        dagster._core.errors.DagsterUserCodeUnreachableError
        dagster._core.events.JobFailureData
        dagster._core.events.RunFailureReason
        dagster._core.execution.api.execute_run_iterator
        dagster._core.execution.context.metadata_logging.AssetMetadataHandle
        dagster._core.execution.context.metadata_logging.OutputMetadataAccumulator
        dagster._core.execution.context.metadata_logging.OutputMetadataHandle
        dagster._core.execution.stats.StepEventStatus
        dagster._core.instance.ref.InstanceRef
        dagster._core.remote_origin.ManagedGrpcPythonEnvCodeLocationOrigin
        dagster._core.remote_origin.RemoteInstigatorOrigin
        dagster._core.remote_origin.RemoteRepositoryOrigin
        dagster._core.scheduler.instigation.InstigatorState
        dagster._core.scheduler.instigation.InstigatorStatus
        dagster._core.scheduler.instigation.ScheduleInstigatorData
        dagster._core.scheduler.instigation.SensorInstigatorData
        dagster._core.storage.asset_check_execution_record.AssetCheckExecutionRecord
        dagster._core.storage.asset_check_execution_record.AssetCheckExecutionRecordStatus
        dagster._core.storage.event_log.base.AssetEntry
        dagster._core.storage.event_log.schema.AssetCheckExecutionsTable
        dagster._core.storage.event_log.schema.SqlEventLogStorageTable
        dagster._core.storage.event_log.sqlite.sqlite_event_log.SqliteEventLogStorage
        dagster._core.storage.sqlite_storage.DagsterSqliteStorage
        dagster._core.storage.tags.GRPC_INFO_TAG
        dagster._core.workspace.load_target.ModuleTarget
        dagster._grpc.client.DagsterGrpcClient
        dagster._grpc.types.CanCancelExecutionRequest
        dagster._grpc.types.CanCancelExecutionResult
        dagster._serdes.ConfigurableClassData
        dagster._utils.interrupts.capture_interrupts
        dagster._utils.interrupts.check_captured_interrupt
        dagster_shared.check.CheckError
        dagster_shared.cli.WorkspaceOpts
    """,
    "clevertap_import_tests": """
        dagster._core.definitions.utils.DISALLOWED_NAMES
        dagster._core.execution.plan.objects.StepFailureData
        dagster._core.execution.plan.objects.StepSuccessData
        dagster._core.remote_origin.InProcessCodeLocationOrigin
        dagster._core.storage.event_log.schema.AssetEventTagsTable
        dagster._core.test_utils.create_run_for_test
        dagster._core.types.loadable_target_origin.LoadableTargetOrigin
        dagster._utils.schedules.schedule_execution_time_iterator
        dagster_shared.record.replace
    """,
}


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def private(module: Path) -> set[str]:
    return {name for name in imported(module) if name.startswith(("dagster._", "dagster_shared."))}


def test_one_file_imports_private_names_of_dagster_and_one_more_for_tests() -> None:
    found = {name_of(module): names for module in MODULES if (names := private(module))}
    assert found == {DOORS[package]: set(names.split()) for package, names in PRIVATE.items()}


@pytest.mark.parametrize("package", DOORS)
def test_every_private_name_is_used(package: str) -> None:
    door = production if package == "clevertap_import" else of_tests
    used = {
        name.removeprefix(f"{door.__name__}.")
        for module in MODULES
        for name in imported(module)
        if name.startswith(f"{door.__name__}.")
    }
    assert set(door.__all__) == used


@pytest.mark.parametrize("package", DOORS)
def test_every_private_name_has_a_reason(package: str) -> None:
    """A comment stands above the first of each block of imports."""
    lines = (ROOT / DOORS[package]).read_text().splitlines()
    blocks = [
        before
        for before, line in zip(["", *lines], lines, strict=False)
        if line.startswith("from dagster") and not before.startswith(("from ", ")"))
    ]
    assert blocks
    assert [before for before in blocks if not before.startswith("# ")] == []
