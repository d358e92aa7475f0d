"""A way to a server that breaks off, or leads elsewhere: a TCP proxy of the test."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer

RESET = struct.pack("ii", 1, 0)
PIECE_BYTES = 4096


class Proxy(ThreadingTCPServer):
    """`target`: where new connections lead; one that nobody listens at ends them at once.

    `most_bytes`: how much of the server's answers each connection lets through; None for all.
    """

    daemon_threads = True
    target: tuple[str, int]
    most_bytes: int | None = None
    cuts: int = 0


class Line(BaseRequestHandler):
    server: Proxy

    def handle(self) -> None:
        with suppress(OSError), socket.create_connection(self.server.target) as server:
            threading.Thread(target=self.forward, args=(server,), daemon=True).start()
            passed = 0
            while data := received(server):
                passed += len(data)
                if self.server.most_bytes is not None and passed > self.server.most_bytes:
                    self.server.cuts += 1
                    self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    return
                self.request.sendall(data)

    def forward(self, server: socket.socket) -> None:
        with suppress(OSError):
            while data := received(self.request):
                server.sendall(data)


def received(connection: socket.socket) -> bytes:
    """Empty as soon as the connection has ended, in any way."""
    try:
        return connection.recv(PIECE_BYTES)
    except OSError:
        return b""


@contextmanager
def cut_lines(host: str, port: int) -> Iterator[Proxy]:
    with Proxy(("127.0.0.1", 0), Line) as proxy:
        proxy.target = (host, port)
        thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
