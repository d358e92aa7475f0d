"""The page of all imports in Markdown."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from clevertap_import.alerted import Mute
from clevertap_import.monitoring.center_page import (
    HEAD,
    MOST_INLINE,
    MOST_LISTED,
    Names,
    attention,
    listing,
    summary,
)
from clevertap_import.monitoring.facts import DraftFacts
from clevertap_import.monitoring.picture import ImportState, numbers, picture
from clevertap_import_tests.monitoring.test_picture import NOW, THREE_REJECTS, facts, result

CELL = re.compile(r"(?<!\\)\|")


def names(states: list[ImportState]) -> Names:
    return Names({each.nickname: each.nickname for each in states}, {"bad": "team:growth"})


def some() -> list[ImportState]:
    moving = (result(0.1, "Running"), result(0.4, accepted=7))
    return picture(
        [
            facts(result(accepted=1), nickname="good", schedule={"kind": "manual"}),
            facts(
                result(0.5, "Failed", problem="No | column\n[x](y) <b>"),
                result(2, accepted=60, rejected=40),
                nickname="bad",
                schedule={"kind": "manual"},
            ),
            facts(*moving, nickname="moving", open_rejects=THREE_REJECTS),
            DraftFacts("torn", ["/srv/imports/crm/torn/defs.yaml:3: window: 'fortnight' is no window."]),
        ],
        NOW,
    )


def test_the_summary_is_one_sentence_of_the_numbers() -> None:
    states = some()
    assert summary(states) == (
        "4 imports: 2 are not well, none is late, 3 rejected rows are open, 1 is running."
    )
    assert numbers(states) == {
        "imports": 4,
        "unhealthy": 2,
        "late": 0,
        "open_rejects": 3,
        "new_24h": 68,
        "failed_24h": 40,
        "running": 1,
    }
    assert summary([]) == "There is no import."
    well = picture([facts(result(accepted=1))], NOW)
    assert summary(well) == "1 import: all are well, none is late, no rejected row is open."


def test_what_needs_attention_comes_with_links_since_when_why_and_what_to_do() -> None:
    states = some()
    found = attention(states, names(states)).splitlines()
    assert [re.findall(r"\]\((\w+)\)", line)[0] for line in found] == ["bad", "torn", "moving"]
    assert found[0] == (
        "- **[bad](bad)** error since 27\u00a0Nov\u00a008:00: The last run failed: No \\| column"
        " \\[x\\](y) \\<b\\> [Run](../../runs/run-0.5). *Correct the cause, then: clevertap-import run bad*"
    )
    assert found[1].startswith(
        "- **[torn](torn)** error: torn/defs.yaml:3: window: 'fortnight' is no window."
    )
    assert attention(picture([facts(result(accepted=1))], NOW), Names({}, {})) == "Nothing needs attention."


@pytest.mark.parametrize("count", [3, 8, 300])
def test_what_needs_attention_is_shown_inline_however_many_there_are(count: int) -> None:
    problem = "Snowflake could not run the query: " + "_*" * 200
    states = picture(
        [facts(result(0.5, "Failed", problem=problem), nickname=f"n{at}") for at in range(count)], NOW
    )
    found = attention(states, names(states))
    assert len(found) < MOST_INLINE
    shown = found.count("](n")
    assert shown >= 2
    assert shown == count or f"- and {count - shown} more: see the listing." in found


def test_the_listing_has_a_row_of_all_columns_for_each_import() -> None:
    states = some()
    lines = listing(states, names(states)).splitlines()
    rows = [CELL.split(line)[1:-1] for line in lines if line.startswith("|")]
    assert {len(row) for row in rows} == {len(HEAD)}
    assert [row[0].strip() for row in rows[2:]] == [f"[{each.nickname}]({each.nickname})" for each in states]
    by_name = {row[0].split("]")[0].strip(" ["): [cell.strip() for cell in row] for row in rows[2:]}
    assert by_name["moving"][1] == "[Running](../../runs/run-0.1)"
    assert by_name["bad"][3] == "failed, 60"
    assert by_name["bad"][-1] == "team:growth"
    assert by_name["good"][2:4] == ["", "100"]


def test_the_listing_has_a_bound() -> None:
    problem = "Snowflake could not run the query: " + "_*" * 200
    runs = [result(at + 0.5, "Failed", problem=problem) for at in range(7)]
    states = picture([facts(*runs, nickname=f"n{at}") for at in range(MOST_LISTED + 3)], NOW)
    found = listing(states, names(states))
    assert found.count("](n") == MOST_LISTED
    assert "And 3 more imports: clevertap-import list" in found
    assert len(found) < 400_000


def test_a_late_import_says_when_the_next_run_comes() -> None:
    states = picture([facts(result(5, accepted=1))], NOW)
    assert f"| late; {NOW + timedelta(minutes=30):%d\u00a0%b\u00a0%H:%M} |" in listing(states, Names({}, {}))


def test_the_listing_says_which_imports_are_mute_and_each_health_of_a_row_of_runs_once() -> None:
    runs = [result(at + 0.5, accepted=1) for at in range(3)] + [result(9, accepted=1, rejected=1)]
    mute = Mute("import_under_test", NOW + timedelta(hours=4), "The source moves.")
    (state,) = picture([replace(facts(*runs, schedule={"kind": "manual"}), mute=mute)], NOW)
    row = CELL.split(listing([state], Names({}, {})).splitlines()[2])[1:-1]
    assert [row[1].strip(), row[3].strip()] == [
        f"Scheduled, mute until {NOW + timedelta(hours=4):%d\u00a0%b\u00a0%H:%M}",
        "100\u00a0(3\u00a0runs), 50",
    ]
