"""A PostgreSQL of the tests' own, where its programs are installed; and a journal's database of each kind."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from typing import Any

import psycopg
import pytest

from clevertap_import.io.database import default_url
from clevertap_import.io.journal_key import KEY_BYTES, KEY_VARIABLE
from clevertap_import_tests.waiting import wait_for

START_SECONDS = 60
END_SECONDS = 30
# A lost commit would not matter here, and each fsync costs.
SETTINGS = (
    "listen_addresses=127.0.0.1",
    "fsync=off",
    "synchronous_commit=off",
    "max_connections=60",
    "shared_buffers=16MB",
)


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`: of the newest version, or on the path."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    on_path = shutil.which("initdb")
    folders = [*found, *([Path(on_path).parent] if on_path else [])]
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


def owner() -> dict[str, Any]:
    """PostgreSQL does not run as root, but as the user that its package brings."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


@contextmanager
def running_postgresql(bin_folder: Path) -> Iterator[str]:
    """A server on a fresh cluster; yields the URL of its database."""
    with tempfile.TemporaryDirectory(prefix="clevertap-import-postgresql-") as name:
        if owner():
            shutil.chown(name, "postgres", "postgres")
        cluster = Path(name) / "cluster"
        words = f"-D {cluster} -U journal -A trust -E UTF8 --locale=C --no-sync".split()
        subprocess.run([bin_folder / "initdb", *words], check=True, capture_output=True, cwd=name, **owner())
        with create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        places = (f"port={port}", f"unix_socket_directories={name}")
        options = [f"-c{setting}" for setting in (*SETTINGS, *places)]
        server = subprocess.Popen(
            [bin_folder / "postgres", "-D", cluster, *options],
            stderr=subprocess.DEVNULL,
            cwd=name,
            **owner(),
        )
        try:
            wait_for("PostgreSQL", lambda: is_up(port), START_SECONDS)
            yield f"postgresql+psycopg://journal@127.0.0.1:{port}/postgres"
        finally:
            # At once: nothing of it is needed again.
            server.send_signal(signal.SIGQUIT)
            server.wait(END_SECONDS)


def is_up(port: int) -> bool:
    try:
        psycopg.connect(f"postgresql://journal@127.0.0.1:{port}/postgres", connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """One server for all tests of a process; skipped where PostgreSQL is not installed."""
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL's programs (initdb, postgres) are not installed here.")
    with running_postgresql(folder) as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty schema of this test's own, which costs less than a database. Its key is in the variable."""
    monkeypatch.setenv(KEY_VARIABLE, secrets.token_hex(KEY_BYTES))
    name = f"journal_{secrets.token_hex(6)}"
    with psycopg.connect(postgresql.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"create schema {name}".encode())
    return f"{postgresql}?options=-csearch_path%3D{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def journal_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database for a journal, of each kind in turn."""
    if request.param == "sqlite":
        return default_url(tmp_path)
    return str(request.getfixturevalue("postgresql_url"))
