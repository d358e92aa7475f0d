"""Each run enters its result in the journal, however it ends; and ends in the same way if it cannot."""

import logging
from datetime import UTC, datetime, time, timedelta

import dagster as dg
import pytest
import sqlalchemy as sa

from clevertap_import.journal.run_results import enter_result, open_rejects_of, results_of
from clevertap_import.orchestration.dead_runs import clear_dead_runs
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.progress import LISTENERS
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.run_history import NICKNAME_TAG, Line, import_stats
from clevertap_import.report import Report
from clevertap_import.run_result import RunResult
from clevertap_import_tests.testing.dagster_internals import create_run_for_test
from clevertap_import_tests.testing.workshop import Workshop, days_ago

EPOCH = datetime.fromtimestamp(0, UTC)
TODAY = datetime.combine(days_ago(0), time())
UTC_TODAY = TODAY.replace(tzinfo=UTC)
PEOPLE: list[tuple[str | None, str | None, datetime]] = [
    ("a", "Asha", TODAY - timedelta(hours=4)),
    ("b", "Zoë", TODAY - timedelta(hours=3)),
    ("c", "Ravi", TODAY - timedelta(hours=2)),
    (None, "Nobody", TODAY - timedelta(hours=4)),
]


def results(nickname: str) -> list[RunResult]:
    with open_journal() as journal:
        return results_of(journal.engine, [nickname], EPOCH).get(nickname, [])


class Looking(logging.Handler):
    """Reads the results and the stats of an import whenever its run logs its progress."""

    def __init__(self, instance: dg.DagsterInstance, nickname: str) -> None:
        super().__init__()
        self.instance = instance
        self.nickname = nickname
        self.lines: list[Line] = []
        self.seen: list[RunResult] = []

    def emit(self, record: logging.LogRecord) -> None:
        found = results(self.nickname)
        self.seen += found
        self.lines += import_stats(self.instance, self.nickname, [each.run_id for each in found])


def test_a_run_enters_that_it_goes_on_and_how_it_ended(workshop: Workshop) -> None:
    workshop.write("entered", dry_run={"max_rejected_percent": 100})
    workshop.people(PEOPLE)
    workshop.clevertap.faults([{"kind": "reject", "identities": ["c"], "code": 515, "error": "Not so"}])
    looking = Looking(workshop.instance, "entered")
    LISTENERS.addHandler(looking)
    LISTENERS.setLevel(logging.INFO)
    try:
        (line,) = workshop.run("entered", start=UTC_TODAY - timedelta(days=2), end=UTC_TODAY)
    finally:
        LISTENERS.removeHandler(looking)
        LISTENERS.setLevel(logging.NOTSET)
    assert {(each.status, each.ended_at) for each in looking.seen} == {("Running", None)}
    assert {(each["status"], each["in_flight"], each["problem"]) for each in looking.lines} == {
        ("Running", 0, None)
    }
    (result,) = results("entered")
    assert (result.status, result.run_id, result.problem) == ("Success", line["run_id"], None)
    assert result.report == Report(read=4, accepted=2, invalid=1, rejected=1)
    assert result.top_code in ("515", "523")
    assert result.window_end == UTC_TODAY
    assert result.ended_at is not None
    assert result.trigger is None
    assert result.newest_updated_on == UTC_TODAY - timedelta(hours=2)
    assert result.effort.requests == 2
    assert min(result.effort.staging_seconds, result.effort.sending_seconds) > 0
    found = workshop.observed("entered")
    assert next(iter(found)) == "result"
    assert found["result"].startswith("50 % healthy: 2 of 4 rows are in CleverTap; 2 were rejected, most by")
    assert (found["status"], found["requests"], line["requests"]) == ("Success", 2, 2)
    workshop.run("entered", limit=1)
    assert [each.is_limited for each in results("entered")] == [True, False]


def test_a_run_that_failed_says_why(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.write("refused")
    workshop.people(PEOPLE[:3])
    monkeypatch.setenv(f"{workshop.name.upper()}_PASSCODE", "another-passcode")
    (line,) = workshop.run("refused")
    (result,) = results("refused")
    assert (result.status, result.problem) == ("Failed", line["problem"])
    assert result.report == Report(read=3)
    metadata = workshop.instance.fetch_observations(asset_key("refused"), limit=1).records[0]
    observed = metadata.asset_observation.metadata if metadata.asset_observation else {}
    assert observed["result"].value == f"Failed: {line['problem']}"
    assert observed["total_records"].value == 3
    # Dagster's page of the asset would show it as the number of its rows.
    assert "dagster/row_count" not in observed


def test_a_run_whose_step_dagster_repeats_has_the_result_of_its_last_try(workshop: Workshop) -> None:
    workshop.write("repeated", updated_on=None, start=None)
    workshop.people(PEOPLE[:3])
    workshop.clevertap.faults([{"kind": "status", "status": 401, "times": 1}])
    policy = dg.RetryPolicy(max_retries=1)
    job = dg.define_asset_job("job", selection=[asset_key("repeated")], op_retry_policy=policy)
    definitions = dg.Definitions.merge(workshop.definitions(), dg.Definitions(jobs=[job]))
    run = definitions.resolve_job_def("job").execute_in_process(instance=workshop.instance)
    (result,) = results("repeated")
    assert (run.success, result.status, result.report.accepted) == (True, "Success", 3)
    (line,) = import_stats(workshop.instance, "repeated", [run.run_id])
    assert (line["status"], line["successful_syncs"], line["problem"]) == ("Success", 3, None)


def test_a_run_whose_query_failed_has_no_counts(workshop: Workshop) -> None:
    workshop.write("gone", source={"kind": "table", "table": "NO_SUCH_TABLE"})
    (line,) = workshop.run("gone")
    (found,) = workshop.instance.fetch_observations(asset_key("gone"), limit=1).records
    observed = found.asset_observation.metadata if found.asset_observation else {}
    assert observed["result"].value == f"Failed: {line['problem']}"
    assert "total_records" not in observed
    assert line["total_records"] == 0


def test_a_run_ends_as_it_would_if_its_result_cannot_be_entered(workshop: Workshop) -> None:
    workshop.write("unheard")
    workshop.people(PEOPLE[:3])
    with open_journal() as journal, journal.engine.begin() as connection:
        connection.execute(
            sa.text(
                "create trigger refused before insert on run_result when new.import_name = 'unheard'"
                " begin select raise(abort, 'the table is damaged'); end"
            )
        )
    (line,) = workshop.run("unheard")
    assert (line["status"], line["successful_syncs"]) == ("Success", 3)
    assert results("unheard") == []


def test_a_run_that_was_killed_is_entered_as_failed(instance: dg.DagsterInstance) -> None:
    nickname = "killed"
    run = create_run_for_test(instance, tags={NICKNAME_TAG: nickname}, status=dg.DagsterRunStatus.STARTED)
    now = datetime.now(UTC)
    with open_journal() as journal:
        enter_result(journal.engine, RunResult(nickname, run.run_id, now, None, "Running"))
    for seconds in (61, 92):
        clear_dead_runs(instance, [nickname], now + timedelta(seconds=seconds))
    (result,) = results(nickname)
    assert (result.status, result.problem) == ("Failed", "The run was killed.")


def opened(nickname: str) -> int:
    with open_journal() as journal:
        found = open_rejects_of(journal.engine, [nickname])
    return found[nickname].rows if found else 0


def test_a_rejected_row_stays_open_through_good_runs_until_it_is_accepted(workshop: Workshop) -> None:
    workshop.write("night", dry_run={"max_rejected_percent": 100})
    workshop.people([*PEOPLE[:1], ("b", "Zoë", TODAY - timedelta(days=2)), PEOPLE[3]])
    workshop.clevertap.faults([{"kind": "reject", "identities": ["b"], "code": 515, "error": "Not so"}])
    workshop.run("night")
    assert opened("night") == 2
    workshop.clevertap.end_faults()
    workshop.sql("delete from T where ID is null")
    # Reads today alone: both are in windows that are done.
    (good,) = workshop.run("night", start=UTC_TODAY)
    assert (good["status"], good["failed_syncs"]) == ("Success", 0)
    assert opened("night") == 2
    workshop.add_people([("b", "Zoë", TODAY)])
    workshop.run("night", start=UTC_TODAY)
    assert opened("night") == 1
    # The window is read again, and the row without an identity is gone.
    workshop.run("night", start=UTC_TODAY - timedelta(days=1), end=UTC_TODAY)
    assert opened("night") == 0
