"""Where alerts arrive in tests: a real mail server, and a real HTTP server for webhooks and heartbeats."""

import json
import threading
from asyncio import Server
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"


@dataclass
class MailServer:
    """Takes mails on a real port; `stop` and `start` again on the same one.

    `answer`: what it says to the content of a mail.
    """

    port: int = 0
    mails: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    answer: str = "250 OK"
    controller: Controller | None = None

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        if self.answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=policy.default)
            part = mail.get_body(("plain", "html"))
            self.mails += [(address, str(mail["Subject"])) for address in envelope.rcpt_tos]
            self.bodies.append(part.get_content() if part else "")
        return self.answer

    def start(self) -> None:
        self.controller = FreePort(self, hostname=HOST, port=self.port)
        self.controller.start()
        self.port = self.controller.port

    def stop(self) -> None:
        if self.controller:
            self.controller.stop()
        self.controller = None

    def taken(self) -> list[tuple[str, str]]:
        """The recipients and subjects since the last call."""
        found, self.mails = self.mails, []
        return found

    @property
    def url(self) -> str:
        return f"mailto://{HOST}:{self.port}?from=alerts@example.com"


class FreePort(Controller):
    """Finds out which port the system gave it."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


class Receiver(ThreadingHTTPServer):
    """Keeps what was sent to it. `addresses`: the paths that were asked for.

    `status`: what it answers; `most_bytes`: it refuses longer messages.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), Taking)
        self.received: list[dict[str, Any]] = []
        self.addresses: list[str] = []
        self.status = 200
        self.most_bytes = 1_000_000

    def titles(self) -> list[str]:
        """Of the messages since the last call."""
        found, self.received = self.received, []
        return [each["title"] for each in found]

    @property
    def place(self) -> str:
        return f"{HOST}:{self.server_address[1]}"


class Taking(BaseHTTPRequestHandler):
    server: Receiver

    def do_GET(self) -> None:
        self.server.addresses.append(self.path)
        self.answer()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if len(body) > self.server.most_bytes:
            self.answer(413)
            return
        if self.server.status < 300:
            self.server.received.append(json.loads(body))
        self.answer()

    def answer(self, status: int | None = None) -> None:
        self.send_response(status or self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def http_receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
