"""The workshop of the orchestration's tests, with a Dagster home of each test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from clevertap_import.journal.tables import default_url
from clevertap_import.orchestration.resources import JOURNAL_VARIABLE, home, journal_database
from clevertap_import_tests.orchestration.conftest import workshop
from clevertap_import_tests.testing.alert_office import ALERTS, Office
from clevertap_import_tests.testing.alert_receivers import MailServer, Receiver, http_receiver, mail_server
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.workshop import Workshop, dagster_home, empty_home, open_workshop

__all__ = ["instance", "workshop"]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster's history in memory, which is faster; the journal is on disk as ever."""
    folder = tmp_path / "home"
    folder.mkdir()
    with empty_home(folder), dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def use_journal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the journal's URL for the test."""

    def use(url: str) -> None:
        monkeypatch.setenv(JOURNAL_VARIABLE, url)
        journal_database.cache_clear()

    yield use
    journal_database.cache_clear()


@pytest.fixture
def commands_workshop(
    tmp_path: Path,
    local_snowflake: LocalSnowflake,
    fake_clevertap: FakeCleverTap,
    journal_url: str,
    use_journal: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Workshop]:
    """A workshop whose imports and journal the commands find in their environment."""
    with open_workshop(tmp_path, local_snowflake, fake_clevertap) as shop:
        use_journal(default_url(home()) if journal_url.startswith("sqlite") else journal_url)
        monkeypatch.setenv("CLEVERTAP_IMPORT_DEFS", str(shop.folder))
        shop.enter_environment(monkeypatch)
        yield shop


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with http_receiver() as server:
        yield server


@pytest.fixture
def office(
    tmp_path: Path,
    journal_url: str,
    use_journal: Callable[[str], None],
    mail: MailServer,
    hook: Receiver,
) -> Iterator[Office]:
    use_journal(journal_url)
    folder = tmp_path / "imports"
    folder.mkdir()
    (folder / "alerts.yaml").write_text(ALERTS)
    environment = {
        "CLEVERTAP_IMPORT_DEFS": str(folder),
        "HOOK_PLACE": hook.place,
        "MAIL_URL": mail.url,
        "CLEVERTAP_IMPORT_HEARTBEAT_URL": f"http://{hook.place}/beat",
    }
    with dagster_home(tmp_path / "home") as instance:
        found = Office(folder, instance, environment)
        found.write()
        yield found
