"""The sums of runs by day are those of the results themselves."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from clevertap_import.journal.run_days import failed_by_code, run_days
from clevertap_import.journal.run_results import enter_result
from clevertap_import.journal.tables import open_database
from clevertap_import.report import Report
from clevertap_import.run_result import Effort, RunResult

MIDNIGHT = datetime(2026, 3, 9, tzinfo=UTC)
TODAY = MIDNIGHT.timestamp() / 86_400
ILL = RunResult(
    *("orders", "r0", MIDNIGHT, MIDNIGHT + timedelta(seconds=90), "Success"),
    Report(read=21, accepted=1, unchanged=2, invalid=3, rejected=4, uncertain=5, superseded=6),
    top_code="515",
    top_reason="Email is not valid.",
    effort=Effort(7, 2, 1.5, 2.5, 3.5, 4.5),
)


@pytest.fixture
def engine(journal_url: str) -> Iterator[sa.Engine]:
    engine = open_database(journal_url)
    last_moment = MIDNIGHT - timedelta(seconds=0.25)
    for each in (
        ILL,
        replace(ILL, run_id="r1", ended_at=None, status="Running", top_code=None),
        replace(ILL, run_id="r2", began_at=MIDNIGHT + timedelta(hours=23), ended_at=None),
        replace(ILL, run_id="r3", began_at=last_moment, ended_at=last_moment + timedelta(seconds=5)),
        replace(ILL, run_id="r4", began_at=MIDNIGHT - timedelta(days=2)),
        replace(ILL, import_name="visits", is_limited=True, effort=Effort()),
    ):
        enter_result(engine, each)
    yield engine
    engine.dispose()


def test_runs_are_summed_by_import_day_and_end(engine: sa.Engine) -> None:
    found = run_days(engine, ["orders", "visits", "nobody"], MIDNIGHT - timedelta(days=1))
    lines = {
        (each["import_name"], each["day"] - TODAY, each["status"], each["is_limited"]): each for each in found
    }
    assert {key: each["runs"] for key, each in lines.items()} == {
        ("orders", 0, "Success", False): 2,
        ("orders", 0, "Running", False): 1,
        ("orders", -1, "Success", False): 1,
        ("visits", 0, "Success", True): 1,
    }
    today = lines["orders", 0, "Success", False]
    assert (today["read"], today["accepted"], today["uncertain"]) == (42, 2, 10)
    assert (today["requests"], today["throttled_seconds"]) == (14, 3)
    assert (today["seconds"], today["longest"]) == (90, 90)
    assert lines["visits", 0, "Success", True]["snowflake_seconds"] == 0


def test_failed_rows_are_those_of_the_runs_with_the_code(engine: sa.Engine) -> None:
    found = failed_by_code(engine, ["orders"], MIDNIGHT)
    assert [tuple(each.values()) for each in found] == [("orders", "515", "Email is not valid.", 2, 14)]
