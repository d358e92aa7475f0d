"""Reads CleverTap's answer to one upload. HTTP 200 is not success: each record needs an outcome."""

import json
import re
from collections.abc import Callable
from typing import Any

from clevertap_import.clevertap.outcomes import (
    MAX_REASON_CHARS,
    Accepted,
    Busy,
    NothingTaken,
    Outcome,
    RecordProblem,
    Refused,
    Uncertain,
)
from clevertap_import.records import one_line

SKIPPED = "Skipped record number"
SKIPPED_NUMBER = re.compile(rf"{SKIPPED}\s*:\s*(\d{{1,9}})\s*")
"""The end of CleverTap's text about a skipped record, counted from 1 (seen in recorded answers).

It is matched only at the last position of these words: a search takes hours in a text of a megabyte of
blanks.
"""

CODE = re.compile(r"[0-9]{1,5}")

LONGEST_TEXT = 2_000
"""CleverTap's texts are one sentence. A longer text is not shown: cut text may contain a part of a value."""


def read_answer(
    records: int, status: int, content: bytes, without_values: Callable[[str], str] = str
) -> Outcome:
    """The outcome of a batch of `records` records, for an answer with `status` and `content`.

    `without_values` removes the values of all records from a text that is not about a single record.
    """
    if status == 429:
        return Busy("Too many concurrent requests")
    body = parsed(content)
    if 400 <= status < 500:
        return Refused(status, said(body or {}, without_values))
    if status != 200:
        return Uncertain(f"HTTP {status}")
    if body is None or "status" not in body:
        return Uncertain("HTTP 200 without a readable body")
    return accounted(records, body, without_values)


def said(body: dict[str, Any], without_values: Callable[[str], str]) -> str:
    """CleverTap's text about a whole request. It is cut last, because a cut value would not be recognised."""
    return without_values(shown(body.get("error") or "no reason given"))[:MAX_REASON_CHARS]


def shown(text: object) -> str:
    """A text from CleverTap, if it is short enough to read."""
    line = one_line(str(text))
    return line if len(line) <= LONGEST_TEXT else f"a text of {len(line):,} characters, which is not shown"


def read_lookup(status: int, content: bytes) -> bool | None:
    """Whether a profile was found; None if the answer is unclear.

    For an unknown identity CleverTap has answered 200 without a record, 400 and 404.
    """
    body = parsed(content)
    if body is None or status in (401, 403, 429) or status >= 500:
        return None
    return status == 200 and body.get("status") == "success" and isinstance(body.get("record"), dict)


def read_profile(status: int, content: bytes) -> dict[str, Any] | None:
    """The profile that was looked up; None if there is none, or if the answer is unclear."""
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


def accounted(records: int, body: dict[str, Any], without_values: Callable[[str], str] = str) -> Outcome:
    """Accepted, if the body accounts for each record exactly once; otherwise the outcome is unknown.

    `status` does not say which records were stored: CleverTap has published answers with "success" and a
    filled `unprocessed`. But "fail" with none processed and none listed means that no record was stored.
    """
    unprocessed = body.get("unprocessed")
    processed = body.get("processed")
    if not isinstance(unprocessed, list) or type(processed) is not int:
        return Uncertain("HTTP 200 without counts")
    if body["status"] == "fail" and processed == 0 and not unprocessed:
        return NothingTaken(f'HTTP 200 with "fail" for all records: {said(body, without_values)}')
    problems = [record_problem(entry) for entry in unprocessed]
    known = [problem for problem in problems if problem is not None and 0 <= problem.index < records]
    distinct = {problem.index for problem in known}
    if len(known) != len(problems) or len(distinct) != len(known) or processed + len(known) != records:
        return Uncertain(f"HTTP 200 whose counts do not add up to {records:,} records")
    return Accepted(processed, tuple(sorted(known, key=lambda problem: problem.index)))


def record_problem(entry: object) -> RecordProblem | None:
    """One entry of `unprocessed`, or None if it does not say which record it means.

    The echoed record is ignored: CleverTap rewrites it (a valid phone comes back as a number).
    """
    if not isinstance(entry, dict):
        return None
    text = str(entry.get("error", ""))
    begin = text.rfind(SKIPPED)
    found = SKIPPED_NUMBER.fullmatch(text, begin) if begin >= 0 else None
    if found is None:
        return None
    code = str(entry.get("code"))
    return RecordProblem(
        int(found.group(1)) - 1,
        code if CODE.fullmatch(code) else "unknown",
        shown(text[:begin]),
    )
