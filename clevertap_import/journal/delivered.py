"""Which records CleverTap already has, as sorted digests.

Measured memory: 22 bytes for each event that was accepted in the windows of the run, 36 for each profile.
While they are read and sorted: 24 and 70 bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa

from clevertap_import.records import DIGEST_BYTES, packed, unpacked

UNDER_WAY_SECONDS = 3_600
"""How long after its journal entry CleverTap may still store a batch without an answer: its attempts take at
most half an hour, and a server processes the request of a cut connection within another."""


class DeliveredBefore(Protocol):
    """Call each method once for each record of a run, in any order."""

    def is_new(self, records: pa.RecordBatch) -> np.ndarray:
        """A mask: true for each record that CleverTap has not accepted yet."""

    def was_delivered(self, records: pa.RecordBatch) -> np.ndarray:
        """A mask: true for each record whose identity was delivered before, with any content."""

    def may_be_stored(self, records: pa.RecordBatch) -> np.ndarray:
        """A mask over new records: true where CleverTap may have the record, because its answer was lost.

        All false for profiles: a profile that is sent twice stays the same.
        """

    def is_outdated(self, records: pa.RecordBatch) -> np.ndarray:
        """A mask over new records: true where a later window than those of the run had a newer content.

        All false for events: one event does not replace another.
        """


class NothingDelivered:
    """Nothing was delivered before, or the run ignores it."""

    def is_new(self, records: pa.RecordBatch) -> np.ndarray:
        return np.ones(records.num_rows, dtype=bool)

    def was_delivered(self, records: pa.RecordBatch) -> np.ndarray:
        return np.zeros(records.num_rows, dtype=bool)

    def may_be_stored(self, records: pa.RecordBatch) -> np.ndarray:
        return np.zeros(records.num_rows, dtype=bool)

    def is_outdated(self, records: pa.RecordBatch) -> np.ndarray:
        return np.zeros(records.num_rows, dtype=bool)


class Counted:
    """A multiset of digests. `take` removes the digests that it finds."""

    def __init__(self, digests: bytearray) -> None:
        """Sorts `digests` in place: there may be many millions, and the caller does not need them."""
        self.known, self.left = unpacked(digests), np.ones(len(digests) // DIGEST_BYTES, dtype=np.uint32)
        self.known.sort()
        begins = first_of_each(self.known)
        if not begins.all():
            places = np.flatnonzero(begins)
            self.left = np.diff(places, append=len(self.known)).astype(np.uint32)
            self.known = self.known[places]

    def take(self, digests: np.ndarray) -> np.ndarray:
        """Which of `digests` are in the multiset; removes them."""
        wanted, inverse, counts = np.unique(digests, return_inverse=True, return_counts=True)
        places, is_known = located(wanted, self.known)
        had = np.zeros(len(wanted), dtype=np.uint32)
        had[is_known] = np.minimum(self.left[places[is_known]], counts[is_known])
        self.left[places[is_known]] -= had[is_known]
        return ranks(inverse, counts) < had[inverse]


class Spread:
    """Digests of events whose window is known, and `others`: entries of several windows without a window
    each.

    A digest belongs to one window. So the window of the event that is looked up says whether a digest of the
    others still counts.
    """

    def __init__(
        self,
        placed: bytearray,
        others: bytearray | None = None,
        still_count: Callable[[np.ndarray], np.ndarray] = np.isfinite,
    ) -> None:
        """`still_count`: a mask of the windows in which the others count; default: all."""
        self.placed, self.others, self.still_count = (
            Counted(placed),
            Counted(others or bytearray()),
            still_count,
        )

    def take(self, records: pa.RecordBatch) -> np.ndarray:
        """Which of `records` were delivered; removes them."""
        digests = unpacked(packed(records["digest"]))
        had = self.placed.take(digests)
        if len(self.others.known):
            windows = records["window"].to_numpy(zero_copy_only=False)
            wanted = np.flatnonzero(~had & self.still_count(windows))
            had[wanted] = self.others.take(digests[wanted])
        return had


class EventsDelivered:
    """Accepted events by content and window. Equal events are counted: if 2 of 3 were accepted, 1 is new."""

    def __init__(self, accepted: Spread, open_: Spread) -> None:
        """`open_`: events that were sent and whose answers are unknown."""
        self.accepted, self.open = accepted, open_

    def is_new(self, records: pa.RecordBatch) -> np.ndarray:
        return ~self.accepted.take(records)

    def was_delivered(self, records: pa.RecordBatch) -> np.ndarray:
        """An event does not change: it is either new or unchanged."""
        return np.zeros(records.num_rows, dtype=bool)

    def may_be_stored(self, records: pa.RecordBatch) -> np.ndarray:
        return self.open.take(records)

    def is_outdated(self, records: pa.RecordBatch) -> np.ndarray:
        return np.zeros(records.num_rows, dtype=bool)


@dataclass(slots=True)
class SendTimes:
    """When each delivery was sent, in order. `ends`: the end of each delivery among all profiles."""

    ends: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    is_answered: list[bool] = field(default_factory=list)

    def add(self, records: int, seconds: float, *, is_answered: bool) -> None:
        self.ends.append((self.ends[-1] if self.ends else 0) + records)
        self.seconds.append(seconds)
        self.is_answered.append(is_answered)

    def unanswered(self, identities: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """The identities that were sent without an answer, each with its last time; None if there is none."""
        if all(self.is_answered):
            return None
        is_open = np.repeat(~np.array(self.is_answered, dtype=bool), np.diff(self.ends, prepend=0))
        places = np.flatnonzero(is_open)
        names, inverse = np.unique(identities[places], return_inverse=True)
        last = np.full(len(names), -np.inf)
        np.maximum.at(last, inverse, self.seconds_of(places))
        return names, last

    def seconds_of(self, places: np.ndarray) -> np.ndarray:
        """When the profiles at these places were sent."""
        moments: np.ndarray = np.array(self.seconds)
        return moments[np.searchsorted(self.ends, places, side="right")]


class ProfilesDelivered:
    """The last content accepted for each identity. After A and then B, A is new again.

    A content of a later window than the run reads is newer than all records of the run. If A was sent shortly
    before B and has no answer, CleverTap may store it after B. So the last content is unknown then.
    """

    def __init__(
        self, identities: bytearray, contents: bytearray, is_later: bytearray, sent: SendTimes | None = None
    ) -> None:
        """16, 16 and 1 byte for each profile, in the order of acceptance. `is_later`: 1 for a later window.

        Empties `identities` to save memory: there may be many millions.
        """
        unanswered = sent.unanswered(unpacked(identities)) if sent else None
        order = np.argsort(unpacked(identities), kind="stable")
        names = unpacked(identities)[order]
        identities.clear()
        begins = first_of_each(names)
        # The last record of each identity is right before the first record of the next identity.
        newest = order[np.roll(begins, -1)]
        self.identities = names if begins.all() else names[begins]
        self.contents = unpacked(contents)[newest]
        if sent and unanswered:
            self.contents[self.overtaken(sent, newest, *unanswered)] = bytes(DIGEST_BYTES)
        later = np.frombuffer(is_later, dtype=bool)
        self.is_later = np.logical_or.reduceat(later[order], np.flatnonzero(begins)) if later.any() else None

    def overtaken(
        self, sent: SendTimes, newest: np.ndarray, names: np.ndarray, last_sent: np.ndarray
    ) -> np.ndarray:
        """The profiles whose newest content was sent while an older one may have been in flight."""
        places = np.searchsorted(self.identities, names)
        is_near = sent.seconds_of(newest[places]) - last_sent < UNDER_WAY_SECONDS
        found: np.ndarray = places[is_near]
        return found

    def is_new(self, records: pa.RecordBatch) -> np.ndarray:
        places, is_known = located(unpacked(packed(records["identity_digest"])), self.identities)
        is_new = np.ones(records.num_rows, dtype=bool)
        contents = unpacked(packed(records["digest"]))
        is_new[is_known] = self.contents[places[is_known]] != contents[is_known]
        return is_new

    def was_delivered(self, records: pa.RecordBatch) -> np.ndarray:
        return located(unpacked(packed(records["identity_digest"])), self.identities)[1]

    def may_be_stored(self, records: pa.RecordBatch) -> np.ndarray:
        return np.zeros(records.num_rows, dtype=bool)

    def is_outdated(self, records: pa.RecordBatch) -> np.ndarray:
        mask = np.zeros(records.num_rows, dtype=bool)
        if self.is_later is not None:
            places, is_known = located(unpacked(packed(records["identity_digest"])), self.identities)
            mask[is_known] = self.is_later[places[is_known]]
        return mask


def first_of_each(in_order: np.ndarray) -> np.ndarray:
    """A mask: true for the first of equal elements, in a sorted array."""
    begins = np.ones(len(in_order), dtype=bool)
    begins[1:] = in_order[1:] != in_order[:-1]
    return begins


def located(wanted: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The place of each of `wanted` in the sorted `known`, and a mask of those that `known` contains."""
    places = np.searchsorted(known, wanted)
    is_known = places < len(known)
    is_known[is_known] = known[places[is_known]] == wanted[is_known]
    return places, is_known


def ranks(inverse: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """For each element its place in its group, from 0."""
    order = np.argsort(inverse, kind="stable")
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    result = np.empty(len(inverse), dtype=np.int64)
    result[order] = np.arange(len(inverse)) - starts
    return result
