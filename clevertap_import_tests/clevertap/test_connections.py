"""Connections that are not made, or break: through real sockets, proxies among them."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from requests.adapters import HTTPAdapter
from urllib3.util import wait_for_read

from clevertap_import.clevertap.client import AccountSettings, CleverTap
from clevertap_import.clevertap.outcomes import Accepted, Busy, Uncertain
from clevertap_import_tests.testing.builders import profiles
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap

BATCH = profiles("u1", "u2", "u3")


def client_of(url: str) -> CleverTap:
    return CleverTap(AccountSettings(url, "ACC-OUN-TID", "passcode"))


def test_a_refused_connection_is_busy_for_nothing_left_this_machine() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        outcome = client_of(f"http://127.0.0.1:{port}").post(BATCH)
    assert outcome == Busy("ConnectionError", is_answered=False)


@contextmanager
def server_saying(
    *answers: bytes | None,
    ends: bytes = b"]}",
    received: list[bytes] | None = None,
    stays_open: bool = False,
) -> Iterator[str]:
    """The URL of a server that reads one request whole for each answer, and gives exactly these bytes.

    On None it closes the connection, and takes another. `received` gets the requests. `stays_open`: the last
    connection is left to the caller to close.
    """

    def serve() -> None:
        connection, _ = listener.accept()
        for answer in answers:
            if answer is None:
                connection.close()
                connection, _ = listener.accept()
                continue
            request = b""
            while not request.endswith(ends):
                request += connection.recv(65536)
            if received is not None:
                received.append(request)
            connection.sendall(answer)
        while stays_open and connection.recv(65536):
            pass
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        # A daemon: where a client fails before it asks, the test is to fail and not to wait for it.
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


OK = b"HTTP/1.1 200 OK\r\n"
TAKEN = OK + b'Content-Length: 51\r\n\r\n{"status":"success","processed":3,"unprocessed":[]}'


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not HTTP at all\r\n\r\n",
        OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
        OK + b"Content-Length: 5, 6\r\n\r\nxxxxx",
        OK + b"Content-Length: 99\r\n\r\n{}",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nxxxx",
        OK + b"Content-Length: 2\r\n\r\n\xff\xfe",
        b"HTTP/1.1 307 Over There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://[::1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: \xff\xfe\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=[
        *("nothing", "garbage", "long", "lengths", "short", "chunks", "gzip", "encoding", "redirect"),
        *("malformed redirect", "redirect in no encoding"),
    ],
)
def test_any_answer_that_cannot_be_read_is_uncertain(answer: bytes) -> None:
    with server_saying(answer) as url:
        assert isinstance(client_of(url).post(BATCH), Uncertain)


def test_a_reused_connection_that_is_broken_before_the_answer_is_uncertain() -> None:
    with server_saying(TAKEN, b"") as url:
        clevertap = client_of(url)
        assert [clevertap.post(BATCH), clevertap.post(BATCH)] == [Accepted(3), Uncertain("ConnectionError")]


def test_a_reused_connection_that_was_closed_while_idle_is_replaced_and_nothing_is_in_doubt() -> None:
    with server_saying(TAKEN, None, TAKEN) as url:
        clevertap = client_of(url)
        assert clevertap.post(BATCH) == Accepted(3)
        adapter = clevertap._http.session.get_adapter(url)
        assert isinstance(adapter, HTTPAdapter)
        (pool,) = map(adapter.poolmanager.pools.__getitem__, adapter.poolmanager.pools.keys())
        assert wait_for_read(pool.pool.queue[-1].sock, timeout=10)
        assert clevertap.post(BATCH) == Accepted(3)


BEHIND_A_PROXY = "clevertap.invalid"


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has everything go through the proxy at this URL, as the environment of a company does."""

    def go_through(url: str) -> None:
        for variable in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(variable, url)
        for variable in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.delenv(variable, raising=False)

    return go_through


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_cannot_be_reached_lets_nothing_out(proxied: Callable[[str], None], scheme: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        proxied(f"http://127.0.0.1:{unused.getsockname()[1]}")
        outcome = client_of(f"{scheme}://{BEHIND_A_PROXY}").post(BATCH)
    assert outcome == Busy("ProxyError", is_answered=False)


@pytest.mark.parametrize("status", [b"403 Forbidden", b"407 Login", b"502 Bad Gateway", b"503 Later"])
def test_a_proxy_that_does_not_open_the_way_lets_nothing_out(
    proxied: Callable[[str], None], status: bytes
) -> None:
    with server_saying(b"HTTP/1.1 " + status + b"\r\n\r\n", ends=b"\r\n\r\n") as url:
        proxied(url)
        outcome = client_of(f"https://{BEHIND_A_PROXY}").post(BATCH)
    assert outcome == Busy("ProxyError", is_answered=False)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("socks5://127.0.0.1:1", "InvalidSchema"),
        ("http://user:secret@proxy:80x", "InvalidURL"),
        ("http://user:secret@[proxy:80", "InvalidURL"),
    ],
)
def test_a_proxy_that_cannot_be_used_lets_nothing_out(
    proxied: Callable[[str], None], url: str, error: str
) -> None:
    proxied(url)
    outcome = client_of(f"https://{BEHIND_A_PROXY}").post(BATCH)
    assert outcome == Busy(error, is_answered=False)


@pytest.mark.parametrize("answer", [b"", b"not HTTP at all\r\n\r\n"], ids=["nothing", "garbage"])
def test_a_proxy_that_takes_the_request_and_hangs_up_leaves_it_uncertain(
    proxied: Callable[[str], None], answer: bytes
) -> None:
    with server_saying(answer) as url:
        proxied(url)
        assert isinstance(client_of(f"http://{BEHIND_A_PROXY}").post(BATCH), Uncertain)


def test_no_proxy_is_sent_what_is_for_this_machine(
    proxied: Callable[[str], None], fake_clevertap: FakeCleverTap
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        proxied(f"http://127.0.0.1:{unused.getsockname()[1]}")
        clevertap = CleverTap(
            AccountSettings(fake_clevertap.url, fake_clevertap.account_id, fake_clevertap.passcode)
        )
        assert clevertap.post(BATCH) == Accepted(3)


def test_the_certificates_that_the_environment_names_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/at/all.pem")
    with pytest.raises(OSError, match=r"/nowhere/at/all\.pem"):
        client_of("https://127.0.0.1:1").post(BATCH)


def test_a_host_without_an_address_is_busy_for_nothing_left_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    outcome = client_of("http://clevertap.invalid").post(BATCH)
    assert outcome == Busy("ConnectionError", is_answered=False)
