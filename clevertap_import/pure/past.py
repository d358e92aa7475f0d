"""What CleverTap has accepted before, as sorted digests: which records of a run are not news to it.

Memory: 16 bytes for an event accepted in the windows of the run, 32 for a profile; else nothing.
"""

from typing import Protocol

import numpy as np
import pyarrow as pa

from clevertap_import.pure.records import packed, unpacked


class Past(Protocol):
    """Asked once for each record of a run, in any order."""

    def is_news(self, records: pa.RecordBatch) -> np.ndarray:
        """A mask: true for each record that CleverTap has not accepted yet."""

    def is_known(self, records: pa.RecordBatch) -> np.ndarray:
        """A mask: true for each record whose identity was delivered before, in whatever content."""

    def is_doubtful(self, news: pa.RecordBatch) -> np.ndarray:
        """A mask over records that are news: true where CleverTap may have it, its answer being lost.

        All false for profiles: sent twice they are the same.
        """


class NoPast:
    """Nothing was delivered before, or it does not matter."""

    def is_news(self, records: pa.RecordBatch) -> np.ndarray:
        return np.ones(records.num_rows, dtype=bool)

    def is_known(self, records: pa.RecordBatch) -> np.ndarray:
        return np.zeros(records.num_rows, dtype=bool)

    def is_doubtful(self, news: pa.RecordBatch) -> np.ndarray:
        return np.zeros(news.num_rows, dtype=bool)


class Counted:
    """Digests with how often each is there, taken out as they are asked for."""

    def __init__(self, digests: bytes) -> None:
        self.known, self.left = np.unique(unpacked(digests), return_counts=True)

    def take(self, digests: np.ndarray) -> np.ndarray:
        """Which of `digests` were there; each is gone then."""
        asked, inverse, counts = np.unique(digests, return_inverse=True, return_counts=True)
        places, is_known = located(asked, self.known)
        had = np.zeros(len(asked), dtype=np.int64)
        had[is_known] = np.minimum(self.left[places[is_known]], counts[is_known])
        self.left[places[is_known]] -= had[is_known]
        return ranks(inverse, counts) < had[inverse]


class EventsPast:
    """Accepted events by content and window. Equal ones are counted: of three, two accepted, one is news."""

    def __init__(self, accepted: bytes, open_: bytes = b"") -> None:
        """`open_`: events that were sent and whose answers are not known."""
        self.accepted = Counted(accepted)
        self.open = Counted(open_)

    def is_news(self, records: pa.RecordBatch) -> np.ndarray:
        return ~self.accepted.take(unpacked(packed(records["digest"])))

    def is_known(self, records: pa.RecordBatch) -> np.ndarray:
        """An event does not change: it is either new or unchanged."""
        return np.zeros(records.num_rows, dtype=bool)

    def is_doubtful(self, news: pa.RecordBatch) -> np.ndarray:
        return self.open.take(unpacked(packed(news["digest"])))


class ProfilesPast:
    """The last content accepted for each identity: A, then B, then A again is news."""

    def __init__(self, identities: bytes, contents: bytes) -> None:
        """Both 16 bytes a profile, in the order in which they were accepted."""
        # np.unique keeps the first of equals, and the last accepted is wanted.
        self.identities, newest = np.unique(unpacked(identities)[::-1], return_index=True)
        self.contents = unpacked(contents)[::-1][newest]

    def is_news(self, records: pa.RecordBatch) -> np.ndarray:
        places, is_known = located(unpacked(packed(records["identity_digest"])), self.identities)
        news = np.ones(records.num_rows, dtype=bool)
        contents = unpacked(packed(records["digest"]))
        news[is_known] = self.contents[places[is_known]] != contents[is_known]
        return news

    def is_known(self, records: pa.RecordBatch) -> np.ndarray:
        return located(unpacked(packed(records["identity_digest"])), self.identities)[1]

    def is_doubtful(self, news: pa.RecordBatch) -> np.ndarray:
        return np.zeros(news.num_rows, dtype=bool)


def located(asked: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each of `asked` is, or would be, in the sorted `known`, and a mask of those that are there."""
    places = np.searchsorted(known, asked)
    is_known = places < len(known)
    is_known[is_known] = known[places[is_known]] == asked[is_known]
    return places, is_known


def ranks(inverse: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """For each element its place, from 0, among the elements of its group."""
    order = np.argsort(inverse, kind="stable")
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    result = np.empty(len(inverse), dtype=np.int64)
    result[order] = np.arange(len(inverse)) - starts
    return result
