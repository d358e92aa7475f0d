"""The coarse bounds on a bare column never lose a row that the exact ones take."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
import sqlglot
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clevertap_import.config.updated_on import UpdatedOn
from clevertap_import.snowflake.window_query import SLACK, SourceColumn, bound_sql, moment_sql, window_sql
from clevertap_import.window import GRIDS, Grid, Window

ZONES = sorted(available_timezones())
GRID = Grid(GRIDS["hour"], datetime(2026, 10, 1, tzinfo=UTC))
HOUR = timedelta(hours=1)
KINDS = {
    "TIMESTAMP_NTZ": "timestamp",
    "DATE": "date",
    "TIMESTAMP_LTZ": "timestamptz",
    "TIMESTAMP_TZ": "timestamptz",
    "REAL": "double",
    "FIXED": "bigint",
}


Query = Callable[..., Any]


@pytest.fixture(scope="module")
def query() -> Iterator[Query]:
    """Runs SQL in a database that knows zones."""
    # Here and not above: Hypothesis keeps this module to the end, and duckdb complains of what is left.
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("load icu")
        connection.execute("set TimeZone = 'UTC'")
        yield lambda *words: connection.execute(*words).fetchall()


def exact_sql(updated_on: UpdatedOn, column: SourceColumn, window: Window) -> str:
    """The law: the rows of a window, by their moment alone."""
    moment = moment_sql(updated_on, [column])
    upper = f"{moment} < {bound_sql(updated_on, column.type, window.upper)}"
    if window.lower is None:
        return f"\nwhere {upper} or {moment} is null"
    return f"\nwhere {moment} >= {bound_sql(updated_on, column.type, window.lower)} and {upper}"


def rows(query: Query, where: str) -> list[int]:
    sql = f"select N from T as source{where} order by N".replace("date_part(epoch_second", "epoch(")
    (translated,) = sqlglot.transpile(sql, read="snowflake", write="duckdb")
    return [number for (number,) in query(translated)]


def values_near(kind: str, window: Window, offsets: list[timedelta | None]) -> list[object]:
    """Values around the bounds of the window, as far as any zone may be from UTC."""
    edges = [window.upper] + ([window.lower] if window.lower else [])
    moments = [None if offset is None else edge + offset for edge in edges for offset in offsets]
    return [None if moment is None else written(kind, moment) for moment in moments]


def written(kind: str, moment: datetime) -> object:
    match kind:
        case "DATE":
            return moment.date()
        case "TIMESTAMP_NTZ":
            return moment.replace(tzinfo=None)
        case "REAL":
            return moment.timestamp()
        case "FIXED":
            return int(moment.timestamp())
    return moment


FAR = st.timedeltas(-2 * SLACK, 2 * SLACK)
HOURS = st.integers(-30, 30).map(lambda hours: hours * HOUR)
NEAR = st.integers(-2, 2).map(lambda steps: timedelta(microseconds=steps))


@settings(max_examples=50)
@given(
    kind=st.sampled_from(list(KINDS)),
    zone=st.sampled_from(ZONES),
    first=st.integers(0, 2000),
    windows=st.integers(1, 50),
    offsets=st.lists(st.one_of(st.none(), FAR, HOURS, NEAR), min_size=1, max_size=12),
)
@example("DATE", "Pacific/Kiritimati", 700, 1, [hours * HOUR for hours in range(-30, 31)])
@example("DATE", "Etc/GMT+12", 700, 24, [hours * HOUR for hours in range(-30, 31)])
@example("TIMESTAMP_NTZ", "Pacific/Kiritimati", 700, 1, [hours * HOUR for hours in range(-30, 31)])
@example("TIMESTAMP_NTZ", "Etc/GMT+12", 0, 1, [None, *(hours * HOUR for hours in range(-30, 31))])
def test_the_bounds_take_the_rows_whose_moment_is_in_the_window(
    query: Query,
    kind: str,
    zone: str,
    first: int,
    windows: int,
    offsets: list[timedelta | None],
) -> None:
    is_number = kind in ("REAL", "FIXED")
    updated_on = UpdatedOn(column="U", timezone=zone, format="epoch_seconds" if is_number else "timestamp")
    column = SourceColumn("U", kind)
    window = GRID.window(GRID.start + first * HOUR, GRID.start + (first + windows) * HOUR)
    values = values_near(kind, window, offsets)
    values += [math.nan, math.inf, -math.inf] if kind == "REAL" else []
    values += [date(1, 1, 2), date(9999, 12, 30)] if kind == "DATE" else []
    query(f"create or replace table T (N int, U {KINDS[kind]})")
    insert = f"insert into T select unnest(range(len($1))), unnest($1::{KINDS[kind]}[])"
    query(insert, [values])
    expected = rows(query, exact_sql(updated_on, column, window))
    assert rows(query, window_sql(updated_on, [column], window)) == expected


def test_no_clock_was_ever_further_from_utc_than_the_slack() -> None:
    years = [datetime(year, month, 1, tzinfo=UTC) for year in range(1800, 2101, 3) for month in (1, 7)]
    furthest = max(
        abs(moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta())
        for zone in ZONES
        for moment in years
    )
    assert furthest < SLACK - timedelta(hours=8)
