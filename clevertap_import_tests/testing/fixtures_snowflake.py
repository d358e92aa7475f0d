"""A local Snowflake for tests: a process of its own, reached by the real connector."""

import json
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from clevertap_import.sandbox.snowflake.logins import PASSWORD, USER

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

# At each login the connector looks for a cloud around it: 5 seconds where names do not resolve.
NO_PLATFORM_DETECTION = {"SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true"}
REQUEST_SECONDS = 10
END_SECONDS = 20


@dataclass(frozen=True)
class LocalSnowflake:
    """Where a local Snowflake listens, and what it was asked."""

    host: str
    port: int
    process_id: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def environment(self, database: str | None = None) -> dict[str, str]:
        """The SNOWFLAKE_* variables that lead here; with a database, also its schema PUBLIC."""
        variables = {
            "SNOWFLAKE_ACCOUNT": "sandbox",
            "SNOWFLAKE_USER": USER,
            "SNOWFLAKE_PASSWORD": PASSWORD,
            "SNOWFLAKE_HOST": self.host,
            "SNOWFLAKE_PORT": str(self.port),
            "SNOWFLAKE_PROTOCOL": "http",
            **NO_PLATFORM_DETECTION,
        }
        return variables | (
            {"SNOWFLAKE_DATABASE": database, "SNOWFLAKE_SCHEMA": "PUBLIC"} if database else {}
        )

    def connect(self, **settings: Any) -> "SnowflakeConnection":  # noqa: ANN401 - the connector's own settings
        """The real connector's connection, with `settings` over those of the environment."""
        # Here and not above: these fixtures are loaded for tests of pure functions too.
        from snowflake.connector import connect

        ours: dict[str, Any] = {
            "account": "sandbox",
            "user": USER,
            "password": PASSWORD,
            "host": self.host,
            "port": self.port,
            "protocol": "http",
            "paramstyle": "qmark",
            "session_parameters": {"TIMEZONE": "UTC"},
            "platform_detection_timeout_seconds": 0.0,
        }
        return connect(**ours | settings)

    def create_database(self) -> str:
        """A new database with a schema PUBLIC; its name, which no other test has."""
        name = f"T_{secrets.token_hex(6).upper()}"
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"create database {name}")
            cursor.execute(f"create schema if not exists {name}.PUBLIC")
        return name

    def queries(self) -> list[str]:
        """The texts of the queries that ran since the last reset, without those that were only described.

        Each session begins by showing its parameters; these questions are left out too.
        """
        queries = [query["text"] for query in self.received()["queries"] if not query["describe_only"]]
        return [text for text in queries if text != "show parameters in session"]

    def received(self) -> dict[str, Any]:
        """Everything since the last reset.

        Queries (request_id, text, describe_only, query_tag), logins (user, session_parameters), and the
        request ids of the queries that were aborted.
        """
        content: dict[str, Any] = requests.get(f"{self.url}/_fake/queries", timeout=REQUEST_SECONDS).json()
        return content

    @contextmanager
    def answering(self, *rules: Mapping[str, Any]) -> Iterator[None]:
        """The server answers as these rules say: see `clevertap_import.sandbox.snowflake.answers`."""
        self._post("answers", list(rules))
        try:
            yield
        finally:
            self._post("answers", [])

    def end_sessions(self, code: str = "390111", message: str = "Session no longer exists.") -> None:
        """Refuse all requests of the current sessions with this code; new sessions are not refused."""
        self._post("end_sessions", {"code": code, "message": message})

    def _post(self, door: str, content: object) -> None:
        answer = requests.post(f"{self.url}/_fake/{door}", json=content, timeout=REQUEST_SECONDS)
        assert answer.ok, answer.text

    def reset_queries(self) -> None:
        requests.post(f"{self.url}/_fake/reset_queries", timeout=REQUEST_SECONDS).raise_for_status()


@contextmanager
def running_snowflake(data: Path, *options: str, kill: bool = False) -> Iterator[LocalSnowflake]:
    """A server process on the databases in `data`; ended by SIGTERM, or killed."""
    command = [
        sys.executable,
        "-m",
        "clevertap_import.sandbox.snowflake.server",
        "--data",
        str(data),
        *options,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            # An empty line: it ended before it listened, and standard error says why.
            address = json.loads(process.stdout.readline())
            yield LocalSnowflake(address["host"], address["port"], process.pid)
        finally:
            process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            assert process.wait(END_SECONDS) == (-signal.SIGKILL if kill else 0)


@pytest.fixture(scope="session")
def local_snowflake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSnowflake]:
    """One server for all tests of a process."""
    with running_snowflake(tmp_path_factory.mktemp("snowflake")) as snowflake_server:
        yield snowflake_server


@pytest.fixture
def fresh_database(local_snowflake: LocalSnowflake) -> str:
    """The name of an empty database of this test's own, with a schema PUBLIC."""
    return local_snowflake.create_database()
