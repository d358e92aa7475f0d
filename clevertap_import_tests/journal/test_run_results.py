"""The results of runs in the journal: entered again and again, read for many imports, old ones removed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from clevertap_import.journal.renamed import give_name
from clevertap_import.journal.run_results import (
    KILLED,
    RETENTION,
    enter_dead,
    enter_progress,
    enter_result,
    results_of,
    row_totals,
)
from clevertap_import.journal.tables import open_database
from clevertap_import.report import Report
from clevertap_import.run_result import Effort, RunProgress, RunResult, RunStatus

NOW = datetime(2026, 3, 9, 7, tzinfo=UTC)
SUCCEEDED = Report(read=10, accepted=10)
ILL = Report(read=10, accepted=9, rejected=1)
FULL = RunResult(
    *("orders", "r0", NOW, NOW + timedelta(minutes=3), "Failed"),
    Report(read=21, accepted=1, unchanged=2, invalid=3, rejected=4, uncertain=5, superseded=6),
    *("hourly", "The table is gone.", "515", "Email is not valid."),
    *(NOW - timedelta(hours=1), NOW - timedelta(days=1), NOW - timedelta(minutes=9)),
    Effort(7, 2, 1.5, 2.5, 3.5, 4.5),
    RunProgress("send", 5, 9, 3, NOW),
    is_limited=True,
)


@pytest.fixture
def engine(journal_url: str) -> Iterator[sa.Engine]:
    engine = open_database(journal_url)
    yield engine
    engine.dispose()


def run(
    number: int, status: RunStatus = "Success", report: Report = SUCCEEDED, name: str = "orders"
) -> RunResult:
    """A run that began `number` hours ago."""
    began = NOW - timedelta(hours=number)
    return RunResult(name, f"r{number}", began, None if status == "Running" else began, status, report)


def enter(engine: sa.Engine, *results: RunResult) -> None:
    for result in results:
        enter_result(engine, result)


def ids(engine: sa.Engine, hours: int = 0, name: str = "orders") -> list[str]:
    found = results_of(engine, [name], NOW - timedelta(hours=hours))
    return [each.run_id for each in found.get(name, [])]


def test_a_result_comes_back_as_it_was_entered_last(engine: sa.Engine) -> None:
    enter(engine, run(0, "Running"), FULL, FULL, replace(run(0), import_name="visits"))
    assert results_of(engine, ["orders", "nobody"], NOW) == {"orders": [FULL]}


def test_a_problem_that_no_database_takes_as_it_is_hides_no_result(engine: sa.Engine) -> None:
    enter(engine, replace(FULL, problem="query\udc80.sql\0 cannot be read."))
    (found,) = results_of(engine, ["orders"], NOW)["orders"]
    assert found.problem == r"query\udc80.sql\x00 cannot be read."


def test_at_least_the_last_seven_judged_runs_and_all_since_a_moment(engine: sa.Engine) -> None:
    enter(engine, *(run(number) for number in range(12)))
    enter(engine, replace(run(0, "Running"), run_id="now"), replace(run(3, "Canceled"), run_id="canceled"))
    assert len(ids(engine)) == 9
    assert len(ids(engine, hours=10)) == 13


def test_a_long_run_that_goes_on_or_ended_lately_is_among_those_since_a_moment(engine: sa.Engine) -> None:
    enter(engine, *(run(number) for number in range(12)))
    enter(engine, replace(run(30, "Running"), run_id="long"))
    assert ids(engine, hours=5)[-1] == "long"
    enter(engine, replace(run(30), run_id="long", ended_at=NOW - timedelta(hours=4)))
    assert ids(engine, hours=5)[-1] == "long"
    assert "long" not in ids(engine, hours=3)


def test_all_back_to_the_last_run_that_was_wholly_well(engine: sa.Engine) -> None:
    enter(engine, run(20), *(run(number, "Failed") for number in range(10)), run(15, report=ILL))
    enter(engine, run(30))
    assert ids(engine)[-1] == "r20"
    enter(engine, *(run(number, report=ILL, name="visits") for number in range(130)))
    assert len(ids(engine, name="visits")) == 100


def test_of_many_imports_in_few_queries(engine: sa.Engine) -> None:
    names = [f"i{number}" for number in range(600)]
    enter(engine, *(run(number, name=name) for name in (names[0], names[-1]) for number in range(9)))
    made: list[object] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *call: made.append(call))
    found = results_of(engine, names, NOW)
    assert {name: len(each) for name, each in found.items()} == {names[0]: 7, names[-1]: 7}
    assert len(made) == 6 + (engine.dialect.name == "postgresql"), "PostgreSQL is asked for its clock"


def test_progress_is_of_a_run_that_goes_on(engine: sa.Engine) -> None:
    where = RunProgress("send", 500, 1_000, 4, NOW)
    enter_progress(engine, "orders", "r1", SUCCEEDED, Effort(3), where)
    assert ids(engine) == []
    enter(engine, run(1, "Running", Report()), run(2))
    for run_id in ("r1", "r2"):
        enter_progress(engine, "orders", run_id, SUCCEEDED, Effort(3), where)
    going, ended = results_of(engine, ["orders"], NOW)["orders"]
    assert (going.report, going.effort, going.progress) == (SUCCEEDED, Effort(3), where)
    assert ended == run(2)


@pytest.fixture
def slow_clock(postgresql_url: str) -> Iterator[sa.Engine]:
    """The same database, whose clock is 20 minutes behind the clock of this machine."""
    engine, now = open_database(postgresql_url), "select pg_catalog.clock_timestamp()"
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "create function clock_timestamp() returns timestamptz language sql"
            f" as $$ {now} - interval '20 minutes' $$"
        )
    url = sa.make_url(postgresql_url)
    # The functions of a schema that is named before pg_catalog come before PostgreSQL's own.
    url = url.update_query_dict({"options": f"{url.query['options']},pg_catalog"})
    engine.dispose()
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("is_first", [True, False], ids=["at its begin", "later"])
def test_when_a_run_moved_goes_by_the_clock_of_the_database(
    slow_clock: sa.Engine, postgresql_url: str, is_first: bool
) -> None:
    """To the machine of the run that clock is slow, and so is that of the machine that reads it."""
    moved, engine = RunProgress("wait", at=NOW), open_database(postgresql_url)
    enter_result(slow_clock, replace(run(1, "Running"), progress=moved if is_first else None))
    if not is_first:
        enter_progress(slow_clock, "orders", "r1", SUCCEEDED, Effort(), moved)
    moments = [results_of(each, ["orders"], NOW)["orders"][0].moved_at for each in (engine, slow_clock)]
    engine.dispose()
    assert timedelta(0) < NOW - moments[0] - timedelta(minutes=20) < timedelta(minutes=10)
    assert abs(NOW - moments[1]) < timedelta(minutes=10)


def test_a_run_that_was_killed_has_failed(engine: sa.Engine) -> None:
    enter(engine, run(1, "Running", ILL), run(2), replace(run(1, "Running"), import_name="visits"))
    for number in (1, 2, 3):
        enter_dead(engine, ["orders", "others"], f"r{number}", "Failed", NOW)
    killed, before = results_of(engine, ["orders"], NOW)["orders"]
    assert (killed.status, killed.problem, killed.ended_at, killed.report) == (
        "Failed",
        KILLED,
        NOW,
        Report(read=1, rejected=1),
    )
    assert before == run(2)
    assert results_of(engine, ["visits"], NOW)["visits"][0].status == "Running"


def test_old_results_are_removed_by_a_run_that_has_ended(engine: sa.Engine) -> None:
    old = run(RETENTION.days * 24 + 1)
    enter(engine, old, replace(old, import_name="visits"), run(0, "Running"))
    assert len(ids(engine)) == 2
    enter(engine, run(0))
    assert ids(engine) == ["r0"]
    assert ids(engine, name="visits") == [old.run_id]
    enter(engine, replace(old, run_id="older"), run(0))
    totals = row_totals(engine, ["orders", "visits"])
    assert {name: each["accepted"] for name, each in totals.items()} == {"orders": 30, "visits": 10}


def test_a_step_that_is_repeated_adds_to_the_counts_of_its_first_try(engine: sa.Engine) -> None:
    begun = replace(run(0, "Running"), report=Report())
    enter(engine, begun, replace(run(0, "Failed"), report=ILL), begun)
    totals = [row_totals(engine, ["orders"])["orders"]]
    enter(engine, replace(run(0), report=Report(read=10, accepted=1, unchanged=9)))
    totals.append(row_totals(engine, ["orders"])["orders"])
    assert [(each["accepted"], each["rejected"], each["unchanged"]) for each in totals] == [
        (9, 1, 0),
        (10, 1, 9),
    ]
    assert ids(engine) == ["r0"]


def test_results_go_with_the_import_to_its_new_name(engine: sa.Engine) -> None:
    enter(engine, run(5), run(1, "Failed", name="sales"))
    with engine.begin() as connection:
        give_name(connection, "orders", "sales", NOW.timestamp())
    assert ids(engine, name="sales") == ["r1", "r5"]
