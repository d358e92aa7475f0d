"""A line for each run of an import, from the run's report in Dagster."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from clevertap_import.errors import ConfigError
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.run_results import results_of_runs
from clevertap_import.mapping.rejection_codes import remedy_of
from clevertap_import.orchestration.interrupts import INTERRUPTED, is_interrupted
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.storage_trouble import StorageUnavailable
from clevertap_import.report import health_state
from clevertap_import.run_result import RunResult

STATUS_WORDS = {
    dg.DagsterRunStatus.SUCCESS: "Success",
    dg.DagsterRunStatus.FAILURE: "Failed",
    dg.DagsterRunStatus.CANCELED: "Canceled",
    dg.DagsterRunStatus.QUEUED: "Queued",
}
"""Words for runs that are not active; all others are Running."""

UNFINISHED_WORDS = ("Running", "Queued", "Canceled")
"""Such a run does not count for the import's health: a person canceled it, or it is unfinished."""

COUNTS = {
    "total_records": "total_records",
    "successful_syncs": "successful",
    "failed_syncs": "failed",
    "unchanged": "unchanged",
    "invalid": "invalid",
    "rejected": "rejected",
    "uncertain": "uncertain",
    "superseded": "superseded",
    "blank_values": "blank_values",
    "future_events": "future_events",
}

EFFORTS = ("requests", "throttled_seconds", "staging_seconds", "sending_seconds")
"""What a run cost; None of a run from before it was counted."""

Line = dict[str, Any]

NICKNAME_TAG = "clevertap/nickname"
"""On the runs of commands and schedules, without dry runs."""

PAGE = 100


def import_stats(
    instance: dg.DagsterInstance,
    nickname: str,
    run_ids: Sequence[str] | None = None,
    limit: int = PAGE,
    *,
    asks_journal: bool = True,
) -> list[Line]:
    """The last `limit` runs of an import, newest first; with `run_ids`, only these.

    `asks_journal`: for the results of runs that reported nothing; otherwise their counts are 0.
    """
    key = asset_key(nickname)
    newest = instance.fetch_observations(key, limit=limit).records
    # A run whose step was repeated has several; the last one says how it ended.
    observed = {record.run_id: record for record in reversed(newest)}
    wanted = imported_by(instance, nickname, observed, limit) if run_ids is None else run_ids
    found = instance.get_run_records(dg.RunsFilter(run_ids=list(wanted)), limit=limit) if wanted else []
    newest_first = sorted(found, key=lambda run: run.create_timestamp, reverse=True)
    lines = [stats_line(run, observed.get(run.dagster_run.run_id)) for run in newest_first]
    unreported = [line for line in lines if line["imported_on"] is None]
    if unreported and asks_journal:
        with open_journal() as journal:
            results = results_of_runs(journal.engine, nickname, [line["run_id"] for line in unreported])
            for line in unreported:
                count_unreported(line, journal, results.get(line["run_id"]))
    return lines


def run_details(instance: dg.DagsterInstance, nicknames: Sequence[str], begin: str) -> Line:
    """The line of the run whose id begins with `begin`, with `errors_by_code`, a list of `{code, reason,
    rows, remedy}`, and `problem`: why it failed, or None.

    `nicknames`: the import's, and its earlier one. Raises ConfigError if there is no such run, or several.
    """
    lines = [line for each in nicknames for line in import_stats(instance, each)]
    found = [line for line in lines if line["run_id"].startswith(begin)]
    if len(found) != 1:
        known = ", ".join(line["run_id"] for line in found or lines) or "none"
        raise ConfigError(
            f"{len(found) or 'No'} runs of {nicknames[0]!r} have an id that begins with {begin!r}."
            f" There are {known}."
        )
    reports = [
        each
        for name in nicknames
        for each in instance.fetch_observations(asset_key(name), limit=PAGE).records
    ]
    of_run = next((each for each in reports if each.run_id == found[0]["run_id"]), None)
    table = observed_metadata(of_run).get("errors_by_code")
    records = table.records if isinstance(table, dg.TableMetadataValue) else []
    failed = instance.all_logs(found[0]["run_id"], of_type=dg.DagsterEventType.STEP_FAILURE)
    return {
        **found[0],
        "errors_by_code": [with_remedy(record.data) for record in records],
        "problem": failure(entry.get_dagster_event() for entry in failed) or found[0]["problem"],
    }


def with_remedy(reason: Mapping[str, Any]) -> Line:
    return {**reason, "remedy": remedy_of(str(reason["code"])) or None}


def failure(events: Iterable[dg.DagsterEvent]) -> str | None:
    """Why a run failed: our message if we raised the error, otherwise the first cause."""
    for event in events:
        if not event.is_step_failure:
            continue
        data = event.step_failure_data
        if is_interrupted(event):
            return INTERRUPTED
        if data.user_failure_data:
            return str(data.user_failure_data.description)
        # The first cause: Dagster's errors around it only name the op.
        error = data.error
        while error and error.cause:
            error = error.cause
        message = error.message.strip() if error else ""
        return (
            message.partition(": ")[2] if error and error.cls_name == StorageUnavailable.__name__ else message
        )
    return None


def count_unreported(line: Line, journal: Journal, result: RunResult | None) -> None:
    """What the journal knows of a run that goes on, or that was killed before it could report."""
    if result and result.status == line["status"] == "Running":
        line |= counts_so_far(result)
        return
    line["problem"] = result.problem if result else None
    accepted, unanswered = journal.of_run(line["run_id"])
    # Of a run that goes on they are under way.
    uncertain = 0 if line["status"] == "Running" else unanswered
    line |= {
        "total_records": accepted + uncertain,
        "successful_syncs": accepted,
        "failed_syncs": uncertain,
        "uncertain": uncertain,
    }


def counts_so_far(result: RunResult) -> Line:
    """Of a run that goes on: what has no answer yet is under way, and has not failed."""
    report, effort = result.report, result.effort
    return {
        "total_records": report.read,
        "successful_syncs": report.successful,
        "failed_syncs": report.failed,
        **{name: getattr(report, name) for name in ("unchanged", "invalid", "rejected", "uncertain")},
        "superseded": report.superseded,
        "health": report.health_percent,
        **{name: getattr(effort, name) for name in EFFORTS},
        "in_flight": result.progress.in_flight if result.progress else 0,
    }


def imported_by(
    instance: dg.DagsterInstance, nickname: str, observed: Iterable[str], limit: int
) -> Sequence[str]:
    """The ids of the import's runs, also of killed runs without a report.

    Runs from the UI are found by their planned materializations. These are one for each window, so a long
    range fills the page. Runs of commands and schedules are found by their tag.
    """
    planned = instance.fetch_planned_materializations(asset_key(nickname), limit=limit).records
    tagged = instance.get_run_records(dg.RunsFilter(tags={NICKNAME_TAG: nickname}), limit=limit)
    ids = (*observed, *(each.run_id for each in planned), *(each.dagster_run.run_id for each in tagged))
    return list(dict.fromkeys(ids))


def stats_line(run: dg.RunRecord, observed: dg.EventLogRecord | None) -> Line:
    """Keys are the columns of the listing in small letters. Counts are 0 for a run without a report."""
    metadata = observed_values(observed)
    status = STATUS_WORDS.get(run.dagster_run.status, "Running")
    is_judged = status not in UNFINISHED_WORDS
    health = metadata.get("health_percent") if is_judged or status == "Running" else None
    return {
        "run_id": run.dagster_run.run_id,
        "date_time": moment(run.start_time or run.create_timestamp.timestamp()),
        "imported_on": moment(observed.timestamp) if observed else None,
        "status": status,
        "health": health,
        "health_state": health_state(health, has_run=is_judged, finished=status == "Success"),
        **{column: metadata.get(name, 0) for column, name in COUNTS.items()},
        "window_start": moment(metadata.get("window_start")),
        "window_end": moment(metadata.get("window_end")),
        "seconds": metadata.get("seconds"),
        "records_per_second": metadata.get("records_per_second"),
        "query_id": metadata.get("query_id"),
        "changed_windows": metadata.get("changed_windows"),
        "problem": metadata.get("problem"),
        **{name: metadata.get(name) for name in EFFORTS},
        "in_flight": None,
    }


def observed_values(observed: dg.EventLogRecord | None) -> Mapping[str, Any]:
    return {name: value.value for name, value in observed_metadata(observed).items()}


def observed_metadata(observed: dg.EventLogRecord | None) -> Mapping[str, dg.MetadataValue]:
    observation = observed.asset_observation if observed else None
    return observation.metadata if observation else {}


def moment(seconds: float | None) -> str | None:
    """Epoch seconds as ISO 8601 with zone."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
