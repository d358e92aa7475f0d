"""Fixtures that all tests may use, and the order and number in which tests run at once."""

import gc
import os

import pytest
from hypothesis import settings

pytest_plugins = [
    "clevertap_import_tests.testing.fixtures_clevertap",
    "clevertap_import_tests.testing.fixtures_postgresql",
    "clevertap_import_tests.testing.fixtures_snowflake",
]

# A busy machine is no reason for a law to fail.
settings.register_profile("clevertap_import", deadline=None)
settings.load_profile("clevertap_import")

WAITING_WORKERS = 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """More than there are cores: many tests wait for processes, for timeouts, for a browser."""
    return (os.cpu_count() or 1) + WAITING_WORKERS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules with slow tests first: otherwise one of them may run alone at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: a million objects, which Python would search for garbage now and then."""
    gc.collect()
    gc.freeze()
