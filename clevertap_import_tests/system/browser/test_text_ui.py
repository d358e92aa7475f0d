"""Words of people and of data in Dagster's UI: they are shown as they are written, and fetch nothing."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from clevertap_import_tests.system.browser.leads import browser_page
from clevertap_import_tests.system.browser.test_ui import CHROMIUM
from clevertap_import_tests.testing.dagster_processes import web_server
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.workshop import open_workshop, process_environment, profiles_target

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here; to run it: apt-get install chromium"),
]

IMAGE = "![x](http://evil.example/x.png)"
TAG = '<img src="http://evil.example/y.png">'
LINK = "[here](http://evil.example/z) `code`"
ALL = f"{IMAGE} {TAG} {LINK}"
DRAFT_IMAGE, DRAFT_TAG = (each.replace("http:", "") for each in (IMAGE, TAG))
"""A problem of a YAML shows no address with a scheme, which may have a password."""


@dataclass
class Screen:
    """A browser on Dagster's UI, and which other hosts its pages asked for."""

    url: str
    page: Page
    foreign: list[str] = field(default_factory=list)

    def notice(self, request: Request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme in ("http", "https") and asked.netloc != urlsplit(self.url).netloc:
            self.foreign.append(request.url)

    def shows(self, path: str, text: str) -> None:
        """The page has the text, letter by letter; no image is made of it, and no link to what it hides."""
        if self.page.url != f"{self.url}{path}":
            self.page.goto(f"{self.url}{path}")
        expect(self.page.get_by_text(text, exact=False).first).to_be_visible()
        expect(self.page.locator("img[src*='evil.example']")).to_have_count(0)
        # An address that can be read may be followed: it leads where it says.
        for link in self.page.locator("a[href*='evil.example']").all():
            assert link.inner_text() == link.get_attribute("href")
        assert self.foreign == []


@pytest.fixture(scope="module")
def screen(
    tmp_path_factory: pytest.TempPathFactory,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> Iterator[Screen]:
    """An import whose words are Markdown, one that fails with such words, and a draft."""
    fake_clevertap_process.reset()
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("texts")
        shop = stack.enter_context(open_workshop(folder, local_snowflake, fake_clevertap_process))
        shop.enter_environment(stack.enter_context(pytest.MonkeyPatch.context()))
        shop.people([("a", "Asha", datetime.now(UTC))])
        shop.write("pictures", title=ALL, description=ALL)
        shop.write("lost", target=profiles_target(Name=ALL))
        shop.write("torn", window=DRAFT_TAG, on_null=DRAFT_IMAGE)
        assert [shop.run(name)[-1]["status"] for name in ("pictures", "lost")] == ["Success", "Failed"]
        server = stack.enter_context(web_server(process_environment(shop)))
        found = Screen(server.url, stack.enter_context(browser_page()))
        found.page.on("request", found.notice)
        yield found


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/assets/clevertap/pictures?view=overview", ALL),
        ("/assets/clevertap/lost?view=overview", ALL),
        ("/assets/clevertap/lost?view=checks&checkDetail=query", f"No column '{ALL}'"),
        ("/assets/clevertap/torn?view=overview", f"window is '{DRAFT_TAG}'"),
        ("/assets/clevertap/torn?view=overview", f"on_null is '{DRAFT_IMAGE}'"),
    ],
    ids=["title", "mapping", "check", "draft_tag", "draft_image"],
)
def test_words_are_shown_as_they_are_written_and_fetch_nothing(screen: Screen, path: str, text: str) -> None:
    screen.shows(path, text)
