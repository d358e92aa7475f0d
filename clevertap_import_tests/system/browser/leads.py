"""An import with planted errors in Dagster's UI: its rows, its runs, and what its Checks tab shows."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from clevertap_import_tests.system.browser.test_ui import CHROMIUM, FLAGS, PAGE_MILLISECONDS
from clevertap_import_tests.testing.dagster_processes import AT_ONCE, WebServer, web_server
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import (
    DAGSTER_YAML,
    Workshop,
    days_ago,
    open_workshop,
    process_environment,
    text,
)

CHECKS = ("clevertap", "identity", "impact", "limits", "mapping", "query")
LEADS = 40
PEOPLE = [f"lead-{number}" for number in range(1, LEADS + 1)]
WRONG_EMAILS = ("asha.at.example", "ravi@", "meera example.com")
PLACEHOLDER = "N/A"
FRACTION = "12.625"
LONG_NOTE = "wordy" * 120
UNREADABLE = "31/02/2024"
WRONG_VALUES = (*WRONG_EMAILS, PLACEHOLDER, FRACTION, "wordy", UNREADABLE)

TARGET = {
    "kind": "profiles",
    "identity": {"column": "LEAD_ID"},
    "properties": [
        {"column": "EMAIL", "property": "Email"},
        {"column": "POINTS", "property": "Points", "type": "integer"},
        {"column": "NOTE", "property": "Note"},
        {"column": "JOINED", "property": "Joined", "type": "date", "format": "dd/MM/yyyy"},
    ],
}
RUN_SECONDS = 240
CODE_LOCATION = {"repositoryLocationName": "clevertap_import.definitions", "repositoryName": "__repository__"}
LAUNCH = """
mutation ($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } } ... on InvalidSubsetError { message }
} }"""
ALL_STATUSES = re.compile(r"[\s\S]*".join(rf"{check}\s+(Succeeded|Failed)" for check in CHECKS))
# The page fetches what draws a description last.
WHAT_IT_FOUND = re.compile(r"Latest execution\s+(?!Evaluation result)\S")
RUN_END = re.compile("^RUN_(SUCCESS|FAILURE)$")
SUCCESS = "SUCCESS"


@dataclass(frozen=True)
class Lead:
    """One row of the table."""

    key: str
    email: str
    points: str = "7"
    note: str = "seen at the fair"
    joined: str = "24/01/2024"

    def sql(self, updated_at: datetime) -> str:
        texts = ", ".join(map(text, (self.key, self.email, self.note, self.joined)))
        return f"({texts}, {self.points}, '{updated_at:%Y-%m-%d %H:%M:%S}')"


def planted() -> list[Lead]:
    """40 leads, of whom eight are wrong, each in one place; the wrong ones are the first."""
    keys = iter(PEOPLE)
    wrong = [Lead(next(keys), email) for email in WRONG_EMAILS]
    wrong += [Lead(key, f"{key}@example.com", points=FRACTION) for key in (next(keys), next(keys))]
    wrong += [Lead(key := next(keys), f"{key}@example.com", note=LONG_NOTE)]
    wrong += [Lead(key := next(keys), f"{key}@example.com", joined=UNREADABLE)]
    next(keys)
    wrong += [Lead(PLACEHOLDER, "nobody@example.com")]
    return [*wrong, *(Lead(key, f"{key}@example.com") for key in keys)]


@dataclass
class Leads:
    """The table LEADS and its imports, `leads` and `leads_shown`, in Dagster's UI."""

    workshop: Workshop
    server: WebServer
    page: Page
    known: set[str] = field(default_factory=set)

    def correct_rows(self) -> None:
        """Every wrong row made right, in Snowflake."""
        self.workshop.sql(
            f"update LEADS set LEAD_ID = 'lead-8' where LEAD_ID = '{PLACEHOLDER}'",
            "update LEADS set EMAIL = LEAD_ID || '@example.com', POINTS = floor(POINTS),"
            " NOTE = left(NOTE, 128), JOINED = '24/01/2024'",
        )

    def open(self, nickname: str, check: str | None = None) -> None:
        """The Checks tab of an import, at one of its checks."""
        detail = f"&checkDetail={check}" if check else ""
        self.page.goto(f"{self.server.url}/assets/clevertap/{nickname}?view=checks{detail}")

    def press_execute_all(self, nickname: str) -> str:
        """The run that the button starts."""
        self.open(nickname)
        self.page.get_by_role("button", name="Execute all").click()
        run = wait_for("the run of the checks", self.started, RUN_SECONDS)
        # A page that shows a run under way asks and draws again and again.
        self.page.goto("about:blank")
        return run

    def started(self) -> str | None:
        """A run that was not there when this was asked last."""
        new = set(self.workshop.instance.get_run_ids()) - self.known
        self.known |= new
        return new.pop() if new else None

    def status(self, run: str) -> str:
        """How a run ended, once it has."""
        return wait_for(f"the end of run {run}", lambda: self.ended(run), RUN_SECONDS)

    def ended(self, run: str) -> str | None:
        found = self.workshop.instance.get_run_by_id(run)
        return found.status.value if found and found.is_finished else None

    def materialize(self, nickname: str) -> str:
        """The run that imports the first window, which takes every older row too."""
        selector = {
            **CODE_LOCATION,
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": ["clevertap", nickname]}],
        }
        window = {"key": "dagster/partition", "value": f"{days_ago(2)}"}
        params = {"selector": selector, "executionMetadata": {"tags": [window]}}
        launched = self.server.ask(LAUNCH, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run: str = launched["run"]["runId"]
        self.known.add(run)
        return run

    def shown(self, nickname: str, check: str) -> str:
        """The text of the page of a check, once its last result, what it says and all checks are on it."""
        self.open(nickname, check)
        expect(self.page.get_by_text("Evaluation result")).to_be_visible()
        self.expect_text(ALL_STATUSES)
        self.expect_text(WHAT_IT_FOUND)
        if re.search(rf"{check}\s+Failed", self.text()):
            expect(self.page.get_by_text("example_row", exact=True)).to_be_visible()
        return self.text()

    def log_shown(self, run: str, message: str) -> str:
        """The text of the page of a run, once its end and `message` are on it."""
        self.page.goto(f"{self.server.url}/runs/{run}")
        expect(self.page.get_by_text(RUN_END).first).to_be_visible()
        self.expect_text(re.compile(re.escape(message)))
        return self.text()

    def expect_text(self, wanted: re.Pattern[str]) -> None:
        expect(self.page.locator("body")).to_contain_text(wanted, use_inner_text=True)

    def text(self) -> str:
        """What the page shows now."""
        text: str = self.page.locator("body").inner_text()
        return text


@contextmanager
def open_leads(folder: Path, snowflake: LocalSnowflake, clevertap: FakeCleverTap) -> Iterator[Leads]:
    """Planted rows, and Dagster's own web server and a browser on them."""
    with ExitStack() as stack:
        workshop = stack.enter_context(open_workshop(folder, snowflake, clevertap))
        (folder / "home" / "dagster.yaml").write_text(DAGSTER_YAML + AT_ONCE)
        usual = {"source": {"kind": "table", "table": "LEADS"}, "target": TARGET}
        workshop.write("leads", title="Leads", created_by="growth@example.com", **usual)
        workshop.write("leads_shown", title="Leads, values shown", show_values=True, **usual)
        updated_at = datetime.combine(days_ago(2), time()) - timedelta(hours=1)
        rows = ", ".join(lead.sql(updated_at) for lead in planted())
        workshop.sql(
            "create table LEADS (LEAD_ID varchar, EMAIL varchar, NOTE varchar, JOINED varchar,"
            " POINTS number(10, 3), UPDATED_AT timestamp_ntz)",
            f"insert into LEADS values {rows}",
        )
        environment = process_environment(workshop)
        page = stack.enter_context(browser_page())
        yield Leads(workshop, stack.enter_context(web_server(environment)), page)


@contextmanager
def browser_page(width: int = 1400, height: int = 800) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
        page.set_default_timeout(PAGE_MILLISECONDS)
        expect.set_options(timeout=PAGE_MILLISECONDS)
        yield page
        browser.close()
