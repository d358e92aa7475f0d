"""The text of a run's query, for each kind of Updated On column. A person has read these texts."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.errors import ColumnMissing
from clevertap_import.snowflake.user_sql import NotASelect, quoted
from clevertap_import.snowflake.window_query import (
    ColumnAmbiguous,
    ColumnTypeUnusable,
    SourceColumn,
    resolved,
    source_query,
    window_query,
)
from clevertap_import.window import GRIDS, Grid, Window
from clevertap_import_tests.testing.builders import events_import, profiles_import

ONE = datetime(2026, 11, 1, 1, tzinfo=UTC)
TWO = datetime(2026, 11, 1, 2, tzinfo=UTC)
WINDOW = Window(ONE, TWO)


def columns(updated_type: str = "TIMESTAMP_NTZ", *others: str) -> list[SourceColumn]:
    names = ("ID", "AT", *others)
    return [SourceColumn("UPDATED_AT", updated_type), *(SourceColumn(name, "TEXT") for name in names)]


def updated_on(**attributes: str) -> dict[str, Any]:
    return {"updated_on": {"column": "UPDATED_AT"} | attributes, "start": "2026-11-01"}


def events_query(updated_type: str, window: Window | None = WINDOW, **attributes: str) -> tuple[str, str]:
    """The expression of the window's epoch, and the condition of the rows."""
    config = events_import(**updated_on(**attributes))
    query = window_query(config, columns(updated_type), window)
    start = (
        'select source."ID" as "ID", source."UPDATED_AT" as "UPDATED_AT", source."AT" as "AT", '
        if config.columns == ("ID", "UPDATED_AT", "AT")
        else ""
    )
    middle = ' as "_CLEVERTAP_IMPORT_EPOCH"\nfrom (\nselect * from T\n) as source'
    assert query.startswith(start)
    epoch, where = query.removeprefix(start).split(middle)
    return epoch, where


def ntz(text: str) -> str:
    return f"to_timestamp_ntz('2026-{text}:00:00', 'YYYY-MM-DD HH24:MI:SS')"


@pytest.mark.parametrize(
    ("updated_type", "attributes", "epoch", "where"),
    [
        (
            "TIMESTAMP_NTZ",
            {},
            'date_part(epoch_second, source."UPDATED_AT")',
            f'source."UPDATED_AT" >= {ntz("11-01 01")} and source."UPDATED_AT" < {ntz("11-01 02")}',
        ),
        (
            "TIMESTAMP_NTZ",
            {"timezone": "Asia/Kolkata"},
            "date_part(epoch_second, convert_timezone('Asia/Kolkata', 'UTC', source.\"UPDATED_AT\"))",
            f'source."UPDATED_AT" >= {ntz("10-30 23")} and source."UPDATED_AT" <= {ntz("11-02 04")}'
            f" and convert_timezone('Asia/Kolkata', 'UTC', source.\"UPDATED_AT\") >= {ntz('11-01 01')}"
            f" and convert_timezone('Asia/Kolkata', 'UTC', source.\"UPDATED_AT\") < {ntz('11-01 02')}",
        ),
        (
            "DATE",
            {},
            'date_part(epoch_second, cast(source."UPDATED_AT" as timestamp_ntz))',
            "source.\"UPDATED_AT\" >= to_date('2026-10-30', 'YYYY-MM-DD')"
            " and source.\"UPDATED_AT\" <= to_date('2026-11-02', 'YYYY-MM-DD')"
            f' and cast(source."UPDATED_AT" as timestamp_ntz) >= {ntz("11-01 01")}'
            f' and cast(source."UPDATED_AT" as timestamp_ntz) < {ntz("11-01 02")}',
        ),
        *(
            (
                kind,
                {"timezone": "Asia/Kolkata"},
                'date_part(epoch_second, source."UPDATED_AT")',
                f'source."UPDATED_AT" >= to_{kind.lower()}'
                "('2026-11-01 01:00:00 +00:00', 'YYYY-MM-DD HH24:MI:SS TZH:TZM')"
                f' and source."UPDATED_AT" < to_{kind.lower()}'
                "('2026-11-01 02:00:00 +00:00', 'YYYY-MM-DD HH24:MI:SS TZH:TZM')",
            )
            for kind in ("TIMESTAMP_TZ", "TIMESTAMP_LTZ")
        ),
        (
            "FIXED",
            {"format": "epoch_seconds"},
            'case when abs(source."UPDATED_AT") < 1e15 then floor(source."UPDATED_AT" / 1) end',
            'source."UPDATED_AT" >= 1793494800 and source."UPDATED_AT" < 1793498400',
        ),
        (
            "REAL",
            {"format": "epoch_milliseconds"},
            "case when abs(nullif(source.\"UPDATED_AT\", 'NaN'::float)) < 1e15"
            " then floor(nullif(source.\"UPDATED_AT\", 'NaN'::float) / 1000) end",
            'source."UPDATED_AT" >= 1793494800000 and source."UPDATED_AT" <= 1793498400000'
            " and nullif(source.\"UPDATED_AT\", 'NaN'::float) >= 1793494800000"
            " and nullif(source.\"UPDATED_AT\", 'NaN'::float) < 1793498400000",
        ),
    ],
)
def test_each_kind_of_updated_on_column_is_compared_at_its_full_precision(
    updated_type: str, attributes: dict[str, str], epoch: str, where: str
) -> None:
    assert events_query(updated_type, WINDOW, **attributes) == (epoch, f"\nwhere {where}")


@pytest.mark.parametrize(
    ("updated_type", "attributes", "where"),
    [
        ("TIMESTAMP_NTZ", {}, f'(source."UPDATED_AT" < {ntz("11-01 02")} or source."UPDATED_AT" is null)'),
        (
            "TIMESTAMP_NTZ",
            {"timezone": "Asia/Kolkata"},
            f'(source."UPDATED_AT" <= {ntz("11-02 04")} or source."UPDATED_AT" is null)'
            f" and (convert_timezone('Asia/Kolkata', 'UTC', source.\"UPDATED_AT\") < {ntz('11-01 02')}"
            " or convert_timezone('Asia/Kolkata', 'UTC', source.\"UPDATED_AT\") is null)",
        ),
        (
            "REAL",
            {"format": "epoch_seconds"},
            "(nullif(source.\"UPDATED_AT\", 'NaN'::float) < 1793498400"
            " or nullif(source.\"UPDATED_AT\", 'NaN'::float) is null)",
        ),
    ],
)
def test_the_first_window_takes_older_rows_and_null(
    updated_type: str, attributes: dict[str, str], where: str
) -> None:
    _, found = events_query(updated_type, Window(None, TWO), **attributes)
    assert found == f"\nwhere {where}"


def test_bounds_are_written_in_utc_whatever_zone_they_come_in() -> None:
    kolkata = timezone(timedelta(hours=5, minutes=30))
    window = Window(ONE.astimezone(kolkata), TWO.astimezone(kolkata))
    assert events_query("TIMESTAMP_TZ", window) == events_query("TIMESTAMP_TZ")


def test_without_a_window_all_rows_are_read() -> None:
    assert events_query("TIMESTAMP_NTZ", None) == ('date_part(epoch_second, source."UPDATED_AT")', "")


def test_a_full_import_of_events_reads_everything() -> None:
    query = window_query(events_import(), columns(), WINDOW)
    assert query == (
        'select source."ID" as "ID", source."AT" as "AT",'
        ' cast(null as number) as "_CLEVERTAP_IMPORT_EPOCH"\n'
        "from (\nselect * from T\n) as source"
    )


def test_profiles_are_one_row_per_identity_the_newest() -> None:
    config = profiles_import({"column": "CITY", "property": "City"}, **updated_on())
    moment = 'cast(source."UPDATED_AT" as timestamp_ntz)'
    identity = "collate(source.\"ID\", '')"
    assert window_query(config, columns("DATE", "CITY"), Window(None, TWO)) == (
        'select source."ID" as "ID", source."UPDATED_AT" as "UPDATED_AT", source."CITY" as "CITY",'
        f' date_part(epoch_second, {moment}) as "_CLEVERTAP_IMPORT_EPOCH",'
        f" case when {identity} is null then 0 else count(*) over (partition by {identity}) - 1 end"
        ' as "_CLEVERTAP_IMPORT_SUPERSEDED"\n'
        "from (\nselect * from T\n) as source\n"
        "where (source.\"UPDATED_AT\" <= to_date('2026-11-02', 'YYYY-MM-DD')"
        ' or source."UPDATED_AT" is null)'
        f" and ({moment} < {ntz('11-01 02')} or {moment} is null)\n"
        f"qualify {identity} is null or row_number() over (partition by {identity} order by"
        f" {moment} desc nulls last, {identity} desc nulls last,"
        ' source."UPDATED_AT" desc nulls last,'
        " collate(source.\"CITY\", '') desc nulls last) = 1"
    )


def test_columns_without_an_order_of_their_own_are_ordered_as_text() -> None:
    config = profiles_import({"column": "CITY", "property": "City"})
    found = [SourceColumn("ID", "FIXED", 0), SourceColumn("CITY", "VARIANT")]
    assert window_query(config, found, None).endswith(
        'qualify source."ID" is null or row_number() over (partition by source."ID" order by'
        ' source."ID" desc nulls last, cast(source."CITY" as varchar) desc nulls last) = 1'
    )


def test_the_last_line_of_the_users_sql_may_be_a_comment() -> None:
    source = {"kind": "sql", "sql": "select * from T; -- all of them"}
    config = events_import(source=source)
    assert "from (\nselect * from T\n) as source" in window_query(config, columns(), None)
    assert source_query(config) == "select * from T"


def test_sql_that_is_no_query_is_refused() -> None:
    with pytest.raises(NotASelect):
        source_query(events_import(source={"kind": "sql", "sql": "drop table T"}))


@pytest.mark.parametrize(
    ("updated_type", "name", "update_format", "usable"),
    [
        ("TEXT", "VARCHAR", "timestamp", "TIMESTAMP_NTZ, DATE, TIMESTAMP_TZ, TIMESTAMP_LTZ"),
        ("FIXED", "NUMBER", "timestamp", "TIMESTAMP_NTZ, DATE, TIMESTAMP_TZ, TIMESTAMP_LTZ"),
        ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ", "epoch_seconds", "NUMBER, FLOAT"),
    ],
)
def test_a_type_that_its_format_cannot_read_is_named(
    updated_type: str, name: str, update_format: str, usable: str
) -> None:
    with pytest.raises(ColumnTypeUnusable) as caught:
        events_query(updated_type, format=update_format)
    assert str(caught.value) == (
        f"Updated On column 'UPDATED_AT' is {name}, and its format is {update_format}."
        f" That format reads columns of type {usable}."
    )


@given(st.text())
def test_a_quoted_name_ends_where_it_should(name: str) -> None:
    text = quoted(name)
    assert (text[0], text[-1]) == ('"', '"')
    assert '"' not in text[1:-1].replace('""', "")
    assert text[1:-1].replace('""', '"') == name


def test_a_column_is_found_by_its_exact_name_or_by_the_only_one_that_differs_in_case() -> None:
    named = [SourceColumn(name, "TEXT") for name in ("ID", "Name", "NAME", 'my "id"')]
    assert [resolved(named, wanted).name for wanted in ("id", "NAME", "Name", 'MY "ID"')] == [
        "ID",
        "NAME",
        "Name",
        'my "id"',
    ]
    with pytest.raises(ColumnAmbiguous, match=r"^Column 'name' may mean 'Name', 'NAME'\."):
        resolved(named, "name")
    with pytest.raises(ColumnMissing, match=r"^No column 'NAMES' in the query result\. Did you mean "):
        resolved(named, "NAMES")


def test_output_names_are_those_of_the_import_whatever_case_snowflake_has() -> None:
    query = window_query(events_import(), [SourceColumn("id", "TEXT"), SourceColumn("At", "TEXT")], None)
    assert query.startswith('select source."id" as "ID", source."At" as "AT", ')


@given(st.sampled_from(list(GRIDS.values())), st.integers(0, 500), st.integers(1, 5))
def test_where_one_window_ends_the_next_begins(size: timedelta, first: int, count: int) -> None:
    grid = Grid(size, datetime(2026, 11, 1, tzinfo=UTC))
    edges = [grid.start + (first + place) * size for place in range(count + 1)]
    texts = [events_query("TIMESTAMP_NTZ", grid.window(lower, upper))[1] for lower, upper in pairwise(edges)]
    for text, following in pairwise(texts):
        upper = text.rpartition(" < ")[2].partition(" or ")[0]
        assert f">= {upper} and" in following
