"""Runs by commit time: what was committed late is read by the next run, however old its own time is."""

import time
from datetime import UTC, datetime

from clevertap_import.orchestration.changed_definitions import known_spans
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.partitions import read_moments
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.project.folder import load_folder
from clevertap_import.snowflake.late_rows import COMMIT_SECONDS
from clevertap_import_tests.testing.workshop import Workshop

INSERT = "insert into T (ID, NAME, UPDATED_AT) values"


def test_a_row_that_is_years_late_is_read_by_the_next_run_and_once(workshop: Workshop) -> None:
    workshop.write("committed", updated_on="commit_time")
    workshop.sql(
        "create or replace table T (ID varchar, NAME varchar, UPDATED_AT timestamp_ntz) row_timestamp = true",
        f"{INSERT} ('a', 'Asha', '{datetime.now(UTC):%Y-%m-%d %H:%M:%S}')",
    )
    workshop.run("committed")
    workshop.sql(f"{INSERT} ('b', 'Ravi', '2020-01-01')")
    workshop.run("committed")
    assert sorted(workshop.clevertap.profiles()) == ["a", "b"]
    assert workshop.clevertap.counters()["records_accepted"] == 2


def test_a_window_is_done_only_if_it_had_ended_a_minute_before_it_was_read(workshop: Workshop) -> None:
    workshop.write("committed", updated_on="commit_time")
    workshop.sql("create or replace table T (ID varchar, NAME varchar) row_timestamp = true")
    workshop.sql("insert into T (ID, NAME) values ('a', 'Asha')")
    workshop.run("committed")
    moments = read_moments(workshop.instance, asset_key("committed"))
    assert moments
    assert max(moments.values()) <= time.time() - COMMIT_SECONDS
    config = load_folder(workshop.folder).called("committed").config
    with open_journal() as journal:
        spans = known_spans(journal.engine, config)
    assert spans
    assert max(span.read_at for span in spans) <= time.time() - COMMIT_SECONDS
