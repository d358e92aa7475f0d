"""The pictures of the documents: `python -m clevertap_import_tests.system.browser.pictures docs/images`."""

import os
import sys
import tempfile
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from clevertap_import.orchestration.code_location import folder_definitions
from clevertap_import.orchestration.instance import open_instance
from clevertap_import.orchestration.partitions import keys_until
from clevertap_import.orchestration.runs import RunRange, runs
from clevertap_import.project.folder import load_folder
from clevertap_import.sandbox import EXAMPLES as IMPORTS
from clevertap_import_tests.system.browser.leads import browser_page, open_leads
from clevertap_import_tests.testing.dagster_processes import web_server
from clevertap_import_tests.testing.fixtures_clevertap import running_fake_clevertap
from clevertap_import_tests.testing.fixtures_snowflake import running_snowflake
from clevertap_import_tests.testing.shop_home import running_shop

SHOWN = "product_events"
SIZE = (1400, 1020)


def picture_counts(images: Path, folder: Path) -> None:
    """An import of the sandbox whose days were imported one by one, as its schedule does it."""
    with running_shop(folder) as shop, pytest.MonkeyPatch.context() as patch:
        for name, value in shop.environment.items():
            patch.setenv(name, value)
        config = load_folder(IMPORTS).called(SHOWN).config
        with open_instance() as instance:
            defs = folder_definitions(IMPORTS)
            for day in keys_until(config, datetime.now(UTC)):
                start = datetime.combine(datetime.fromisoformat(day), time(), UTC)
                (line,) = runs(instance, defs, config, RunRange(start=start))
                assert line["status"] == "Success", line["problem"]
        environment = {**os.environ, **shop.environment}
        with web_server(environment) as server, browser_page(*SIZE) as page:
            page.goto(f"{server.url}/assets/clevertap/{SHOWN}?view=overview")
            page.get_by_text("Plots", exact=True).click()
            expect(page.locator("canvas").nth(3)).to_be_visible()
            page.screenshot(path=images / "ui.png", animations="disabled")


def picture_checks(images: Path, folder: Path) -> None:
    """The Checks tab before and after the rows are corrected."""
    data, shop = folder / "snowflake", folder / "leads"
    data.mkdir()
    shop.mkdir()
    with (
        running_snowflake(data) as snowflake,
        running_fake_clevertap() as clevertap,
        open_leads(shop, snowflake, clevertap) as leads,
    ):
        for name, check in (("dry-run-failed", "mapping"), ("dry-run-passed", "impact")):
            leads.status(leads.press_execute_all("leads"))
            leads.shown("leads", check)
            leads.page.screenshot(path=images / f"{name}.png")
            leads.correct_rows()


if __name__ == "__main__":
    for picture in (picture_counts, picture_checks):
        with tempfile.TemporaryDirectory() as folder:
            picture(Path(sys.argv[1]), Path(folder))
