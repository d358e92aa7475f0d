"""What commands print and what the functions for Python return, as the same frames."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import ConfigError
from clevertap_import.frames import (
    CHECKS,
    DAYS,
    IMPORTS,
    PROBLEMS,
    REPORTS,
    RUN_DETAILS,
    RUNS,
    Line,
    frame_of,
    lines_of,
)
from clevertap_import.journal.run_results import results_of
from clevertap_import.monitoring.days import Day, days_of
from clevertap_import.orchestration.changed_definitions import counts_for_commands
from clevertap_import.orchestration.code_location import folder_definitions
from clevertap_import.orchestration.dry_run import dry_run
from clevertap_import.orchestration.instance import open_instance
from clevertap_import.orchestration.listing import Filters, listing
from clevertap_import.orchestration.resources import home, open_journal
from clevertap_import.orchestration.run_history import PAGE, import_stats, run_details
from clevertap_import.orchestration.runs import RunRange, runs, until_canceled
from clevertap_import.orchestration.trace import Trace, traced
from clevertap_import.project.folder import imports_folder
from clevertap_import.report import health_state
from clevertap_import.selection import all_imports, imports_named, runnable_imports
from clevertap_import.staging.rejected_rows import StoredRejects, rejects_of_run, stored_rejects

if TYPE_CHECKING:
    import pandas as pd

Notify = Callable[[str], None]

MOST_RUNS = 1_000
"""The most runs of an import that are read from Dagster."""


def imports_table(filters: Filters, notify: Notify) -> "pd.DataFrame":
    folder = imports_folder(os.environ)
    with open_instance() as instance:
        imports = all_imports()
        changed = counts_for_commands([each.config for each in imports.loaded], notify)
        return frame_of(listing(instance, imports, folder, filters, changed), IMPORTS)


def runs_table(name: str, run_id: str | None, since: datetime | None = None) -> "pd.DataFrame":
    """The runs of an import, newest first, then those under its old nickname; or one, with its details.

    `since`: those that were asked for since this moment, at most MOST_RUNS; without it the last 100.
    """
    (config,) = imports_named([name])
    with open_instance() as instance:
        if run_id is not None:
            return frame_of([run_details(instance, config.nicknames, run_id)], RUN_DETAILS)
        limit = PAGE if since is None else MOST_RUNS
        lines = [line for each in config.nicknames for line in import_stats(instance, each, limit=limit)]
        first = since.isoformat(timespec="seconds") if since else ""
        return frame_of((line for line in lines if line["date_time"] >= first), RUNS)


def days_table(name: str, since: datetime) -> "pd.DataFrame":
    """A row for each day in UTC on which runs of the import began, the newest first."""
    (config,) = imports_named([name])
    with open_journal() as journal:
        found = results_of(journal.engine, config.nicknames, since)
    results = [each for every in found.values() for each in every if each.began_at >= since]
    return frame_of(map(day_line, days_of(results)), DAYS)


def day_line(found: Day) -> Line:
    report = found.report
    return {
        "day": found.day.isoformat(),
        "runs": found.runs,
        "failed_runs": found.failed_runs,
        "health": report.health_percent,
        "health_state": health_state(report.health_percent),
        "total_records": report.read,
        "successful_syncs": report.successful,
        "failed_syncs": report.failed,
        **{name: getattr(report, name) for name in ("unchanged", "invalid", "rejected", "uncertain")},
        "superseded": report.superseded,
        "seconds": round(found.took.total_seconds(), 1),
    }


def trace_of(name: str, identity: str) -> Trace:
    if not identity.strip():
        raise ConfigError("The identity is blank. Rows without an identity: clevertap-import rejects NAME")
    (config,) = runnable_imports([name])
    with open_instance() as instance:
        return traced(instance, config, identity, os.environ)


def run_table(configs: Sequence[ImportConfig], wanted: RunRange, notify: Notify) -> "pd.DataFrame":
    """Runs the imports in this process, one after the other; a row for each run."""
    definitions = folder_definitions(imports_folder(os.environ))
    with open_instance() as instance:
        every = (line for config in configs for line in runs(instance, definitions, config, wanted, notify))
        return frame_of(until_canceled(every), REPORTS)


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """The result of a dry run.

    nickname: the import. passed: a run would send rows. rows: how many were checked. blank_values,
    future_events: how many blank cells and events in the future they have. notes: texts about the import.
    run_id: `rejected_rows` finds the rejected rows by it. problem: why the dry run did not finish, or None.

    checks: a row for each check, with name, description and severity (string) and passed (boolean).
    problems: a row for each kind of problem, with check, result, column, property, type, code and reason
    (string), rows and example_row (Int64).
    """

    nickname: str
    passed: bool
    rows: int
    blank_values: int
    future_events: int
    checks: "pd.DataFrame"
    problems: "pd.DataFrame"
    notes: list[str]
    run_id: str
    problem: str | None

    @property
    def document(self) -> Line:
        """As `--json` has it: the problems within their checks."""
        names = ("nickname", "passed", "rows", "blank_values", "future_events")
        document = {name: getattr(self, name) for name in names}
        return {**document, "checks": list(self.check_lines()), "notes": self.notes}

    def check_lines(self) -> Iterator[Line]:
        problems = lines_of(self.problems)
        for check in lines_of(self.checks):
            own = [each for each in problems if each["check"] == check["name"]]
            without = [{key: value for key, value in each.items() if key != "check"} for each in own]
            yield {**check, "problems": without}


def dry_run_result(config: ImportConfig, rows: int | None, notify: Notify, *, all_rows: bool) -> DryRunResult:
    with open_instance() as instance:
        names = all_imports().names
        made = dry_run(instance, config, rows=rows, all_rows=all_rows, notify=notify, imports=names)
    problems = [{"check": check["name"], **each} for check in made.checks for each in check["problems"]]
    return DryRunResult(
        nickname=made.nickname,
        passed=made.passed,
        rows=made.rows,
        checks=frame_of(made.checks, CHECKS),
        problems=frame_of(problems, PROBLEMS),
        notes=made.remarks,
        run_id=made.run_id,
        problem=made.problem,
        **made.notes,
    )


def stored_rejects_of(name: str, run_id: str | None) -> tuple[StoredRejects | None, str]:
    """The file of the run; if there is none, why.

    Raises ConfigError for a run that is unknown, or an id that fits several runs.
    """
    (config,) = imports_named([name])
    stored = [each for nickname in config.nicknames for each in stored_rejects(home(), nickname)]
    found = rejects_of_run(stored, run_id)
    return found, "" if found else no_rejects_text(name, run_id, stored)


def no_rejects_text(name: str, run_id: str | None, stored: Sequence[StoredRejects]) -> str:
    known = "; ".join(described(each) for each in stored) or "none"
    if run_id is None:
        dry = " There are rejected rows of dry runs; name one with --run." if stored else ""
        return f"No run of {name!r} has rejected rows.{dry}" + (f" They are {known}." if stored else "")
    with open_instance() as instance:
        is_known = instance.get_run_by_id(run_id) is not None
    if not is_known:
        raise ConfigError(
            f"No run {run_id!r} of {name!r} has rejected rows, or several ids begin with it."
            f" Runs with rejected rows: {known}."
        )
    return (
        f"Run {run_id} of {name!r} has no rejected rows, or ended so long ago that they were removed"
        " (journal_retention_days)."
    )


def described(stored: "StoredRejects") -> str:
    kind = ", a dry run" if stored.is_dry_run else ""
    return f"{stored.run_id} ({stored.written_at:%Y-%m-%d %H:%M} UTC{kind})"
