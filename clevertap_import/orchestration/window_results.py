"""What a run says to Dagster of each of its windows: the counts of that window alone."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.orchestration.dagster_internals import (
    AssetMetadataHandle,
    OutputMetadataAccumulator,
    OutputMetadataHandle,
)
from clevertap_import.orchestration.metadata import metadata_of_window, report_metadata, run_sentence
from clevertap_import.orchestration.partitions import KEY_FORMATS, grid
from clevertap_import.orchestration.run_values import SoFar


def materialized(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    config: ImportConfig,
    so_far: SoFar,
    version: dg.DataVersion,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The result of a run that is complete; of a full import it has the counts of the run.

    Dagster takes the metadata of one partition after another (`add_asset_metadata`), but lists all partitions
    of the run each time: 0.2 s for a year of hours. So those of all windows are set at once.
    """
    windows = so_far.staged.windows
    if windows is None:
        return dg.MaterializeResult(asset_key=key, metadata=report_metadata(so_far), data_version=version)
    result = run_sentence(so_far)
    found: dict[OutputMetadataHandle | AssetMetadataHandle, Mapping[str, Any]] = {}
    for window, report, codes in windows.windows():
        start = window.upper - grid(config).size
        handle = AssetMetadataHandle(asset_key=key, partition_key=start.strftime(KEY_FORMATS[config.window]))
        found[handle] = metadata_of_window(so_far, result, window, report, codes)
    step = context.get_step_execution_context()
    step._metadata_accumulator = OutputMetadataAccumulator(per_output_metadata=found)
    return dg.MaterializeResult(asset_key=key, data_version=version)
