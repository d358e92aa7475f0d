"""A CleverTap that only counts: reads whole bodies, takes every record, answers after a set latency.

Run as a program it serves until it is ended, and its first line of output is its address.
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
    """What has arrived."""

    requests: int = 0
    records: int = 0
    bytes: int = 0


class CountingServer(ThreadingTCPServer):
    """A thread for each connection."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, latency_seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.latency_seconds = latency_seconds
        self.counts = Counts()
        self.lock = threading.Lock()

    def take(self, body: bytes) -> bytes:
        """Count `body`, and answer that all of it was processed."""
        records = body.count(RECORD_MARK)
        with self.lock:
            self.counts.requests += 1
            self.counts.records += records
            self.counts.bytes += len(body)
        if self.latency_seconds:
            time.sleep(self.latency_seconds)
        return b'{"status":"success","processed":%d,"unprocessed":[]}' % records


class Connection(StreamRequestHandler):
    """One kept-alive connection: as many requests as come."""

    server: CountingServer
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while request := self.rfile.readline():
            size = self.body_bytes()
            if request.startswith(b"GET"):
                answer = json.dumps(asdict(self.server.counts)).encode()
            else:
                answer = self.server.take(self.rfile.read(size))
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
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def counted(url: str) -> Counts:
    with urlopen(url, timeout=10) as answer:  # noqa: S310 - our own server
        return Counts(**json.load(answer))


def ceiling_rows_per_second(url: str, body: bytes, bodies: int = CEILING_BODIES) -> float:
    """What the server can take: one prepared body, posted again and again by the leanest client there is."""

    def post_many() -> None:
        client = http.client.HTTPConnection(url.removeprefix("http://"))
        for _ in range(bodies // CEILING_CONNECTIONS):
            client.request("POST", "/1/upload", body)
            client.getresponse().read()
        client.close()

    before = counted(url).records
    threads = [threading.Thread(target=post_many) for _ in range(CEILING_CONNECTIONS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (counted(url).records - before) / (time.perf_counter() - began)


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
