"""A Dagster home for each module, and a workshop of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from clevertap_import_tests.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.workshop import Workshop, dagster_home


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
