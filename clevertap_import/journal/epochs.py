"""What still counts of earlier deliveries: all before a forced run, in its windows, count for nothing."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from clevertap_import.records import DIGEST_BYTES, unpacked

SINCE_EVER = np.iinfo(np.int64).min
AHEAD = np.iinfo(np.int64).max
"""The number of an epoch that is not entered yet: newer than all."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """A forced run of the windows `first` to `last`, both included, in epoch seconds; no first: all before.

    Numbers grow: a delivery bears the newest at its time, and counts in the windows of none that is newer.
    """

    number: int
    first: int | None
    last: int

    def covers(self, window: int) -> bool:
        return window <= self.last and (self.first is None or window >= self.first)


class Entry(Protocol):
    """A row of the journal's deliveries. `window_offsets`: null if all records are of `first_window`."""

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
        """A mask of those records of `entry` that still count; None if all do."""
        begin = bisect_right(self.starts, entry.first_window) - 1
        end = bisect_right(self.starts, entry.last_window)
        if max(self.newest[begin:end]) <= entry.epoch:
            return None
        if entry.window_offsets is None:
            # Of one window; or of an older version, which did not write down which record is of which.
            return np.zeros(len(entry.digests) // DIGEST_BYTES, dtype=bool)
        mask: np.ndarray = self.newest_of(windows_of(entry)) <= entry.epoch
        return mask

    def newest_of(self, windows: np.ndarray) -> np.ndarray:
        """The number of the newest epoch of each window; 0 where there is none."""
        numbers: np.ndarray = np.array(self.newest)
        return numbers[np.searchsorted(np.array(self.starts), windows, side="right") - 1]

    def are_untouched(self, windows: np.ndarray) -> np.ndarray:
        """A mask of the windows that no forced run has sent again: where older versions' entries count."""
        mask: np.ndarray = self.newest_of(windows) == 0
        return mask


def is_spread(entry: Entry) -> bool:
    """Whether `entry` is of several windows, and nobody wrote down which record is of which."""
    return entry.window_offsets is None and entry.first_window != entry.last_window


def windows_of(entry: Entry) -> np.ndarray:
    """The window of each record, in epoch seconds; the first of all, where it was not written down."""
    if entry.window_offsets is None:
        return np.full(len(entry.digests) // DIGEST_BYTES, entry.first_window, dtype=np.int64)
    return entry.first_window + np.frombuffer(entry.window_offsets, np.uint32).astype(np.int64)


def picked(digests: bytes, mask: np.ndarray | None) -> bytes:
    """Those of the 16-byte `digests` that `mask` says; all if it is None."""
    return digests if mask is None else unpacked(digests)[mask].tobytes()
