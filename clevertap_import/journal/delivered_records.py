"""Reads from the journal's database which records were delivered before.

Memory: as in `journal/delivered.py`, plus one delivery at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from clevertap_import.journal.delivered import (
    UNDER_WAY_SECONDS,
    DeliveredBefore,
    EventsDelivered,
    NothingDelivered,
    ProfilesDelivered,
    SendTimes,
    Spread,
)
from clevertap_import.journal.epochs import AHEAD, Epoch, Epochs, is_spread, picked, windows_of
from clevertap_import.journal.forced_runs import Forced, epochs_of, has_epoch
from clevertap_import.journal.import_state import state_of
from clevertap_import.journal.scope import UNKNOWN
from clevertap_import.journal.states import ANSWERED, LOST, OVERTAKEN, UNANSWERED
from clevertap_import.journal.tables import DELIVERY
from clevertap_import.records import DIGEST_BYTES

ROWS_PER_FETCH = 20


@dataclass(frozen=True, slots=True)
class WindowRange:
    """The windows of an import that a run reads, `first` to `last` in epoch seconds. No first: all until
    `last`.

    `end`: the end of the last window, if windows have a length. `forced`: the windows that are sent again.
    `is_doubted`: this run has found that the journal is an older copy.
    """

    import_name: str
    first: int | None
    last: int
    destination: str = UNKNOWN
    end: int | None = None
    forced: Forced | None = None
    is_doubted: bool = False

    @property
    def mine(self) -> sa.ColumnElement[bool]:
        return (DELIVERY.c.import_name == self.import_name) & (DELIVERY.c.destination == self.destination)

    @property
    def overlapping(self) -> sa.ColumnElement[bool]:
        """Deliveries with records of any of these windows."""
        found = self.mine & (DELIVERY.c.first_window <= self.last)
        return found if self.first is None else found & (DELIVERY.c.last_window >= self.first)


def delivered_before(connection: sa.Connection, windows: WindowRange, *, is_events: bool) -> DeliveredBefore:
    """The records of these windows that were accepted, if they still count."""
    found = epochs_of(connection, windows.import_name, windows.destination)
    forced = windows.forced
    if forced and not has_epoch(connection, windows.import_name, windows.destination, forced):
        # The journal gets this epoch when the delivery begins.
        found.append(Epoch(AHEAD, forced.first, forced.last))
    read = delivered_events if is_events else delivered_profiles
    return read(connection, windows, Epochs(found))


def delivered_events(connection: sa.Connection, windows: WindowRange, epochs: Epochs) -> DeliveredBefore:
    placed, others = (bytearray(), bytearray()), (bytearray(), bytearray())
    for row in deliveries(connection, windows.overlapping & DELIVERY.c.state.in_([ANSWERED, *UNANSWERED])):
        is_open = row.state != ANSWERED
        mask = epochs.counting(row)
        if mask is not None and is_spread(row):
            others[is_open].extend(row.digests)
        else:
            placed[is_open].extend(picked(row.digests, mask))
    if not any((*placed, *others)):
        return NothingDelivered()
    return EventsDelivered(
        *(Spread(*each, epochs.are_untouched) for each in zip(placed, others, strict=True))
    )


def delivered_profiles(connection: sa.Connection, windows: WindowRange, epochs: Epochs) -> DeliveredBefore:
    """Reads all deliveries since the first delivery of these windows, and all deliveries of later windows."""
    identities, contents, is_later, sent = bytearray(), bytearray(), bytearray(), SendTimes()
    state = state_of(connection, windows.import_name)
    for row in deliveries(connection, that_matter(connection, windows)):
        mask = epochs.counting(row)
        # SQLite does not store the time zone.
        sent_at = row.sent_at.replace(tzinfo=row.sent_at.tzinfo or UTC).timestamp()
        sent.add(len(row.digests) // DIGEST_BYTES, sent_at, is_answered=row.state in (ANSWERED, LOST))
        identities += row.identity_digests
        is_doubted = windows.is_doubted or state.is_doubted(row.id, sent_at)
        contents += bytes(len(row.digests)) if is_doubted else last_contents(row, mask)
        is_later += later(row, mask, windows.last + 1 if windows.end is None else windows.end).tobytes()
    return ProfilesDelivered(identities, contents, is_later, sent) if identities else NothingDelivered()


def that_matter(connection: sa.Connection, windows: WindowRange) -> sa.ColumnElement[bool]:
    """Deliveries from which CleverTap may have the current content of profiles of these windows."""
    if windows.first is None:
        return windows.mine
    first = sa.select(sa.func.min(DELIVERY.c.id), sa.func.min(DELIVERY.c.sent_at)).where(windows.overlapping)
    first_id, first_sent_at = connection.execute(first).one()
    matter = DELIVERY.c.last_window >= windows.first
    if first_id is not None:
        since = first_sent_at - timedelta(seconds=UNDER_WAY_SECONDS)
        matter |= DELIVERY.c.id >= first_id
        matter |= DELIVERY.c.state.in_((*UNANSWERED, *OVERTAKEN)) & (DELIVERY.c.sent_at >= since)
    return windows.mine & matter


def deliveries(connection: sa.Connection, which: sa.ColumnElement[bool]) -> Iterator[Any]:
    columns = (
        DELIVERY.c[name]
        for name in ("id", "state", "sent_at", "digests", "identity_digests", "first_window", "last_window")
    )
    query = (
        sa.select(*columns, DELIVERY.c.epoch, DELIVERY.c.window_offsets).where(which).order_by(DELIVERY.c.id)
    )
    return iter(connection.execute(query.execution_options(yield_per=ROWS_PER_FETCH)))


def last_contents(delivery: Any, mask: np.ndarray | None) -> bytes:  # noqa: ANN401 - a row
    """The contents that CleverTap has after `delivery`, as digests; zeros where the content is unknown.

    If A was accepted and the answer to B was lost, CleverTap has either, so A must be sent again too. The
    same holds if B was accepted before a forced run of its window.
    """
    if delivery.state != ANSWERED:
        return bytes(len(delivery.digests))
    if mask is None:
        return bytes(delivery.digests)
    contents = np.frombuffer(delivery.digests, np.uint8).reshape(-1, DIGEST_BYTES)
    return bytes(contents * mask[:, np.newaxis])


def later(delivery: Any, mask: np.ndarray | None, end: int) -> np.ndarray:  # noqa: ANN401 - a row
    """Which records are of a window that starts at `end` or later. Unanswered records count too."""
    if delivery.last_window < end or delivery.state == LOST:
        return np.zeros(len(delivery.digests) // DIGEST_BYTES, dtype=bool)
    is_later: np.ndarray = windows_of(delivery) >= end
    return is_later if mask is None else is_later & mask
