"""The state of imports, computed from facts: laws first, then what each concern says."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.alerted import SEVERITIES
from clevertap_import.monitoring.facts import DraftFacts, ImportFacts, Waiting
from clevertap_import.monitoring.picture import ImportState, picture, state
from clevertap_import.report import Report
from clevertap_import.run_result import OpenRejects, RunProgress, RunResult, RunStatus
from clevertap_import_tests.testing.builders import profiles_import

NOW = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
HOURLY = {"kind": "every", "every": "1 hour"}
THREE_REJECTS = OpenRejects(3, NOW - timedelta(hours=6), (("515", "Email is not valid", 3),))


def result(hours_ago: float = 0.4, status: RunStatus = "Success", **changed: Any) -> RunResult:  # noqa: ANN401
    """A run that took three minutes; `accepted` and the like make its report."""
    names = ("accepted", "unchanged", "invalid", "rejected", "uncertain")
    counts = {name: changed.pop(name) for name in names if name in changed}
    began = NOW - timedelta(hours=hours_ago)
    ended = began + timedelta(minutes=3) if status not in ("Running", "Queued") else None
    report = Report(read=sum(counts.values()), **counts)
    return RunResult("customers", f"run-{hours_ago}", began, ended, status, report, **changed)


def facts(*results: RunResult, waiting: Waiting = "Scheduled", **changed: Any) -> ImportFacts:  # noqa: ANN401
    names = ("open_rejects", "scheduled_since", "switched_on", "unanswered_events")
    own = {name: changed.pop(name) for name in names if name in changed}
    config = profiles_import(**{"schedule": HOURLY, "start": "2026-01-01", **changed})
    return ImportFacts(config, waiting, results, **{"scheduled_since": NOW - timedelta(days=90), **own})


def kinds(found: ImportState) -> list[str]:
    return [each.kind for each in found.concerns]


COUNTS = st.integers(0, 500)
RESULTS = st.builds(
    lambda hours, status, accepted, unchanged, invalid: result(
        hours, status, accepted=accepted, unchanged=unchanged, invalid=invalid
    ),
    st.floats(0, 100),
    st.sampled_from(["Success", "Failed", "Canceled", "Running", "Queued"]),
    COUNTS,
    COUNTS,
    COUNTS,
)
HISTORIES = st.lists(RESULTS, max_size=12).map(
    lambda found: sorted(found, key=lambda each: each.began_at, reverse=True)
)


@given(results=HISTORIES, waiting=st.sampled_from(["Scheduled", "Ready", "Paused", "Stopped"]))
def test_a_state_agrees_with_itself(results: Sequence[RunResult], waiting: Waiting) -> None:
    found = state(facts(*results, waiting=waiting), NOW)
    judged = [each for each in results if each.status in ("Success", "Failed")]
    severities = [SEVERITIES.index(each.severity) for each in found.concerns]
    assert severities == sorted(severities)
    assert found.is_ok == all(each.severity == "warning" for each in found.concerns)
    assert (found.why is None) == (not found.concerns)
    assert found.health_state == (judged[0].health_state if judged else "none")
    assert ("failed" in kinds(found)) == bool(judged and judged[0].status == "Failed") == bool(found.streak)
    assert all(each.status == "Failed" for each in judged[: found.streak])
    assert found.bad_since is None or found.bad_since <= NOW
    assert ("late" in kinds(found)) == found.timing.is_late


@given(results=HISTORIES)
def test_health_of_24_hours_is_of_new_rows_alone(results: Sequence[RunResult]) -> None:
    without = [
        replace(each, report=replace(each.report, unchanged=0, read=each.report.read - each.report.unchanged))
        for each in results
    ]
    found, same = state(facts(*results), NOW), state(facts(*without), NOW)
    assert (found.health_24h, found.new_24h, found.failed_24h) == (
        same.health_24h,
        same.new_24h,
        same.failed_24h,
    )
    recent = [
        each.report
        for each in results
        if each.status == "Running" or (each.ended_at or each.began_at) > NOW - timedelta(hours=24)
    ]
    assert found.new_24h == sum(report.accepted for report in recent)
    assert found.failed_24h == sum(report.failed for report in recent)


@given(results=HISTORIES, waiting=st.sampled_from(["Paused", "Stopped"]), within=st.booleans())
def test_what_is_paused_is_never_late(results: Sequence[RunResult], waiting: Waiting, within: bool) -> None:
    expect = {"expect": {"within": "15 minutes"}} if within else {}
    assert not state(facts(*results, waiting=waiting, **expect), NOW).timing.is_late


@given(hours=st.floats(0, 200))
def test_an_hourly_import_is_late_half_an_hour_after_the_moment_that_no_run_followed(hours: float) -> None:
    """The moments are at full hours, and it is 08:30."""
    began = NOW - timedelta(hours=hours)
    next_moment = began.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    due = next_moment if began != next_moment - timedelta(hours=1) else began + timedelta(hours=1)
    found = state(facts(result(hours, accepted=5)), NOW).timing
    assert found.is_late == (due + timedelta(minutes=30) < NOW)
    assert found.missed == (due if found.is_late else None)
    assert found.due == due + timedelta(minutes=30)
    assert found.next_run == NOW + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("age", "is_late"), [(timedelta(hours=1, minutes=59), False), (timedelta(hours=2, minutes=1), True)]
)
def test_an_age_that_the_yaml_gives_counts_from_the_end_of_the_last_success(
    age: timedelta, is_late: bool
) -> None:
    ended = result(0, accepted=1)
    run = replace(ended, began_at=NOW - age - timedelta(hours=5), ended_at=NOW - age)
    found = state(facts(run, schedule={"kind": "manual"}, waiting="Ready", expect={"within": "2 hours"}), NOW)
    assert found.timing.is_late == is_late
    assert found.timing.due == NOW - age + timedelta(hours=2)


DAY_BEGAN = NOW.replace(hour=0, minute=0)


def days(result: RunResult, first: int, end: int, trigger: str | None = None) -> RunResult:
    """The same run of the daily windows from `first` to before `end` days ago."""
    start, until = (DAY_BEGAN - timedelta(days=number) for number in (first, end))
    return replace(result, window_start=start, window_end=until, trigger=trigger)


BY_SCHEDULE = days(result(3, accepted=9), 0, -1, "every")


@pytest.mark.parametrize(
    ("newest", "is_late"),
    [
        (days(result(0.4, accepted=5), 0, -1), False),
        (days(result(0.4, accepted=5), 30, 29), True),
        (days(result(0.4, accepted=5), 1, 0), True),
        (result(0.4, accepted=5), False),
        (replace(result(0.4, accepted=5), window_end=DAY_BEGAN + timedelta(days=1)), False),
    ],
    ids=["today", "an old day", "yesterday", "everything", "all until today"],
)
@pytest.mark.parametrize("age", [{}, {"expect": {"within": "2 hours"}}], ids=["schedule", "age"])
def test_a_run_of_old_windows_is_not_the_one_that_was_due(
    newest: RunResult, is_late: bool, age: dict[str, Any]
) -> None:
    assert state(facts(newest, BY_SCHEDULE, **age), NOW).timing.is_late == is_late


def test_a_run_of_the_last_window_is_late_if_it_left_windows_before_it_out() -> None:
    earlier = days(result(3 * 24, accepted=9), 3, 2, "every")
    only_today = days(result(0.4, accepted=5), 0, -1)
    assert state(facts(only_today, earlier), NOW).timing.is_late
    assert not state(facts(replace(only_today, trigger="every"), earlier), NOW).timing.is_late
    whole = days(only_today, 2, -1)
    assert not state(facts(whole, earlier), NOW).timing.is_late


def test_a_retry_of_old_windows_ends_no_streak_of_failures() -> None:
    bad = [
        days(result(1.4 + at, "Failed", problem="401: wrong passcode."), 0, -1, "every") for at in range(3)
    ]
    retry = days(result(0.4, accepted=5), 30, 29)
    found = state(facts(retry, *bad, BY_SCHEDULE), NOW)
    assert (found.streak, found.severity) == (3, "critical")
    assert found.why == (
        "The last 3 runs failed (later runs of older windows do not count): 401: wrong passcode."
    )
    unknown = [replace(each, window_start=None, window_end=None) for each in bad]
    assert state(facts(retry, *unknown, BY_SCHEDULE), NOW).streak == 3
    assert state(facts(days(retry, 0, -1), *bad), NOW).streak == 0


def test_an_import_whose_days_a_program_asks_for_when_they_have_ended_is_never_behind() -> None:
    """Each night it runs `--window` of the day before."""
    nights = [days(result(4 + 24 * at, accepted=9), at + 1, at) for at in range(4)]
    manual: dict[str, Any] = {"schedule": {"kind": "manual"}, "waiting": "Ready"}
    assert not state(facts(*nights, **manual, expect={"within": "5 hours"}), NOW).timing.is_late
    failed = replace(nights[0], status="Failed", began_at=nights[0].began_at - timedelta(hours=1))
    assert state(facts(nights[0], failed, *nights[1:], **manual), NOW).streak == 0


def test_what_never_ran_is_late_after_its_schedule_was_switched_on() -> None:
    since = NOW - timedelta(hours=2)
    assert state(facts(scheduled_since=since), NOW).timing.missed == since.replace(minute=0) + timedelta(
        hours=1
    )
    assert not state(facts(scheduled_since=NOW - timedelta(minutes=20)), NOW).timing.is_late


def test_the_age_that_the_yaml_gives_begins_again_after_a_pause() -> None:
    friday, within = result(60, accepted=5), {"within": "2 hours"}
    for minutes, is_late in ((119, False), (121, True)):
        resumed = NOW - timedelta(minutes=minutes)
        assert state(facts(friday, switched_on=resumed, expect=within), NOW).timing.is_late == is_late
    forever = {"within": "999999 weeks"}
    assert state(facts(friday, expect=forever), NOW).timing.due is None


def test_a_retry_of_old_windows_is_no_run_with_too_few_rows() -> None:
    retry = days(result(0.4, accepted=3), 30, 29)
    night = days(result(0.9, accepted=5000), 0, -1, "every")
    assert kinds(state(facts(retry, night, expect={"rows": {"min": 1000}}), NOW)) == []
    assert kinds(state(facts(retry, night, expect={"rows": {"min": 6000}}), NOW)) == ["volume"]


def test_a_run_from_before_a_clock_was_set_back_hides_no_later_run() -> None:
    ahead, failures = result(-500, accepted=5), [result(hours, "Failed") for hours in (1, 2, 3)]
    found = state(facts(ahead, *failures), NOW)
    assert (found.health_state, found.streak, kinds(found)) == ("failed", 3, ["failed", "late"])


def test_rejected_rows_stay_visible_after_thirty_good_runs() -> None:
    good = [result(0.4 + number, accepted=10) for number in range(30)]
    found = state(facts(*good, open_rejects=THREE_REJECTS), NOW)
    assert kinds(found) == ["open_rejects"]
    assert found.why == "3 rejected rows are open, most by code 515 (Email is not valid)."
    assert found.bad_since == THREE_REJECTS.since
    assert found.is_ok
    assert state(facts(*good), NOW).concerns == ()


def test_a_run_of_a_few_rows_makes_no_import_well_and_none_late_in_time() -> None:
    few, bad = result(0.2, accepted=10, is_limited=True), result(3, "Failed", problem="401: wrong passcode.")
    found = state(facts(few, bad), NOW)
    assert (found.health_state, found.streak, found.timing.is_late) == ("failed", 1, True)
    assert found.new_24h == 10


@pytest.mark.parametrize(("hour", "is_late"), [(1, True), (3, False), (10, False)])
def test_an_import_that_is_to_run_once_is_late_if_nothing_starts_it(hour: int, is_late: bool) -> None:
    once = {"kind": "once", "at": f"2026-11-27T{hour:02}:00:00"}
    assert state(facts(schedule=once), NOW).timing.is_late == is_late
    assert not state(facts(schedule=once, waiting="Ready"), NOW).timing.is_late


CODES = st.tuples(st.sampled_from(["515", "523"]), st.sampled_from(["a", "b"]), st.integers(1, 9))


@given(codes=st.lists(CODES))
def test_open_rejects_have_each_reason_once_the_most_frequent_first(
    codes: list[tuple[str, str, int]],
) -> None:
    found = OpenRejects.of(codes, NOW)
    pairs = {(code, reason) for code, reason, _ in codes}
    counts = {pair: sum(rows for *each, rows in codes if tuple(each) == pair) for pair in pairs}
    assert {(code, reason): rows for code, reason, rows in found.codes} == counts
    assert len(found.codes) == len(counts)
    assert [rows for *_, rows in found.codes] == sorted(counts.values(), reverse=True)
    assert found.rows == sum(counts.values())


@pytest.mark.parametrize(("failures", "severity"), [(1, "error"), (2, "error"), (3, "critical")])
def test_failures_in_a_row_become_critical(failures: int, severity: str) -> None:
    bad = [result(0.4 + number, "Failed", problem="401: wrong passcode.") for number in range(failures)]
    found = state(facts(*bad, result(20, accepted=1), schedule={"kind": "manual"}, waiting="Ready"), NOW)
    assert (found.streak, found.severity) == (failures, severity)
    assert found.bad_since == bad[-1].began_at
    assert "401: wrong passcode." in (found.why or "")


@pytest.mark.parametrize(
    ("accepted", "kind", "severity"),
    [
        (100, [], None),
        (99, ["degraded"], "warning"),
        (50, ["degraded"], "warning"),
        (49, ["degraded"], "error"),
    ],
)
def test_health_below_what_is_expected(accepted: int, kind: list[str], severity: str | None) -> None:
    run = result(accepted=accepted, invalid=100 - accepted, top_code="515", top_reason="Email is not valid")
    found = state(facts(run), NOW)
    assert (kinds(found), found.severity) == (kind, severity)
    assert state(facts(run, expect={"health": 40}), NOW).concerns == ()


def test_a_run_that_does_not_move_is_stuck() -> None:
    moved = RunProgress("send", 10, 100, at=NOW - timedelta(minutes=1))
    slow = result(0.4, "Running", progress=moved)
    assert kinds(state(facts(slow, result(1, accepted=1)), NOW)) == []
    still = replace(slow, progress=replace(moved, at=NOW - timedelta(minutes=16)))
    assert kinds(state(facts(still, result(1, accepted=1)), NOW)) == ["stuck"]


@pytest.mark.parametrize(("rows", "found"), [(49, ["volume"]), (51, []), (199, []), (201, ["volume"])])
def test_the_volume_is_compared_with_the_median_of_runs_alike(rows: int, found: list[str]) -> None:
    before = [result(1.4 + number, accepted=100) for number in range(7)]
    others = [replace(each, trigger="every", report=Report(9, 9)) for each in before]
    assert kinds(state(facts(result(accepted=rows), *others, *before), NOW)) == found


@pytest.mark.parametrize(("least", "found"), [(0, []), (1, ["no_data"])])
def test_no_data_is_a_problem_only_if_rows_are_expected(least: int, found: list[str]) -> None:
    assert kinds(state(facts(result(), expect={"rows": {"min": least}}), NOW)) == found


def test_the_worst_come_first_and_drafts_are_errors() -> None:
    good = facts(result(accepted=1), nickname="good")
    warned = facts(result(accepted=1), nickname="warned", unanswered_events=7)
    draft = DraftFacts("draft", ["defs.yaml:3: 'emial' is unknown."])
    critical = facts(*(result(0.3 + at, "Failed") for at in range(3)), nickname="critical")
    found = picture([good, warned, draft, critical], NOW)
    assert [each.nickname for each in found] == ["critical", "draft", "warned", "good"]
    assert found[1].status == "Draft"
    assert found[2].why == "7 events were sent and have no answer."
