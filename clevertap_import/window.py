"""Windows: half-open spans of the Updated On column on a fixed grid in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

GRIDS: dict[str, timedelta] = {
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "30 minutes": timedelta(minutes=30),
    "15 minutes": timedelta(minutes=15),
}
"""Each size divides a day, so that in UTC windows start at multiples of their size since 1970."""


@dataclass(frozen=True, slots=True)
class Window:
    """The rows with `lower` <= Updated On < `upper`. Without `lower` it includes all older rows, and NULL."""

    lower: datetime | None
    upper: datetime


@dataclass(frozen=True, slots=True)
class Grid:
    """The windows of one import: `size` long; the first begins at `start` and includes all earlier rows."""

    size: timedelta
    start: datetime

    @property
    def size_seconds(self) -> int:
        return int(self.size.total_seconds())

    @property
    def start_seconds(self) -> int:
        return int(self.start.timestamp())

    def floor(self, moment: datetime) -> datetime:
        """The start of the window that contains `moment`; the first window contains everything before it."""
        seconds = int(moment.timestamp()) // self.size_seconds * self.size_seconds
        return max(self.start, datetime.fromtimestamp(seconds, UTC))

    def window(self, lower: datetime, upper: datetime) -> Window:
        """From the start of one window to the end of another, both in UTC."""
        return Window(None if lower <= self.start else lower, upper)

    def looking_back(self, window: Window, lookback: timedelta) -> Window:
        """`window`, begun earlier by at least `lookback`, in whole windows.

        Whole windows, because equal events are distinguished by counting them within a window.
        """
        if window.lower is None or window.lower - self.start < lookback:
            return Window(None, window.upper)
        return self.window(self.floor(window.lower - lookback), window.upper)
