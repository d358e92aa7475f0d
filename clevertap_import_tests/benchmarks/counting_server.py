"""A CleverTap that only counts: reads whole bodies, takes every record, answers after a set latency.

Run as a program it serves until it is ended, and its first line of output is its address. GET / returns
the counts, GET /first the first body that came.
"""

import argparse
import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.request import urlopen

from .process import pin_to_core

RECORD_MARK = b'"profileData"'
"""Once in every record, however the JSON is spaced; quotes in values are escaped, so nowhere else."""

SERVER_CORE = 1
CEILING_BODIES = 3_000
CEILING_CONNECTIONS = 4


@dataclass(slots=True)
class Counts:
    """What has arrived. `seconds` and `cpu_seconds` run from the first request to the last answer.

    open_seconds: the time between the arrival of a request and its answer, summed over all requests.
    """

    requests: int = 0
    records: int = 0
    bytes: int = 0
    seconds: float = 0.0
    open_seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def in_flight(self) -> float:
        """Requests in flight on average."""
        return self.open_seconds / self.seconds if self.seconds else 0.0

    @property
    def rows_per_second(self) -> float:
        return self.records / self.seconds if self.seconds else 0.0


class CountingServer(ThreadingTCPServer):
    """A thread for each connection."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, latency_seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.latency_seconds = latency_seconds
        self.counts = Counts()
        self.first_body = b""
        self.began: tuple[float, float] | None = None
        self.lock = threading.Lock()

    def take(self, body: bytes, arrived: float) -> bytes:
        """Count `body`, and answer that all of it was processed."""
        records = body.count(RECORD_MARK)
        if self.latency_seconds:
            time.sleep(self.latency_seconds)
        with self.lock:
            self.first_body = self.first_body or body
            self.enter(len(body), records, arrived)
        return b'{"status":"success","processed":%d,"unprocessed":[]}' % records

    def enter(self, size: int, records: int, arrived: float) -> None:
        assert self.began is not None
        now, counts = time.perf_counter(), self.counts
        counts.requests += 1
        counts.records += records
        counts.bytes += size
        counts.open_seconds += now - arrived
        counts.seconds = now - self.began[0]
        counts.cpu_seconds = time.process_time() - self.began[1]

    def arrived(self) -> float:
        """The time of a request that comes in now; the server stores that of the first one."""
        now = time.perf_counter()
        if self.began is None:
            self.began = now, time.process_time()
        return now

    def answer(self, path: bytes) -> bytes:
        return self.first_body if path == b"/first" else json.dumps(asdict(self.counts)).encode()


class Connection(StreamRequestHandler):
    """One kept-alive connection: as many requests as come."""

    server: CountingServer
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while request := self.rfile.readline():
            method, path, _ = request.split()
            if method == b"POST":
                arrived = self.server.arrived()
                answer = self.server.take(self.rfile.read(self.body_bytes()), arrived)
            else:
                self.body_bytes()
                answer = self.server.answer(path)
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                % (len(answer), answer)
            )

    def body_bytes(self) -> int:
        """Read the headers; returns the length that they give for the body."""
        size = 0
        while (line := self.rfile.readline()).strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                size = int(value)
        return size


@contextmanager
def counting_server(latency_ms: float = 0.0) -> Iterator[str]:
    """The address of a server in a process of its own, which ends with the block."""
    command = [sys.executable, "-m", __spec__.name, "--latency-ms", str(latency_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            # An empty line: it ended before it listened, and standard error says why.
            address = process.stdout.readline().strip()
            assert address
            yield address
        finally:
            process.kill()


def counted(url: str) -> Counts:
    with urlopen(url, timeout=10) as answer:  # noqa: S310 - our own server
        return Counts(**json.load(answer))


def first_body(url: str) -> bytes:
    with urlopen(f"{url}/first", timeout=10) as answer:  # noqa: S310 - our own server
        body: bytes = answer.read()
        return body


def ceiling_rows_per_second(url: str, body: bytes, bodies: int = CEILING_BODIES) -> float:
    """What the server can take: one prepared body, posted again and again by the leanest client there is."""

    def post_many() -> None:
        client = http.client.HTTPConnection(url.removeprefix("http://"))
        for _ in range(bodies // CEILING_CONNECTIONS):
            client.request("POST", "/1/upload", body)
            client.getresponse().read()
        client.close()

    threads = [threading.Thread(target=post_many) for _ in range(CEILING_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counted(url).rows_per_second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    arguments = parser.parse_args()
    pin_to_core(SERVER_CORE)
    with CountingServer(arguments.latency_ms / 1000) as server:
        sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
