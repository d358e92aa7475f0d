"""The results of runs, summed by import and day: what a report shows of a month or of a year."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from clevertap_import.journal.monitoring_tables import COUNTS, RUN_RESULT
from clevertap_import.journal.run_results import EFFORTS, parts
from clevertap_import.journal.tables import translated

Line = dict[str, Any]

DAY_SECONDS = 86_400
SUMS = (*COUNTS, *EFFORTS)

C = RUN_RESULT.c


def run_days(engine: sa.Engine, import_names: Iterable[str], since: datetime) -> list[Line]:
    """A line for each import, day, status of the run, and whether the run was limited.

    `day`: days since 1970, in UTC, of the beginning of the runs. `runs`: how many. `seconds`, `longest`: of
    all runs that ended, and of the longest. The rest are the sums of counts and efforts.
    """
    took = C.ended_at - C.began_at
    keys = (C.import_name, (C.began_at // DAY_SECONDS).label("day"), C.status, C.is_limited)
    sums = [sa.func.coalesce(sa.func.sum(C[name]), 0).label(name) for name in SUMS]
    times = [
        sa.func.coalesce(sa.func.sum(took), 0).label("seconds"),
        sa.func.coalesce(sa.func.max(took), 0).label("longest"),
    ]
    query = sa.select(*keys, sa.func.count().label("runs"), *times, *sums).group_by(*keys)
    return lines(engine, query.where(since.timestamp() <= C.began_at), import_names)


def failed_by_code(engine: sa.Engine, import_names: Iterable[str], since: datetime) -> list[Line]:
    """A line for each import, code and reason: how many rows failed in the runs whose top code it was."""
    keys = (C.import_name, C.top_code, C.top_reason)
    failed = sa.func.sum(C.invalid + C.rejected).label("rows")
    wanted = (since.timestamp() <= C.began_at) & C.top_code.is_not(None)
    query = sa.select(*keys, sa.func.count().label("runs"), failed).group_by(*keys)
    return lines(engine, query.where(wanted), import_names)


def lines(engine: sa.Engine, query: sa.Select[Any], import_names: Iterable[str]) -> list[Line]:
    with translated(), engine.connect() as connection:
        return [
            dict(row)
            for names in parts(import_names)
            for row in connection.execute(query.where(C.import_name.in_(names))).mappings()
        ]
