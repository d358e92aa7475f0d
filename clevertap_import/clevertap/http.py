"""HTTP requests that always end: each has a deadline and a limit of size, and all can be cancelled.

The time limits of requests and urllib3 apply to one read each: a server that sends one byte now and then, or
"100 Continue" forever, would block a request forever.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.models import PreparedRequest
from urllib3 import HTTPConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError

from clevertap_import.this_machine import is_this_machine

CONNECT_SECONDS = 10.0
"""For each address of a host: urllib3 tries one after the other."""

CHUNK_BYTES = 65_536


class RequestCut(Exception):
    """A request was ended on our side. `never_left`: no byte of it can have reached the other side."""

    def __init__(self, why: str, *, never_left: bool = False) -> None:
        super().__init__(why)
        self.never_left = never_left


class RequestInFlight:
    """One request in flight, which any thread may cancel."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wire: socket.socket | None = None
        self.cut_by: str | None = None
        self.is_connecting = False

    def set_connection(self, connection: socket.socket) -> None:
        """Set the connection that carries the request from now on."""
        # A duplicate descriptor: the original may be closed at any moment, and its number used again.
        wire = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            self._release()
            self._wire = wire
            if self.cut_by:
                shut(wire)

    def cut(self, why: str) -> None:
        """A reader or writer sees the end of the connection at once; a connecting thread sees it later."""
        with self._lock:
            self.cut_by = self.cut_by or why
            if self._wire:
                shut(self._wire)

    def end(self) -> None:
        with self._lock:
            self._release()

    def _release(self) -> None:
        if self._wire:
            self._wire.close()
            self._wire = None


def shut(wire: socket.socket) -> None:
    # The other side may have closed it already.
    with suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)


CURRENT: ContextVar[RequestInFlight] = ContextVar("CURRENT")
"""The request of this thread: urllib3 opens its connections deep inside its own code."""


class CuttableConnection(HTTPConnection):
    """A connection that registers its socket with the request in flight. A mixin for urllib3's classes."""

    def _new_conn(self) -> socket.socket:
        flight = CURRENT.get()
        flight.is_connecting = True
        if flight.cut_by:
            raise NewConnectionError(self, flight.cut_by)
        connection = super()._new_conn()
        # Now, because the TLS handshake comes next.
        flight.set_connection(connection)
        return connection

    def request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - urllib3's own arguments
        if self.sock is not None:
            CURRENT.get().set_connection(self.sock)
        super().request(*args, **kwargs)

    def send(self, data: Any) -> None:  # noqa: ANN401 - http.client's own argument
        if self.sock is None:
            self.connect()
        CURRENT.get().is_connecting = False
        # The deadline limits the sending. The limit of connecting is too short for megabytes on a slow line.
        self.sock.settimeout(None)
        super().send(data)


@cache
def cuttable(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """`pool` with connections that can be cancelled."""
    connection = type("Cuttable", (CuttableConnection, pool.ConnectionCls), {})
    return type(f"Cuttable{pool.__name__}", (pool,), {"ConnectionCls": connection})


def with_cuttable_connections(manager: PoolManager) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: cuttable(pool) for scheme, pool in pools.items()}


class BoundedAdapter(HTTPAdapter):
    """requests' adapter with connections that can be cancelled, to a server and to a proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - requests' own arguments
        super().init_poolmanager(*args, **kwargs)
        with_cuttable_connections(self.poolmanager)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401
        if is_this_machine(urlsplit(request.url or "").hostname or ""):
            # Unencrypted requests must stay on this machine; a proxy would send them elsewhere.
            kwargs["proxies"] = {}
        return super().send(request, *args, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:  # noqa: ANN401
        is_new = proxy not in self.proxy_manager
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        if is_new:
            with_cuttable_connections(manager)
        return manager


class RememberingSession(requests.Session):
    """requests' session, which looks up the environment's proxies and certificates once for a server.

    requests does so for each request, which costs more CPU time than the rest of its work. This session
    follows no redirect.
    """

    def __init__(self) -> None:
        super().__init__()
        self._environment: dict[str, Any] = {}

    def merge_environment_settings(self, url: str | bytes | None, *given: Any) -> Any:  # noqa: ANN401
        """`given` is the same for all our requests."""
        server = urlsplit(str(url)).netloc
        if server not in self._environment:
            self._environment[server] = super().merge_environment_settings(url, *given)
        return dict(self._environment[server])

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None. requests would read the whole answer, and fail where the address in it is none."""


def without_login(request: PreparedRequest) -> PreparedRequest:
    """Used as a session's `auth`: otherwise requests would search .netrc for a login, and send it."""
    return request


class BoundedHttp:
    """Requests from any number of threads, each with its own session. Proxies come from the environment."""

    def __init__(self, seconds: float, headers: dict[str, str] | None = None) -> None:
        self.seconds = seconds
        self.headers = headers or {}
        self._own = threading.local()
        self._lock = threading.Lock()
        self._flights: set[RequestInFlight] = set()
        self._abandoned: str | None = None

    @property
    def session(self) -> requests.Session:
        """The session of this thread."""
        if not hasattr(self._own, "session"):
            session = RememberingSession()
            for scheme in ("https://", "http://"):
                session.mount(scheme, BoundedAdapter(pool_connections=1, pool_maxsize=1))
            session.auth = without_login
            session.headers.update(self.headers)
            self._own.session = session
        return self._own.session  # type: ignore[no-any-return]

    def answer(self, method: str, url: str, most_bytes: int, **said: Any) -> tuple[int, bytes]:  # noqa: ANN401
        """Status and body. `said`: arguments for requests.

        Raises RequestCut after the deadline and after all requests were cancelled, unless the whole answer
        has come; and for a body of more than `most_bytes` (unpacked). Otherwise it raises the errors of
        requests.
        """
        with self._in_flight() as flight:
            try:
                answer = self.session.request(
                    method,
                    url,
                    timeout=(CONNECT_SECONDS, self.seconds),
                    allow_redirects=False,
                    stream=True,
                    **said,
                )
                with answer:
                    content = read(answer, most_bytes)
            except requests.RequestException:
                if flight.cut_by is None:
                    raise
            else:
                # So it is when a process that was stopped goes on: its answers have come meanwhile.
                if flight.cut_by is None or is_whole(answer):
                    return answer.status_code, content
            raise RequestCut(flight.cut_by, never_left=flight.is_connecting)

    def abandon(self, why: str) -> None:
        """Cancel all requests in flight, and send no more. May be called from any thread."""
        with self._lock:
            self._abandoned = why
            flights = list(self._flights)
        for flight in flights:
            flight.cut(why)

    @contextmanager
    def _in_flight(self) -> Iterator[RequestInFlight]:
        flight = RequestInFlight()
        with self._lock:
            if self._abandoned is not None:
                raise RequestCut(self._abandoned, never_left=True)
            self._flights.add(flight)
        deadline = threading.Timer(self.seconds, flight.cut, [f"no whole answer in {self.seconds:g} seconds"])
        deadline.daemon = True
        token = CURRENT.set(flight)
        try:
            deadline.start()
            yield flight
        finally:
            deadline.cancel()
            CURRENT.reset(token)
            with self._lock:
                self._flights.discard(flight)
            flight.end()


def is_whole(answer: requests.Response) -> bool:
    """Whether the body that was read is the whole one; unknown if it ends with its connection."""
    return bool(answer.raw.length_remaining == 0 or answer.raw.chunked)


def read(answer: requests.Response, most_bytes: int) -> bytes:
    """The body, unpacked. Raises RequestCut as soon as it is longer than `most_bytes`."""
    content = bytearray()
    for chunk in answer.iter_content(CHUNK_BYTES):
        content += chunk
        if len(content) > most_bytes:
            raise RequestCut(f"HTTP {answer.status_code} with an answer of over {most_bytes:,} bytes")
    return bytes(content)
