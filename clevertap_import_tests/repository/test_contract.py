"""The contract with users: commands, JSON, YAML, metadata and names are those that were written down."""

from difflib import unified_diff
from typing import Any

import pytest
import yaml

from clevertap_import_tests.contracts.present import SECTIONS, present_contract, text_of, written_contract
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.workshop import open_workshop


@pytest.fixture(scope="module")
def present(
    tmp_path_factory: pytest.TempPathFactory,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> dict[str, Any]:
    """As it reads when it has been written and loaded."""
    fake_clevertap_process.reset()
    with open_workshop(tmp_path_factory.mktemp("contract"), local_snowflake, fake_clevertap_process) as shop:
        found: dict[str, Any] = yaml.safe_load(text_of(present_contract(shop)))
    return found


@pytest.mark.parametrize("section", SECTIONS)
def test_what_users_see_is_what_was_written_down(section: str, present: dict[str, Any]) -> None:
    """If the change is meant: `make contract`, and a line in CHANGELOG.md."""
    written, now = (text_of({section: each[section]}) for each in (written_contract(), present))
    difference = unified_diff(written.splitlines(), now.splitlines(), "written down", "now", lineterm="", n=8)
    assert written == now, "\n".join(difference)


def test_nothing_else_was_written_down() -> None:
    assert list(written_contract()) == list(SECTIONS)
