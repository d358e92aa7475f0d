"""Runs and dry runs on results that are not what Snowflake announced: nothing is sent, no window is done."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from clevertap_import.orchestration.dry_run import dry_run
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.testing.workshop import Workshop, days_ago

TODAY = datetime.combine(days_ago(0), time())
MANY = 9_000
OF_THE_RUN = {"match": r"^select .* from T\b", "describe": False}
PEOPLE = f"""create or replace table T as select 'p' || seq8() as ID, 'n' || seq8() as NAME,
    '{TODAY - timedelta(hours=20):%Y-%m-%d %H:%M:%S}'::timestamp_ntz as UPDATED_AT
    from table(generator(rowcount => {MANY}))"""
SHORT: dict[str, dict[str, Any]] = {"half_a_chunk": {"chunk_rows": 1_000}, "no_chunk": {"chunks": 0}}


@pytest.mark.parametrize("name", SHORT)
def test_a_run_on_a_short_result_sends_nothing_and_the_next_run_sends_all(
    workshop: Workshop, name: str
) -> None:
    workshop.write(name)
    workshop.sql(PEOPLE)
    with workshop.snowflake.answering({**OF_THE_RUN, **SHORT[name]}):
        (line,) = workshop.run(name)
    assert line["status"] == "Failed"
    assert "The result is not used. Run again" in line["problem"]
    assert workshop.materializations(name) == []
    assert workshop.clevertap.profiles() == {}
    (line,) = workshop.run(name)
    assert (line["status"], line["total_records"]) == ("Success", MANY)
    assert len(workshop.clevertap.profiles()) == MANY


def test_a_dry_run_on_a_short_sample_says_so(workshop: Workshop) -> None:
    workshop.write("sampled")
    workshop.sql(PEOPLE)
    with workshop.snowflake.answering({"match": "sample", "describe": False, "inline_rows": 1}):
        config = load_folder(workshop.folder).called("sampled").config
        result = dry_run(workshop.instance, config, rows=100, all_rows=False, notify=lambda text: None)
    assert not result.passed
    assert "Snowflake announced 100 rows" in str(result.problem)


def test_columns_that_come_under_other_names_are_named(workshop: Workshop) -> None:
    target = {
        "kind": "profiles",
        "identity": {"column": "ID"},
        "properties": [{"column": "name", "property": "Name"}],
    }
    workshop.write("renamed", target=target)
    workshop.sql(PEOPLE)
    rule = {**OF_THE_RUN, "quoted_identifiers_ignore_case": True, "is_pinned": False}
    with workshop.snowflake.answering(rule):
        (line,) = workshop.run("renamed")
    assert line["status"] == "Failed"
    assert "QUOTED_IDENTIFIERS_IGNORE_CASE" in line["problem"]
    assert workshop.clevertap.profiles() == {}
