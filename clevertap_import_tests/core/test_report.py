"""The counts of a run: they add up, and 100 percent means that no row failed."""

from dataclasses import asdict, replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clevertap_import.report import CountsDisagree, Report, health_state, is_over

counts = st.integers(0, 10**12)
reports = st.builds(Report, counts, counts, counts, counts, counts, counts, counts)


def adding_up(report: Report) -> Report:
    return replace(report, read=sum(asdict(report).values()) - report.read)


@given(reports)
def test_a_report_whose_outcomes_add_up_to_the_rows_read_stands(report: Report) -> None:
    right = adding_up(report)
    assert right.checked() is right


@given(reports, st.integers(-5, 5))
def test_a_row_without_an_outcome_or_with_two_fails_the_run(report: Report, off: int) -> None:
    assume(off)
    right = adding_up(report)
    with pytest.raises(CountsDisagree):
        replace(right, read=right.read + off).checked()


def test_a_negative_count_fails_the_run_though_the_sum_is_right() -> None:
    with pytest.raises(CountsDisagree):
        Report(read=1, accepted=2, rejected=-1).checked()


def test_the_message_names_both_counts() -> None:
    with pytest.raises(CountsDisagree, match=r"^1,200 rows were read, but 1,000 are accounted for: "):
        Report(read=1200, accepted=1000).checked()


@given(reports)
def test_health_is_100_exactly_if_rows_counted_and_none_failed(report: Report) -> None:
    assert (report.health_percent == 100) == (report.failed == 0 and report.successful > 0)
    assert (report.health_percent is None) == (report.failed + report.successful == 0)


@given(reports)
def test_health_is_a_share_rounded_down_to_hundredths(report: Report) -> None:
    assume(report.successful + report.failed)
    health = report.health_percent
    assert health is not None
    assert round(health * 100) == 10_000 * report.successful // (report.successful + report.failed)


def test_one_failed_row_in_a_billion_is_yellow() -> None:
    health = Report(accepted=999_999_999, rejected=1).health_percent
    assert (health, health_state(health)) == (99.99, "yellow")


def test_unchanged_rows_are_successful_and_superseded_ones_do_not_count() -> None:
    report = Report(read=9, accepted=1, unchanged=2, invalid=1, rejected=0, uncertain=0, superseded=5)
    assert (report.successful, report.failed, report.health_percent) == (3, 1, 75.0)


@pytest.mark.parametrize(
    ("health_percent", "word"),
    [(100.0, "green"), (99.99, "yellow"), (50.0, "yellow"), (49.99, "red"), (0.0, "red"), (None, "no_data")],
)
def test_the_bounds_are_those_of_the_import_center(health_percent: float | None, word: str) -> None:
    assert health_state(health_percent) == word


def test_a_run_that_did_not_finish_or_did_not_happen_has_no_colour() -> None:
    assert health_state(100.0, finished=False) == "failed"
    assert health_state(None, has_run=False) == "none"


@given(st.integers(1, 10**6), st.integers(0, 10_000))
def test_a_share_of_just_the_percentage_is_not_over_it(whole: int, hundredths: int) -> None:
    """However the percentage is written: 0.57 in YAML is a float that is a little less."""
    whole *= 10_000
    part, percent = whole * hundredths // 10_000, hundredths / 100
    assert not is_over(part, whole, percent)
    assert is_over(part + 1, whole, percent)


def test_nothing_of_nothing_is_not_over() -> None:
    assert not is_over(0, 0, 0)
