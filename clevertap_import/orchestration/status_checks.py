"""The checks `delivered` and `on_time` of each import: runs write them, and the sensor what runs cannot."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.escapes import as_plain
from clevertap_import.monitoring.concerns import late
from clevertap_import.monitoring.facts import ImportFacts
from clevertap_import.monitoring.lateness import timing
from clevertap_import.monitoring.picture import ImportState
from clevertap_import.monitoring.verdicts import Verdict, delivered, late_concern, on_time
from clevertap_import.orchestration.dagster_internals import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)
from clevertap_import.orchestration.import_states import known_to_journal, waiting_status
from clevertap_import.orchestration.monitor import Situation
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.schedule_state import switches
from clevertap_import.run_result import RunResult

DELIVERED = "delivered"
ON_TIME = "on_time"

STATUS_DESCRIPTIONS = {
    DELIVERED: "All rows of the last run are in CleverTap. A warning below 100 %; an error below 50 %, and"
    " after a failed run.",
    ON_TIME: "A run has ended well each time that one was due.",
}
"""What these checks say. A run writes them at its end; a dry run changes neither."""

NOT_RUN = "No run has delivered yet, so no row was looked at and none is missing."

RUN = "run"
"""The key of the run of which `delivered` is, in its metadata."""

MOST_WRITTEN = 200
"""The most checks that one evaluation of the sensor writes, so that it ends in time."""


def status_specs(key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(name, asset=key, description=text) for name, text in STATUS_DESCRIPTIONS.items()
    ]


def checks_of_run(
    context: dg.AssetExecutionContext, config: ImportConfig, result: RunResult | None
) -> Iterator[dg.AssetCheckEvaluation]:
    """What a run says at its end. `result`: None of a dry run.

    If a person has selected these checks in a dry run, or in a run that says nothing of its import, they
    stay as they were.
    """
    key = asset_key(config.nickname)
    if result is not None and result.is_judged:
        yield delivered_check(config.nickname, result)
        if result.is_success:
            yield from written_by_the_sensor_otherwise(context, config)
        return
    for check in context.selected_asset_check_keys:
        if check.asset_key == key and check.name in STATUS_DESCRIPTIONS:
            before = last_evaluation(context.instance, check)
            yield from [before] if before else first_evaluation(context.instance, config, check.name)


def written_by_the_sensor_otherwise(
    context: dg.AssetExecutionContext, config: ImportConfig
) -> list[dg.AssetCheckEvaluation]:
    """The check `on_time`. Its rows are delivered: if something fails here, the run has still ended well."""
    try:
        return list(on_time_now(context.instance, config))
    except Exception as error:  # of Dagster's storage, which has many kinds of errors
        context.log.warning(f"The check {ON_TIME} was not written: {type(error).__name__}.")
        return []


def on_time_now(instance: dg.DagsterInstance, config: ImportConfig) -> Iterator[dg.AssetCheckEvaluation]:
    """Whether the import is in time after a run that has entered its end; none if the journal is away."""
    now = datetime.now(UTC)
    known = known_to_journal([config], now)
    if known.problem:
        return
    results = [each for name in config.nicknames for each in known.results.get(name, ())]
    facts = ImportFacts(config, waiting_status(instance, config, switches(instance)), results)
    times = timing(facts, now)
    yield on_time_check(config.nickname, on_time(times, late_concern(late(facts, times))))


def last_evaluation(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> dg.AssetCheckEvaluation | None:
    """The last evaluation, from before this run planned the check."""
    ended = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
    records = instance.event_log_storage.get_asset_check_execution_history(check, limit=1, status=ended)
    return records[0].evaluation if records else None


def first_evaluation(
    instance: dg.DagsterInstance, config: ImportConfig, name: str
) -> Iterator[dg.AssetCheckEvaluation]:
    """What a check says before any run has delivered. Without it Dagster shows that it could not execute."""
    if name == DELIVERED:
        yield evaluation(asset_key(config.nickname), DELIVERED, Verdict(None, NOT_RUN))
    else:
        yield from on_time_now(instance, config)


def show_status_checks(situation: Situation) -> str | None:
    """Write the checks that are not as they should be: after killed runs, and of imports that become late."""
    instance = situation.instance
    wanted = {check.asset_check_key: check for state in situation.states for check in checks_of_state(state)}
    found = latest(instance, list(wanted))
    changed = [check for key, check in wanted.items() if is_stale(instance, found.get(key), check)]
    for check in changed[:MOST_WRITTEN]:
        instance.report_runless_asset_event(check)
    return f"Checks written: {len(changed[:MOST_WRITTEN]):,}." if changed else None


def latest(
    instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey]
) -> Mapping[dg.AssetCheckKey, AssetCheckExecutionRecord]:
    return instance.event_log_storage.get_latest_asset_check_execution_by_key(checks)


def checks_of_state(state: ImportState) -> Iterator[dg.AssetCheckEvaluation]:
    """Those of an import; none of a draft, which cannot run, and `delivered` after the first run only."""
    if state.status == "Draft":
        return
    if state.judged:
        yield delivered_check(state.nickname, state.judged)
    yield on_time_check(state.nickname, on_time(state.timing, late_concern(state.concerns)))


def is_stale(
    instance: dg.DagsterInstance, record: AssetCheckExecutionRecord | None, wanted: dg.AssetCheckEvaluation
) -> bool:
    if record is None or is_planned(record):
        return is_unwritten(instance, record)
    return record.evaluation is None or meaning(record.evaluation) != meaning(wanted)


def is_unwritten(instance: dg.DagsterInstance, record: AssetCheckExecutionRecord | None) -> bool:
    """Whether nobody has written the check, and no run is about to."""
    if record is None:
        return True
    run = instance.get_run_by_id(record.run_id) if is_planned(record) else None
    return is_planned(record) and (run is None or run.is_finished)


def is_planned(record: AssetCheckExecutionRecord) -> bool:
    return record.status == AssetCheckExecutionRecordStatus.PLANNED


def meaning(check: dg.AssetCheckEvaluation) -> tuple[object, ...]:
    """What makes two evaluations say the same: of `delivered` the run, of others the text."""
    run = check.metadata.get(RUN)
    return check.passed, check.severity, run.value if run else check.description


def delivered_check(name: str, result: RunResult) -> dg.AssetCheckEvaluation:
    metadata: dict[str, dg.MetadataValue] = {RUN: dg.MetadataValue.dagster_run(result.run_id)}
    if result.health is not None and result.status == "Success":
        metadata["health_percent"] = dg.MetadataValue.float(result.health)
    return evaluation(asset_key(name), DELIVERED, delivered(name, result), metadata)


def on_time_check(name: str, verdict: Verdict) -> dg.AssetCheckEvaluation:
    return evaluation(asset_key(name), ON_TIME, verdict)


def evaluation(
    key: dg.AssetKey, name: str, verdict: Verdict, metadata: Mapping[str, dg.MetadataValue] | None = None
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        check_name=name,
        asset_key=key,
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity.WARN if verdict.failing == "warning" else dg.AssetCheckSeverity.ERROR,
        description=as_plain(verdict.text),
        metadata=metadata or {},
    )
