"""Tests of pure functions start at once: pytest itself imports nothing heavy for them."""

import subprocess
import sys

from clevertap_import_tests.repository.test_architecture import ROOT

ONE_PURE_FILE = """
import sys
import pytest
code = pytest.main(["-n", "0", "-p", "no:cacheprovider", "clevertap_import_tests/core/test_window.py"])
loaded = [name for name in ("dagster", "snowflake.connector", "pandas") if name in sys.modules]
sys.exit(f"loaded {loaded}" if loaded else code)
"""


def test_pytest_imports_neither_dagster_nor_the_connector_for_a_pure_test() -> None:
    command = [sys.executable, "-c", ONE_PURE_FILE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_code_location_is_loaded_without_what_is_heavy() -> None:
    """Each command, and each process of Dagster's, loads it; only those that read rows need the others."""
    loading = "import sys, clevertap_import.orchestration.code_location; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", loading], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy = {"snowflake.connector", "pandas", "matplotlib", "opentelemetry.sdk", "opentelemetry.exporter"}
    assert heavy.isdisjoint(done.stdout.split())
