"""A Dagster home for each module, and a workshop of its own for each test."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from clevertap_import.orchestration.instance import open_instance
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.full_disk import PEOPLE
from clevertap_import_tests.testing.workshop import (
    DAGSTER_YAML,
    Workshop,
    dagster_home,
    days_ago,
    migrated_home,
)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dagster_home(tmp_path_factory.mktemp("dagster_home")) as instance:
        yield instance


@pytest.fixture
def workshop(
    tmp_path: Path,
    instance: dg.DagsterInstance,
    local_snowflake: LocalSnowflake,
    fake_clevertap: FakeCleverTap,
    fresh_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Workshop:
    shop = Workshop(tmp_path / "imports", instance, local_snowflake, fake_clevertap, fresh_database)
    shop.folder.mkdir()
    shop.enter_environment(monkeypatch)
    return shop


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Dagster home of one test's own."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "dagster.yaml").write_text(DAGSTER_YAML)
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return folder


@pytest.fixture
def shop(workshop: Workshop, home: Path) -> Iterator[Workshop]:
    """A workshop whose instance is the one that commands open, in `home`."""
    shutil.copytree(migrated_home(), home, dirs_exist_ok=True)
    workshop.people([(f"p{number}", "Asha", datetime.now(UTC)) for number in range(PEOPLE)])
    workshop.write("customers", start=days_ago(2))
    with open_instance() as instance:
        yield replace(workshop, instance=instance)
