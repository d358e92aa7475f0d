"""The query of the section Cost in the docs finds the queries of runs, by the tag that the code sets."""

from datetime import UTC, datetime
from pathlib import Path

import sqlglot

from clevertap_import.snowflake.session import run_tag

SECTION = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text().partition("\n## Cost\n")[2]
HISTORY = "snowflake.account_usage.query_history"
ATTRIBUTED = "snowflake.account_usage.query_attribution_history"


def test_the_query_of_the_docs_sums_by_import_and_day() -> None:
    # Not at the top: what is loaded before the tests begin stays, and DuckDB complains about it.
    import duckdb

    query = SECTION.partition("```sql")[2].partition("```")[0]
    began = datetime.now(UTC)
    tags = [run_tag("orders", "r1"), run_tag("orders", "r2"), "clevertap-import:orders:1", "dbt"]
    with duckdb.connect() as database:
        database.execute("attach ':memory:' as snowflake; create schema snowflake.account_usage")
        database.execute(
            f"create table {HISTORY} as select row_number() over () as query_id, query_tag,"
            " now() as start_time, 2000 as total_elapsed_time, 10 as bytes_scanned,"
            " 0.5 as credits_used_cloud_services from (select unnest($tags) as query_tag)",
            {"tags": tags},
        )
        database.execute(
            f"create table {ATTRIBUTED} as select 1 as query_id, 0.25 as credits_attributed_compute"
        )
        found = database.execute(sqlglot.transpile(query, read="snowflake", write="duckdb")[0]).fetchall()
    assert [tuple(map(float, row[2:])) for row in found] == [(2, 4, 20, 0.25, 1)]
    ((nickname, day, *_),) = found
    assert nickname == "orders"
    assert began.date() <= day <= datetime.now(UTC).date()


def test_the_docs_name_the_tag() -> None:
    assert f"`{run_tag('NICKNAME', 'RUN_ID')}`" in SECTION
