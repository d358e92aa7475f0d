"""A local Snowflake: fakesnow with its HTTP server, for the real connector.

This adds to fakesnow: NULL timestamps stay NULL, large results are chunks to download, NUMBERs have
Snowflake's width, one storage on disk for all sessions, logins are checked, databases must exist. The
endpoint `/_fake/` lists the queries, ends sessions, and sets how answers differ (see `answers.py`).

    python -m clevertap_import.sandbox.snowflake.server --port 0 --data DIR

It is ready when it writes one JSON line, {"host", "port", "protocol"}. SIGTERM and SIGINT end it.
"""

import argparse
import asyncio
import gzip
import importlib
import json
import logging
import signal
import socket
import sys
import warnings
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fakesnow.arrow
import fakesnow.cursor
import pyarrow as pa
import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clevertap_import.sandbox.parent import FLAG, HELP, end_with_parent, terminate
from clevertap_import.sandbox.secrets_file import SECRETS_HELP
from clevertap_import.sandbox.snowflake.answers import RULES, AnswerRules
from clevertap_import.sandbox.snowflake.cut_answers import cut
from clevertap_import.sandbox.snowflake.dialect import corrected
from clevertap_import.sandbox.snowflake.layouts import uncastable
from clevertap_import.sandbox.snowflake.logins import Logins, Refusal, logins_of
from clevertap_import.sandbox.snowflake.parameters import is_shown, shown, unread
from clevertap_import.sandbox.snowflake.received import Received
from clevertap_import.sandbox.snowflake.results import (
    ResultSpool,
    RowType,
    SpooledResult,
    timestamps_as_structs,
    to_snowflake,
)
from clevertap_import.sandbox.snowflake.storage import SharedStorage
from clevertap_import.sandbox.snowflake.trouble import errors_in_one_line, in_one_line
from clevertap_import.sandbox.snowflake.wire import change, changed_chunk

# `from fakesnow import server` gives the function of that name, which shadows the module.
fakesnow_server: Any = importlib.import_module("fakesnow.server")

SHUTDOWN_SECONDS = 5
QUOTE = "'"
INTERNAL_ERROR = "000603"

logger = logging.getLogger(__name__)

_large_result: ContextVar[SpooledResult | None] = ContextVar("large_result", default=None)


@dataclass
class Session:
    """One query at a time: a session's DuckDB connection does not support two."""

    parameters: dict[str, Any] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ended: Refusal | None = None


@dataclass
class LocalSnowflakeServer:
    """The HTTP server. Each route is fakesnow's own handler, with something before or after it."""

    spool: ResultSpool
    logins_taken: Logins
    linger_seconds: float
    sessions: dict[str, Session] = field(default_factory=dict)
    received: Received = field(default_factory=Received)
    rules: AnswerRules = field(default_factory=AnswerRules)
    # Rules that apply to queries, by query id.
    answers: dict[str, str] = field(default_factory=dict)

    def app(self) -> Starlette:
        ours = [
            Route("/session/v1/login-request", self.login, methods=["POST"]),
            Route("/session", self.session, methods=["POST"]),
            Route("/queries/v1/query-request", self.query, methods=["POST"]),
            Route("/queries/v1/abort-request", self.abort, methods=["POST"]),
            Route("/queries/{query}/result", self.answer_again, methods=["GET"]),
            Route("/_results/{result}/{number:int}", self.chunk, methods=["GET"]),
            Route("/_fake/queries", self.received_queries, methods=["GET"]),
            Route("/_fake/reset_queries", self.reset, methods=["POST"]),
            Route("/_fake/answers", self.set_rules, methods=["POST"]),
            Route("/_fake/end_sessions", self.end_sessions, methods=["POST"]),
        ]
        # The first matching route is used, so ours come before fakesnow's.
        return Starlette(routes=[*ours, *fakesnow_server.routes])

    async def login(self, request: Request) -> Response:
        login = (await _body(request))["data"]
        if refusal := self.logins_taken.refusal(login):
            return _refused(refusal)
        if rule := self.rules.for_login(str(login.get("LOGIN_NAME", ""))):
            return _refused((rule.code or INTERNAL_ERROR, rule.message), rule.sqlstate)
        answer: Response = await fakesnow_server.login_request(request)
        content = json.loads(bytes(answer.body))
        token = content["data"]["token"]
        parameters = login.get("SESSION_PARAMETERS", {})
        self.sessions[token] = Session(parameters)
        self.received.logins.append({"user": login.get("LOGIN_NAME"), "session_parameters": parameters})
        opened = fakesnow_server.sessions[token]
        if zone := parameters.get("TIMEZONE"):
            opened._duck_conn.execute(f"SET TimeZone = '{str(zone).replace(QUOTE, QUOTE * 2)}'")
        # Without a master token the connector considers the session closed, and never logs out.
        content["data"]["masterToken"] = token
        content["data"]["sessionInfo"] = {
            "databaseName": opened.database,
            "schemaName": opened.schema,
            "warehouseName": request.query_params.get("warehouse"),
            "roleName": request.query_params.get("roleName"),
        }
        return JSONResponse(content)

    async def session(self, request: Request) -> Response:
        answer: Response = await fakesnow_server.session(request)
        if request.query_params.get("delete"):
            token = fakesnow_server.to_token(request)
            self.sessions.pop(token, None)
            # Snowflake's links outlive the session, and the connector may still be fetching ahead.
            asyncio.get_running_loop().call_later(self.linger_seconds, self.spool.free_session, token)
        return answer

    async def query(self, request: Request) -> Response:
        query = await _body(request)
        token = request.headers.get("Authorization", "")[len('Snowflake Token="') : -1]
        session = self.sessions.get(token, Session())
        query_tag = session.parameters.get("QUERY_TAG", "")
        self.received.remember(query, request.query_params["requestId"], query_tag)
        if session.ended:
            return _refused(session.ended)
        sql, is_described = str(query.get("sqlText", "")), bool(query.get("describeOnly"))
        rule = self.rules.for_query(sql, session.parameters, describe=is_described)
        if rule and rule.code:
            return _refused((rule.code, rule.message), rule.sqlstate)
        if is_shown(sql):
            return JSONResponse({"success": True, "data": shown(sql, session.parameters, rule)})
        if rule and (refusal := unread(sql, rule)):
            return _refused(refusal, "22007")
        if rule and (column := uncastable(sql, rule.columns)):
            return _refused(("001065", f"Invalid argument types for function 'CAST': {column}"), "42000")
        async with session.lock:
            self.spool.free_session(token, only_read=True)
            _large_result.set(None)
            answer = await _answered(request)
        content = json.loads(bytes(answer.body))
        if result := _large_result.get():
            result.session, result.rule, result.sql = token, rule, sql
            _add_chunks(content, result, f"{request.url.scheme}://{request.url.netloc}/_results/{result.id}")
        if rule and content["success"]:
            whole = json.dumps(content)
            change(content["data"], rule, sql)
            self.answers[content["data"]["queryId"]] = whole if rule.inline_recovers else json.dumps(content)
            return cut(JSONResponse(content, answer.status_code), "answer", rule)
        return JSONResponse(content, answer.status_code)

    async def abort(self, request: Request) -> Response:
        self.received.aborted.append((await _body(request))["requestId"])
        return JSONResponse({"success": True})

    async def answer_again(self, request: Request) -> Response:
        """The connector sends this request when the first rows of a result are missing."""
        return Response(self.answers[request.path_params["query"]], media_type="application/json")

    def chunk(self, request: Request) -> Response:
        try:
            result = self.spool[request.path_params["result"]]
            body = result.chunk_body(request.path_params["number"])
        except (KeyError, IndexError, FileNotFoundError):
            return Response(status_code=403)  # S3's answer to a link that has expired
        if result.rule and result.rule.chunk_status:
            return Response(status_code=result.rule.chunk_status)
        if result.rule:
            body = changed_chunk(body, result.rowtype, result.rule, result.sql)
        whole = Response(body, headers={"Content-Encoding": "gzip"}, media_type="application/octet-stream")
        return cut(whole, "chunk", result.rule) if result.rule else whole

    async def received_queries(self, request: Request) -> Response:
        return JSONResponse(self.received.content())

    async def reset(self, request: Request) -> Response:
        self.received.clear()
        return JSONResponse({})

    async def set_rules(self, request: Request) -> Response:
        """Replace all rules by a list of them, which may be empty."""
        try:
            rules = RULES.validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, 422)
        self.rules.replace(rules)
        self.answers.clear()
        return JSONResponse({"rules": len(rules)})

    async def end_sessions(self, request: Request) -> Response:
        """Refuse all requests of the current sessions, with a `code` and a `message`."""
        said = await request.json()
        for session in self.sessions.values():
            session.ended = (said["code"], said["message"])
        return JSONResponse({"ended": len(self.sessions)})


async def _answered(request: Request) -> Response:
    """fakesnow's answer to a query; a failure is refused, since the connector repeats a 500 for minutes."""
    try:
        answer: Response = await fakesnow_server.query_request(request)
    except Exception as problem:
        logger.exception("a result could not be sent")
        return _refused((INTERNAL_ERROR, str(problem)), sqlstate="XX000")
    if answer.status_code == 500:
        return _refused((INTERNAL_ERROR, json.loads(bytes(answer.body))["message"]), sqlstate="XX000")
    return answer


class _Announced(uvicorn.Server):
    """A server that writes on standard output when it is ready."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port = (sockets or [])[0].getsockname()[:2]
        sys.stdout.write(json.dumps({"host": host, "port": port, "protocol": "http"}) + "\n")
        sys.stdout.flush()


def serve(options: argparse.Namespace) -> None:
    """Serve the databases in a folder until SIGTERM or SIGINT."""
    # malloc returns memory earlier than Arrow's default pool.
    pa.set_memory_pool(pa.system_memory_pool())
    spool = ResultSpool(options.data / "results")
    storage = SharedStorage(options.data, spool)
    _teach_fakesnow(storage)
    listener = socket.create_server(("127.0.0.1", options.port))
    config = uvicorn.Config(
        LocalSnowflakeServer(spool, logins_of(options), options.linger_seconds).app(),
        log_level="warning",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    for ending in (signal.SIGTERM, signal.SIGINT):
        # uvicorn stops serving, then raises the signal again, which must not prevent the closing of the
        # files.
        signal.signal(ending, lambda *_: None)
    try:
        _Announced(config).run(sockets=[listener])
    finally:
        storage.close()


def _teach_fakesnow(storage: SharedStorage) -> None:
    """Put our storage and our results where fakesnow's handlers look for theirs."""
    fakesnow_server.shared_fs = storage
    fakesnow.arrow.timestamp_to_sf_struct = timestamps_as_structs
    fakesnow_server.to_sf = _to_snowflake
    fakesnow.cursor.parse_one = corrected(fakesnow.cursor.parse_one)
    logging.getLogger("fakesnow.server").setLevel(logging.ERROR)
    for each in (logging.getLogger("fakesnow.server"), logger):
        each.addFilter(in_one_line)
    # It warns that DuckDB samples in another way than requested; the result is still a sample.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="Arrow output on a DB-API result")


def _to_snowflake(table: pa.Table | SpooledResult, rowtype: RowType) -> pa.Table:
    if not isinstance(table, SpooledResult):
        return to_snowflake(table, rowtype)
    table.rowtype = rowtype
    _large_result.set(table)
    return to_snowflake(table.first, rowtype)


def _add_chunks(content: dict[str, Any], result: SpooledResult, url: str) -> None:
    """Links to the rows that follow the first ones."""
    content["data"]["chunks"] = [
        {
            "url": f"{url}/{number}",
            "rowCount": chunk.rows,
            "uncompressedSize": chunk.size_bytes,
            "compressedSize": chunk.size_bytes,
        }
        for number, chunk in enumerate(result.chunks)
    ]


def _refused(refusal: Refusal, sqlstate: str = "08001") -> Response:
    code, message = refusal
    return JSONResponse(
        {
            "data": {"errorCode": code, "sqlState": sqlstate},
            "code": code,
            "message": message,
            "success": False,
        }
    )


async def _body(request: Request) -> dict[str, Any]:
    body = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    content: dict[str, Any] = json.loads(body)
    return content


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the databases; it survives a restart"
    )
    parser.add_argument("--secrets", type=Path, help=SECRETS_HELP)
    parser.add_argument("--any-login", action="store_true", help="accept every user and password")
    parser.add_argument(
        "--linger-seconds", type=float, default=300, help="how long results outlive their session"
    )
    parser.add_argument(FLAG, action="store_true", help=HELP)
    options = parser.parse_args(arguments)
    if options.with_parent:
        end_with_parent(terminate)
    with errors_in_one_line(options.data):
        serve(options)


if __name__ == "__main__":
    main()
