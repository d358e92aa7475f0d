"""Imports as Dagster definitions: single ones for components, all of a folder for the code location."""

import warnings
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from clevertap_import.config.asset_keys import IMPORT_CENTER
from clevertap_import.config.model import ImportConfig
from clevertap_import.config.yaml_file import Draft
from clevertap_import.escapes import as_plain
from clevertap_import.orchestration.assets import import_asset
from clevertap_import.orchestration.automation import import_schedule
from clevertap_import.orchestration.checks import dry_run_checks
from clevertap_import.orchestration.dagster_internals import UnresolvedAssetJobDefinition
from clevertap_import.orchestration.monitor_tasks import monitor_definitions
from clevertap_import.orchestration.names import asset_key, draft_names, job_name
from clevertap_import.orchestration.resources import (
    JOURNAL_KEY,
    account_key,
    clevertap_account,
    connection_key,
    journal_database,
    snowflake_connection,
)
from clevertap_import.orchestration.run_history import NICKNAME_TAG
from clevertap_import.orchestration.sensors import (
    FIRST_RUNS,
    KILLED_RUNS,
    first_runs_sensor,
    import_sensor,
    killed_runs_sensor,
)
from clevertap_import.orchestration.upstream_tables import table_specs
from clevertap_import.project.folder import load_folder
from clevertap_import.project.git_history import FileHistory, git_commits

Job = UnresolvedAssetJobDefinition


def code_references(file: str, line: int) -> dict[str, Any]:
    """Metadata by which the UI opens the YAML of an import."""
    with warnings.catch_warnings():
        # Dagster warns once for each import that these two are in beta.
        warnings.simplefilter("ignore", dg.BetaWarning)
        reference = dg.LocalFileCodeReference(
            file_path=str(Path(file).resolve()), line_number=line, label="YAML"
        )
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}


def import_definitions(config: ImportConfig, metadata: dict[str, Any]) -> dg.Definitions:
    """All definitions of one import, resources included, for a component beside others."""
    job = import_job(config)
    first_run = first_runs_sensor(f"{config.nickname}_first_run", [config], [job])
    killed_runs = killed_runs_sensor(f"{config.nickname}_{KILLED_RUNS}", [config])
    return dg.Definitions.merge(
        own_definitions(config, metadata, job),
        dg.Definitions(sensors=[killed_runs, first_run] if first_run else [killed_runs]),
    )


def import_job(config: ImportConfig) -> Job:
    key = asset_key(config.nickname)
    return dg.define_asset_job(
        job_name(config.nickname),
        selection=dg.AssetSelection.assets(key).without_checks() | dry_run_checks(key),
        executor_def=dg.in_process_executor,
        tags={NICKNAME_TAG: config.nickname},
    )


def own_definitions(
    config: ImportConfig,
    metadata: dict[str, Any],
    job: Job,
    imports: frozenset[str] | None = None,
    history: FileHistory | None = None,
) -> dg.Definitions:
    """The import's own definitions, and its resources, which imports share."""
    schedule, sensor = import_schedule(config, job_name(config.nickname)), import_sensor(config)
    return dg.Definitions(
        assets=[import_asset(config, metadata, imports, history)],
        jobs=[job],
        schedules=[schedule] if schedule else [],
        sensors=[sensor] if sensor else [],
        resources={
            connection_key(config.connection): snowflake_connection(config.connection),
            account_key(config.account): clevertap_account(config.account),
            JOURNAL_KEY: journal_database(),
        },
    )


def draft_specs(drafts: Sequence[Draft], taken: Container[str]) -> list[dg.AssetSpec]:
    """Imports whose YAML has problems, as assets that cannot be materialized and show the problems.

    `taken`: nicknames of valid imports; a draft of the same name must not replace them.
    """
    problems: dict[str, list[str]] = {}
    names = draft_names((each.nickname for each in drafts), taken)
    for draft in drafts:
        lines = (f"- {as_plain(str(problem))}" for problem in draft.problems)
        problems.setdefault(names[draft.nickname], []).extend(lines)
    return [
        dg.AssetSpec(
            asset_key(name),
            group_name="clevertap_drafts",
            description="\n".join(["This import is a draft: its YAML has problems.", "", *lines]),
            tags={"clevertap/status": "draft"},
        )
        for name, lines in problems.items()
    ]


def folder_definitions(folder: Path) -> dg.Definitions:
    """All imports of a folder. A run has one process: a second one costs more than a small import."""
    imports, commits = load_folder(folder), git_commits(folder)
    configs = [loaded.config for loaded in imports.loaded]
    tables = {spec.key: spec for config in configs for spec in table_specs(config)}
    jobs = [import_job(config) for config in configs]
    first_runs = first_runs_sensor(FIRST_RUNS, configs, jobs)
    killed_runs = [killed_runs_sensor(KILLED_RUNS, configs)] if configs else []
    return dg.Definitions.merge(
        *(
            own_definitions(
                each.config,
                code_references(each.file, each.line),
                job,
                imports.names,
                commits.get(Path(each.file).resolve()),
            )
            for each, job in zip(imports.loaded, jobs, strict=True)
        ),
        dg.Definitions(
            assets=[
                *tables.values(),
                *draft_specs(imports.drafts, {IMPORT_CENTER, *(config.nickname for config in configs)}),
            ],
            sensors=[*killed_runs, first_runs] if first_runs else killed_runs,
            executor=dg.in_process_executor,
        ),
        *([monitor_definitions(imports)] if imports.loaded or imports.drafts else []),
    )
