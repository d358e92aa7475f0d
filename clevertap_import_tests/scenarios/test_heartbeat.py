"""A heartbeat takes no longer than it may, and its problems show no address."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from clevertap_import.alerting.heartbeat import ping


@contextmanager
def endless(begin: bytes) -> Iterator[str]:
    """A server that begins its answer with `begin`, and sends more until the caller leaves."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(begin)
                while True:
                    select.select([], [], [connection], 0.05)
                    connection.sendall(b"x")

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/secret"


def test_an_answer_without_end_is_an_answer() -> None:
    with endless(b"HTTP/1.1 200 OK\r\n\r\n") as address:
        assert ping(address) is None


def test_a_server_that_never_says_its_status_is_left() -> None:
    with endless(b"HTTP/1.1 200 O") as address:
        problem = ping(address, seconds=0.3)
    assert problem == "The heartbeat was not taken: no answer. See CLEVERTAP_IMPORT_HEARTBEAT_URL."


@pytest.mark.parametrize(
    "address", ["secret", "http://[::1/secret", f"http://{'a' * 80}/secret", "http://:0/secret"]
)
def test_an_address_that_is_none_is_a_problem_without_the_address(address: str) -> None:
    assert "secret" not in (ping(address) or "secret")
