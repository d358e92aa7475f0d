"""The bodies of CleverTap's answers, in the styles of recorded traffic."""

import json
from typing import Any, Literal

from starlette.responses import Response

AnswerStyle = Literal["compact", "spaced", "spaced_2017"]
CONTENT_TYPE = "application/json;charset=utf-8"


def failure(text: str, code: int) -> dict[str, Any]:
    """The body of a request that failed as a whole."""
    return {"status": "fail", "error": text, "code": code}


def batch_answer(accepted: int, unprocessed: list[dict[str, Any]], style: AnswerStyle) -> dict[str, Any]:
    """The body of a batch. The recordings of 2017 always have status success, and echo records as text."""
    if style == "spaced_2017":
        echoes = [{**entry, "record": spaced(entry["record"])} for entry in unprocessed]
        return {"status": "success", "processed": accepted, "unprocessed": echoes}
    status = "success" if not unprocessed else "partial" if accepted else "fail"
    return {"status": status, "processed": accepted, "unprocessed": unprocessed}


def spaced(value: object) -> str:
    """JSON with a space around every colon and comma and after every opening bracket, as recorded."""
    if isinstance(value, dict):
        return "{ " + " , ".join(f"{json.dumps(key)} : {spaced(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[ " + " , ".join(map(spaced, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def answer_text(body: object, style: AnswerStyle) -> str:
    """A body as JSON text."""
    return json.dumps(body, separators=(",", ":")) if style == "compact" else spaced(body)


def json_reply(body: object, style: AnswerStyle, status: int = 200) -> Response:
    """An answer of CleverTap."""
    return Response(answer_text(body, style), status, {"content-type": CONTENT_TYPE})
