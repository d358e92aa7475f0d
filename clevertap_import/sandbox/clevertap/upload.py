"""`POST /1/upload` of the fake CleverTap: reads the body, stores the records, and answers."""

import asyncio
import gzip
import json
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from clevertap_import.sandbox.clevertap.account import Account
from clevertap_import.sandbox.clevertap.answers import batch_answer, failure, json_reply
from clevertap_import.sandbox.clevertap.broken_answers import apply_fault
from clevertap_import.sandbox.clevertap.faults import Fault
from clevertap_import.sandbox.clevertap.requests import RequestInFlight
from clevertap_import.sandbox.clevertap.rules import record_key, record_refusal


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)


# Python accepts NaN and Infinity, which are not JSON.
STRICT_JSON = json.JSONDecoder(parse_constant=_no_number)


class Refused(Exception):
    """The whole request fails, and none of it is stored."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Verdict:
    """A batch after validation."""

    accepted: list[dict[str, Any]]
    unprocessed: list[dict[str, Any]]


class Upload:
    """One call to the upload endpoint, after it has a slot.

    It uses the store that it began with: a call that outlives a reset must not write into the next test.
    """

    def __init__(self, account: Account, request: Request, flight: RequestInFlight) -> None:
        self.account = account
        self.request = request
        self.flight = flight
        self.behaviour = account.behaviour
        self.counters = account.counters
        self.store = account.store
        self.order = account.order
        self.late = account.late
        self.is_dry_run = request.query_params.get("dryRun") == "1"

    async def answer(self) -> Response | None:
        """The answer; None when the connection was dropped instead."""
        self.counters.dry_runs += self.is_dry_run
        try:
            with self.order.one_batch():
                verdict, fault = await self._taken()
        except ClientDisconnect:
            return None
        except Refused as refused:
            return json_reply(
                failure(refused.text, refused.status), self.behaviour.answer_style, refused.status
            )
        return await self._reply(verdict, fault)

    async def _taken(self) -> tuple[Verdict | None, Fault | None]:
        """Read, check and store the batch; no verdict if a fault comes earlier."""
        records = self._records(await self._body())
        keys = [record_key(record) for record in records]
        self._watch(records, keys)
        fault = self.account.faults.take(
            "upload", self.flight.call, keys, self.behaviour.seed, is_dry_run=self.is_dry_run
        )
        if fault is not None:
            fault = fault.about(records)
            if fault.late:
                self.late.hold(fault.late, partial(self._store, self._judged(records, keys)))
            if not fault.is_applied:
                return None, fault
        await self._serve(records, fault)
        verdict = self._judged(records, keys)
        if self.behaviour.reorder:
            await self.order.turn()
        self._store(verdict)
        if not self.is_dry_run:
            self.late.one_taken()
        return verdict, fault

    async def _body(self) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in self.request.stream():
            size += len(chunk)
            if size > self.behaviour.max_body_bytes:
                self.counters.batches_over_limit += 1
                raise Refused(self.behaviour.over_body_status, "Request body too large")
            chunks.append(chunk)
        self.counters.request_bytes += size
        body = b"".join(chunks)
        if self.request.headers.get("content-encoding", "identity").lower() != "gzip":
            return body
        return self._unpacked(body)

    def _unpacked(self, body: bytes) -> bytes:
        # No source says that CleverTap accepts compressed bodies, so by default the fake does not.
        if self.behaviour.gzip == "refuse":
            raise Refused(400, "Malformed request")
        try:
            return gzip.decompress(body)
        except (OSError, EOFError) as error:
            raise Refused(400, "Malformed request") from error

    def _records(self, body: bytes) -> list[object]:
        try:
            envelope = STRICT_JSON.decode(body.decode())
        except (ValueError, RecursionError) as error:
            raise Refused(400, "Malformed request") from error
        records = envelope.get("d") if isinstance(envelope, dict) else None
        if not isinstance(records, list) or (not records and self.behaviour.empty_batch == "refuse"):
            raise Refused(400, "Malformed request")
        if len(records) > self.behaviour.max_records:
            self.counters.batches_over_limit += 1
            raise Refused(self.behaviour.over_records_status, "Too many records in request")
        return records

    def _watch(self, records: list[object], keys: list[str | None]) -> None:
        """Record which users are written by two calls at a time, and separate the pools if configured."""
        known = (key for key in keys if key is not None)
        self.counters.same_identity_overlaps += self.account.uploads.overlaps(self.flight, known)
        if not self.behaviour.separate_pools:
            return
        has_events = any(isinstance(record, dict) and record.get("type") == "event" for record in records)
        pool = "events" if has_events else "profiles"
        if self.account.uploads.is_full(pool, self.behaviour.max_in_flight):
            self.counters.busy_429 += 1
            raise Refused(429, "Too many concurrent requests")
        self.flight.pool = pool

    async def _serve(self, records: list[object], fault: Fault | None) -> None:
        first = records[0] if records else None
        if isinstance(first, dict) and not self.is_dry_run:
            await self.account.pace(str(first.get("evtName")), self.flight)
        seconds = self.account.service_seconds(len(records))
        if fault is not None and fault.kind == "slow":
            seconds += fault.seconds
        if seconds:
            await asyncio.sleep(seconds)

    def _judged(self, records: list[object], keys: list[str | None]) -> Verdict:
        verdict = Verdict([], [])
        plan = self.account.faults if self.account.faults.rejects_records else None
        for number, (record, key) in enumerate(zip(records, keys, strict=True), start=1):
            refusal = record_refusal(record, self.behaviour) or (
                plan.rejected(key, is_dry_run=self.is_dry_run) if plan else None
            )
            if refusal is not None:
                verdict.unprocessed.append(refusal.entry(number, record))
            elif isinstance(record, dict):
                verdict.accepted.append(record)
        return verdict

    def _store(self, verdict: Verdict) -> None:
        if self.is_dry_run:
            return
        self.counters.records_accepted += len(verdict.accepted)
        self.counters.records_refused.update(entry["code"] for entry in verdict.unprocessed)
        self.store.apply(verdict.accepted, self.flight.call, self.account.clock(), self.behaviour)

    async def _reply(self, verdict: Verdict | None, fault: Fault | None) -> Response | None:
        reply = None
        if verdict is not None:
            style = self.behaviour.answer_style
            reply = json_reply(batch_answer(len(verdict.accepted), verdict.unprocessed, style), style)
        if fault is None or fault.kind == "slow":
            return reply
        return await apply_fault(fault, self.request, reply)
