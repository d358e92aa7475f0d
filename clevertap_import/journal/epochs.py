"""Which earlier deliveries still count: a forced run invalidates all earlier ones in its windows."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from clevertap_import.records import DIGEST_BYTES, unpacked

SINCE_EVER = np.iinfo(np.int64).min
AHEAD = np.iinfo(np.int64).max
"""The number of an epoch that is not in the journal yet: newer than all others."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """A forced run of the windows `first` to `last` in epoch seconds, both included. No first: all until
    `last`.

    Numbers grow. A delivery has the newest number of its time, and does not count in windows of newer epochs.
    """

    number: int
    first: int | None
    last: int

    def covers(self, window: int) -> bool:
        return window <= self.last and (self.first is None or window >= self.first)


class Entry(Protocol):
    """A row of the table of deliveries. `window_offsets`: null if all records belong to `first_window`."""

    epoch: int
    first_window: int
    last_window: int
    digests: bytes
    window_offsets: bytes | None


class Epochs:
    """The newest epoch of each window, as steps."""

    def __init__(self, epochs: Iterable[Epoch]) -> None:
        found = list(epochs)
        bounds = {SINCE_EVER}
        for epoch in found:
            bounds |= {SINCE_EVER if epoch.first is None else epoch.first, epoch.last + 1}
        self.starts = sorted(bounds)
        self.newest = [
            max((epoch.number for epoch in found if epoch.covers(start)), default=0) for start in self.starts
        ]

    def counting(self, entry: Entry) -> np.ndarray | None:
        """A mask of the records of `entry` that still count; None if all do."""
        begin = bisect_right(self.starts, entry.first_window) - 1
        end = bisect_right(self.starts, entry.last_window)
        if max(self.newest[begin:end]) <= entry.epoch:
            return None
        if entry.window_offsets is None:
            # Of one window; or of an older version that did not store the window of each record.
            return np.zeros(len(entry.digests) // DIGEST_BYTES, dtype=bool)
        mask: np.ndarray = self.newest_of(windows_of(entry)) <= entry.epoch
        return mask

    def newest_of(self, windows: np.ndarray) -> np.ndarray:
        """The number of the newest epoch of each window; 0 if there is none."""
        numbers: np.ndarray = np.array(self.newest)
        return numbers[np.searchsorted(np.array(self.starts), windows, side="right") - 1]

    def are_untouched(self, windows: np.ndarray) -> np.ndarray:
        """A mask of the windows without a forced run: there the entries of older versions count."""
        mask: np.ndarray = self.newest_of(windows) == 0
        return mask


def is_spread(entry: Entry) -> bool:
    """Whether `entry` has records of several windows, without the window of each record."""
    return entry.window_offsets is None and entry.first_window != entry.last_window


def windows_of(entry: Entry) -> np.ndarray:
    """The window of each record, in epoch seconds; if it was not stored, the first window of the entry."""
    if entry.window_offsets is None:
        return np.full(len(entry.digests) // DIGEST_BYTES, entry.first_window, dtype=np.int64)
    return entry.first_window + np.frombuffer(entry.window_offsets, np.uint32).astype(np.int64)


def picked(digests: bytes, mask: np.ndarray | None) -> bytes:
    """The 16-byte `digests` that `mask` selects; all if it is None."""
    return digests if mask is None else unpacked(digests)[mask].tobytes()
