"""Open rejects: the rows that were rejected and not accepted since, in any later run.

A row is known by the digest of its identity, its window, its column and its code; without an identity by the
others alone. Of events that CleverTap refused it is the digest of the record in place of the identity.
Memory, measured with a million open rows: 370 bytes for each while a run enters its end, 24 before that.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from xxhash import xxh3_128_digest

from clevertap_import.journal.delivered import located, ranks
from clevertap_import.reasons import Reason, within_limit
from clevertap_import.records import DIGEST_BYTES, Rejection, packed, unpacked

MOST_OPEN = 1_000_000
"""How many open rows of an import are stored one by one. For more, only their number in each window."""

UNKNOWN_PERSON = bytes(DIGEST_BYTES)
"""In place of a digest: the row has no identity."""

NEVER = np.iinfo(np.int64).min
"""In place of a window: CleverTap has no such record."""

EVENT_OF = b"an event of "
"""Before an identity, for events without a record: no record of the person has such a digest."""


@dataclass(frozen=True, slots=True)
class Span:
    """The windows that a run has read to their end: from `first` on (None: all) to before `end`."""

    first: int | None
    end: int

    def holds(self, windows: np.ndarray) -> np.ndarray:
        """A mask of the windows that were read."""
        is_read: np.ndarray = windows < self.end
        return is_read if self.first is None else is_read & (windows >= self.first)


@dataclass(frozen=True, eq=False, slots=True)
class Rejects:
    """Rows that one run rejected for one reason. `digests` and `windows` have an element for each of `rows`.

    Both are empty for rows beyond the limit: `per_window` has their windows, and how many are in each. It is
    None for others. `number`: that of the database's row, if it is there already.
    """

    run_id: str
    since: float
    code: str
    reason: str
    column: str
    digests: np.ndarray
    windows: np.ndarray
    rows: int
    first_window: int
    last_window: int
    number: int | None = None
    per_window: np.ndarray | None = None

    def only(self, mask: np.ndarray) -> "Rejects":
        """Those rows of them; all as they are, if the mask has all."""
        if mask.all():
            return self
        return of_windows(replace(self, digests=self.digests[mask], windows=self.windows[mask], number=None))

    def beyond(self, mask: np.ndarray) -> "Rejects":
        """Those rows as mere numbers."""
        bare = replace(self, digests=self.digests[:0], windows=self.windows[:0], number=None)
        return beyond_limit(bare, *np.unique(self.windows[mask], return_counts=True))

    def outside(self, read: Span) -> "Rejects":
        """Of rows beyond the limit, those of windows that were not read."""
        if self.per_window is None or not (is_read := read.holds(self.per_window[:, 0])).any():
            return self
        return beyond_limit(replace(self, number=None), *self.per_window[~is_read].T)


def of_windows(rejects: Rejects) -> Rejects:
    """With the number and the span that its windows have."""
    windows, rows = rejects.windows, len(rejects.windows)
    first, last = (int(windows.min()), int(windows.max())) if rows else (0, 0)
    return replace(rejects, rows=rows, first_window=first, last_window=last)


def beyond_limit(bare: Rejects, windows: np.ndarray, counts: np.ndarray) -> Rejects:
    """`bare` with these numbers of rows in these windows."""
    first, last = (int(windows.min()), int(windows.max())) if len(windows) else (0, 0)
    pairs = np.stack([windows, counts], axis=1).astype(np.int64)
    return replace(bare, rows=int(counts.sum()), first_window=first, last_window=last, per_window=pairs)


@dataclass(slots=True)
class Found:
    """What a run rejects for one reason. `beyond`: how many rows of each window are beyond the limit."""

    digests: bytearray = field(default_factory=bytearray)
    windows: "array[int]" = field(default_factory=lambda: array("q"))
    beyond: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class FoundRejects:
    """The rows that a run rejects, 24 bytes each."""

    is_events: bool
    groups: dict[tuple[Reason, str], Found] = field(default_factory=dict)
    reasons: dict[Reason, None] = field(default_factory=dict)
    rows: int = 0

    def add(self, rejections: Iterable[Rejection]) -> None:
        for each in rejections:
            reason = within_limit((each.code, each.reason), self.reasons.__contains__, len(self.reasons))
            self.reasons[reason] = None
            group = self.groups.setdefault((reason, each.column or ""), Found())
            if self.rows < MOST_OPEN:
                group.digests += digest_of(each, is_events=self.is_events)
                group.windows.append(each.window)
            else:
                group.beyond[each.window] += 1
            self.rows += 1

    def rejects(self, run_id: str, now: float) -> Iterator[Rejects]:
        nothing = unpacked(b""), np.array([], np.int64)
        for ((code, reason), column), found in self.groups.items():
            digests, windows = unpacked(bytes(found.digests)), np.array(found.windows, np.int64)
            bare = Rejects(run_id, now, code, reason, column, *nothing, 0, 0, 0)
            if len(windows):
                yield of_windows(replace(bare, digests=digests, windows=windows))
            if found.beyond:
                numbers = np.array(list(found.beyond.items()), np.int64)
                yield beyond_limit(bare, *numbers.T)


def digest_of(rejection: Rejection, *, is_events: bool) -> bytes:
    if rejection.digest is not None:
        return rejection.digest
    if rejection.identity is None:
        return UNKNOWN_PERSON
    return xxh3_128_digest((EVENT_OF if is_events else b"") + rejection.identity.encode())


class Closing:
    """Finds, of what is open, the rows that CleverTap has by now.

    A record of an earlier window closes no row: it is an older content of that person.
    """

    def __init__(self, digests: np.ndarray) -> None:
        self.known = np.unique(digests[digests != unpacked(UNKNOWN_PERSON)])
        self.newest = np.full(len(self.known), NEVER)

    def note(self, records: pa.RecordBatch) -> None:
        """CleverTap has these records."""
        names = records["identity_digest"]
        digests = unpacked(packed(records["digest"] if names.null_count else names))
        self.note_digests(digests, records["window"].to_numpy(zero_copy_only=False))

    def note_digests(self, digests: np.ndarray, windows: np.ndarray) -> None:
        places, is_known = located(digests, self.known)
        np.maximum.at(self.newest, places[is_known], windows[is_known])

    def note_all(self, other: "Closing") -> None:
        """What `other` has noted."""
        self.note_digests(other.known, other.newest)

    def closes(self, digests: np.ndarray, windows: np.ndarray) -> np.ndarray:
        """A mask of the rows with these digests, of these windows, that CleverTap has."""
        places, is_known = located(digests, self.known)
        is_known[is_known] = self.newest[places[is_known]] >= windows[is_known]
        return is_known


def all_digests(rejects: Sequence[Rejects]) -> np.ndarray:
    return np.concatenate([unpacked(b""), *(each.digests for each in rejects)])


def open_after(
    before: Sequence[Rejects], found: Sequence[Rejects], read: Span | None, closing: Closing
) -> list[Rejects]:
    """What is open after a run; what it leaves as it was is the same object.

    `read`: None for a run of a few rows. `closing`: has noted what CleverTap has by now.
    """
    parts = [*before, *found]
    inverse = np.unique(keys_of(parts), return_inverse=True)[1]
    old = sum(len(each.digests) for each in before)
    groups = int(inverse.max()) + 1 if len(inverse) else 0
    counts = np.bincount(inverse[old:], minlength=groups)
    windows = np.concatenate([np.array([], np.int64), *(each.windows for each in before)])
    stays = ~closing.closes(all_digests(before), windows)
    if read is not None:
        places = np.flatnonzero(stays & read.holds(windows))
        stays[places] = places_of_each(inverse[places], groups) < counts[inverse[places]]
    left = np.bincount(inverse[:old][stays], minlength=groups)
    is_new = places_of_each(inverse[old:], groups) >= left[inverse[old:]]
    room = MOST_OPEN - int(np.count_nonzero(stays))
    fits = is_new & (np.cumsum(is_new) <= room)
    beyond = is_new & ~fits
    if read is None:
        # Nobody knows whether a few rows were among those beyond the limit before.
        beyond, found = np.zeros_like(is_new), [each for each in found if len(each.digests)]
    still_open = before if read is None else [each.outside(read) for each in before]
    return [
        *(part for part in cut(still_open, stays) if part.rows),
        *(part for part in cut(found, fits, beyond) if part.rows),
    ]


def places_of_each(inverse: np.ndarray, groups: int) -> np.ndarray:
    """For each element its place, from 0, among those that are equal."""
    return ranks(inverse, np.bincount(inverse, minlength=groups))


def keys_of(rejects: Sequence[Rejects]) -> np.ndarray:
    """One key for each row, by which it is known again."""
    kinds: dict[tuple[str, str], int] = {}
    tables = []
    for each in rejects:
        fields = [("digest", f"V{DIGEST_BYTES}"), ("window", ">i8"), ("kind", ">u8")]
        table = np.zeros(len(each.digests), dtype=fields)
        table["digest"], table["window"] = each.digests, each.windows
        table["kind"] = kinds.setdefault((each.code, each.column), len(kinds))
        tables.append(table.view(f"V{DIGEST_BYTES + 16}"))
    return np.concatenate(tables) if tables else np.array([], f"V{DIGEST_BYTES + 16}")


def cut(rejects: Iterable[Rejects], mask: np.ndarray, beyond: np.ndarray | None = None) -> Iterator[Rejects]:
    """The rows of `mask`; those of `beyond` as mere numbers, as are those that were numbers before."""
    begin = 0
    for each in rejects:
        part = slice(begin, begin + len(each.digests))
        begin = part.stop
        if not len(each.digests):
            yield each
            continue
        if mask[part].any():
            yield each.only(mask[part])
        if beyond is not None and beyond[part].any():
            yield each.beyond(beyond[part])
