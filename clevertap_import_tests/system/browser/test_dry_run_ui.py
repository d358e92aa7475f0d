"""The dry run as a person makes it in Dagster's UI: refused, blocked, corrected, green, delivered."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from clevertap_import_tests.system.browser.leads import (
    CHECKS,
    FRACTION,
    LEADS,
    LONG_NOTE,
    PEOPLE,
    PLACEHOLDER,
    SUCCESS,
    UNREADABLE,
    WRONG_EMAILS,
    WRONG_VALUES,
    Leads,
    open_leads,
)
from clevertap_import_tests.system.browser.test_ui import CHROMIUM
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here; to run it: apt-get install chromium"),
]

HEADER = ["result", "column", "property", "type", "code", "reason", "rows", "example_row"]
PLACEHOLDER_REASON = "identity is missing, blank, a placeholder such as 'null', or over 1,024 characters"
TABLES = {
    "identity": [["error", "LEAD_ID", "identity", "string", "523", PLACEHOLDER_REASON, "1"]],
    "mapping": [
        ["error", "EMAIL", "Email", "string", "515", "Email does not look like an address", "3"],
        ["error", "POINTS", "Points", "integer", "not_an_integer", "not a whole number", "2"],
        ["error", "JOINED", "Joined", "date", "not_a_date", "not a date in the given format", "1"],
    ],
    "limits": [["error", "NOTE", "Note", "string", "value_too_long", "over 512 bytes of text", "1"]],
}
SHOWN = {
    "identity": [PLACEHOLDER],
    "mapping": [FRACTION, UNREADABLE],
    "limits": [LONG_NOTE[:50]],
}
BLOCKED = "8 of 40 rows are not fit for CleverTap, and 'leads' admits 5 %. Nothing was sent."


@dataclass(frozen=True)
class Seen:
    """How a run ended, the pages that were looked at after it, and what CleverTap and Dagster had then."""

    status: str
    pages: dict[str, str]
    profiles: dict[str, Any]
    counters: dict[str, Any]
    materializations: int

    def statuses(self, check: str) -> dict[str, str]:
        """Each check with its status, from the list beside the page of `check`."""
        lines = self.pages[check].splitlines()
        return {name: status for name, status in pairwise(lines) if name in CHECKS and status.endswith("ed")}

    def table(self, check: str) -> list[list[str]]:
        """The lines of the table of problems."""
        lines = [line.split("\t") for line in self.pages[check].splitlines()]
        return [line for line in lines if len(line) == len(HEADER)]


def seen(leads: Leads, run: str, checks: Sequence[str], nickname: str = "leads") -> Seen:
    status = leads.status(run)
    pages = {check: leads.shown(nickname, check) for check in checks}
    return after(leads, status, pages)


def after(leads: Leads, status: str, pages: dict[str, str]) -> Seen:
    clevertap = leads.workshop.clevertap
    materializations = len(leads.workshop.materializations("leads"))
    return Seen(status, pages, clevertap.profiles(), clevertap.counters(), materializations)


@pytest.fixture(scope="module")
def leads(
    tmp_path_factory: pytest.TempPathFactory,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> Iterator[Leads]:
    fake_clevertap_process.reset()
    with open_leads(tmp_path_factory.mktemp("leads"), local_snowflake, fake_clevertap_process) as leads:
        yield leads


@pytest.fixture(scope="module")
def refused(leads: Leads) -> Seen:
    """All checks executed on the planted rows."""
    return seen(leads, leads.press_execute_all("leads"), list(TABLES))


@pytest.fixture(scope="module")
def blocked(leads: Leads, refused: Seen) -> Seen:
    """The import run on the planted rows."""
    run = leads.materialize("leads")
    status = leads.status(run)
    return after(leads, status, {"run": leads.log_shown(run, BLOCKED)})


@pytest.fixture(scope="module")
def refused_with_values(leads: Leads, blocked: Seen) -> Seen:
    """All checks of the same import with `show_values: true`."""
    return seen(leads, leads.press_execute_all("leads_shown"), list(TABLES), "leads_shown")


@pytest.fixture(scope="module")
def passed(leads: Leads, refused_with_values: Seen) -> Seen:
    """All checks executed on the corrected rows."""
    leads.correct_rows()
    return seen(leads, leads.press_execute_all("leads"), ["impact"])


@pytest.fixture(scope="module")
def delivered(leads: Leads, passed: Seen) -> Seen:
    """The import run on the corrected rows."""
    return seen(leads, leads.materialize("leads"), ["clevertap"])


def test_the_checks_that_found_something_fail(refused: Seen) -> None:
    expected = {check: "Failed" if check in TABLES else "Succeeded" for check in CHECKS}
    assert {check: refused.statuses(check) for check in TABLES} == dict.fromkeys(TABLES, expected)
    assert refused.status == "FAILURE"


@pytest.mark.parametrize("check", TABLES)
def test_a_failed_check_shows_its_table_of_problems(refused: Seen, check: str) -> None:
    header, *problems = refused.table(check)
    assert header == HEADER
    assert [problem[:-1] for problem in problems] == TABLES[check]
    assert all(1 <= int(problem[-1]) <= LEADS for problem in problems)


def test_checks_alone_store_and_materialize_nothing(refused: Seen) -> None:
    assert_only_tried(refused)


def assert_only_tried(seen: Seen) -> None:
    """CleverTap got dry runs, and no other request that could change it."""
    assert seen.profiles == {}
    assert seen.counters["records_accepted"] == 0
    assert seen.counters["uploads"] == seen.counters["dry_runs"] > 0
    assert seen.materializations == 0


def test_no_wrong_value_is_on_a_page(refused: Seen, blocked: Seen) -> None:
    pages = {**refused.pages, **blocked.pages}
    shown = [(name, value) for name, page in pages.items() for value in WRONG_VALUES if value in page]
    assert shown == []


@pytest.mark.parametrize("check", TABLES)
def test_show_values_puts_an_example_into_each_reason(refused_with_values: Seen, check: str) -> None:
    page = refused_with_values.pages[check]
    assert [value for value in SHOWN[check] if value not in page] == []
    if check == "mapping":
        assert any(email in page for email in WRONG_EMAILS)
    assert [problem[:5] for problem in refused_with_values.table(check)[1:]] == [
        problem[:5] for problem in TABLES[check]
    ]


def test_a_run_on_wrong_rows_is_blocked_and_says_why(blocked: Seen) -> None:
    assert blocked.status == "FAILURE"
    assert BLOCKED in blocked.pages["run"]
    assert_only_tried(blocked)


def test_on_corrected_rows_every_check_is_green(passed: Seen) -> None:
    assert passed.status == SUCCESS
    assert passed.statuses("impact") == dict.fromkeys(CHECKS, "Succeeded")
    page = passed.pages["impact"]
    assert "Of 40 rows 40 are new, 0 changed and 0 unchanged" in page
    assert "Of 30 profiles looked up in CleverTap 0 would be updated and 30 created." in page
    assert_only_tried(passed)


def test_the_corrected_rows_are_delivered(delivered: Seen) -> None:
    assert delivered.status == SUCCESS
    assert delivered.statuses("clevertap") == dict.fromkeys(CHECKS, "Succeeded")
    assert sorted(delivered.profiles) == sorted(PEOPLE)
    assert delivered.profiles["lead-8"]["properties"] == {
        "Email": "lead-8@example.com",
        "Points": 7,
        "Note": "seen at the fair",
        "Joined": "$D_1706054400",
    }
    assert delivered.counters["records_accepted"] == LEADS
    assert delivered.materializations == 1
