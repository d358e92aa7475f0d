"""Reading CleverTap's answer to one upload. HTTP 200 is not success: every record is accounted for here."""

import json
import re
from typing import Any

from clevertap_import.pure.outcome import (
    MAX_REASON_CHARS,
    Accepted,
    Busy,
    NothingTaken,
    Outcome,
    RecordProblem,
    Refused,
    Uncertain,
)

SKIPPED = re.compile(r"\s*Skipped record number\s*:\s*(\d{1,9})\s*\Z")
"""How CleverTap names the record it left out, counting from 1 (seen in recorded answers)."""


def read_answer(records: int, status: int, content: bytes) -> Outcome:
    """The outcome of a batch of `records` records that was answered with `status` and `content`."""
    if status == 429:
        return Busy("Too many concurrent requests")
    body = parsed(content)
    if 400 <= status < 500:
        return Refused(status, str((body or {}).get("error", "no reason given"))[:MAX_REASON_CHARS])
    if status != 200:
        return Uncertain(f"HTTP {status}")
    if body is None or "status" not in body:
        return Uncertain("HTTP 200 without a readable body")
    return accounted(records, body)


def read_lookup(status: int, content: bytes) -> bool | None:
    """Whether a profile was found; None if that cannot be told.

    An unknown identity has been seen as 200 without a record, as 400 and as 404.
    """
    body = parsed(content)
    if body is None or status in (401, 403, 429) or status >= 500:
        return None
    return status == 200 and body.get("status") == "success" and isinstance(body.get("record"), dict)


def read_profile(status: int, content: bytes) -> dict[str, Any] | None:
    """The profile that was looked up; None if there is none, or if that cannot be told."""
    if not read_lookup(status, content):
        return None
    record: dict[str, Any] = (parsed(content) or {})["record"]
    return record


def parsed(content: bytes) -> dict[str, Any] | None:
    """The JSON object in `content`, or None if there is none."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def accounted(records: int, body: dict[str, Any]) -> Outcome:
    """Accepted, if the body accounts for each record exactly once; else nobody knows what was taken.

    `status` does not say which were taken: answers with "success" and a filled `unprocessed` have been
    published. But with "fail", none processed and none listed, nothing was.
    """
    unprocessed = body.get("unprocessed")
    processed = body.get("processed")
    if not isinstance(unprocessed, list) or type(processed) is not int:
        return Uncertain("HTTP 200 without counts")
    if body["status"] == "fail" and processed == 0 and not unprocessed:
        said = str(body.get("error") or "no reason given")[:MAX_REASON_CHARS]
        return NothingTaken(f'HTTP 200 with "fail" for all records: {said}')
    problems = [record_problem(entry) for entry in unprocessed]
    known = [problem for problem in problems if problem is not None and 0 <= problem.index < records]
    distinct = {problem.index for problem in known}
    if len(known) != len(problems) or len(distinct) != len(known) or processed + len(known) != records:
        return Uncertain(f"HTTP 200 whose counts do not add up to {records:,} records")
    return Accepted(processed, tuple(sorted(known, key=lambda problem: problem.index)))


def record_problem(entry: object) -> RecordProblem | None:
    """One entry of `unprocessed`, or None if it does not say which record it means.

    The echoed record is not looked at: CleverTap rewrites it (a valid phone comes back as a number).
    """
    if not isinstance(entry, dict):
        return None
    text = str(entry.get("error", ""))
    found = SKIPPED.search(text)
    if found is None:
        return None
    reason = text[: found.start()].strip()
    return RecordProblem(int(found.group(1)) - 1, str(entry.get("code", "unknown")), reason)
