"""Bodies of the local Snowflake that end too early, or never, as after proxies and bad lines."""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from clevertap_import.sandbox.snowflake.answers import AnswerRule

DRIP_SECONDS = 0.5


class BrokenOff(Response):
    """A response that announces its whole length, and whose connection ends before."""

    def __init__(self, whole: Response, size: int) -> None:
        super().__init__(bytes(whole.body)[:size], whole.status_code)
        self.raw_headers = whole.raw_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        # The server closes the connection when this returns without an end.
        await send({"type": "http.response.body", "body": self.body, "more_body": True})


async def drops() -> AsyncIterator[bytes]:
    """A blank now and then, forever."""
    while True:
        yield b" "
        await asyncio.sleep(DRIP_SECONDS)


def cut(whole: Response, part: Literal["answer", "chunk"], rule: AnswerRule) -> Response:
    """The response after the rule has cut it."""
    if rule.drips == part:
        return StreamingResponse(drops())
    size = rule.answer_bytes if part == "answer" else rule.chunk_bytes
    if size is None:
        return whole
    if rule.breaks_off:
        return BrokenOff(whole, size)
    headers = {key: value for key, value in whole.headers.items() if key != "content-length"}
    return Response(bytes(whole.body)[:size], whole.status_code, headers)
