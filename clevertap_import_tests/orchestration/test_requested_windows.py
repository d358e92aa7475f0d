"""Windows that a run cannot have: it fails with a reason, before Snowflake is asked."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.orchestration.names import job_name
from clevertap_import.orchestration.partitions import (
    FIRST_TAG,
    KEY_FORMATS,
    LAST_TAG,
    PARTITION_TAG,
    KeyRange,
    range_tags,
)
from clevertap_import.orchestration.requested_windows import CLOCKS_DIFFER, WindowsRefused, requested_window
from clevertap_import.orchestration.run_history import failure
from clevertap_import.orchestration.runs import QUIET
from clevertap_import.window import GRIDS, Window
from clevertap_import_tests.testing.builders import profiles_import
from clevertap_import_tests.testing.dagster_internals import InMemoryJob, execute_run_iterator
from clevertap_import_tests.testing.requested_runs import scheduled_import
from clevertap_import_tests.testing.workshop import Workshop, days_ago, days_of_today

TODAY, YESTERDAY, FIRST = (str(days_ago(days)) for days in (0, 1, 2))
NEXT_YEAR = f"{days_ago(0).year + 1}-06-01"
START = datetime(2026, 3, 2, tzinfo=UTC)
# What is wrong, the tags of the run, and what it must say; {today} is the day of the run.
WRONG: dict[str, tuple[dict[str, str], str]] = {
    "reversed": (
        {FIRST_TAG: TODAY, LAST_TAG: YESTERDAY},
        f"from {TODAY} to {YESTERDAY}: the range is reversed",
    ),
    "of a future year": ({PARTITION_TAG: NEXT_YEAR}, "has not begun. The last one is {today}."),
    "before the start": ({PARTITION_TAG: "2020-01-01"}, f"its first is {FIRST} (`start`)"),
    "none": ({}, "The run names no windows, and 'asked' has windows (day)."),
}
# The same of what Dagster does not take at all, or only for a run that waits while the import changes.
ALSO_WRONG: dict[str, tuple[dict[str, str], str]] = {
    "until a future year": (
        {FIRST_TAG: YESTERDAY, LAST_TAG: NEXT_YEAR},
        f"window {NEXT_YEAR} of 'asked', which has not begun",
    ),
    "of another grid": (
        {FIRST_TAG: f"{YESTERDAY}-10:00", LAST_TAG: f"{YESTERDAY}-11:00"},
        "of 'day' now, and this key is of 'hour'. `window` was changed",
    ),
    "no window": ({PARTITION_TAG: "yesterday"}, f"which does not exist: its keys look like {FIRST}"),
    "half a range": ({FIRST_TAG: YESTERDAY}, f"or both {FIRST_TAG} and {LAST_TAG}"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_run_for_windows_that_do_not_exist_fails_with_a_reason(workshop: Workshop, wrong: str) -> None:
    tags, words = WRONG[wrong]
    workshop.write("asked")
    workshop.people([("a", "Asha", datetime.now(UTC))])
    workshop.snowflake.reset_queries()
    job = workshop.definitions().resolve_job_def(job_name("asked"))
    result = job.execute_in_process(
        run_config=QUIET, instance=workshop.instance, tags=tags, raise_on_error=False
    )
    problem = failure(result.all_events)
    assert problem, "it succeeded"
    assert any(words.format(today=day) in problem for day in days_of_today())
    assert "Nothing was read, and nothing was sent." in problem
    assert workshop.snowflake.queries() == []
    assert workshop.clevertap.profiles() == {}
    assert workshop.materializations("asked") == []


@pytest.mark.parametrize("wrong", ALSO_WRONG)
def test_windows_that_do_not_exist_are_refused(wrong: str) -> None:
    tags, words = ALSO_WRONG[wrong]
    config = profiles_import(nickname="asked", updated_on={"column": "UPDATED_AT"}, start=FIRST, window="day")
    with pytest.raises(WindowsRefused) as refused:
        requested_window(config, tags, datetime.now(UTC), delivers=True)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("before", "after", "key"), [("day", "hour", TODAY), ("hour", "day", f"{TODAY}-00:00")]
)
def test_a_queued_run_whose_window_was_changed_says_so(
    workshop: Workshop, before: str, after: str, key: str
) -> None:
    workshop.write("waiting", window=before)
    queued = workshop.instance.create_run_for_job(
        workshop.definitions().resolve_job_def(job_name("waiting")),
        run_config=QUIET,
        tags={PARTITION_TAG: key},
    )
    workshop.write("waiting", window=after)
    changed = workshop.definitions().resolve_job_def(job_name("waiting"))
    events = execute_run_iterator(InMemoryJob(changed), queued, workshop.instance)
    problem = failure(event for event in events)
    assert problem
    assert f"its windows are of {after!r} now, and this key is of {before!r}" in problem


def test_dry_runs_take_windows_too_and_need_none() -> None:
    config = scheduled_import("manual")
    now = datetime.combine(days_ago(0), time(12), UTC)
    assert requested_window(config, {}, now, delivers=False) is None
    with pytest.raises(WindowsRefused, match="has not begun"):
        requested_window(config, {PARTITION_TAG: NEXT_YEAR}, now, delivers=False)


@given(
    st.sampled_from(sorted(GRIDS)),
    st.integers(0, 400),
    st.integers(0, 400),
    st.integers(0, 10 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes)),
)
def test_the_windows_that_a_run_may_ask_for_are_those_that_have_begun(
    window: str, first: int, length: int, now: datetime
) -> None:
    config = profiles_import(updated_on={"column": "UPDATED_AT"}, start="2026-03-02", window=window)
    size = GRIDS[window]
    lower, last = START + first * size, START + (first + length) * size
    tags = range_tags(KeyRange(*(each.strftime(KEY_FORMATS[window]) for each in (lower, last))))
    if last <= now:
        expected = Window(lower if first else None, last + size)
        assert requested_window(config, tags, now, delivers=True) == expected
    elif last > now + CLOCKS_DIFFER:
        with pytest.raises(WindowsRefused):
            requested_window(config, tags, now, delivers=True)


def test_an_import_whose_start_is_near_may_run_its_first_window() -> None:
    config = profiles_import(updated_on={"column": "UPDATED_AT"}, start="2026-03-02", window="day")
    tags = {PARTITION_TAG: "2026-03-02"}
    expected = Window(None, START + timedelta(days=1))
    assert requested_window(config, tags, START - timedelta(hours=23), delivers=True) == expected
    with pytest.raises(WindowsRefused, match="has not begun"):
        requested_window(config, tags, START - timedelta(hours=25), delivers=True)
