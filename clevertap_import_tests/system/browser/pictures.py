"""The pictures of the documents: `python -m clevertap_import_tests.system.browser.pictures docs/images`.

After the folder may follow the names of functions: only their pictures are taken.
"""

import os
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, time
from pathlib import Path

import dagster as dg
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

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
from clevertap_import_tests.testing.thirteen_imports import enter_history, thirteen_imports
from clevertap_import_tests.testing.workshop import Workshop, command, open_workshop, process_environment

SHOWN = "product_events"
SIZE = (1400, 1020)


def take_picture(page: Page, file: Path) -> None:
    """With few colors: as sharp, and a third of the size."""
    page.screenshot(path=file, animations="disabled")
    with Image.open(file) as full:
        few = full.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    few.save(file, optimize=True)


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
            take_picture(page, images / "ui.png")


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
            take_picture(leads.page, images / f"{name}.png")
            leads.correct_rows()


def picture_monitoring(images: Path, folder: Path) -> None:
    """The import center, the table behind it, the checks of an import, and the report."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name in ("snowflake", "shop"):
            (folder / name).mkdir()
        snowflake = stack.enter_context(running_snowflake(folder / "snowflake"))
        clevertap = stack.enter_context(running_fake_clevertap())
        shop = stack.enter_context(open_workshop(folder / "shop", snowflake, clevertap))
        for name, value in process_environment(shop).items():
            patch.setenv(name, value)
        stack.enter_context(thirteen_imports(shop))
        enter_history(30)
        sensor = shop.definitions().get_repository_def().get_sensor_def("import_center")
        sensor(dg.build_sensor_context(shop.instance))
        server = stack.enter_context(web_server(process_environment(shop)))
        page = stack.enter_context(browser_page(*SIZE))
        page.goto(f"{server.url}/assets/clevertap/import_center")
        expect(page.get_by_text("attention", exact=True)).to_be_visible()
        take_picture(page, images / "import-center.png")
        page.get_by_text("Show Markdown").click()
        expect(page.get_by_role("cell", name="throttled")).to_be_visible()
        take_picture(page, images / "import-center-listing.png")
        page.goto(f"{server.url}/assets/clevertap/twenty?view=checks")
        page.get_by_text("delivered", exact=True).first.click()
        expect(page.get_by_text("20 % healthy", exact=False).first).to_be_visible()
        take_picture(page, images / "delivered.png")
        picture_report(images, folder, shop, page)


def picture_report(images: Path, folder: Path, shop: Workshop, page: Page) -> None:
    file = folder / "report.html"
    assert command(shop, "report", "--output", str(file)).returncode == 0
    page.goto(file.as_uri())
    take_picture(page, images / "report.png")


if __name__ == "__main__":
    wanted = sys.argv[2:]
    for picture in (picture_counts, picture_checks, picture_monitoring):
        if wanted and picture.__name__ not in wanted:
            continue
        with tempfile.TemporaryDirectory() as folder:
            picture(Path(sys.argv[1]), Path(folder))
