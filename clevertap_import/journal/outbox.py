"""The messages of alerts that are to be sent: claimed by one process, sent, and marked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from clevertap_import.alerted import Message, Place
from clevertap_import.journal.alert_memory import ALERT_LOCK
from clevertap_import.journal.alert_tables import ALERT_MESSAGE
from clevertap_import.journal.tables import alone, translated

CLAIM = timedelta(minutes=5)
"""A process that was killed while it sent leaves its messages to others after this time."""

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=15)
MOST_AT_ONCE = 50

CLOCK_SET_BACK = timedelta(hours=1)
"""A wait or a claim that lasts longer than it may, by this much, is from before the clock was set back."""

C = ALERT_MESSAGE.c


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this process alone may send until `until`."""

    number: int
    message: Message
    until: float
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a channel has not taken yet. `problem`: of the last attempt."""

    place: Place
    messages: int
    since: datetime
    problem: str | None


def claim(engine: sa.Engine, channels: Collection[str], now: datetime) -> dict[Place, list[Claimed]]:
    """The messages of each of these channels that has one to send now, the oldest first.

    None of a channel for which another process sends.
    """
    with translated(), engine.connect() as connection:
        if not due_in(connection, channels, now):
            return {}
    until = (now + CLAIM).timestamp()
    with translated(), alone(engine, ALERT_LOCK) as connection:
        return {place: taken(connection, place, until) for place in due_in(connection, channels, now)}


def due_in(connection: sa.Connection, channels: Collection[str], now: datetime) -> list[Place]:
    at = now.timestamp()
    query = (
        sa.select(C.channel, C.recipient)
        .where(C.sent_at.is_(None) & C.channel.in_(list(channels)))
        .group_by(C.channel, C.recipient)
        .having(sa.func.min(known(C.next_attempt_at, now + LONGEST_WAIT)) <= at)
        .having(sa.func.max(known(C.claimed_until, now + CLAIM)) <= at)
    )
    return [Place(*row) for row in connection.execute(query)]


def known(column: sa.Column[float], latest: datetime) -> sa.ColumnElement[float]:
    """The moment in `column`; 0 if there is none, or if it is later than it can be."""
    is_possible = column <= (latest + CLOCK_SET_BACK).timestamp()
    return sa.case((is_possible, column), else_=0.0)


def taken(connection: sa.Connection, place: Place, until: float) -> list[Claimed]:
    mine = C.sent_at.is_(None) & (C.channel == place.channel) & (C.recipient == place.recipient)
    rows = connection.execute(sa.select(ALERT_MESSAGE).where(mine).order_by(C.id).limit(MOST_AT_ONCE)).all()
    numbers = [row.id for row in rows]
    connection.execute(ALERT_MESSAGE.update().where(C.id.in_(numbers)).values(claimed_until=until))
    return [
        Claimed(row.id, Message(place, row.severity, row.title, row.body), until, row.attempts)
        for row in rows
    ]


def mark_sent(engine: sa.Engine, sent: Sequence[Claimed], now: datetime) -> None:
    values = {"sent_at": now.timestamp(), "claimed_until": None, "problem": None}
    with translated(), engine.begin() as connection:
        mine = C.id.in_([each.number for each in sent])
        connection.execute(ALERT_MESSAGE.update().where(mine).values(values))


def mark_refused(engine: sa.Engine, refused: Sequence[Claimed], problem: str, now: datetime) -> None:
    """They are tried again after a wait, unless another process has claimed them since."""
    with translated(), engine.begin() as connection:
        for each in refused:
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(each.attempts, 10))
            mine = (C.id == each.number) & (C.claimed_until == each.until) & C.sent_at.is_(None)
            values = {
                "attempts": each.attempts + 1,
                "next_attempt_at": (now + wait).timestamp(),
                "claimed_until": None,
                "problem": problem,
            }
            connection.execute(ALERT_MESSAGE.update().where(mine).values(values))


def waiting(engine: sa.Engine) -> list[Waiting]:
    """For each place that has not taken its messages."""
    query = (
        sa.select(C.channel, C.recipient, sa.func.count(), sa.func.min(C.made_at), sa.func.max(C.problem))
        .where(C.sent_at.is_(None))
        .group_by(C.channel, C.recipient)
        .order_by(C.channel, C.recipient)
    )
    with translated(), engine.connect() as connection:
        return [
            Waiting(Place(channel, recipient), count, datetime.fromtimestamp(since, UTC), problem)
            for channel, recipient, count, since, problem in connection.execute(query)
        ]
