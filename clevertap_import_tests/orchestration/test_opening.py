"""The first commands on a fresh Dagster home, all at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHILDREN = 4
SECONDS = 120

FIRST_COMMANDS = f"""
import os
from clevertap_import.orchestration.instance import open_instance

ready, go = os.pipe()
children = []
for _ in range({CHILDREN}):
    child = os.fork()
    if not child:
        os.close(go)
        os.read(ready, 1)  # until the parent lets all of them go
        with open_instance() as instance:
            assert instance.get_runs_count() == 0
        os._exit(0)
    children.append(child)
os.close(go)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
assert codes == [0] * {CHILDREN}, codes
"""


def opened(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    return subprocess.run(
        [sys.executable, "-c", FIRST_COMMANDS],
        env=inherited | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize("yaml", [None, "storage: {sqlite: {base_dir: .dagster}}\n"], ids=["home", "folder"])
def test_commands_at_once_on_a_fresh_home_all_open_it(tmp_path: Path, yaml: str | None) -> None:
    """And none of them warns of a dagster.yaml that is missing."""
    environment = {} if yaml else {"DAGSTER_HOME": str(tmp_path)}
    if yaml:
        (tmp_path / "dagster.yaml").write_text(yaml)
    done = opened(tmp_path, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    if yaml:
        assert (tmp_path / ".dagster").stat().st_mode & 0o777 == 0o700
