"""A run's query on a local Snowflake: windows read every row once, and of an identity the newest."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from clevertap_import.config.model import ImportConfig
from clevertap_import.snowflake.open_session import Snowflake
from clevertap_import.snowflake.session import SnowflakeSettings, open_snowflake, snowflake_settings
from clevertap_import.snowflake.window_query import (
    EPOCH_COLUMN,
    SUPERSEDED_COLUMN,
    source_query,
    window_query,
)
from clevertap_import.window import GRIDS, Grid, Window
from clevertap_import_tests.testing.builders import events_import, profiles_import
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake

TAG = "clevertap_import:test"
START = datetime(2026, 11, 1, tzinfo=UTC)
GRID = Grid(GRIDS["hour"], START)
WINDOWS = [
    GRID.window(START + timedelta(hours=hour), START + timedelta(hours=hour + 1)) for hour in range(-1, 3)
]
# Seconds from START; both sides of each bound, an older one, a NULL.
MOMENTS = (-86400.5, -0.000001, 0.0, 3599.999999, 3600.0, 3600.000001, 7199.0, 7200.0, 10799.999999, None)


@pytest.fixture
def settings(local_snowflake: LocalSnowflake, fresh_database: str) -> SnowflakeSettings:
    return snowflake_settings("snowflake", local_snowflake.environment(fresh_database))


def fill(server: LocalSnowflake, settings: SnowflakeSettings, *statements: str) -> None:
    with server.connect(database=settings.database, schema="PUBLIC") as connection:
        for statement in statements:
            connection.cursor().execute(statement)


def literal(moment: float | None, kind: str) -> str:
    if moment is None:
        return "null"
    at = START + timedelta(seconds=moment)
    if kind.startswith("epoch_seconds"):
        return f"{at.timestamp():.6f}"
    if kind == "epoch_milliseconds":
        return f"{at.timestamp() * 1000:.3f}"
    if kind == "timestamp_ntz in Kolkata":
        return f"'{at + timedelta(hours=5.5):%Y-%m-%d %H:%M:%S.%f}'::timestamp_ntz"
    if kind == "timestamp_tz":
        return f"'{at + timedelta(hours=2):%Y-%m-%d %H:%M:%S.%f} +02:00'::timestamp_tz"
    return f"'{at:%Y-%m-%d %H:%M:%S.%f}'::{kind}"


KINDS: dict[str, tuple[str, dict[str, str]]] = {
    "timestamp_ntz": ("timestamp_ntz", {}),
    "timestamp_ntz in Kolkata": ("timestamp_ntz", {"timezone": "Asia/Kolkata"}),
    "timestamp_tz": ("timestamp_tz", {"timezone": "Asia/Kolkata"}),
    "timestamp_ltz": ("timestamp_ltz", {}),
    "epoch_seconds": ("number(20, 6)", {"format": "epoch_seconds"}),
    "epoch_milliseconds": ("number(20, 3)", {"format": "epoch_milliseconds"}),
    "epoch_seconds as float": ("float", {"format": "epoch_seconds"}),
}


def read(snowflake: Snowflake, config: ImportConfig, window: Window | None) -> list[tuple[str, int | None]]:
    sql = window_query(config, snowflake.describe(source_query(config)), window)
    return [
        (row["ID"], None if row[EPOCH_COLUMN] is None else int(row[EPOCH_COLUMN]))
        for batch in snowflake.batches(sql)
        for row in batch.to_pylist()
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_windows_in_a_row_read_every_row_exactly_once_and_in_its_own_window(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings, kind: str
) -> None:
    column_type, attributes = KINDS[kind]
    values = ", ".join(f"('{place}', {literal(moment, kind)})" for place, moment in enumerate(MOMENTS))
    fill(
        local_snowflake,
        settings,
        f"create table T (ID varchar, UPDATED {column_type})",
        f"insert into T select column1, column2 from values {values}",
    )
    config = events_import(
        updated_on={"column": "UPDATED"} | attributes, start="2026-11-01", target={"created_on": None}
    )
    with open_snowflake(settings, TAG) as snowflake:
        found = [sorted(read(snowflake, config, window)) for window in WINDOWS[1:]]
    seconds = [None if moment is None else int(START.timestamp() + moment // 1) for moment in MOMENTS]
    places: Sequence[Sequence[int]] = ((0, 1, 2, 3, 9), (4, 5, 6), (7, 8))
    assert found == [[(str(place), seconds[place]) for place in window] for window in places]


def test_a_number_that_is_no_moment_is_read_as_null_with_the_first_window(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings
) -> None:
    fill(
        local_snowflake,
        settings,
        "create table T (ID varchar, UPDATED float)",
        "insert into T select column1, column2 from values ('nan', 'NaN'::float), ('low', '-inf'::float)",
    )
    config = events_import(
        updated_on={"column": "UPDATED", "format": "epoch_seconds"},
        start="2026-11-01",
        target={"created_on": None},
    )
    with open_snowflake(settings, TAG) as snowflake:
        found = [sorted(read(snowflake, config, window)) for window in WINDOWS[1:3]]
    assert found == [[("low", None), ("nan", None)], []]


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("Europe/Berlin", "2026-10-25"),
        ("Europe/Berlin", "2026-03-29"),
        ("America/New_York", "2026-11-01"),
        ("Australia/Lord_Howe", "2026-04-05"),
    ],
)
def test_a_night_in_which_clocks_are_set_is_read_whole_and_no_row_in_two_windows(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings, zone: str, midnight: str
) -> None:
    """The column is converted and not the bounds: a local time that comes twice, or never, is one moment."""
    rows = "select seq8() as N from table(generator(rowcount => 72))"
    at = f"dateadd(minute, 5 * N, '{midnight}'::timestamp_ntz)"
    fill(
        local_snowflake, settings, f"create table T as select N::varchar as ID, {at} as UPDATED from ({rows})"
    )
    config = events_import(
        updated_on={"column": "UPDATED", "timezone": zone}, start="2026-01-01", target={"created_on": None}
    )
    grid = Grid(GRIDS["hour"], datetime(2026, 1, 1, tzinfo=UTC))
    first = datetime.fromisoformat(midnight).replace(tzinfo=UTC) - timedelta(hours=13)
    hours = [first + timedelta(hours=hour) for hour in range(26)]
    with open_snowflake(settings, TAG) as snowflake:
        found = [
            (place, hour, seconds)
            for hour in hours
            for place, seconds in read(snowflake, config, grid.window(hour, hour + timedelta(hours=1)))
        ]
    assert sorted(int(place) for place, _, _ in found) == list(range(72))
    assert all(hour.timestamp() <= seconds < hour.timestamp() + 3600 for _, hour, seconds in found if seconds)


def test_of_each_identity_the_newest_row_is_read_and_the_others_are_counted(
    local_snowflake: LocalSnowflake, settings: SnowflakeSettings
) -> None:
    fill(
        local_snowflake,
        settings,
        "create table T (ID varchar, CITY varchar, UPDATED timestamp_ntz)",
        "insert into T values ('a', 'Pune', '2026-11-01 00:00:01'), ('a', 'Oslo', '2026-11-01 00:00:02'),"
        " ('b', 'Rome', null), ('b', 'Bonn', '2026-10-01'), (null, 'X', null), (null, 'Y', null)",
    )
    config = profiles_import(
        {"column": "CITY", "property": "City"}, updated_on={"column": "UPDATED"}, start="2026-11-01"
    )
    with open_snowflake(settings, TAG) as snowflake:
        sql = window_query(config, snowflake.describe(source_query(config)), WINDOWS[1])
        rows = [row for batch in snowflake.batches(sql) for row in batch.to_pylist()]
    assert sorted((str(row["ID"]), row["CITY"], int(row[SUPERSEDED_COLUMN])) for row in rows) == [
        ("None", "X", 0),
        ("None", "Y", 0),
        ("a", "Oslo", 1),
        ("b", "Bonn", 1),
    ]
