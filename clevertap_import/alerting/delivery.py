"""Sends what is in the outbox, each channel in a thread of its own, within a few seconds."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from clevertap_import.alerted import Message, Place
from clevertap_import.alerting.channels import send
from clevertap_import.journal.outbox import Claimed, claim, mark_refused, mark_sent
from clevertap_import.monitoring.alert_messages import SINGLE, digest, worst
from clevertap_import.project.alerts_file import Channel
from clevertap_import.threads import DaemonThreads

DEADLINE_SECONDS = 25.0
"""A sensor of Dagster has 60 seconds."""

MOST_THREADS = 16

PATIENCE = 3
"""A channel that refuses so often may refuse one message for what it says, and take the others."""

NO_ANSWER = "It does not answer. It may have taken the message; it gets it again in 5 minutes."


@dataclass(frozen=True, slots=True)
class Delivered:
    """How many messages were sent, and why the other places did not take theirs."""

    sent: int = 0
    refused: dict[Place, str] = field(default_factory=dict)


def deliver(
    engine: sa.Engine, channels: Mapping[str, Channel], now: datetime, seconds: float = DEADLINE_SECONDS
) -> Delivered:
    """Send what is due. What is not taken by then stays claimed, and is due again when the claim is over."""
    claimed = claim(engine, list(channels), now)

    def deliver_to(place: Place) -> str | None:
        return deliver_place(engine, channels[place.channel], claimed[place], now)

    refused = to_each(claimed, deliver_to, seconds)
    sent = sum(len(messages) for place, messages in claimed.items() if place not in refused)
    return Delivered(sent, refused)


def to_each(
    places: Iterable[Place], call: Callable[[Place], str | None], seconds: float = DEADLINE_SECONDS
) -> dict[Place, str]:
    """Call all at the same time, and wait for `seconds`. Returns why some did not take it."""
    deadline = time.monotonic() + seconds
    with DaemonThreads(MOST_THREADS) as threads:
        calls = {threads.submit(call, place): place for place in places}
        running: set[Future[str | None]] = set(calls)
        while running and (done := threads.first_done(running, deadline - time.monotonic())):
            running -= done
    problems = {place: NO_ANSWER if each in running else each.result() for each, place in calls.items()}
    return {place: problem for place, problem in problems.items() if problem}


def deliver_place(
    engine: sa.Engine, channel: Channel, claimed: Sequence[Claimed], now: datetime
) -> str | None:
    """In the order in which they were made. Returns why some were not taken."""
    problem, left = send_parts(engine, channel, parts(claimed), now)
    if problem and len(claimed) > SINGLE and claimed[0].attempts >= PATIENCE:
        # The channel may take no message as long as all of them together.
        problem, left = send_parts(engine, channel, [[each] for each in claimed], now)
    if problem:
        mark_refused(engine, left, problem, now)
    return problem


def send_parts(
    engine: sa.Engine, channel: Channel, parts: Sequence[Sequence[Claimed]], now: datetime
) -> tuple[str | None, list[Claimed]]:
    """The first that is not taken ends it; after some attempts, the second in a row. Returns what is left."""
    problem, left, in_a_row = None, list[Claimed](), 0
    for place, part in enumerate(parts):
        refusal = send(channel, joined([each.message for each in part]))
        if refusal is None:
            mark_sent(engine, part, now)
            in_a_row = 0
            continue
        problem, in_a_row = refusal, in_a_row + 1
        left += part
        if in_a_row == 2 or part[0].attempts < PATIENCE:
            left += [each for later in parts[place + 1 :] for each in later]
            break
    return problem, left


def parts(claimed: Sequence[Claimed]) -> list[Sequence[Claimed]]:
    """What becomes one message each: a few stay as they are, many become one."""
    return [[each] for each in claimed] if len(claimed) <= SINGLE else [claimed]


def joined(messages: Sequence[Message]) -> Message:
    if len(messages) == 1:
        return messages[0]
    severity = worst([each.severity for each in messages])
    title, body = digest([(each.title, each.body) for each in messages], severity)
    return Message(messages[0].place, severity, title, body)
