"""One import as one partitioned asset and its checks; selecting only the checks is the dry run."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.target import ProfilesTarget
from clevertap_import.errors import CleverTapImportError
from clevertap_import.orchestration.begun_imports import marked_as_begun
from clevertap_import.orchestration.checks import check_specs
from clevertap_import.orchestration.column_metadata import column_metadata
from clevertap_import.orchestration.delivered import counts_in_dagster, was_imported
from clevertap_import.orchestration.description import description_of
from clevertap_import.orchestration.entered_results import enter_ended, entering_progress, result_of
from clevertap_import.orchestration.forced import refuse_foreign_force
from clevertap_import.orchestration.freshness import freshness_of
from clevertap_import.orchestration.import_run import ImportRun
from clevertap_import.orchestration.interrupts import INTERRUPTS, report_canceling, whole
from clevertap_import.orchestration.metadata import report_metadata
from clevertap_import.orchestration.names import asset_key, known_keys, op_name
from clevertap_import.orchestration.partitions import grid, partitions_def
from clevertap_import.orchestration.progress import Progress
from clevertap_import.orchestration.renamed import names_of_location
from clevertap_import.orchestration.requested_windows import requested_window
from clevertap_import.orchestration.resources import (
    JOURNAL_KEY,
    JournalDatabase,
    account_key,
    connection_key,
    home,
    refuse_foreign_resources,
)
from clevertap_import.orchestration.run_story import Results, run_steps
from clevertap_import.orchestration.run_values import SoFar
from clevertap_import.orchestration.status_checks import checks_of_run, status_specs
from clevertap_import.orchestration.telemetry import exported
from clevertap_import.orchestration.upstream_tables import upstream_deps
from clevertap_import.process_end import end_without_collection
from clevertap_import.project.git_history import FileHistory
from clevertap_import.staging.rejected_rows import rejects_file, rejects_path, remove_old_rejects


class RunOptions(dg.Config):
    """Options of one run.

    force: send every record, also those that CleverTap has. limit: at most this many rows, and no window is
    marked done. all_rows: a dry run checks every row, not a sample. sample_rows: how many rows a dry run
    checks, and how many records CleverTap's own dry run gets; default: the import's `sample_rows`.
    admit_rejected: send the valid rows, also if more rows are wrong than max_rejected_percent allows.
    """

    force: bool = False
    limit: int | None = None
    all_rows: bool = False
    sample_rows: int | None = None
    admit_rejected: bool = False


def import_spec(
    config: ImportConfig, metadata: dict[str, Any], history: FileHistory | None = None
) -> dg.AssetSpec:
    sync_type = "profiles" if isinstance(config.target, ProfilesTarget) else "events"
    return dg.AssetSpec(
        asset_key(config.nickname),
        deps=list(upstream_deps(config).values()),
        description=description_of(config, history),
        group_name=f"clevertap_{sync_type}",
        kinds={"snowflake", "clevertap"},
        owners=[config.created_by] if config.created_by else [],
        tags={
            "clevertap/sync_type": sync_type,
            "clevertap/frequency": config.schedule.kind,
            "clevertap/account": config.account,
        },
        metadata={**metadata, **column_metadata(config)},
        skippable=True,
        freshness_policy=freshness_of(config),
    )


def import_asset(
    imported: ImportConfig,
    metadata: dict[str, Any],
    imports: frozenset[str] | None = None,
    history: FileHistory | None = None,
) -> dg.AssetsDefinition:
    """The asset of one import. `metadata` is shown with it, such as where its YAML is.

    `imports`: the nicknames of all imports; default: those of the code location of the run. `history`: of
    the YAML file, if Git knows it.
    """
    key = asset_key(imported.nickname)

    @dg.multi_asset(
        name=op_name(imported.nickname),
        specs=[import_spec(imported, metadata, history)],
        check_specs=[*check_specs(key), *status_specs(key)],
        can_subset=True,
        partitions_def=partitions_def(imported),
        backfill_policy=dg.BackfillPolicy.single_run() if imported.updated_on else None,
        required_resource_keys={
            connection_key(imported.connection),
            account_key(imported.account),
            JOURNAL_KEY,
        },
    )
    def run_import(context: dg.AssetExecutionContext, config: RunOptions) -> Results:
        end_without_collection()
        journal: JournalDatabase = getattr(context.resources, JOURNAL_KEY)
        names = names_of_location(context) if imports is None else imports
        yield from journal.guarded(run_one(context, config, imported, names))

    return run_import


def run_one(
    context: dg.AssetExecutionContext,
    options: RunOptions,
    config: ImportConfig,
    imports: frozenset[str] | None,
) -> Results:
    """One run. It always reports what happened until its end."""
    key = asset_key(config.nickname)
    delivers = key in context.selected_asset_keys
    if options.admit_rejected:
        config = admitting_all(config)
    so_far = SoFar(config.is_events, is_limited=options.limit is not None)
    path = rejects_path(home(), config.nickname, context.run.run_id, is_dry_run=not delivers)
    with (
        exported(context, config.nickname, so_far) if delivers else nullcontext(),
        reported(context, config, so_far, delivers=delivers),
    ):
        refuse_foreign_resources(config, context.run.run_config)
        so_far.deliveries = counts_in_dagster(context.instance, config.nicknames).begun
        if options.force and delivers:
            refuse_foreign_force(config.nickname)
        so_far.window = requested_window(config, context.run.tags, datetime.now(UTC), delivers=delivers)
        with (
            marked_as_begun(context.instance, context.run.run_id, config.nickname),
            rejects_file(path, grid(config) if config.updated_on else None) as so_far.rejects,
        ):
            run = import_run(context, options, config, so_far, imports)
            is_sample = not delivers and run.window is None and not options.all_rows
            yield from run_steps(context, key, run, so_far, is_sample=is_sample)
        if so_far.rejects.rows and not delivers:
            context.log.info(f"The invalid rows are in {path}.")
        remove_old_rows(context, config)


@contextmanager
def reported(
    context: dg.AssetExecutionContext, config: ImportConfig, so_far: SoFar, *, delivers: bool
) -> Iterator[None]:
    """However the block ends, a run that delivers reports what happened so far."""
    try:
        yield
    except CleverTapImportError as error:
        so_far.error = error
        raise dg.Failure(str(error), metadata=report_metadata(so_far)) from None
    except INTERRUPTS:
        so_far.is_canceled = True
        with whole():
            report_canceling(context.instance, context.run.run_id)
        raise
    except BaseException as error:
        so_far.error = error
        raise
    finally:
        with whole():
            if delivers:
                enter_ended(context, config.nickname, so_far)
                metadata = report_metadata(so_far)
                context.log_event(dg.AssetObservation(asset_key(config.nickname), metadata=metadata))
            result = result_of(context.run, config.nickname, so_far, so_far.status) if delivers else None
            for each in checks_of_run(context, config, result):
                context.log_event(each)


def admitting_all(config: ImportConfig) -> ImportConfig:
    """`config` with a limit of 100 % for rejected rows."""
    dry_run = config.dry_run.model_copy(update={"max_rejected_percent": 100.0})
    return config.model_copy(update={"dry_run": dry_run})


def remove_old_rows(context: dg.AssetExecutionContext, config: ImportConfig) -> None:
    days = config.journal_retention_days
    for name in config.nicknames:
        for left in remove_old_rejects(home(), name, days):
            context.log.warning(f"{left} is older than {days} days and cannot be removed.")


def import_run(
    context: dg.AssetExecutionContext,
    options: RunOptions,
    config: ImportConfig,
    so_far: SoFar,
    imports: frozenset[str] | None,
) -> ImportRun:
    enter, meter = entering_progress(context, config.nickname, so_far), so_far.meter
    return ImportRun(
        config=config,
        run_id=context.run.run_id,
        window=so_far.window,
        force=options.force,
        limit=options.limit,
        sample_rows=options.sample_rows or config.dry_run.sample_rows,
        connection=getattr(context.resources, connection_key(config.connection)),
        account=getattr(context.resources, account_key(config.account)),
        progress=Progress(
            config.nickname, context.log.info, meter=meter, enter=enter, on_phase=so_far.on_phase
        ),
        start=so_far.start,
        root_run_id=context.run.root_run_id or context.run.run_id,
        was_imported=any(was_imported(context.instance, key) for key in known_keys(config)),
        imports=imports,
    )
