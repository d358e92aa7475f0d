"""Answers of the local Snowflake whose bodies end too early, as proxies and broken connections leave them."""

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from clevertap_import.sandbox.snowflake_answers import AnswerRule


class BrokenOff(Response):
    """A response that announces its whole length, and whose connection ends before."""

    def __init__(self, whole: Response, size: int) -> None:
        super().__init__(bytes(whole.body)[:size], whole.status_code)
        self.raw_headers = whole.raw_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        # The server closes the connection when this returns without an end.
        await send({"type": "http.response.body", "body": self.body, "more_body": True})


def cut(whole: Response, size: int | None, rule: AnswerRule) -> Response:
    """The response with the first `size` bytes of its body."""
    if size is None:
        return whole
    if rule.breaks_off:
        return BrokenOff(whole, size)
    headers = {key: value for key, value in whole.headers.items() if key != "content-length"}
    return Response(bytes(whole.body)[:size], whole.status_code, headers)
