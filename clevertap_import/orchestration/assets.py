"""One import as one partitioned asset and its checks; selecting only the checks is the dry run."""

import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from clevertap_import.config.asset_keys import RESERVED, input_name, is_asset_key
from clevertap_import.config.model import ImportConfig
from clevertap_import.config.target import ProfilesTarget
from clevertap_import.config.upstream import upstream_assets
from clevertap_import.errors import CleverTapImportError, ConfigError, RefusedError, SourceError
from clevertap_import.journal.delivered import DeliveredBefore
from clevertap_import.journal.import_lock import run_lock
from clevertap_import.journal.import_state import import_state
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.locks import open_locks
from clevertap_import.markdown import as_plain
from clevertap_import.orchestration.begun_imports import told
from clevertap_import.orchestration.checks import blocks, check_specs, dry_run_results, query_failed
from clevertap_import.orchestration.delivered import (
    Told,
    behind,
    counted,
    counted_delivery,
    refuse_doubles,
    told_deliveries,
    was_imported,
)
from clevertap_import.orchestration.done import covers_undone, take_over
from clevertap_import.orchestration.forced import refuse_foreign_force
from clevertap_import.orchestration.import_run import ImportRun
from clevertap_import.orchestration.interrupts import INTERRUPTS, report_canceling, whole
from clevertap_import.orchestration.metadata import report_metadata
from clevertap_import.orchestration.partitions import grid, partitions_def, reading_version
from clevertap_import.orchestration.progress import Progress
from clevertap_import.orchestration.renamed import names_of_location, take_name_over
from clevertap_import.orchestration.requested_windows import asked_window
from clevertap_import.orchestration.resources import (
    JOURNAL_KEY,
    JournalDatabase,
    account_key,
    connection_key,
    home,
    refuse_foreign_resources,
)
from clevertap_import.orchestration.run_facts import RunFacts
from clevertap_import.snowflake.user_sql import tables_named
from clevertap_import.staging.rejected_rows import rejects_file, rejects_path, remove_old_rejects
from clevertap_import.staging.stage import Stage

TABLE_NAME = re.compile(r'"(?:[^"]|"")+"|[^.]+')


class RunOptions(dg.Config):
    """What a person may ask of one run.

    force: send every record, also those that CleverTap has. limit: at most this many rows, and nothing is
    marked done. all_rows: a dry run checks every row, not a sample. sample_rows: how many rows a dry run
    checks, and how many records CleverTap's own dry run gets; left out, as the import says. admit_rejected:
    send what is right, however many rows are wrong (max_rejected_percent).
    """

    force: bool = False
    limit: int | None = None
    all_rows: bool = False
    sample_rows: int | None = None
    admit_rejected: bool = False


Results = Generator[dg.AssetCheckResult | dg.MaterializeResult, None, None]  # type: ignore[type-arg]


def asset_key(nickname: str) -> dg.AssetKey:
    return dg.AssetKey(["clevertap", nickname])


def known_keys(config: ImportConfig) -> list[dg.AssetKey]:
    """The import's asset, and that of the nickname which it had before."""
    return [asset_key(name) for name in config.nicknames]


def op_name(nickname: str) -> str:
    """Dagster's own name for the op of such a key; the nickname alone may be a word that Dagster reserves."""
    return asset_key(nickname).to_python_identifier()


def source_tables(config: ImportConfig) -> tuple[str, ...]:
    source = config.source
    return (source.table,) if source.kind == "table" else tables_named(source.text)


def table_key(table: str) -> dg.AssetKey:
    """A Snowflake table as an asset key: its names in small letters, with _ for what no key may have."""
    names = [
        re.sub(r"\W", "_", name.removeprefix('"').removesuffix('"').lower(), flags=re.ASCII)
        for name in TABLE_NAME.findall(table)
    ]
    # Below `clevertap` are the imports themselves, and some words Dagster reserves.
    is_taken = names[0] == "clevertap" or input_name(names) in RESERVED
    return dg.AssetKey(["snowflake", *names] if is_taken else names)


def table_specs(config: ImportConfig) -> list[dg.AssetSpec]:
    """The tables that an import reads, as assets that something else makes."""
    return [
        dg.AssetSpec(table_key(table), kinds={"snowflake"}, metadata={"dagster/table_name": table})
        for table in source_tables(config)
    ]


def upstream_deps(config: ImportConfig) -> dict[dg.AssetKey, dg.AssetDep]:
    """The tables that the import reads, and the assets that it names."""
    deps = {key: dg.AssetDep(key) for key in map(table_key, source_tables(config))}
    # Each window may read what any partition of them made; and they may have partitions of any kind.
    every = dg.AllPartitionMapping()
    named = [dg.AssetKey.from_user_string(key) for key in upstream_assets(config) if is_asset_key(key)]
    return deps | {key: dg.AssetDep(key, partition_mapping=every) for key in named}


def import_spec(config: ImportConfig, metadata: dict[str, Any]) -> dg.AssetSpec:
    sync_type = "profiles" if isinstance(config.target, ProfilesTarget) else "events"
    return dg.AssetSpec(
        asset_key(config.nickname),
        deps=list(upstream_deps(config).values()),
        description="\n\n".join(as_plain(text) for text in (config.title, config.description) if text)
        or None,
        group_name=f"clevertap_{sync_type}",
        kinds={"snowflake", "clevertap"},
        owners=[config.created_by] if config.created_by else [],
        tags={
            "clevertap/sync_type": sync_type,
            "clevertap/frequency": config.schedule.kind,
            "clevertap/account": config.account,
        },
        metadata=metadata,
        skippable=True,
    )


def import_asset(
    imported: ImportConfig, metadata: dict[str, Any], there: frozenset[str] | None = None
) -> dg.AssetsDefinition:
    """The asset of one import. `metadata` is shown with it, such as where its YAML is.

    `there`: the nicknames of all imports; left out, those of the code location in which it runs.
    """
    key = asset_key(imported.nickname)

    @dg.multi_asset(
        name=op_name(imported.nickname),
        specs=[import_spec(imported, metadata)],
        check_specs=check_specs(key),
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
        journal: JournalDatabase = getattr(context.resources, JOURNAL_KEY)
        names = names_of_location(context) if there is None else there
        yield from journal.guarded(run_one(context, config, imported, names))

    return run_import


def run_one(
    context: dg.AssetExecutionContext,
    options: RunOptions,
    config: ImportConfig,
    there: frozenset[str] | None,
) -> Results:
    """Checks, then, if the asset itself is selected and no check blocks, the delivery."""
    key = asset_key(config.nickname)
    delivers = key in context.selected_asset_keys
    if options.admit_rejected:
        admitting = config.dry_run.model_copy(update={"max_rejected_percent": 100.0})
        config = config.model_copy(update={"dry_run": admitting})
    facts = RunFacts(None, config.is_events)
    path = rejects_path(home(), config.nickname, context.run.run_id, is_dry_run=not delivers)
    try:
        refuse_foreign_resources(config, context.run.run_config)
        if options.force and delivers:
            refuse_foreign_force(config.nickname)
        facts.window = asked_window(config, context.run.tags, datetime.now(UTC), delivers=delivers)
        with (
            told(context.instance, context.run.run_id, config.nickname),
            rejects_file(path, grid(config) if config.updated_on else None) as facts.rejects,
        ):
            run = import_run(context, options, config, facts, there)
            yield from checked_then_delivered(context, options, run)
        if facts.rejects.rows and not delivers:
            context.log.info(f"The rows that are not fit for CleverTap are in {path}.")
        remove_old_rows(context, config)
    except CleverTapImportError as error:
        raise dg.Failure(str(error), metadata=report_metadata(facts)) from None
    except INTERRUPTS:
        facts.is_canceled = True
        with whole():
            report_canceling(context.instance, context.run.run_id)
        raise
    finally:
        if delivers:
            with whole():
                context.log_event(dg.AssetObservation(key, metadata=report_metadata(facts)))


def remove_old_rows(context: dg.AssetExecutionContext, config: ImportConfig) -> None:
    days = config.journal_retention_days
    for name in config.nicknames:
        for left in remove_old_rejects(home(), name, days):
            context.log.warning(f"{left} is older than {days} days and cannot be removed.")


def checked_then_delivered(context: dg.AssetExecutionContext, options: RunOptions, run: ImportRun) -> Results:
    config, facts = run.config, run.facts
    key = asset_key(config.nickname)
    delivers = key in context.selected_asset_keys
    with ExitStack() as stack:
        journal: Journal = stack.enter_context(getattr(context.resources, JOURNAL_KEY).open())
        locks = stack.enter_context(open_locks(journal.engine))
        stack.enter_context(run_lock(locks, context.run.run_id, config.nickname))
        lock = stack.enter_context(run.import_lock(locks)) if delivers else None
        stage = stack.enter_context(Stage())
        stack.enter_context(run.progress.logged())
        if lock:
            take_name_over(journal, locks, lock, config, run.purpose)
        past = all_delivered(context, run, journal, delivers=delivers)
        try:
            run.stage(stage, past, is_sample=not delivers and facts.window is None and not options.all_rows)
        except (ConfigError, SourceError) as error:
            yield from selected(context, [query_failed(key, str(error))])
            raise
        # A run without news needs no CleverTap; a dry run is to say whether it would take any.
        tried = run.server_dry_run(stage, locks, delivers=delivers)
        impact = run.impact(stage, locks, looks_up=not delivers and tried.stopped is None)
        yield from selected(context, dry_run_results(key, config, stage.counts, tried, impact))
        if blocks(config, stage.counts):
            raise TooManyInvalid(config, facts)
        if tried.blocks(config):
            raise ServerDryRunRefused(tried.summary)
        if lock:
            begin_delivery(context, run, stage, journal, stack)
            run.deliver(stage, journal, locks, lock)
            run.tidy(journal)
            if options.limit is None:
                version = reading_version(*run.seen_until)
                yield dg.MaterializeResult(
                    asset_key=key, metadata=report_metadata(facts), data_version=version
                )


def all_delivered(
    context: dg.AssetExecutionContext, run: ImportRun, journal: Journal, *, delivers: bool
) -> DeliveredBefore:
    """What CleverTap has. Raises JournalLost if Dagster knows of more deliveries, and these are events."""
    # Not before the lock was ours: the run before this one may have begun meanwhile.
    run.facts.told = told_deliveries(context.instance, run.config.nicknames)
    run.behind = behind(run.config, journal, run.facts.told)
    if import_state(journal.engine, run.config.nickname).deliveries:
        # It was begun anew, or a person has accepted that it knows nothing.
        run.was_imported = False
    past = run.past(journal, delivers=delivers)
    if run.behind:
        context.log.warning(str(run.behind))
        if delivers and not run.may_double:
            refuse_doubles(run.config, run.behind)
    return past


def begin_delivery(
    context: dg.AssetExecutionContext, run: ImportRun, stage: Stage, journal: Journal, until_end: ExitStack
) -> None:
    """Enter what only Dagster knew so far, and that one more run sends records."""
    config, instance, key = run.config, context.instance, asset_key(run.config.nickname)
    is_lost = run.behind is not None and config.is_events
    take_over(instance, journal, config, key, anew=is_lost)
    if stage.counts.batches or run.behind:
        forced = run.asked.forced if run.asked else None
        lacks = is_lost and not covers_undone(instance, journal, config, key, forced)
        count = counted(journal, config, run.facts.told, run.behind, lacks=lacks)
        run.facts.told = Told(count, run.facts.told.ended)
        until_end.enter_context(counted_delivery(instance, journal, config, count))


class ServerDryRunRefused(RefusedError):
    """CleverTap's own dry run refused too many records, or could not be made; nothing was sent."""


class TooManyInvalid(ConfigError):
    """More rows are wrong than the import admits; nothing was sent."""

    def __init__(self, config: ImportConfig, facts: RunFacts) -> None:
        checked = facts.counts.read - facts.counts.superseded
        admitted = "none" if config.on_invalid == "fail" else f"{config.dry_run.max_rejected_percent:g} %"
        super().__init__(
            f"{facts.counts.invalid:,} of {checked:,} rows are not fit for CleverTap, and"
            f" {config.nickname!r} admits {admitted}. Nothing was sent."
            " The checks say what is wrong where."
        )


def selected(
    context: dg.AssetExecutionContext, results: Iterable[dg.AssetCheckResult]
) -> Iterator[dg.AssetCheckResult]:
    """All checks are always made; only those that were asked for may be told to Dagster."""
    asked = {check.name for check in context.selected_asset_check_keys}
    return (result for result in results if result.check_name in asked)


def import_run(
    context: dg.AssetExecutionContext,
    options: RunOptions,
    config: ImportConfig,
    facts: RunFacts,
    there: frozenset[str] | None,
) -> ImportRun:
    return ImportRun(
        config=config,
        run_id=context.run.run_id,
        window=facts.window,
        force=options.force,
        limit=options.limit,
        sample_rows=options.sample_rows or config.dry_run.sample_rows,
        connection=getattr(context.resources, connection_key(config.connection)),
        account=getattr(context.resources, account_key(config.account)),
        progress=Progress(config.nickname, context.log.info),
        facts=facts,
        root_run_id=context.run.root_run_id or context.run.run_id,
        there=there,
        was_imported=any(was_imported(context.instance, key) for key in known_keys(config)),
    )
