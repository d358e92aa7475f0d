"""What was alerted, and the messages for it, in the journal's database: both change in one transaction."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from clevertap_import.alerted import Alerted, Memory, Message, Mute
from clevertap_import.journal.alert_tables import ALERT, ALERT_MESSAGE, MUTE
from clevertap_import.journal.tables import alone, translated

ALERT_LOCK = 6_317_482_002
"""Any number: PostgreSQL lets one process at a time change what was alerted, or claim messages."""

SENT_RETENTION = timedelta(days=30)
UNSENT_RETENTION = timedelta(days=7)
"""After that a message that its channel has not taken is removed."""

Compare = Callable[[Memory, Sequence[Mute]], tuple[Sequence[Message], Memory]]
"""From what was alerted to the messages for what has changed, and what is alerted with them."""


def enter_changes(engine: sa.Engine, compare: Compare, now: datetime) -> int:
    """Enter the messages of all changes, and that they are alerted. Returns how many messages there are.

    `compare` may be called twice: first to see whether there is a change at all, for only a change needs a
    transaction that other writers wait for.
    """
    with translated(), engine.connect() as connection:
        before, muted = memory_in(connection), mutes_in(connection, now)
    messages, after = compare(before, muted)
    if not messages and after == before:
        return 0
    with translated(), alone(engine, ALERT_LOCK) as connection:
        before, muted = memory_in(connection), mutes_in(connection, now)
        messages, after = compare(before, muted)
        store(connection, before, after)
        enter_messages(connection, messages, now)
        remove_old(connection, now)
    return len(messages)


def memory_in(connection: sa.Connection) -> Memory:
    found = connection.execute(sa.select(ALERT))
    return {
        (row.nickname, row.kind): Alerted(
            row.severity, row.text, moment(row.opened_at), moment(row.changed_at), moment(row.seen_at)
        )
        for row in found
    }


def store(connection: sa.Connection, before: Memory, after: Memory) -> None:
    gone = [key for key in before if after.get(key) != before[key]]
    new = [key for key in after if after[key] != before.get(key)]
    one = (ALERT.c.nickname == sa.bindparam("name")) & (ALERT.c.kind == sa.bindparam("what"))
    if gone:
        connection.execute(ALERT.delete().where(one), [{"name": name, "what": kind} for name, kind in gone])
    if new:
        connection.execute(ALERT.insert(), [values_of(*key, after[key]) for key in new])


def values_of(nickname: str, kind: str, alerted: Alerted) -> dict[str, Any]:
    return {
        "nickname": nickname,
        "kind": kind,
        "severity": alerted.severity,
        "text": alerted.text,
        "opened_at": alerted.opened_at.timestamp(),
        "changed_at": alerted.changed_at.timestamp(),
        "seen_at": alerted.seen_at.timestamp(),
    }


def enter_messages(connection: sa.Connection, messages: Iterable[Message], now: datetime) -> None:
    for each in messages:
        if each.once and connection.scalar(sa.select(ALERT_MESSAGE.c.id).filter_by(once=each.once)):
            continue
        values = {
            "once": each.once,
            "channel": each.place.channel,
            "recipient": each.place.recipient,
            "severity": each.severity,
            "title": each.title,
            "body": each.body,
            "made_at": now.timestamp(),
            "next_attempt_at": now.timestamp(),
        }
        connection.execute(ALERT_MESSAGE.insert(), values)


def enter_once(engine: sa.Engine, messages: Iterable[Message], now: datetime) -> None:
    """Enter messages that each have a `once`, any number of times."""
    with translated(), alone(engine, ALERT_LOCK) as connection:
        enter_messages(connection, messages, now)


def remove_old(connection: sa.Connection, now: datetime) -> None:
    made = ALERT_MESSAGE.c.made_at
    is_old = (ALERT_MESSAGE.c.sent_at.is_not(None)) & (made < (now - SENT_RETENTION).timestamp())
    is_old |= (ALERT_MESSAGE.c.sent_at.is_(None)) & (made < (now - UNSENT_RETENTION).timestamp())
    connection.execute(ALERT_MESSAGE.delete().where(is_old))
    connection.execute(MUTE.delete().where(MUTE.c.until < (now - SENT_RETENTION).timestamp()))


def mutes_in(connection: sa.Connection, now: datetime) -> list[Mute]:
    found = connection.execute(sa.select(MUTE).where(MUTE.c.until > now.timestamp()))
    return [Mute(row.nickname, moment(row.until), row.reason) for row in found]


def mutes_of(engine: sa.Engine, now: datetime) -> dict[str, Mute]:
    """The mutes that are not over, by nickname."""
    with translated(), engine.connect() as connection:
        return {each.nickname: each for each in mutes_in(connection, now)}


def enter_mute(engine: sa.Engine, mute: Mute, now: datetime) -> None:
    """In place of an earlier one."""
    values = {
        "nickname": mute.nickname,
        "until": mute.until.timestamp(),
        "reason": mute.reason,
        "muted_at": now.timestamp(),
    }
    with translated(), engine.begin() as connection:
        connection.execute(MUTE.delete().where(MUTE.c.nickname == mute.nickname))
        connection.execute(MUTE.insert(), values)


def remove_mute(engine: sa.Engine, nicknames: Sequence[str], now: datetime) -> bool:
    """Returns whether there was one."""
    mine = MUTE.c.nickname.in_(nicknames) & (MUTE.c.until > now.timestamp())
    with translated(), engine.begin() as connection:
        return bool(connection.execute(MUTE.delete().where(mine)).rowcount)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
