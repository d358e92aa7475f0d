"""A dry run's sample on a local Snowflake: the records that a run would send, and no others."""

import pytest

from clevertap_import.snowflake.open_session import Snowflake
from clevertap_import.snowflake.sample_query import SourceCounts, counts_query, sample_query
from clevertap_import.snowflake.session import open_snowflake, snowflake_settings
from clevertap_import.snowflake.window_query import SUPERSEDED_COLUMN, source_query, window_query
from clevertap_import_tests.testing.builders import profiles_import
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake

CONFIG = profiles_import(
    {"column": "CITY", "property": "City"},
    updated_on={"column": "UPDATED"},
    start="2026-11-01",
    source={"kind": "sql", "sql": "select * from T -- all of it"},
)
ROWS = {
    # Rows of an identity; one in five has none.
    "every identity once": "select N::varchar, N, dateadd(minute, N, '2026-11-01'::timestamp_ntz)",
    "three rows for each": "select (N % 100)::varchar, N, dateadd(minute, N, '2026-11-01'::timestamp_ntz)",
}


def records(snowflake: Snowflake, sql: str) -> list[tuple[str | None, str, int]]:
    rows = [row for batch in snowflake.batches(sql) for row in batch.to_pylist()]
    return [(row["ID"], row["CITY"], int(row[SUPERSEDED_COLUMN])) for row in rows]


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("without_identity", [0, 60])
def test_each_drawn_record_is_one_that_a_run_would_send(
    local_snowflake: LocalSnowflake, fresh_database: str, rows: str, without_identity: int
) -> None:
    numbers = "select seq8() as N from table(generator(rowcount => {}))"
    with local_snowflake.connect(database=fresh_database, schema="PUBLIC") as connection:
        cursor = connection.cursor()
        cursor.execute("create table T (ID varchar, CITY varchar, UPDATED timestamp_ntz)")
        cursor.execute(f"insert into T {ROWS[rows]} from ({numbers.format(300)})")
        if without_identity:
            none = "select null, (1000 + N)::varchar, '2026-11-01'::timestamp_ntz"
            cursor.execute(f"insert into T {none} from ({numbers.format(without_identity)})")
    settings = snowflake_settings("snowflake", local_snowflake.environment(fresh_database))
    with open_snowflake(settings, "test") as snowflake:
        columns = snowflake.describe(source_query(CONFIG))
        everything = records(snowflake, window_query(CONFIG, columns, None))
        ((counted,),) = (batch.to_pylist() for batch in snowflake.batches(counts_query(CONFIG, columns)))
        counts = SourceCounts(*(int(counted[name]) for name in ("N_ROWS", "N_WITH", "N_DISTINCT")))
        drawn = records(snowflake, sample_query(CONFIG, columns, 40, counts))
    assert counts == SourceCounts(300 + without_identity, 300, len(everything) - without_identity)
    assert len(set(drawn)) == len(drawn) == 40
    assert set(drawn) <= set(everything)
    nobody = sum(record[0] is None for record in drawn)
    # If identities are drawn, both kinds have their exact share; if rows are drawn, it varies.
    assert nobody == counts.shares(40)[1] or (counts.is_unique and nobody < 40)
