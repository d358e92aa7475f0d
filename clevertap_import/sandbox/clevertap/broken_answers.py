"""Applies a fault to an answer of the fake CleverTap."""

import asyncio
import gzip
import socket
import struct
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from clevertap_import.sandbox.clevertap.answers import CONTENT_TYPE, answer_text, failure, json_reply
from clevertap_import.sandbox.clevertap.faults import Fault

SECONDS_BETWEEN_DRIPS = 0.1
BOMB_BYTES = 1_600_000_000
"""The unpacked size of 1.6 MB of gzip."""

BURST = 1000
"""Pieces that are written together if there is no pause between them."""

UNREAD_BYTES = 1_000_000
"""The most data that waits for a slow reader."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\n"
LONG = HEAD + b"Content-Length: 1000000000000\r\n\r\n"
ENDLESS: dict[str, tuple[bytes, bytes, float]] = {
    "drip": (LONG, b" ", SECONDS_BETWEEN_DRIPS),
    "endless_headers": (HEAD, b"X", SECONDS_BETWEEN_DRIPS),
    "endless_continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0),
    "endless_body": (LONG, b" " * 1000, 0),
}
"""The beginning of such an answer, the part that repeats forever, and the pause between parts."""

DROPPED = frozenset({"timeout", "reset", *ENDLESS})


def bomb() -> bytes:
    """Blanks before an answer, compressed to a thousandth of their size."""
    return gzip.compress(b" " * UNREAD_BYTES) * (BOMB_BYTES // UNREAD_BYTES)


def packed_answer(whole: bytes) -> Response:
    return Response(bomb() + gzip.compress(whole), 200, {"content-encoding": "gzip"})


def truncated_answer(whole: bytes) -> Response:
    return Response(whole[: len(whole) // 2], 200, {"content-type": CONTENT_TYPE})


def page(_: bytes) -> Response:
    html = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"
    return Response(html, 502, media_type="text/html")


MADE: dict[str, Callable[[bytes], Response]] = {
    "html": page,
    "empty": lambda _: Response(b"", 200),
    "truncated": truncated_answer,
    "gzip_bomb": packed_answer,
}
"""For each fault, the function that changes the whole body of the answer."""


async def apply_fault(fault: Fault, request: Request, reply: Response | None) -> Response | None:
    """Apply a fault to an answer (None if nothing was applied); returns None if it drops the connection."""
    if fault.kind in ENDLESS:
        await _written_on(request, *ENDLESS[fault.kind])
    if fault.kind == "timeout":
        await _client_gone(request, fault.seconds)
    if fault.kind in DROPPED:
        await _dropped(request)
        return None
    if fault.kind in MADE:
        whole = (
            bytes(reply.body) if reply is not None else answer_text({"status": "success"}, "compact").encode()
        )
        return MADE[fault.kind](whole)
    if fault.kind == "nothing_taken":
        said = {} if fault.error is None else {"error": fault.error}
        return json_reply({"status": "fail", "processed": 0, "unprocessed": [], **said}, "compact")
    return json_reply(failure(fault.words, fault.answer_status), "compact", fault.answer_status)


async def _client_gone(request: Request, seconds: float) -> None:
    """Wait until the caller hangs up, at most `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


async def _dropped(request: Request) -> None:
    """Break the TCP connection at once, with a reset instead of an orderly end."""
    transport: asyncio.Transport = request.state.connection.transport
    connection = transport.get_extra_info("socket")
    if connection is not None and not transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    # uvicorn answers 500 for a call without an answer, unless it knows that the caller is gone.
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _written_on(request: Request, begin: bytes, more: bytes, pause: float) -> None:
    """Write until the caller hangs up."""
    transport: asyncio.Transport = request.state.connection.transport
    transport.write(begin)
    while not transport.is_closing():
        if transport.get_write_buffer_size() < UNREAD_BYTES:
            transport.write(more if pause else more * BURST)
        await asyncio.sleep(pause)
