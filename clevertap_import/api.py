"""The functions for notebooks and scripts: `import clevertap_import as ct`, then `ct.imports()`.

They read the same environment, `.env` and folder of imports as the commands. They print nothing: messages go
to the logger `clevertap_import`. All their errors are a `CleverTapImportError`.

Times in frames are `datetime64[us, UTC]`, counts `Int64`, other numbers `Float64`, yes and no `boolean`, and
texts `string`; missing values are `pandas.NA` or `NaT`.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

from clevertap_import.bounds import bounds_problem, moment_of, vague_force
from clevertap_import.check_tables import check_table, preview_rows
from clevertap_import.config.env_files import take_variables
from clevertap_import.errors import CleverTapImportError, ConfigError
from clevertap_import.frames import OUTCOMES, REJECTIONS, frame_of, inferred, rejected_table
from clevertap_import.orchestration.listing import Filters
from clevertap_import.orchestration.runs import RunRange
from clevertap_import.orchestration.storage_trouble import storage_trouble
from clevertap_import.selection import runnable_imports
from clevertap_import.staging.rejected_rows import read_rejects
from clevertap_import.tables import (
    DryRunResult,
    dry_run_result,
    imports_table,
    run_table,
    runs_table,
    stored_rejects_of,
    trace_of,
)

if TYPE_CHECKING:
    import pandas as pd

P = ParamSpec("P")
R = TypeVar("R")

MAX_PREVIEW_ROWS, MAX_SAMPLE_ROWS, MAX_REPORT_DAYS = 10_000, 1_000_000, 400

notify = logging.getLogger("clevertap_import").info


def translated(function: Callable[P, R]) -> Callable[P, R]:
    """Reads `.env` first, and translates errors of Dagster's storage into ours."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        take_variables(Path.cwd())
        try:
            return function(*args, **kwargs)
        except CleverTapImportError:
            raise
        except Exception as error:
            trouble = storage_trouble(error)
            if trouble is None:
                raise
            raise trouble from None

    return call


@translated
def imports(  # noqa: PLR0913 - the options of the command `list`
    *,
    status: str | Sequence[str] | None = None,
    health: str | Sequence[str] | None = None,
    sync_type: str | Sequence[str] | None = None,
    frequency: str | Sequence[str] | None = None,
    created_by: str | Sequence[str] | None = None,
    created_after: date | None = None,
    created_before: date | None = None,
    late: bool = False,
) -> "pd.DataFrame":
    """All imports with their status and health: one row for each, the worst first, as in `list`.

    Arguments select imports: one value or several. Words match in any case; days are inclusive.

    Columns: nickname, title, partner, status, sync_type, frequency, health_state, datasource, created_by,
    updated_by, why and severity (string); health (Float64, percent); last_run, created_on, updated_on,
    next_run and bad_since (datetime64[us, UTC]); changed_windows, open_rejects, new_24h, failed_24h and
    streak (Int64); late (boolean); problems and notes (lists of text); progress (an object, or None).

    Raises ConfigError if there is no import, or for a word that no import can have.
    """
    words = (status, health, sync_type, frequency, created_by)
    return imports_table(Filters(*words, day(created_after), day(created_before), late), notify)


def day(value: date | None) -> date | None:
    return value.date() if isinstance(value, datetime) else value


@translated
def check(*, offline: bool = False) -> "pd.DataFrame":
    """Check the YAML, the login, the query and its columns of all imports: one row for each. Runs nothing.

    offline: check only the files, without Snowflake.

    Columns: nickname and file (string); ok (boolean); problems and notes (lists of
    `{file, line, key, message}`).

    Raises ConfigError if there is no import.
    """
    return check_table(notify, offline=offline)


class Preview(NamedTuple):
    """A first look at an import, as four frames.

    columns: all columns of the query: name and type (string).
    rows: the columns that the import uses, under their own names; numbers are Int64 or Float64, the rest is
    string, times too, as ISO 8601.
    records: what CleverTap would get: type and identity (string), profileData or evtData (objects), and for
    events evtName (string) and ts (Int64, seconds since 1970).
    rejections: rows that become no record: row_number (Int64), identity, column, property, code and reason
    (string).
    """

    columns: "pd.DataFrame"
    rows: "pd.DataFrame"
    records: "pd.DataFrame"
    rejections: "pd.DataFrame"


@translated
def preview(name: str, rows: int = 50) -> Preview:
    """At most `rows` rows (1 to 10,000) of the import `name`, and the records that they become. Sends none.

    Raises ConfigError for an unknown name, SourceError if Snowflake refuses the login or the query.
    """
    refuse_outside("rows", rows, MAX_PREVIEW_ROWS)
    found = preview_rows(name, rows)
    return Preview(
        found.columns, inferred(found.rows), inferred(found.records), frame_of(found.rejections, REJECTIONS)
    )


@translated
def dry_run(name: str, *, rows: int | None = None, all_rows: bool = False) -> DryRunResult:
    """Check rows of the import `name` like a run, and send nothing.

    rows: the number of random rows, 1 to 1,000,000; default: the import's `sample_rows`. all_rows: every row.

    The result has `passed`, the number of `rows`, the frames `checks` and `problems`, and more.

    Raises ConfigError for an unknown name, or if the environment lacks the login or the account.
    """
    if rows is not None and all_rows:
        raise ConfigError("rows and all_rows exclude each other.")
    if rows is not None:
        refuse_outside("rows", rows, MAX_SAMPLE_ROWS)
    (config,) = runnable_imports([name])
    return dry_run_result(config, rows, notify, all_rows=all_rows)


@translated
def run(
    names: str | Sequence[str],
    *,
    window: date | str | None = None,
    until: date | str | None = None,
    full: bool = False,
    force: bool = False,
    limit: int | None = None,
) -> "pd.DataFrame":
    """Import now, in this process: all windows that are not done, including the one in progress.

    names: one nickname, or several.
    window: the window that contains this moment. until: with window, all windows up to this moment. Moments
    are a datetime, a date or ISO 8601 text, and UTC if they have no zone.
    full: all windows from the first. force: send every record, also those that CleverTap has.
    limit: at most this many rows; nothing is marked done.

    One row for each run, oldest first. The columns are nickname, those of `runs`, and problem (string): why
    the run failed. A failed run raises nothing. No row: every window is done.

    Raises ConfigError for an unknown name, for options that exclude each other, or if the environment lacks
    the login or the account.
    """
    start, end = moment(window), moment(until)
    if problem := bounds_problem(start, end, str, full=full):
        raise ConfigError(problem)
    if limit is not None:
        refuse_outside("limit", limit)
    configs = runnable_imports([names] if isinstance(names, str) else list(names))
    if force and not full and not start and (problem := vague_force(configs, str)):
        raise ConfigError(problem)
    return run_table(configs, RunRange(start, end, full, force, limit), notify)


@translated
def runs(name: str, run_id: str | None = None) -> "pd.DataFrame":
    """The last 100 runs of the import `name`: one row for each, newest first, like the command `stats`.

    run_id: only this run (the beginning of its id is enough), with two more columns: errors_by_code, a list
    of `{code, reason, rows, remedy}`, and problem (string), why it failed.

    Columns: run_id, status, health_state and query_id (string); date_time, imported_on, window_start and
    window_end (datetime64[us, UTC]); health (Float64, percent), seconds and records_per_second (Float64);
    total_records, successful_syncs, failed_syncs, unchanged, invalid, rejected, uncertain, superseded,
    blank_values, future_events and changed_windows (Int64).

    Raises ConfigError for an unknown name, or a run id that is unknown or fits several runs.
    """
    return runs_table(name, run_id)


@translated
def rejected_rows(name: str, run_id: str | None = None, *, limit: int | None = None) -> "pd.DataFrame":
    """The rejected rows of the import `name`, with their values: those of its newest run that has any.

    run_id: those of this run, also a dry run; the beginning of its id is enough. limit: at most this many
    rows. Without a limit all rows are in memory at once.

    Columns: run_id, identity, column, property, code and reason (string), row_number (Int64); then those of
    the source, as text (string). A column of the source that has one of these names becomes `code (source)`.

    Raises ConfigError for an unknown name, or a run id that is unknown or fits several runs.
    """
    if limit is not None:
        refuse_outside("limit", limit)
    found, why_none = stored_rejects_of(name, run_id)
    if found is None:
        notify(why_none)
        return rejected_table("", iter(()))
    return rejected_table(found.run_id, islice(read_rejects(found.path), limit))


@translated
def write_report(output: str | Path, *, days: int = 30) -> None:
    """Write one page of HTML with the state of all imports, and plots of their runs, like `report`.

    days: the runs of this many days, 1 to 400. Only the file's owner can read it.

    Raises ConfigError if there is no import, or if the file cannot be written.
    """
    # matplotlib and the frames of the report take a second.
    from clevertap_import.html_report.written import write_report as write

    refuse_outside("days", days, MAX_REPORT_DAYS)
    write(Path(output), days)


class Trace(NamedTuple):
    """What became of one person.

    identity: as it was asked for. row, record: the newest row of the person, and its record; None if there is
    none. rows: how many rows the person has, at most 100.
    outcomes: what became of them, as a frame: run_id, outcome, code and reason (string); date_time
    (datetime64[us, UTC]). What holds for the rows as they are now comes first, without a run; then the
    newest.
    """

    identity: str
    row: dict[str, Any] | None
    record: dict[str, Any] | None
    rows: int
    outcomes: "pd.DataFrame"


@translated
def trace(name: str, identity: str) -> Trace:
    """The row and the record of one person of the import `name`, and what became of them. Sends nothing.

    Raises ConfigError for an unknown name, SourceError if Snowflake refuses the login or the query.
    """
    found = trace_of(name, identity)
    outcomes = frame_of(found.outcomes, OUTCOMES)
    return Trace(found.identity, found.row, found.record, found.rows, outcomes)


def moment(value: date | str | None) -> datetime | None:
    match value:
        case None:
            return None
        case str():
            return moment_of(value)
        case datetime():
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        case _:
            return datetime(value.year, value.month, value.day, tzinfo=UTC)


def refuse_outside(name: str, value: int, highest: int | None = None) -> None:
    if value < 1 or (highest is not None and value > highest):
        allowed = f"from 1 to {highest:,}" if highest else "1 or more"
        raise ConfigError(f"{name} is {value:,}. It must be {allowed}.")
