"""The workshop of the orchestration's tests, with a Dagster home of each test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from clevertap_import.orchestration.resources import JOURNAL_VARIABLE, journal_database
from clevertap_import_tests.orchestration.conftest import workshop
from clevertap_import_tests.testing.workshop import dagster_home

__all__ = ["instance", "workshop"]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster's history in memory, which is faster; the journal is on disk as ever."""
    folder = tmp_path / "home"
    folder.mkdir()
    with dagster_home(folder), dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def use_journal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the journal's URL for the test."""

    def use(url: str) -> None:
        monkeypatch.setenv(JOURNAL_VARIABLE, url)
        journal_database.cache_clear()

    yield use
    journal_database.cache_clear()
