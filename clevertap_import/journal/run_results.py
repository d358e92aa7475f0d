"""The results of runs, in the journal's database: entered by the runs, read by monitoring."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, fields, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import sqlalchemy as sa

from clevertap_import.journal.database_clock import clock_ahead
from clevertap_import.journal.journal_outage import brief_waits
from clevertap_import.journal.monitoring_tables import (
    COUNTS,
    OPEN_REJECT,
    OUTCOMES,
    ROW_TOTAL,
    RUN_RESULT,
)
from clevertap_import.journal.states import ANSWERED, RETRIED
from clevertap_import.journal.tables import DELIVERY, translated
from clevertap_import.records import DIGEST_BYTES
from clevertap_import.report import Report
from clevertap_import.run_result import NOT_JUDGED, Effort, OpenRejects, RunProgress, RunResult, RunStatus

RETENTION = timedelta(days=400)
"""Results of runs that began earlier are removed: a year is left, and the month before it to compare."""

MOST_BEFORE = 100
"""How many of the newest runs are searched for the last run without any failed record."""

NAMES_PER_QUERY = 500

KILLED = "The run was killed."

NOT_SENT = ("unchanged", "invalid", "rejected", "superseded")
"""The counts that the records in the journal do not give."""

C = RUN_RESULT.c
IS_WELL = (C.status == "Success") & ~C.is_limited & (C.invalid + C.rejected + C.uncertain == 0)
EFFORTS = tuple(field.name for field in fields(Effort))
TEXTS = ("trigger", "problem", "top_code", "top_reason")
PROGRESS = ("phase", "done", "total", "in_flight", "progress_at")
MOMENTS = ("newest_updated_on", "window_start", "window_end")
COLUMNS = [C[name] for name in ("import_name", "run_id", "began_at", "ended_at", "status")]
COLUMNS += [C[name] for name in (*COUNTS, *EFFORTS, *TEXTS, *MOMENTS, *PROGRESS, "is_limited")]


def enter_result(engine: sa.Engine, result: RunResult) -> None:
    """Store the result of a run, and replace an earlier one. Idempotent.

    A run that begins again, because Dagster repeats its step, leaves the counts of its earlier try in the
    sums. A run that has ended also removes old results of its import. Raises JournalUnavailable.
    """
    mine = (C.import_name == result.import_name) & (C.run_id == result.run_id)
    with translated(), engine.begin() as connection, brief_waits(connection):
        values = values_of(moved_by(result, -clock_ahead(connection)))
        if result.ended_at is None:
            counts = sa.select(*(C[name] for name in OUTCOMES)).where(mine)
            add_to_total(connection, result.import_name, connection.execute(counts).all())
        if not connection.execute(RUN_RESULT.update().where(mine).values(values)).rowcount:
            connection.execute(RUN_RESULT.insert().values(values))
        if result.ended_at:
            remove_before(connection, result.import_name, (result.began_at - RETENTION).timestamp())


def remove_before(connection: sa.Connection, import_name: str, moment: float) -> None:
    """Remove old results, and add their counts to the sums of those that were removed."""
    is_old = (C.import_name == import_name) & (C.began_at < moment)
    removal = RUN_RESULT.delete().where(is_old).returning(*(C[name] for name in OUTCOMES))
    add_to_total(connection, import_name, connection.execute(removal).all())


def add_to_total(connection: sa.Connection, import_name: str, removed: Sequence[sa.Row[Any]]) -> None:
    """Add the outcomes of results that are no longer there to the sums of their import."""
    if not removed:
        return
    counts = dict(zip(OUTCOMES, map(sum, zip(*removed, strict=True)), strict=True))
    more = {name: ROW_TOTAL.c[name] + count for name, count in counts.items()}
    mine = ROW_TOTAL.c.import_name == import_name
    if not connection.execute(ROW_TOTAL.update().where(mine).values(more)).rowcount:
        connection.execute(ROW_TOTAL.insert().values(import_name=import_name, **counts))


def enter_progress(
    engine: sa.Engine, import_name: str, run_id: str, report: Report, effort: Effort, progress: RunProgress
) -> None:
    """Store the progress of an active run, with the time of the database's clock.

    Does nothing if the run has ended, or has no row.
    """
    mine = (C.import_name == import_name) & (C.run_id == run_id) & (C.status == "Running")
    with translated(), engine.begin() as connection, brief_waits(connection):
        at = progress.at and progress.at - clock_ahead(connection)
        values = {**counts_of(report, effort), **progress_values(replace(progress, at=at))}
        connection.execute(RUN_RESULT.update().where(mine).values(values))


def enter_dead(
    engine: sa.Engine, import_names: Collection[str], run_id: str, status: RunStatus, now: datetime
) -> None:
    """Store the result of a killed run of any of these imports, from its records in the journal.

    The counts of rows that were not accepted stay as they were last.
    """
    mine = C.import_name.in_(list(import_names)) & (C.run_id == run_id) & (C.status == "Running")
    ended: dict[str, Any] = {"status": status, "ended_at": now.timestamp(), "phase": None}
    if status == "Failed":
        ended["problem"] = KILLED
    with translated(), engine.begin() as connection, brief_waits(connection):
        query = sa.select(C.import_name, *(C[name] for name in NOT_SENT)).where(mine)
        for name, *rest in connection.execute(query).all():
            sent = dict(zip(("accepted", "uncertain"), sent_by(connection, name, run_id), strict=True))
            counts = {**sent, **dict(zip(NOT_SENT, rest, strict=True))}
            report = Report(read=sum(counts.values()), **counts)
            values = {**ended, **dict(zip(COUNTS, astuple(report), strict=True))}
            connection.execute(RUN_RESULT.update().where(mine & (C.import_name == name)).values(values))


def sent_by(connection: sa.Connection, import_name: str, run_id: str) -> tuple[int, int]:
    """How many records of a run were accepted, and how many are unanswered."""
    size = sa.func.sum(sa.func.length(DELIVERY.c.digests))
    mine = (DELIVERY.c.run_id == run_id) & (DELIVERY.c.import_name == import_name)
    mine &= (DELIVERY.c.batch_number >= 0) & (DELIVERY.c.state != RETRIED)
    states = sa.select(DELIVERY.c.state, size).where(mine).group_by(DELIVERY.c.state)
    found = {state: int(total) // DIGEST_BYTES for state, total in connection.execute(states)}
    return found.pop(ANSWERED, 0), sum(found.values())


def results_of(
    engine: sa.Engine, import_names: Iterable[str], since: datetime, at_least: int = 7
) -> dict[str, list[RunResult]]:
    """The results of each of these imports with results, newest first.

    All runs that began or ended since `since`, or go on; at least the last `at_least` runs that count for
    health; and all runs back to the last one without any failed record, among the last MOST_BEFORE.
    """
    found: defaultdict[str, list[RunResult]] = defaultdict(list)
    with translated(), engine.connect() as connection:
        ahead = clock_ahead(connection)
        for names in parts(import_names):
            starts = starts_of(connection, names, since.timestamp(), at_least)
            for row in connection.execute(since_each(starts)):
                found[row[0]].append(moved_by(result_of(row), ahead))
    return dict(found)


def moved_by(result: RunResult, difference: timedelta) -> RunResult:
    """The moment at which the run last moved, by another clock."""
    if not difference or not result.progress or not result.progress.at:
        return result
    return replace(result, progress=replace(result.progress, at=result.progress.at + difference))


def results_of_runs(engine: sa.Engine, import_name: str, run_ids: Iterable[str]) -> dict[str, RunResult]:
    """The results of these runs, by the id, as far as they were entered."""
    query = sa.select(*COLUMNS).where((C.import_name == import_name) & C.run_id.in_(list(run_ids)))
    with translated(), engine.connect() as connection:
        return {row.run_id: result_of(row) for row in connection.execute(query)}


def parts(names: Iterable[str]) -> Iterator[list[str]]:
    """Each name once, in lists for one query each."""
    wanted = list(dict.fromkeys(names))
    return (wanted[at : at + NAMES_PER_QUERY] for at in range(0, len(wanted), NAMES_PER_QUERY))


def starts_of(connection: sa.Connection, names: list[str], since: float, at_least: int) -> dict[str, float]:
    """The moment from which the results of each import are wanted."""
    each = table_of(dict.fromkeys(names, 0.0))
    newest_first = sa.select(C.began_at).where(C.import_name == each.c.name).order_by(C.began_at.desc())
    judged = newest_first.where(C.status.not_in(NOT_JUDGED) & ~C.is_limited).offset(at_least - 1).limit(1)
    most = newest_first.offset(MOST_BEFORE - 1).limit(1)
    query = sa.select(each.c.name, judged.scalar_subquery(), most.scalar_subquery())
    limits = {name: (judged or 0.0, most or 0.0) for name, judged, most in connection.execute(query)}
    among = table_of({name: most for name, (_, most) in limits.items()})
    is_among = (C.import_name == among.c.name) & (C.began_at >= among.c.start)
    well = sa.select(sa.func.max(C.began_at)).where(is_among & IS_WELL).scalar_subquery()
    is_recent = (C.status == "Running") | (C.ended_at > since)
    long = sa.select(sa.func.min(C.began_at)).where(is_among & is_recent).scalar_subquery()
    found = connection.execute(sa.select(among.c.name, well, long)).all()
    return {
        name: min(since, limits[name][0], limits[name][1] if well is None else well, long or since)
        for name, well, long in found
    }


def table_of(starts: Mapping[str, float]) -> sa.CTE:
    """Names and moments as a table of a query."""
    columns = sa.column("name", sa.String), sa.column("start", sa.Double)
    return sa.values(*columns, name="each").data(list(starts.items())).cte("wanted")


def since_each(starts: Mapping[str, float]) -> sa.Select[Any]:
    wanted = table_of(starts)
    is_wanted = (C.import_name == wanted.c.name) & (C.began_at >= wanted.c.start)
    return sa.select(*COLUMNS).join_from(wanted, RUN_RESULT, is_wanted).order_by(C.began_at.desc())


def result_of(row: sa.Row[Any]) -> RunResult:
    """By place: there may be a hundred thousand rows."""
    values = list(row)
    name, run_id, began_at, ended_at, status = values[:5]
    counts, efforts = values[5:12], values[12:18]
    trigger, problem, top_code, top_reason, newest, window_start, window_end = values[18:25]
    phase, done, total, in_flight, at, is_limited = values[25:]
    return RunResult(
        name,
        run_id,
        datetime.fromtimestamp(began_at, UTC),
        moment(ended_at),
        status,
        Report(*counts),
        trigger,
        problem,
        top_code,
        top_reason,
        moment(newest),
        moment(window_start),
        moment(window_end),
        Effort(*efforts),
        None if phase is None else RunProgress(phase, done, total, in_flight, moment(at)),
        is_limited,
    )


def moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def values_of(result: RunResult) -> dict[str, Any]:
    """The row of a result."""
    progress = result.progress or RunProgress("")
    return {
        "import_name": result.import_name,
        "run_id": result.run_id,
        "began_at": result.began_at.timestamp(),
        "ended_at": seconds(result.ended_at),
        "status": result.status,
        **counts_of(result.report, result.effort),
        **{name: storable(getattr(result, name)) for name in TEXTS},
        **{name: seconds(getattr(result, name)) for name in MOMENTS},
        **progress_values(progress),
        "is_limited": result.is_limited,
    }


def storable(text: str | None) -> str | None:
    """`text` as any database takes it. A file's name may be no UTF-8, and PostgreSQL has no NUL."""
    return text and text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def counts_of(report: Report, effort: Effort) -> dict[str, Any]:
    counts = zip((*COUNTS, *EFFORTS), (*astuple(report), *astuple(effort)), strict=True)
    return dict(counts)


def progress_values(progress: RunProgress) -> dict[str, Any]:
    return {
        "phase": progress.phase or None,
        "done": progress.done,
        "total": progress.total,
        "in_flight": progress.in_flight,
        "progress_at": seconds(progress.at),
    }


def open_rejects_of(engine: sa.Engine, import_names: Iterable[str]) -> dict[str, OpenRejects]:
    """Of each of these imports that has any: the rows that were rejected and not accepted since."""
    rejects = OPEN_REJECT.c
    reason = (rejects.import_name, rejects.code, rejects.reason)
    sums = sa.select(*reason, sa.func.sum(rejects.rows), sa.func.min(rejects.since)).group_by(*reason)
    found: defaultdict[str, list[tuple[str, str, int]]] = defaultdict(list)
    since: dict[str, float] = {}
    with translated(), engine.connect() as connection:
        for names in parts(import_names):
            for name, code, words, rows, at in connection.execute(sums.where(reason[0].in_(names))):
                found[name].append((code, words, int(rows)))
                since[name] = min(at, since.get(name, at))
    return {name: OpenRejects.of(codes, moment(since[name])) for name, codes in found.items()}


def row_totals(engine: sa.Engine, import_names: Iterable[str]) -> dict[str, dict[str, int]]:
    """How many rows of each of these imports had each outcome, in all runs, also those that were removed."""
    found: defaultdict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(OUTCOMES, 0))
    with translated(), engine.connect() as connection:
        for names, table in product(parts(import_names), (RUN_RESULT, ROW_TOTAL)):
            name = table.c.import_name
            sums = sa.select(name, *(sa.func.sum(table.c[each]) for each in OUTCOMES)).group_by(name)
            for nickname, *totals in connection.execute(sums.where(name.in_(names))):
                for outcome, total in zip(OUTCOMES, totals, strict=True):
                    found[nickname][outcome] += int(total)
    return dict(found)
