"""Timestamps and times of every scale, laid out as Snowflake sends them, through the connector."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from clevertap_import.mapping.column_types import resolve_types
from clevertap_import.mapping.mapper import Mapper
from clevertap_import.records import Rejection
from clevertap_import.snowflake.open_session import Snowflake
from clevertap_import.snowflake.session import open_snowflake, snowflake_settings
from clevertap_import.snowflake.window_query import source_query, window_query
from clevertap_import_tests.testing.builders import profiles_import
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.sent_records import sent

TYPES = {"NTZ": "timestamp_ntz", "LTZ": "timestamp_ltz", "TZ": "timestamp_tz", "TIME": "time"}
TIMESTAMPS = [kind for kind in TYPES if kind != "TIME"]
SCALES = range(10)
# An ordinary moment, one before 1970, and both ends of what can be sent. Fractions count up from the second.
SECONDS = [1_714_558_830, -1, -62_135_596_800, 253_402_300_799]
OUTSIDE = [-62_135_596_801, 253_402_300_800, 1_714_558_830_123]
FRACTION = 123_456_789
TWENTY_PAST_TEN = 37_230

Values = list[list[int] | None]


@pytest.fixture(scope="module")
def snowflake(local_snowflake: LocalSnowflake) -> Iterator[Snowflake]:
    settings = snowflake_settings("snowflake", local_snowflake.environment())
    with open_snowflake(settings, "clevertap_import:test") as session:
        yield session


def mapped(
    server: LocalSnowflake, snowflake: Snowflake, columns: Mapping[str, dict[str, Any]], rows: int, kind: str
) -> tuple[list[dict[str, Any]], list[Rejection]]:
    """Rows of `columns`, each called by its type and scale, as properties of one type: one query for all."""
    cells = ", ".join(f"'2024-05-01 10:20:30'::{TYPES[name.split('_')[0]]} as {name}" for name in columns)
    ids = " union all ".join(f"select 'u{number}' as ID" for number in range(rows))
    config = profiles_import(
        *({"column": name, "property": name, "type": kind} for name in columns),
        # Around it, as the local server takes a cast on the outside for the last word.
        source={"kind": "sql", "sql": f"select * from (select ID, {cells} from ({ids}))"},
    )
    with server.answering({"columns": dict(columns)}):
        described = snowflake.describe(source_query(config))
        mapper = Mapper(config, 1, resolve_types(config, described))
        batches = list(snowflake.batches(window_query(config, described, None)))
    results = [mapper.map(batch, np.zeros(batch.num_rows, np.int64), 1) for batch in batches]
    records = [record["profileData"] for result in results for record in sent(result)]
    return records, [rejection for result in results for rejection in result.rejections]


def of_every_scale(values: Values, *kinds: str) -> dict[str, dict[str, Any]]:
    return {
        f"{kind}_{scale}": {"type": TYPES[kind], "scale": scale, "values": values}
        for kind in kinds
        for scale in SCALES
    }


def test_a_timestamp_of_any_scale_is_its_second(
    local_snowflake: LocalSnowflake, snowflake: Snowflake
) -> None:
    values: Values = [*([second, FRACTION] for second in SECONDS), None]
    columns = of_every_scale(values, *TIMESTAMPS)
    found, rejections = mapped(local_snowflake, snowflake, columns, len(values), "date")
    expected = [dict.fromkeys(columns, f"$D_{second}") for second in SECONDS]
    assert (found, rejections) == ([*expected, {}], [])


def test_a_timestamp_or_time_of_any_scale_is_its_text_to_the_microsecond(
    local_snowflake: LocalSnowflake, snowflake: Snowflake
) -> None:
    timestamps = of_every_scale([[SECONDS[0], FRACTION]], *TIMESTAMPS)
    times = of_every_scale([[TWENTY_PAST_TEN, FRACTION]], "TIME")
    ((found,), _) = mapped(local_snowflake, snowflake, {**timestamps, **times}, 1, "string")
    for name, text in found.items():
        kind, scale = name.split("_")
        digits = "123456"[: int(scale)]
        begin = "" if kind == "TIME" else "2024-05-01 "
        written, _, fraction = text.removesuffix("Z").partition(".")
        assert (name, written, fraction.rstrip("0")) == (name, f"{begin}10:20:30", digits)
        assert text.endswith("Z") == (kind in ("LTZ", "TZ"))


@pytest.mark.parametrize("minutes", [330, -480])
def test_the_offset_of_a_timestamp_moves_nothing(
    local_snowflake: LocalSnowflake, snowflake: Snowflake, minutes: int
) -> None:
    columns = of_every_scale([[SECONDS[0], 0, minutes]], "TZ")
    ((found,), _) = mapped(local_snowflake, snowflake, columns, 1, "date")
    assert found == dict.fromkeys(columns, f"$D_{SECONDS[0]}")


@pytest.mark.parametrize("kind", ["date", "string"])
@pytest.mark.parametrize("name", ["NTZ_0", "NTZ_6", "NTZ_7", "NTZ_9", "LTZ_3", "TZ_3", "TZ_9"])
def test_seconds_outside_the_years_1_to_9999_are_rejected(
    local_snowflake: LocalSnowflake, snowflake: Snowflake, name: str, kind: str
) -> None:
    column = {"type": TYPES[name[:-2]], "scale": int(name[-1]), "values": [[second, 0] for second in OUTSIDE]}
    found, rejections = mapped(local_snowflake, snowflake, {name: column}, len(OUTSIDE), kind)
    assert (found, [each.code for each in rejections]) == ([], ["date_out_of_range"] * len(OUTSIDE))


@pytest.mark.parametrize("scale", [0, 3, 6, 9])
def test_the_clock_of_snowflake_is_right(
    local_snowflake: LocalSnowflake, snowflake: Snowflake, scale: int
) -> None:
    column = {"scale": scale, "values": [[SECONDS[0], 0]]}
    with local_snowflake.answering({"columns": {"MOMENT": column}}):
        assert snowflake.now() == datetime(2024, 5, 1, 10, 20, 30, tzinfo=UTC)
