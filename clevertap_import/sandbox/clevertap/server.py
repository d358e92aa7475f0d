"""A local CleverTap with HTTP on its own port.

Run it as `python -m clevertap_import.sandbox.clevertap.server --port 0`. When it is ready it writes one JSON
line with its URL. On SIGTERM or SIGINT it saves its state, if it has a file for it, and ends.
"""

import argparse
import asyncio
import json
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from clevertap_import.sandbox.clevertap.account import Account, Credentials
from clevertap_import.sandbox.clevertap.answers import failure, json_reply
from clevertap_import.sandbox.clevertap.broken_answers import apply_fault
from clevertap_import.sandbox.clevertap.control import control_routes
from clevertap_import.sandbox.clevertap.lookups import event_count, profile_answer
from clevertap_import.sandbox.clevertap.requests import RequestInFlight, Slots
from clevertap_import.sandbox.clevertap.upload import Upload
from clevertap_import.sandbox.parent import FLAG, HELP, end_with_parent, terminate
from clevertap_import.sandbox.secrets_file import SECRETS_HELP, read_secrets

Answer = Callable[[Account, Request, RequestInFlight], Awaitable[Response | None]]


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, which a request can reach: to drop its connection, and to count its calls."""

    calls = 0

    def on_message_begin(self) -> None:
        """Called by the parser for each request on this connection."""
        super().on_message_begin()
        self.calls += 1
        self.scope["state"]["connection"] = self


class Endpoint:
    """One endpoint. A call uses its slot from the arrival of its headers until its answer is written."""

    def __init__(self, account: Account, method: str, answer: Answer) -> None:
        self.account = account
        self.method = method
        self.answer = answer
        self.is_upload = answer is answer_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        request = Request(scope, receive, send)
        account = self.account
        account.counters.calls += 1
        account.counters.uploads += self.is_upload
        reply = self._refusal(request)
        if reply is not None:
            await self._write(reply, request)
            return
        slots = account.uploads if self.is_upload else account.lookups
        flight = slots.enter(self._limit())
        if flight is None:
            account.counters.busy_429 += 1
            await self._write(self._failure("Too many concurrent requests", 429), request)
            return
        try:
            await self._hold(request, slots, flight)
        finally:
            slots.leave(flight)

    async def _hold(self, request: Request, slots: Slots, flight: RequestInFlight) -> None:
        reply = await self.answer(self.account, request, flight)
        if reply is not None:
            await self._write(reply, request)

    def _refusal(self, request: Request) -> Response | None:
        if request.method != self.method:
            return self._failure("Method not allowed", 405)
        text = self.account.refused_login(request.headers)
        return None if text is None else self._failure(text, 401)

    def _failure(self, text: str, status: int) -> Response:
        return json_reply(failure(text, status), self.account.behaviour.answer_style, status)

    def _limit(self) -> int | None:
        behaviour = self.account.behaviour
        if not self.is_upload:
            return behaviour.max_lookups_in_flight
        # Separate pools can be checked only after the body is read.
        return None if behaviour.separate_pools else behaviour.max_in_flight

    async def _write(self, reply: Response, request: Request) -> None:
        account = self.account
        account.counters.answers[str(reply.status_code)] += 1
        alternate = account.counters.calls % 2 == 0
        if account.behaviour.framing == "chunked" or (account.behaviour.framing == "alternate" and alternate):
            # Without a length uvicorn sends chunks.
            del reply.headers["content-length"]
        most = account.behaviour.keep_alive_requests
        if most is not None and request.state.connection.calls >= most:
            reply.headers["connection"] = "close"
        await reply(request.scope, request.receive, request._send)


async def answer_upload(account: Account, request: Request, flight: RequestInFlight) -> Response | None:
    """`POST /1/upload`."""
    return await Upload(account, request, flight).answer()


async def answer_profile(account: Account, request: Request, flight: RequestInFlight) -> Response | None:
    """`GET /1/profile.json`."""
    keys = [request.query_params.get("identity")]
    fault = account.faults.take("profile", flight.call, keys, account.behaviour.seed)
    seconds = account.behaviour.service_seconds + (fault.seconds if fault and fault.kind == "slow" else 0)
    if seconds:
        await asyncio.sleep(seconds)
    status, body = profile_answer(account, request.query_params)
    reply = json_reply(body, account.behaviour.answer_style, status)
    return reply if fault is None or fault.kind == "slow" else await apply_fault(fault, request, reply)


def counting(of_profiles: bool) -> Answer:
    """`POST /1/counts/events.json` or `/1/counts/profiles.json`."""

    async def answer_count(account: Account, request: Request, flight: RequestInFlight) -> Response | None:
        try:
            wanted = json.loads(await request.body())
        except ValueError:
            wanted = None
        status, body = event_count(account, wanted if isinstance(wanted, dict) else {}, of_profiles)
        return json_reply(body, account.behaviour.answer_style, status)

    return answer_count


def fake_clevertap_app(account: Account) -> Starlette:
    """The ASGI app for one account."""
    doors = [
        Route("/1/upload", Endpoint(account, "POST", answer_upload)),
        Route("/1/profile.json", Endpoint(account, "GET", answer_profile)),
        Route("/1/counts/events.json", Endpoint(account, "POST", counting(of_profiles=False))),
        Route("/1/counts/profiles.json", Endpoint(account, "POST", counting(of_profiles=True))),
    ]
    app = Starlette(routes=[*doors, *control_routes(account)])

    async def unknown_path(scope: Scope, receive: Receive, send: Send) -> None:
        # CleverTap was seen to answer 200 with nothing in it on a path that it does not know.
        account.counters.calls += 1
        await Response(b"", 200)(scope, receive, send)

    app.router.default = unknown_path
    app.router.redirect_slashes = False
    return app


class Server(uvicorn.Server):
    """uvicorn with an orderly end after a signal; it would raise the signal again before the state is
    saved."""

    def heed_signals(self) -> None:
        """Handle SIGTERM and SIGINT from now on, also before a loop runs."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Called by uvicorn; the signals are handled already."""
        yield


def listening_socket(port: int) -> socket.socket:
    """A socket that already accepts connections, so that the URL works as soon as it is written."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(256)
    return listener


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until a signal comes."""
    options = _parsed(arguments)
    if options.with_parent:
        end_with_parent(terminate)
    passcode = read_secrets(options.secrets).passcode if options.secrets else options.passcode
    account = Account(Credentials(options.account_id, passcode, options.region))
    load(account, options.state)
    config = uvicorn.Config(
        fake_clevertap_app(account),
        http=Connection,
        lifespan="off",
        ws="none",
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=60,
    )
    server = Server(config)
    server.heed_signals()
    listener = listening_socket(options.port)
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}) + "\n")
    sys.stdout.flush()
    server.run(sockets=[listener])
    save(account, options.state)


def load(account: Account, file: Path | None) -> None:
    """Load the saved state, if there is one. Ends the process if it cannot be read."""
    if file is None or not file.exists():
        return
    try:
        account.load(file)
    except (OSError, ValueError, KeyError, TypeError):
        sys.exit(
            f"{file}, the state of the local CleverTap, cannot be read. Delete its folder to start again."
        )


def save(account: Account, file: Path | None) -> None:
    """Ends the process if the state cannot be saved; an earlier file does not change."""
    if file is None:
        return
    try:
        account.save(file)
    except OSError as error:
        sys.exit(f"The state of the local CleverTap could not be saved to {file}: {error.strerror}.")


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    defaults = Credentials()
    parser = argparse.ArgumentParser(prog="clevertap_server", description="A local CleverTap for tests.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--state", type=Path, help="file to load at the start and save at the end")
    parser.add_argument("--account-id", default=defaults.account_id)
    parser.add_argument("--secrets", type=Path, help=SECRETS_HELP)
    parser.add_argument("--passcode", default=defaults.passcode)
    parser.add_argument("--region", default=defaults.region)
    parser.add_argument(FLAG, action="store_true", help=HELP)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
