"""Identities under a collation: what differs in one byte is another person, as for CleverTap."""

import pytest

from clevertap_import.snowflake.session import open_snowflake, snowflake_settings
from clevertap_import.snowflake.window_query import SUPERSEDED_COLUMN, source_query, window_query
from clevertap_import_tests.testing.builders import profiles_import
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake


@pytest.mark.parametrize("collation", ["en-ci", "de-ci-ai", "upper", "utf8"])
def test_identities_that_a_collation_takes_for_equal_are_two_people(
    local_snowflake: LocalSnowflake, fresh_database: str, collation: str
) -> None:
    with local_snowflake.connect(database=fresh_database, schema="PUBLIC") as connection:
        connection.cursor().execute(f"create table T (ID varchar collate '{collation}', SEEN timestamp_ntz)")
        connection.cursor().execute(
            "insert into T select column1, column2 from values ('Abc1', '2026-11-01'),"
            " ('aBC1', '2026-11-02'), ('Zoë', '2026-11-01'), ('Zoe', '2026-11-01'), ('Abc1', '2026-11-03'),"
            " (null, '2026-11-01')"
        )
    config = profiles_import({"column": "SEEN", "property": "At"})
    settings = snowflake_settings("snowflake", local_snowflake.environment(fresh_database))
    with open_snowflake(settings, "test") as snowflake:
        sql = window_query(config, snowflake.describe(source_query(config)), None)
        rows = [row for batch in snowflake.batches(sql) for row in batch.to_pylist()]
    found = {row["ID"]: (row["SEEN"].day, int(row[SUPERSEDED_COLUMN])) for row in rows}
    assert found == {"Abc1": (3, 1), "aBC1": (2, 0), "Zoë": (1, 0), "Zoe": (1, 0), None: (1, 0)}
