"""Tests which undocumented operations an account's API accepts, on a made-up profile that stays there."""

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from clevertap_import.clevertap.account_limiter import lookup_limiter, upload_limiter
from clevertap_import.clevertap.batch_sender import BatchSender, RetryPolicy
from clevertap_import.clevertap.client import AccountSettings, CleverTap
from clevertap_import.clevertap.outcomes import Refused
from clevertap_import.clevertap.server_dry_run import FOR_A_PERSON
from clevertap_import.clevertap.settlement import Settlement
from clevertap_import.clevertap.unproven import (
    BEFORE,
    OPERATIONS,
    PLAIN,
    SECONDS_AHEAD,
    Operation,
    Profile,
    shows_before,
    value,
)
from clevertap_import.errors import Unfinished
from clevertap_import.journal.locks import NamedLocks
from clevertap_import.records import batch_of_one

TEST_PREFIX = "TEST-"
"""The prefix of the ids of CleverTap's test projects (Authentication page)."""

LIVE_WORDS = re.compile(r"(?:^|_)(prod|production|live)(?:_|$)", re.IGNORECASE)
SECONDS_BETWEEN_LOOKS = 2.0


class ProbeRefused(Unfinished):
    """CleverTap refuses the login of the probe, or its made-up profile."""


@dataclass(frozen=True, slots=True)
class OperationResult:
    """The result of one trial. `result` is works, no effect, refused, taken or unclear."""

    operation: str
    result: str
    code: str | None
    message: str


def production_signs(name: str, settings: AccountSettings) -> list[str]:
    """Signs that the account has real people in it."""
    signs = []
    if not settings.account_id.startswith(TEST_PREFIX):
        signs.append(f"its id does not begin with {TEST_PREFIX}, as the ids of test projects do")
    if LIVE_WORDS.search(name):
        signs.append(f"it is called {name!r}")
    return signs


def probed(
    settings: AccountSettings, locks: NamedLocks, wait_seconds: float
) -> tuple[str, list[OperationResult]]:
    """The identity of the made-up profile, and a result for each operation. Raises ProbeRefused."""
    identity = f"clevertap-import-probe-{secrets.token_hex(6)}"
    clevertap = CleverTap(settings)
    with (
        upload_limiter(locks, settings, 1, "A probe") as uploads,
        lookup_limiter(locks, settings, "A probe") as lookups,
    ):
        attempts = BatchSender(uploads.upload(clevertap.post), RetryPolicy(FOR_A_PERSON), resends=None)
        ask: Callable[[str], Profile | None] = lookups.ask(partial(clevertap.profile, "identity"))
        look = partial(ask, identity)
        begun = sent(attempts, identity, BEFORE)
        if not begun.accepted:
            raise ProbeRefused(f"CleverTap does not accept the made-up profile: {reason_of(begun)}.")
        before = seen(look, shows_before, wait_seconds)
        answers = [(each, sent(attempts, identity, each.record)) for each in OPERATIONS]
        expected = [each.shows for each, answer in answers if answer.accepted and each.shows]
        after = seen(look, lambda profile: all(shows(profile) for shows in expected), wait_seconds)
    return identity, [operation_result(each, answer, before or {}, after) for each, answer in answers]


def sent(attempts: BatchSender, identity: str, record: Mapping[str, Any]) -> Settlement:
    """Send one record in its own request, so that only it is judged. Raises ProbeRefused for a bad login."""
    now = int(time.time())
    ahead = SECONDS_AHEAD if record.get("evtName") == "Probe Ahead" else 0
    stamped = {"ts": now + ahead, **record} if record["type"] == "event" else record
    settlement = attempts.send(batch_of_one(json.dumps({"identity": identity, **stamped}).encode()))
    stopped = settlement.stopped
    if isinstance(stopped, Refused) and not stopped.is_malformed:
        raise ProbeRefused(
            f"CleverTap answered HTTP {stopped.status}: {stopped.reason}. Nothing more was tried."
        )
    return settlement


def reason_of(settlement: Settlement) -> str:
    if settlement.rejected:
        return settlement.rejected[0].reason
    return getattr(settlement.stopped, "reason", "no clear answer")


def seen(
    look: Callable[[], Profile | None], is_shown: Callable[[Profile], bool], wait_seconds: float
) -> Profile | None:
    """The profile as soon as it shows the expected values, or as it is after `wait_seconds`."""
    deadline = time.monotonic() + wait_seconds
    while True:
        profile = look()
        if (profile is not None and is_shown(profile)) or time.monotonic() >= deadline:
            return profile
        time.sleep(SECONDS_BETWEEN_LOOKS)


def operation_result(
    operation: Operation, answer: Settlement, before: Profile, after: Profile | None
) -> OperationResult:
    name = operation.name
    if answer.rejected:
        problem = answer.rejected[0]
        return OperationResult(name, "refused", problem.code, problem.reason)
    if not answer.accepted:
        return OperationResult(name, "unclear", None, f"CleverTap gave no clear answer: {reason_of(answer)}.")
    if operation.shows is None:
        return OperationResult(
            name, "taken", None, "No look-up shows the stored value. See the person's activity in CleverTap."
        )
    plain = next(each for each in OPERATIONS if each.name == PLAIN)
    if after is None or plain.shows is None or not plain.shows(after):
        return OperationResult(
            name, "unclear", None, "CleverTap does not show the profile yet. Wait longer with --wait."
        )
    if operation.removes and value(before, operation.removes) is None:
        return OperationResult(
            name, "unclear", None, f"CleverTap did not show {operation.removes} before. Look there."
        )
    if operation.shows(after):
        return OperationResult(name, "works", None, "The profile shows it.")
    return OperationResult(
        name, "no effect", None, "CleverTap answered with success, and the profile does not show it."
    )
