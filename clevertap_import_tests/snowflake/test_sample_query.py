"""The text of a sample's query. A person has read these texts."""

from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.snowflake.sample_query import SourceCounts, counts_query, sample_query
from clevertap_import.snowflake.window_query import SourceColumn, window_query
from clevertap_import_tests.testing.builders import events_import, profiles_import

COLUMNS = [SourceColumn("ID", "TEXT"), SourceColumn("AT", "TEXT"), SourceColumn("CITY", "TEXT")]
PROFILES = profiles_import({"column": "CITY", "property": "City"})
SOURCE = "(\nselect * from T\n) as source"
IDENTITY = "collate(source.\"ID\", '')"


def test_events_are_drawn_from_the_source_itself() -> None:
    config = events_import()
    drawn = f"select * from {SOURCE} sample (50 rows)"
    assert sample_query(config, COLUMNS, 50, None) == window_query(config, COLUMNS, None, source=drawn)


def test_profiles_are_drawn_from_the_source_itself_if_no_identity_comes_twice_or_all_are_drawn() -> None:
    drawn = window_query(PROFILES, COLUMNS, None, source=f"select * from {SOURCE} sample (50 rows)")
    assert sample_query(PROFILES, COLUMNS, 50, SourceCounts(900, 800, 800)) == drawn
    assert sample_query(PROFILES, COLUMNS, 50, SourceCounts(50, 40, 7)) == drawn


def test_identities_that_come_twice_are_drawn_first_and_then_ranked() -> None:
    identities = f"select distinct {IDENTITY} as IDENTITY from {SOURCE} where {IDENTITY} is not null"
    drawn = (
        f"select * from {SOURCE} where {IDENTITY} in"
        f" (select IDENTITY from ({identities}) sample (40 rows))\nunion all\n"
        f"select * from (select * from {SOURCE} where {IDENTITY} is null) sample (10 rows)"
    )
    found = sample_query(PROFILES, COLUMNS, 50, SourceCounts(900, 800, 400))
    assert found == window_query(PROFILES, COLUMNS, None, source=drawn)
    assert "is null)" not in sample_query(PROFILES, COLUMNS, 50, SourceCounts(800, 800, 400))


def test_the_source_is_counted_by_its_identities_alone() -> None:
    assert counts_query(PROFILES, COLUMNS) == (
        f"select count(*) as N_ROWS, count({IDENTITY}) as N_WITH, count(distinct {IDENTITY}) as N_DISTINCT\n"
        f"from {SOURCE}"
    )


@given(st.integers(1, 1000), st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 10**6))
def test_records_with_and_without_identity_are_drawn_in_their_shares(
    rows: int, repeated: int, identities: int, without: int
) -> None:
    counts = SourceCounts(identities + repeated + without, identities + repeated, identities)
    drawn, drawn_without = counts.shares(rows)
    assert drawn + drawn_without == rows
    assert abs(drawn_without / rows - without / (identities + without)) <= 0.5 / rows + 1e-9
