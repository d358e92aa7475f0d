"""What check says of rows that may be late."""

from typing import Any

import pytest

from clevertap_import.snowflake.late_rows import late_days, late_notes
from clevertap_import.snowflake.window_query import SourceColumn, source_query
from clevertap_import_tests.testing.builders import events_import, profiles_import

COMMIT_TIME = "Where the table has row timestamps, updated_on: commit_time misses no late rows."
JOINED = {"kind": "sql", "sql": "select * from ORDERS join PEOPLE using (ID)"}


@pytest.mark.parametrize(
    ("updated_on", "source", "notes"),
    [
        (
            {"column": "U"},
            {"kind": "table", "table": "T"},
            [f"A row that is committed more than 1 hour after its U may be missed. {COMMIT_TIME}"],
        ),
        (
            {"column": "U", "lookback": "0 minutes"},
            {"kind": "table", "table": "T"},
            [f"A row that is committed after the window of its U was read may be missed. {COMMIT_TIME}"],
        ),
        (
            {"column": "U", "lookback": "2 days"},
            JOINED,
            [
                f"A row that is committed more than 2 days after its U may be missed. {COMMIT_TIME}",
                "The query reads ORDERS, PEOPLE: if a later change of one of them makes a row appear, the"
                " row has an older U and is late. Use the greatest of their times in SQL.",
            ],
        ),
        ("commit_time", {"kind": "table", "table": "T"}, []),
    ],
)
def test_a_query_whose_rows_may_be_late_says_so(updated_on: Any, source: Any, notes: list[str]) -> None:  # noqa: ANN401
    assert (
        list(late_notes(profiles_import(updated_on=updated_on, start="2026-11-01", source=source))) == notes
    )


def test_without_updated_on_no_row_is_late() -> None:
    assert list(late_notes(profiles_import())) == []


def test_events_by_commit_time_come_again_when_their_row_is_changed() -> None:
    (note,) = late_notes(events_import(updated_on="commit_time", start="2026-11-01"))
    assert note.startswith("An event whose row is updated or inserted again has a new commit time")


@pytest.mark.parametrize(
    ("attributes", "updated_on", "is_late"),
    [
        ({"window": "hour"}, {}, True),
        ({"window": "hour"}, {"lookback": "24 hours"}, False),
        ({"window": "day"}, {}, False),
        ({"window": "day"}, {"timezone": "Asia/Kolkata"}, True),
        ({"window": "day"}, {"timezone": "Asia/Kolkata", "lookback": "1 day"}, False),
    ],
)
def test_rows_with_a_day_alone_come_until_the_day_has_ended(
    attributes: dict[str, str], updated_on: dict[str, str], is_late: bool
) -> None:
    config = profiles_import(updated_on={"column": "U"} | updated_on, start="2026-11-01", **attributes)
    columns = [SourceColumn("ID", "TEXT"), SourceColumn("U", "DATE")]
    assert bool(list(late_days(config, columns))) == is_late
    assert not list(late_days(config, [SourceColumn("U", "TIMESTAMP_NTZ")]))


def test_commit_time_is_selected_from_a_table_beside_all_columns() -> None:
    config = profiles_import(updated_on="commit_time", start="2026-11-01")
    assert source_query(config) == "select *, METADATA$ROW_LAST_COMMIT_TIME as COMMIT_TIME from T"
    assert config.updated_on
    assert (config.columns, str(config.updated_on.lookback)) == (("ID", "COMMIT_TIME"), "0 minutes")


def test_another_word_is_no_updated_on() -> None:
    with pytest.raises(ValueError, match=r"updated_on is 'commit time'\. Write commit_time, or the keys of"):
        profiles_import(updated_on="commit time", start="2026-11-01")
