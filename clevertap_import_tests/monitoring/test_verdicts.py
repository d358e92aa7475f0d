"""What the checks of Dagster's UI say: they agree with the picture of which they are made."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.monitoring.picture import ImportState, picture
from clevertap_import.monitoring.verdicts import (
    IN_TIME,
    NEVER_DUE,
    all_healthy,
    delivered,
    late_concern,
    none_late,
    nothing_open,
    on_time,
)
from clevertap_import.run_result import RunResult
from clevertap_import_tests.monitoring.test_picture import (
    HISTORIES,
    HOURLY,
    NOW,
    THREE_REJECTS,
    facts,
    result,
)

STATES = st.lists(HISTORIES, max_size=4).map(
    lambda histories: picture([facts(*each, nickname=f"n{at}") for at, each in enumerate(histories)], NOW)
)


@given(states=STATES)
def test_the_checks_agree_with_the_picture(states: Sequence[ImportState]) -> None:
    assert (all_healthy(states).failing == "error") == any(not each.is_ok for each in states)
    assert none_late(states).passed == (not any(each.timing.is_late for each in states))
    for each in states:
        assert on_time(each.timing, late_concern(each.concerns)).passed == (not each.timing.is_late)
        assert (each.judged is None) == (each.health_state == "none")
        if each.judged:
            found = delivered(each.nickname, each.judged)
            assert found.passed == (each.health_state in ("green", "no_data"))
            assert (found.failing == "error") == (each.health_state in ("red", "failed"))


@pytest.mark.parametrize(
    ("run", "failing", "words"),
    [
        (result(accepted=3), None, "100 % healthy: all 3 rows are in CleverTap."),
        (result(), None, "No data: no row qualified."),
        (
            result(accepted=9, invalid=1, top_code="523", top_reason="identity is missing"),
            "warning",
            "90 % healthy: 9 of 10 rows are in CleverTap; 1 was rejected, most by code 523"
            " (identity is missing). Filter such rows out",
        ),
        (
            result(accepted=1, rejected=9, top_code="9999", top_reason="strange"),
            "error",
            "most by code 9999 (strange). Look at the rows: clevertap-import rejects customers",
        ),
        (
            result(status="Failed", accepted=5, problem="Snowflake refused to log in."),
            "error",
            "Failed: Snowflake refused to log in. Before that CleverTap took 5 rows. Correct the cause, then:"
            " clevertap-import run customers",
        ),
    ],
)
def test_delivered_says_what_is_in_clevertap_and_what_to_do(
    run: RunResult, failing: str | None, words: str
) -> None:
    found = delivered("customers", run)
    assert found.failing == failing
    assert words in found.text


def test_on_time_says_why_a_run_is_missed_or_that_none_is_due() -> None:
    (late,) = picture([facts(result(5, accepted=1), schedule=HOURLY)], NOW)
    found = on_time(late.timing, late_concern(late.concerns))
    assert found.failing == "error"
    assert found.text.startswith("No run has ended well that was due at 2026-11-27 04:00 UTC.")
    (well,) = picture([facts(result(accepted=1), schedule=HOURLY)], NOW)
    assert on_time(well.timing, None).text == IN_TIME
    (paused,) = picture([facts(result(50, accepted=1), schedule=HOURLY, waiting="Paused")], NOW)
    assert on_time(paused.timing, None).text == NEVER_DUE


def test_the_checks_of_all_name_the_imports_that_they_are_about() -> None:
    states = picture(
        [
            facts(result(accepted=1), nickname="good"),
            facts(result(status="Failed"), nickname="bad", schedule={"kind": "manual"}),
            facts(result(5, accepted=1), nickname="late"),
            facts(result(accepted=9, invalid=1), nickname="open", open_rejects=THREE_REJECTS),
        ],
        NOW,
    )
    assert all_healthy(states).text == "2 imports are not well: bad, late."
    assert none_late(states).text == "1 import is late: late."
    assert nothing_open(states).failing == "warning"
    assert nothing_open(states).text.startswith("open: 3 rejected rows are open, most by code 515")


def test_a_lesser_concern_is_a_warning_and_many_imports_are_counted() -> None:
    states = picture([facts(result(accepted=9, invalid=1), nickname=f"n{at}") for at in range(12)], NOW)
    found = all_healthy(states)
    assert found.failing == "warning"
    assert found.text.startswith("12 imports are worth a look: n0, n1, ")
    assert found.text.endswith(" and 2 more.")
    assert nothing_open(states).passed
