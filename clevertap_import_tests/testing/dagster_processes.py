"""Dagster's own web server and daemon as processes, and its GraphQL door."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_server
from typing import Any

import requests

from clevertap_import_tests.testing.dagster_internals import (
    DagsterGrpcClient,
    DagsterUserCodeUnreachableError,
)
from clevertap_import_tests.testing.waiting import wait_for

START_SECONDS = 240
ASK_SECONDS = 120
END_SECONDS = 30
MODULE = ("-m", "clevertap_import.definitions")
AT_ONCE = "run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}\n"
"""For dagster.yaml: the web server launches runs itself, and none waits for a daemon."""


@dataclass(frozen=True)
class WebServer:
    """Dagster's web server on the imports of a workshop."""

    url: str
    log: Path

    def ask(self, query: str, **variables: object) -> Any:  # noqa: ANN401 - the result of any query
        answer = requests.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=ASK_SECONDS
        ).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def is_up(self) -> bool:
        try:
            return requests.get(f"{self.url}/server_info", timeout=ASK_SECONDS).ok
        except (requests.ConnectionError, requests.Timeout):
            return False


@contextmanager
def process(log: Path, environment: Mapping[str, str], *words: str) -> Iterator[None]:
    """A Dagster process whose output goes to `log`; it and its children end with the block."""
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, *words],
            env=dict(environment),
            cwd=environment["DAGSTER_HOME"],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as started,
    ):
        try:
            yield
        finally:
            # The whole session: code servers are children of their own.
            os.killpg(started.pid, signal.SIGTERM)
            try:
                started.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(started.pid, signal.SIGKILL)


def free_port() -> int:
    with create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def code_server(environment: Mapping[str, str], location: str) -> Iterator[int]:
    """The imports in a process of their own, as Dagster's code location of this name; yields its port."""
    port = free_port()
    log = Path(environment["DAGSTER_HOME"]).parent / "codeserver.log"
    words = ("-m", "dagster", "code-server", "start", "-h", "127.0.0.1", "-p", str(port), *MODULE)
    with process(log, environment, *words, "--location-name", location):
        wait_for("the code server", lambda: is_serving(port), START_SECONDS)
        yield port


def is_serving(port: int) -> bool:
    try:
        return bool(DagsterGrpcClient(host="127.0.0.1", port=port).ping("")["echo"] == "")
    except DagsterUserCodeUnreachableError:
        return False


@contextmanager
def web_server(environment: Mapping[str, str], where: Sequence[str] = MODULE) -> Iterator[WebServer]:
    """`where` says where the imports are: the module itself, or a workspace."""
    port = free_port()
    log = Path(environment["DAGSTER_HOME"]).parent / "webserver.log"
    words = ("-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port), *where)
    server = WebServer(f"http://127.0.0.1:{port}", log)
    with process(log, environment, *words):
        wait_for("the web server", server.is_up, START_SECONDS)
        yield server


@contextmanager
def daemon(environment: Mapping[str, str], where: Sequence[str] = MODULE) -> Iterator[Path]:
    """Dagster's daemon; yields the file of its output."""
    log = Path(environment["DAGSTER_HOME"]).parent / "daemon.log"
    with process(log, environment, "-m", "dagster._daemon", "run", *where):
        yield log
