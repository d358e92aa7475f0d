"""The report in a real browser: wide and on a phone, light and dark, without a request or an error."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from clevertap_import.html_report.page import page
from clevertap_import_tests.system.browser.test_ui import CHROMIUM, FLAGS
from clevertap_import_tests.testing.month_of_runs import month_of_runs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here; to run it: apt-get install chromium"),
]

COLOURS = """() => ['body', 'svg text', 'th'].map(name =>
  [name, getComputedStyle(document.querySelector(name))]).map(([name, style]) =>
  name == 'body' ? style.backgroundColor : name == 'th' ? style.color : style.fill)"""
WIDTHS = """() => [document.documentElement.scrollWidth, window.innerWidth,
  [...document.querySelectorAll('svg.wide')].some(each => each.checkVisibility()),
  [...document.querySelectorAll('svg.narrow')].some(each => each.checkVisibility())]"""
TEXTS_OUTSIDE = """() => [...document.querySelectorAll('svg text')].filter(each => each.checkVisibility())
  .filter(each => {
    const text = each.getBoundingClientRect(), all = each.ownerSVGElement.getBoundingClientRect()
    return text.left < all.left - 1 || text.right > all.right + 1
  }).map(each => each.textContent)"""


def test_the_page_fits_its_reader(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(month_of_runs(tmp_path, imports=8)), "utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        wide, phone = read(browser, file, 1400, "light"), read(browser, file, 390, "dark")
        browser.close()
    assert len(set(wide + phone)) == 6, "each colour of the dark style is another one"


def read(browser: Browser, file: Path, width: int, scheme: str) -> list[str]:
    """The colours of the page. No other request, no error, and no scrolling to the side."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    shown, asked, complaints = context.new_page(), list[str](), list[str]()
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("console", lambda message: complaints.append(message.text))
    shown.goto(file.as_uri())
    is_wide = width > 720
    assert shown.evaluate(WIDTHS) == [width, width, is_wide, not is_wide]
    assert shown.evaluate(TEXTS_OUTSIDE) == []
    shown.get_by_role("link", name="import_2", exact=True).first.click()
    shown.get_by_role("heading", name="Last runs").first.wait_for()
    assert {each.partition("#")[0] for each in asked} == {file.as_uri()}
    assert complaints == []
    found: list[str] = shown.evaluate(COLOURS)
    context.close()
    return found
