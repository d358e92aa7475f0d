"""A sandbox that is killed leaves no server behind, and no shop that is half filled."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clevertap_import.cli.local_sandbox import free_port
from clevertap_import.sandbox.folder_lock import FolderInUse, folder_lock
from clevertap_import.sandbox.shop.rows import TABLES, shop_rows
from clevertap_import_tests.testing.dagster_processes import WebServer
from clevertap_import_tests.testing.shop_home import running_shop
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.watched import shell_environment

END_SECONDS = 60
START_SECONDS = 240


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *words],
        env=shell_environment(),
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def killed(process: subprocess.Popen[str]) -> None:
    with process:
        process.kill()


def is_free(home: Path) -> bool:
    """Whether no process of a sandbox works in this folder."""
    try:
        with folder_lock(home):
            return True
    except FolderInUse:
        return False


@pytest.mark.parametrize(
    "words",
    [("clevertap_import", "sandbox", "--no-ui"), ("clevertap_import.sandbox", "--home", ".sandbox")],
    ids=["command", "sandbox"],
)
def test_servers_end_with_what_started_them(tmp_path: Path, words: Sequence[str]) -> None:
    process = started(tmp_path, *words)
    assert process.stdout
    assert process.stdout.readline()
    killed(process)
    wait_for("the end of the servers", lambda: is_free(tmp_path / ".sandbox"), END_SECONDS)


def test_a_shop_whose_filling_was_cut_short_is_filled_anew(tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = started(tmp_path, "clevertap_import.sandbox", "--home", str(home))
    wait_for("the shop's first table", (home / "snowflake" / "SHOP.db").exists, END_SECONDS)
    killed(process)
    wait_for("the end of the servers", lambda: is_free(home), END_SECONDS)
    with running_shop(home) as shop:
        counts = [shop.rows(f"select count(*) from SHOP.PUBLIC.{table.name}")[0][0] for table in TABLES]
    assert counts == [sum(1 for _ in shop_rows(table, datetime.now(UTC))) for table in TABLES]


@pytest.mark.slow
def test_dagster_ends_with_what_started_it(tmp_path: Path) -> None:
    """In good order, though it was started as a shell starts what runs in its background: deaf to SIGINT."""
    port = free_port(0)
    server = WebServer(f"http://127.0.0.1:{port}", tmp_path)
    words = (sys.executable, "-m", "clevertap_import.sandbox.dagster_dev", "--empty-workspace")
    log = tmp_path / "log"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            [*words, "--host", "127.0.0.1", "--port", str(port), "--log-level", "info"],
            env=shell_environment() | {"DAGSTER_HOME": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        ) as process,
    ):
        wait_for("the web server", server.is_up, START_SECONDS)
        assert process.stdin
        process.stdin.close()
        process.wait(END_SECONDS)
    assert not server.is_up()
    assert "Dagster services shut down" in log.read_text()
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
