"""A PostgreSQL of the tests' own, where its programs are installed; and a journal's database of each kind."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_server
from typing import Any, LiteralString

import psycopg
import pytest

from clevertap_import.journal.digest_key import KEY_BYTES, KEY_VARIABLE
from clevertap_import.journal.tables import default_url
from clevertap_import_tests.testing.waiting import wait_for

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


@dataclass
class Server:
    """One server on the cluster in `folder`. It can be stopped, and started again at the same port."""

    bin_folder: Path
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def url(self) -> str:
        return journal_at(self.port)

    def call(self, program: str, *words: str) -> None:
        command = [str(self.bin_folder / program), *words]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **owner())

    def start(self) -> None:
        places = (f"port={self.port}", f"unix_socket_directories={self.folder}")
        options = [f"-c{setting}" for setting in (*SETTINGS, *places)]
        self.process = subprocess.Popen(
            [self.bin_folder / "postgres", "-D", self.cluster, *options],
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            **owner(),
        )
        wait_for("PostgreSQL", lambda: is_up(self.port), START_SECONDS)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT is the end of a crash, SIGINT that of `pg_ctl stop -m fast`."""
        if self.process:
            self.process.send_signal(how)
            self.process.wait(END_SECONDS)
            self.process = None

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True)

    def ask(self, query: LiteralString) -> Any:  # noqa: ANN401
        """The first value of the first row of the answer."""
        with self.connect() as connection:
            row = connection.execute(query).fetchone()
        return row[0] if row else None


def journal_at(port: int) -> str:
    return f"postgresql+psycopg://journal@127.0.0.1:{port}/postgres"


@contextmanager
def stopped_server(bin_folder: Path) -> Iterator[Server]:
    """A server that has a folder and a port, and no cluster yet."""
    with tempfile.TemporaryDirectory(prefix="clevertap-import-postgresql-") as name:
        if owner():
            shutil.chown(name, "postgres", "postgres")
        with create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        server = Server(bin_folder, Path(name), port)
        try:
            yield server
        finally:
            # At once: nothing of it is needed again.
            server.stop()


@contextmanager
def running_postgresql(bin_folder: Path) -> Iterator[Server]:
    """A server on a fresh cluster."""
    with stopped_server(bin_folder) as server:
        words = f"-D {server.cluster} -U journal -A trust -E UTF8 --locale=C --no-sync"
        server.call("initdb", *words.split())
        server.start()
        yield server


@contextmanager
def running_standby(primary: Server) -> Iterator[Server]:
    """A server that takes over all commits of `primary`, which does not wait for it."""
    with stopped_server(primary.bin_folder) as server:
        words = (
            f"-h 127.0.0.1 -p {primary.port} -U journal -D {server.cluster} -R -X stream -c fast --no-sync"
        )
        server.call("pg_basebackup", *words.split())
        server.start()
        yield server


def is_up(port: int) -> bool:
    try:
        psycopg.connect(journal_at(port).replace("+psycopg", ""), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def postgresql_programs() -> Path:
    """The folder of PostgreSQL's programs; skipped where it is not installed."""
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL's programs (initdb, postgres) are not installed here.")
    return folder


@pytest.fixture(scope="session")
def postgresql(postgresql_programs: Path) -> Iterator[str]:
    """The URL of one server for all tests of a process."""
    with running_postgresql(postgresql_programs) as server:
        yield server.url


@pytest.fixture
def own_postgresql(postgresql_programs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server for one test, which may do to it what it likes. The journal's key is in the variable."""
    monkeypatch.setenv(KEY_VARIABLE, secrets.token_hex(KEY_BYTES))
    with running_postgresql(postgresql_programs) as server:
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
