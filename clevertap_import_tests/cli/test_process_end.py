"""How the process of a command ends, and that in which Dagster executes a run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clevertap_import_tests.testing.workshop import document, profiles_target

COMMAND = "import clevertap_import.cli.main"

RUN_OF_DAGSTER = """
from clevertap_import.definitions import defs
assert not defs.resolve_job_def("import_people").execute_in_process(raise_on_error=False).success
"""
"""Without any login in the environment: the run ends soon."""

GARBAGE_AT_THE_END = """
class Garbage:
    def __init__(self):
        self.me = self

    def __del__(self):
        print("taken apart")

garbage = Garbage()
"""

PEOPLE = {"source": {"kind": "table", "table": "T"}, "target": profiles_target(Name="NAME")}


@pytest.mark.parametrize("work", [COMMAND, RUN_OF_DAGSTER], ids=["command", "run of Dagster"])
def test_nothing_is_taken_apart_before_a_process_ends(tmp_path: Path, work: str) -> None:
    """With Dagster, pandas and a connector that is a second and more of processor time."""
    (tmp_path / "defs.yaml").write_text(document("people", PEOPLE))
    done = subprocess.run(
        [sys.executable, "-c", work + GARBAGE_AT_THE_END],
        env={**os.environ, "CLEVERTAP_IMPORT_DEFS": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
