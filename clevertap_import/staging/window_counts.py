"""How many rows of each window of a run had each outcome. Memory: a few numbers for each window."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from clevertap_import.reasons import Reason, count_reason
from clevertap_import.records import Rejection
from clevertap_import.report import CountsDisagree, Report
from clevertap_import.window import Grid, Window

NOT_ACCEPTED = ("unchanged", "invalid", "rejected", "uncertain", "superseded")
"""The counts of a report after `read` and `accepted`, in its order."""


class WindowCounts:
    """Counts the rows of a run by window. Place 0 is all windows before those of the run: the lookback.

    `codes`: by place, how many rows were rejected for each reason.
    """

    def __init__(self, grid: Grid, window: Window) -> None:
        self.size = grid.size_seconds
        self.is_open = window.lower is None
        self.first = int(window.lower.timestamp()) if window.lower else grid.start_seconds
        self.places = (int(window.upper.timestamp()) - self.first) // self.size + 1
        self.codes: defaultdict[int, dict[Reason, int]] = defaultdict(dict)
        self._rows = {name: np.zeros(self.places, np.int64) for name in ("staged", *NOT_ACCEPTED)}

    def place(self, windows: np.ndarray) -> np.ndarray:
        """The place of each of these windows, given by their starts in epoch seconds."""
        places: np.ndarray = np.clip((windows - self.first) // self.size + 1, 0, self.places - 1)
        return places

    def add(self, outcome: str, windows: np.ndarray, rows: np.ndarray | None = None) -> None:
        """Count a row for each of `windows`. `rows`: how many rows each of them stands for."""
        if not len(windows):
            return
        counts = np.bincount(self.place(windows), rows, self.places)
        self._rows[outcome] += counts.astype(np.int64, copy=False)

    def reject(self, outcome: str, rejections: Sequence[Rejection]) -> None:
        """Count rejected rows: `invalid` by our checks, `rejected` by CleverTap."""
        windows = np.array([rejection.window for rejection in rejections], np.int64)
        self.add(outcome, windows)
        for place, rejection in zip(self.place(windows).tolist(), rejections, strict=True):
            count_reason(self.codes[place], (rejection.code, rejection.reason))

    @property
    def before(self) -> int:
        """How many rows of windows before those of the run were read."""
        return sum(int(self._rows[name][0]) for name in self._rows if name != "rejected")

    @property
    def table(self) -> np.ndarray:
        """A line for each count of a report, a column for each place; after a complete delivery.

        Each staged record was then accepted or rejected.
        """
        accepted = self._rows["staged"] - self._rows["rejected"]
        others = [self._rows[name] for name in NOT_ACCEPTED]
        return np.stack([accepted + sum(others), accepted, *others])

    def check(self, whole: Report) -> None:
        """Raises CountsDisagree if the sums over all places are not the counts of the run, `whole`."""
        sums = Report(*self.table.sum(axis=1).tolist())
        if sums != whole:
            raise CountsDisagree(f"The sums over the windows are {sums}, but the run counted {whole}.")

    def windows(self) -> Iterator[tuple[Window, Report, Mapping[Reason, int]]]:
        """Each window of the run, with the counts of its rows, and why rows of it were rejected."""
        for place, counts in enumerate(self.table.T.tolist()):
            if place:
                upper = datetime.fromtimestamp(self.first + place * self.size, UTC)
                lower = None if self.is_open and place == 1 else upper - timedelta(seconds=self.size)
                yield Window(lower, upper), Report(*counts).checked(), self.codes.get(place, {})


def refusing(
    windows: WindowCounts | None, reject: Callable[[Sequence[Rejection]], None]
) -> Callable[[Sequence[Rejection]], None]:
    """`reject`, which also counts the records that CleverTap refused in `windows`."""

    def refuse(rejections: Sequence[Rejection]) -> None:
        reject(rejections)
        if windows:
            windows.reject("rejected", rejections)

    return refuse
