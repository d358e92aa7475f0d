"""The page of the report: small, self-contained, and every text of others is shown letter by letter."""

import re
from dataclasses import replace

import pytest

from clevertap_import.html_report import words
from clevertap_import.html_report.days import Columns, by_column, health_by_import, state_of
from clevertap_import.html_report.facts import ReportFacts, codes_frame, runs_frame
from clevertap_import.html_report.page import page
from clevertap_import_tests.testing.month_of_runs import HOSTILE, LONG_NAME, NOW, month_of_runs
from clevertap_import_tests.testing.read_page import Page

HARMLESS = {
    *("html", "head", "meta", "title", "style", "body", "header", "section", "h1", "h2", "h3", "p", "span"),
    *("b", "i", "a", "code", "dl", "dt", "dd", "div", "ul", "li", "details", "summary"),
    *("table", "thead", "tbody", "tfoot", "tr", "th", "td", "svg", "path", "text"),
}


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> ReportFacts:
    return month_of_runs(tmp_path_factory.mktemp("journal"), imports=30)


@pytest.fixture(scope="module")
def text(facts: ReportFacts) -> str:
    return page(facts)


@pytest.fixture(scope="module")
def found(text: str) -> Page:
    return Page(text)


def test_a_month_of_thirty_imports_is_a_small_page(text: str) -> None:
    assert len(text.encode()) < 500_000


def test_the_page_asks_nobody_and_runs_nothing(text: str, found: Page) -> None:
    assert {each.tag for each in found.elements} <= HARMLESS
    assert not re.search(r"https?:|url\(|@import", text)
    names = {name for each in found.elements for name in each.attributes}
    assert not {name for name in names if name.startswith("on") or name in ("src", "srcset", "ping")}
    links = [each.attributes["href"] or "" for each in found.elements if each.tag == "a"]
    targets = {f"#{each.attributes['id']}" for each in found.elements if "id" in each.attributes}
    assert links
    assert set(links) <= targets


def test_words_of_others_are_shown_letter_by_letter(found: Page) -> None:
    shown = [*found.texts("p"), *found.texts("dd"), *found.texts("td"), *found.texts("b")]
    assert sum(HOSTILE in each for each in shown) > 30
    assert r"draft_\udc80\u202e\x1b[31m" in found.texts("b")


def test_plots_have_all_imports_and_only_colours_of_the_style(text: str, found: Page) -> None:
    (_, *pictures) = text.split("<svg")
    assert not re.search("#[0-9a-f]{6}", "".join(each.split("</svg>")[0] for each in pictures))
    labels = found.texts("text")
    assert labels.count("import_29") == 2, "once for a wide page, once for a phone"
    assert [each for each in labels if each[:-1] and LONG_NAME.startswith(each[:-1])], "cut, with ..."


def test_what_is_wrong_has_its_place_reason_and_remedy(facts: ReportFacts, found: Page) -> None:
    texts = found.texts("p")
    for state in facts.states:
        for each in state.concerns:
            assert " ".join(words.cut(each.text).split()) in texts
            assert f"What to do: {each.remedy}" in texts


def test_a_column_of_the_plots_has_every_run_of_its_days(facts: ReportFacts) -> None:
    sums = by_column(facts, Columns.of(facts))
    assert [int(each) for each in sums["runs"]] == [30] * 30
    failed = sums["failed"].astype(bool)
    assert list(failed) == [False] * 27 + [True] * 3
    long = replace(facts, days=400, runs=facts.runs.assign(day=facts.runs["day"] + 370))
    columns = Columns.of(long)
    assert (columns.step, columns.count) == (7, 58)
    assert columns.day(57).date() == NOW.date()
    assert by_column(long, columns)["runs"].sum() == 900


def test_the_state_of_a_day_is_that_of_its_new_rows(facts: ReportFacts) -> None:
    states = health_by_import(facts, Columns.of(facts))
    assert [states["import_1"][day] for day in (0, 26, 27, 29)] == ["green", "green", "red", "red"]
    assert states["import_2"][29] == "failed"
    assert states["import_3"][29] == "no_data"


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        ((1, 0, 10, 0, 0), "green"),
        ((1, 0, 0, 10, 0), "green"),
        ((1, 0, 9, 1000, 11), "red"),
        ((1, 0, 10, 0, 1), "yellow"),
        ((1, 1, 10, 0, 0), "yellow"),
        ((0, 2, 5, 0, 0), "failed"),
        ((1, 0, 0, 0, 0), "no_data"),
    ],
)
def test_the_state_of_runs_that_ended_and_rows(counts: tuple[int, ...], state: str) -> None:
    assert state_of(*counts) == state


def test_without_runs_and_journal_the_page_says_so(facts: ReportFacts) -> None:
    empty = replace(facts, runs=runs_frame([], {}, facts.since), codes=codes_frame([], {}), states=())
    found = Page(page(empty)).texts("p")
    assert "No import had a run in these days." in found
    assert "No row was rejected." in found


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ((3, 0, 3), "All 3 imports are well."),
        ((1, 0, 1), "The import is well."),
        ((2, 1, 3), "1 of 3 imports has a warning."),
        ((0, 2, 3), "1 of 3 imports needs action, and 2 have a warning."),
        ((0, 0, 2), "2 of 2 imports need action."),
    ],
)
def test_the_verdict_is_one_sentence(counts: tuple[int, int, int], sentence: str) -> None:
    assert words.verdict(*counts) == sentence


def test_amounts_are_written_for_people() -> None:
    assert [words.seconds(each) for each in (0, 8.24, 250, 11_100)] == [
        "0 s",
        "8.2 s",
        "4 min 10 s",
        "3 h 05 min",
    ]
    assert [words.short_count(each) for each in (0, 1500, 20_000, 1.5e6)] == ["0", "1,500", "20k", "1.5M"]
