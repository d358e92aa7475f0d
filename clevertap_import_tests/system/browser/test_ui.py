"""Dagster's UI in a real browser: what a person sees of an import that has run."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from clevertap_import_tests.testing.dagster_processes import WebServer, web_server
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.workshop import Workshop, open_workshop, process_environment

CHROMIUM = shutil.which("chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
PAGE_MILLISECONDS = 120_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here; to run it: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> Iterator[Workshop]:
    """An import that ran twice, so that there is something to plot."""
    fake_clevertap_process.reset()
    with (
        open_workshop(tmp_path_factory.mktemp("ui"), local_snowflake, fake_clevertap_process) as shop,
        pytest.MonkeyPatch.context() as patch,
    ):
        shop.enter_environment(patch)
        shop.write("customers", title="Customer profiles", created_by="growth@example.com")
        shop.write("torn", window="fortnight")
        shop.people([(f"p{number}", "Asha", datetime.now(UTC)) for number in range(20)])
        for _ in range(2):
            (line,) = shop.run("customers")
            assert line["status"] == "Success"
        yield shop


@pytest.fixture(scope="module")
def server(workshop: Workshop) -> Iterator[WebServer]:
    with web_server(process_environment(workshop)) as server:
        yield server


@pytest.fixture(scope="module")
def page(server: WebServer) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": 1200})
        page.set_default_timeout(PAGE_MILLISECONDS)
        expect.set_options(timeout=PAGE_MILLISECONDS)
        yield page
        browser.close()


def test_the_asset_shows_its_windows_as_a_bar(server: WebServer, page: Page) -> None:
    page.goto(f"{server.url}/assets/clevertap/customers?view=partitions")
    expect(page.get_by_text("Materialized", exact=False).first).to_be_visible()
    expect(page.get_by_text("3 partitions", exact=False).first).to_be_visible()


def test_the_asset_shows_its_checks(server: WebServer, page: Page) -> None:
    page.goto(f"{server.url}/assets/clevertap/customers?view=checks")
    for name in ("query", "identity", "mapping", "limits"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()


def test_the_asset_plots_its_counts(server: WebServer, page: Page) -> None:
    page.goto(f"{server.url}/assets/clevertap/customers?view=overview")
    page.get_by_text("Plots", exact=True).click()
    expect(page.get_by_text("total_records", exact=True).first).to_be_visible()
    expect(page.locator("canvas").first).to_be_visible()


def test_all_imports_are_one_page_whose_links_lead_to_the_imports(
    workshop: Workshop, server: WebServer, page: Page
) -> None:
    sensor = workshop.definitions().get_repository_def().get_sensor_def("import_center")
    sensor(dg.build_sensor_context(workshop.instance))
    page.goto(f"{server.url}/assets/clevertap/import_center?view=overview")
    summary = "2 imports: 1 is not well, none is late, no rejected row is open."
    expect(page.get_by_text(summary).first).to_be_visible()
    listed = page.get_by_role("link", name="customers", exact=True).first
    assert listed.evaluate("link => link.href") == f"{server.url}/assets/clevertap/customers"
    page.get_by_role("link", name="torn", exact=True).first.click()
    expect(page.get_by_text("This import is a draft", exact=False).first).to_be_visible()


def test_a_draft_says_what_is_wrong_with_it(server: WebServer, page: Page) -> None:
    page.goto(f"{server.url}/assets/clevertap/torn")
    expect(page.get_by_text("This import is a draft", exact=False).first).to_be_visible()
    expect(page.get_by_text("window is 'fortnight'", exact=False).first).to_be_visible()
