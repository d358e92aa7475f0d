"""Gathers the facts of all imports from the journal and from Dagster, in few queries."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast

import dagster as dg
import sqlalchemy as sa

from clevertap_import.alerted import Mute
from clevertap_import.config.model import ImportConfig
from clevertap_import.config.schedule import Manual, Once
from clevertap_import.journal.alert_memory import mutes_of
from clevertap_import.journal.run_results import KILLED, open_rejects_of, results_of
from clevertap_import.journal.tables import JournalUnavailable
from clevertap_import.journal.unanswered import unanswered_records
from clevertap_import.monitoring.concerns import STUCK_AFTER
from clevertap_import.monitoring.facts import DraftFacts, ImportFacts, Waiting
from clevertap_import.monitoring.picture import DAY, ImportState, picture
from clevertap_import.orchestration.automation import TRIGGER_TAG
from clevertap_import.orchestration.begun_imports import begun_imports, imports_in_tags
from clevertap_import.orchestration.dead_runs import UNFINISHED
from clevertap_import.orchestration.known_schedules import schedules_since
from clevertap_import.orchestration.names import automation_name, known_keys, nickname_of, op_name
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.run_history import NICKNAME_TAG, STATUS_WORDS, Line, import_stats
from clevertap_import.orchestration.schedule_state import ScheduleState, is_on, is_stopped, switches
from clevertap_import.orchestration.sensors import has_run_for
from clevertap_import.project.folder import Imports
from clevertap_import.report import Report
from clevertap_import.run_result import OpenRejects, RunResult, RunStatus

MOST_RUNS = 1_000
"""The most of the newest runs of Dagster that did not end well that are read."""

NOT_WELL = [
    dg.DagsterRunStatus.QUEUED,
    *UNFINISHED,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]

REPORTED = 7
"""How many runs of an import that the journal does not know are read from Dagster."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal's database knows, by nickname. `problem`: why it cannot be read, or None."""

    results: Mapping[str, Sequence[RunResult]]
    rejects: Mapping[str, OpenRejects]
    unanswered: Mapping[str, int]
    mutes: Mapping[str, Mute]
    problem: str | None = None


def import_states(instance: dg.DagsterInstance, imports: Imports, now: datetime) -> list[ImportState]:
    """The state of each import, the worst first."""
    return picture(import_facts(instance, imports, now), now)


def import_facts(
    instance: dg.DagsterInstance, imports: Imports, now: datetime
) -> list[ImportFacts | DraftFacts]:
    configs = [each.config for each in imports.loaded]
    known, found = known_to_journal(configs, now), switches(instance)
    runs = runs_in_dagster(instance, now)
    planned = planned_runs(instance, configs) if configs else {}
    changed = schedules_since(instance, imports.loaded)
    facts: list[ImportFacts | DraftFacts] = [
        DraftFacts(each.nickname, [str(problem) for problem in each.problems], known.mutes.get(each.nickname))
        for each in imports.drafts
    ]
    for config in configs:
        results = [each for name in config.nicknames for each in known.results.get(name, ())]
        if not results and config.nickname in planned:
            results = results_in_dagster(instance, config)
        records = [record for name in config.nicknames for record in runs.get(name, ())]
        seen = {each.run_id for each in results} | {each.dagster_run.run_id for each in records}
        records += last_run(instance, planned.get(config.nickname), seen)
        facts.append(
            ImportFacts(
                config,
                waiting_status(instance, config, found),
                merged(instance, config, results, records, now),
                open_rejects(config, known.rejects),
                scheduled_since(config, found, changed),
                switched_on(config, found),
                sum(known.unanswered.get(name, 0) for name in config.nicknames),
                known.problem,
                next((known.mutes[name] for name in config.nicknames if name in known.mutes), None),
            )
        )
    return facts


def known_to_journal(configs: Sequence[ImportConfig], now: datetime) -> Known:
    names = [name for config in configs for name in config.nicknames]
    holding = [name for config in configs if config.uncertain_events == "hold" for name in config.nicknames]
    try:
        with open_journal() as journal:
            engine: sa.Engine = journal.engine
            return Known(
                results_of(engine, names, now - DAY),
                open_rejects_of(engine, names),
                unanswered_records(engine, holding),
                mutes_of(engine, now),
            )
    except JournalUnavailable as error:
        return Known({}, {}, {}, {}, str(error))


def runs_in_dagster(instance: dg.DagsterInstance, now: datetime) -> dict[str, list[dg.RunRecord]]:
    """The runs of each import that wait, go on, or did not end well in the last 24 hours."""
    wanted = dg.RunsFilter(statuses=NOT_WELL, updated_after=now - DAY)
    found: defaultdict[str, list[dg.RunRecord]] = defaultdict(list)
    for record in instance.get_run_records(wanted, limit=MOST_RUNS):
        for name in imports_of(record.dagster_run):
            found[name].append(record)
    return found


def imports_of(run: dg.DagsterRun) -> set[str]:
    """The nicknames of the imports that a run delivers, or is about to."""
    tagged = run.tags.get(NICKNAME_TAG)
    selected = {nickname_of(key) for key in run.asset_selection or ()} - {None}
    # A run that repeats the failed steps of another selects the assets of all steps.
    steps = run.step_keys_to_execute
    names = {name for name in selected if name and (steps is None or op_name(name) in steps)}
    if not run.asset_check_selection or run.asset_selection:
        names |= set(begun_imports(run)) | ({tagged} if tagged else set())
    return names


def planned_runs(instance: dg.DagsterInstance, configs: Iterable[ImportConfig]) -> dict[str, str | None]:
    """The imports that Dagster has heard of, and the last run that was to deliver each."""
    keys = dict.fromkeys(key for config in configs for key in known_keys(config))
    entries = [record.asset_entry for record in instance.get_asset_records(list(keys))]
    last = {entry.asset_key: entry.last_run_id for entry in entries}
    known = {config.nickname: [key for key in known_keys(config) if key in last] for config in configs}
    return {nickname: last[found[0]] for nickname, found in known.items() if found}


def last_run(
    instance: dg.DagsterInstance, run_id: str | None, known: Collection[str]
) -> Sequence[dg.RunRecord]:
    """The last run of an import if it ended before the import began, however long ago; otherwise none."""
    if not run_id or run_id in known:
        return ()
    found = instance.get_run_records(dg.RunsFilter(run_ids=[run_id]))
    return [each for each in found if each.dagster_run.status in NOT_WELL]


def results_in_dagster(instance: dg.DagsterInstance, config: ImportConfig) -> list[RunResult]:
    """What Dagster knows of the last runs, where the journal knows nothing."""
    lines = [
        line
        for name in config.nicknames
        for line in import_stats(instance, name, limit=REPORTED, asks_journal=False)
    ]
    return [result_of(config.nickname, line) for line in lines]


def result_of(name: str, line: Line) -> RunResult:
    counts = {key: line[key] for key in ("unchanged", "invalid", "rejected", "uncertain", "superseded")}
    accepted = line["successful_syncs"] - line["unchanged"]
    return RunResult(
        name,
        line["run_id"],
        datetime.fromisoformat(line["date_time"]),
        moment_of(line["imported_on"]),
        line["status"],
        Report(read=line["total_records"], accepted=accepted, **counts),
        window_start=moment_of(line["window_start"]),
        window_end=moment_of(line["window_end"]),
    )


def moment_of(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def merged(
    instance: dg.DagsterInstance,
    config: ImportConfig,
    results: Iterable[RunResult],
    records: Iterable[dg.RunRecord],
    now: datetime,
) -> list[RunResult]:
    """The results, newest first, with the runs that did not come so far as to enter one."""
    runs = {record.dagster_run.run_id: record for record in records}
    found = [
        ended_in_dagster(instance, each, runs.get(each.run_id), now) if each.status == "Running" else each
        for each in results
    ]
    known = {each.run_id for each in found}
    found += [unreported(config, run) for run_id, run in runs.items() if run_id not in known]
    return sorted(found, key=lambda each: each.began_at, reverse=True)


def ended_in_dagster(
    instance: dg.DagsterInstance, result: RunResult, record: dg.RunRecord | None, now: datetime
) -> RunResult:
    """A run that has not entered its end: it goes on, unless Dagster knows better."""
    record = record or next(iter(instance.get_run_records(dg.RunsFilter(run_ids=[result.run_id]))), None)
    if record is None:
        if now - result.moved_at < STUCK_AFTER:
            return result
        return replace(result, status="Failed", ended_at=result.moved_at, problem=KILLED)
    word = status_word(record)
    if word in ("Running", "Queued"):
        return result
    ended = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else result.ended_at
    if word == "Success":
        # The journal was away when the run was to enter its end.
        lines = import_stats(instance, result.import_name, [result.run_id], asks_journal=False)
        reports = [result_of(result.import_name, line).report for line in lines if line["imported_on"]]
        return replace(result, status=word, ended_at=ended, report=next(iter(reports), result.report))
    return replace(result, status=word, ended_at=ended, problem=result.problem or KILLED)


def status_word(record: dg.RunRecord) -> RunStatus:
    return cast(RunStatus, STATUS_WORDS.get(record.dagster_run.status, "Running"))


def unreported(config: ImportConfig, record: dg.RunRecord) -> RunResult:
    run = record.dagster_run
    began = datetime.fromtimestamp(record.start_time, UTC) if record.start_time else record.create_timestamp
    ended = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else None
    word, begun = status_word(record), imports_in_tags(run)
    if (
        word == "Running"
        and not any(name in begun for name in config.nicknames)
        and has_others(record, config)
    ):
        # It waits for the other imports and assets of its run.
        word = "Queued"
    problem = f"It ended before the import began; Dagster's log of run {run.run_id[:8]} says why."
    return RunResult(
        config.nickname,
        run.run_id,
        began,
        ended,
        word,
        trigger=run.tags.get(TRIGGER_TAG),
        problem=problem if word == "Failed" else None,
    )


def has_others(record: dg.RunRecord, config: ImportConfig) -> bool:
    """Whether a run that goes on has more to do than this import."""
    run = record.dagster_run
    others = set(run.asset_selection or ()) - set(known_keys(config))
    return bool(imports_in_tags(run)) or (run.status == dg.DagsterRunStatus.STARTED and bool(others))


def open_rejects(config: ImportConfig, rejects: Mapping[str, OpenRejects]) -> OpenRejects:
    """Those of an old nickname stay until a run under the new one takes them over."""
    found = [rejects[name] for name in config.nicknames if name in rejects]
    since = min((each.since for each in found if each.since), default=None)
    return OpenRejects.of((code for each in found for code in each.codes), since)


def scheduled_since(
    config: ImportConfig,
    found: Mapping[str, ScheduleState],
    changed: Mapping[str, datetime],
) -> datetime | None:
    """Since when its schedule is on and as it is; None if that is not known."""
    known = [each for each in (switched_on(config, found), changed.get(config.nickname)) if each]
    return max(known, default=None)


def switched_on(config: ImportConfig, found: Mapping[str, ScheduleState]) -> datetime | None:
    """When its switch was turned on; without a switch, or if that is not known, None."""
    switch = found.get(automation_name(config) or "")
    return datetime.fromtimestamp(switch.since, UTC) if switch and switch.since else None


def waiting_status(
    instance: dg.DagsterInstance, config: ImportConfig, found: Mapping[str, ScheduleState]
) -> Waiting:
    """The status of an import that is not running. After its only moment, `once` counts as manual."""
    schedule = config.schedule
    if isinstance(schedule, Manual):
        return "Ready"
    if is_stopped(instance, config, found):
        return "Stopped"
    if isinstance(schedule, Once) and has_run_for(instance, config, schedule.moment):
        return "Ready"
    return "Scheduled" if is_on(config, found) else "Paused"
