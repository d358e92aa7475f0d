"""The sums of a day are those of its runs."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.monitoring.days import days_of
from clevertap_import.report import Report
from clevertap_import.run_result import RunResult

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
RESULTS = st.builds(
    lambda hours, status, accepted, invalid: RunResult(
        *("people", "r", FIRST + timedelta(hours=hours), FIRST + timedelta(hours=hours + 1), status),
        Report(read=accepted + invalid, accepted=accepted, invalid=invalid),
    ),
    st.integers(0, 100),
    st.sampled_from(["Success", "Failed"]),
    st.integers(0, 9),
    st.integers(0, 9),
)


@given(results=st.lists(RESULTS))
def test_the_sums_of_all_days_are_those_of_all_runs(results: Sequence[RunResult]) -> None:
    found = days_of(results)
    days = [each.day for each in found]
    assert days == sorted({each.began_at.date() for each in results}, reverse=True)
    assert sum(each.runs for each in found) == len(results)
    assert sum(each.failed_runs for each in found) == sum(each.status == "Failed" for each in results)
    assert sum(each.report.accepted for each in found) == sum(each.report.accepted for each in results)
    assert all(each.report.read == each.report.accounted for each in found)
    assert sum((each.took for each in found), timedelta()) == timedelta(hours=len(results))
