"""The audit of the pinned packages: what it says of an answer, of none, and without a network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "audit.py"
CLEAN = {"name": "click", "version": "8.1", "vulns": []}
BAD = {"name": "left", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}


def audited(folder: Path, answer: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """With a pip-audit in the path that answers so."""
    tool = folder / "pip-audit"
    (folder / "answer").write_text(answer)
    tool.write_text(f"#!/bin/sh\ncat {folder / 'answer'}\nexit {code}\n")
    tool.chmod(0o700)
    path = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [sys.executable, SCRIPT], env={**os.environ, **path}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("dependencies", "code", "shown"),
    [
        ([CLEAN], 0, "1 packages looked up, 0 known vulnerabilities."),
        ([CLEAN, BAD], 1, "left 1.0: PYSEC-1, fixed in 1.1"),
    ],
)
def test_what_is_known_decides_the_end(
    tmp_path: Path, dependencies: list[object], code: int, shown: str
) -> None:
    done = audited(tmp_path, json.dumps({"dependencies": dependencies}), code)
    assert done.returncode == code, done.stderr
    assert shown in done.stdout


@pytest.mark.parametrize("answer", ["", "{}", "ERROR: no connection"])
def test_without_an_answer_it_says_that_nothing_is_known(tmp_path: Path, answer: str) -> None:
    done = audited(tmp_path, answer, 1)
    assert done.returncode == 0, done.stderr
    assert "Not audited: pip-audit gave no answer; most often there is no network." in done.stdout
