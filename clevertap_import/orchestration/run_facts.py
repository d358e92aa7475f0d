"""What a run found out, for its report and its metadata."""

import time
from dataclasses import dataclass, field
from datetime import datetime

from clevertap_import.clevertap.delivery import Delivery
from clevertap_import.orchestration.delivered import NOTHING_TOLD, Told
from clevertap_import.report import Report
from clevertap_import.staging.rejected_rows import RejectsFile
from clevertap_import.staging.stage import StageCounts
from clevertap_import.window import Window


@dataclass(slots=True)
class RunFacts:
    """What a run found out, filled while it goes on."""

    window: Window | None
    sends_events: bool = True
    began: float = field(default_factory=time.monotonic)
    began_at: float = field(default_factory=time.time)
    read_at: datetime | None = None
    query_id: str | None = None
    counts: StageCounts = field(default_factory=StageCounts)
    delivery: Delivery = field(default_factory=Delivery)
    codes: dict[tuple[str, str], int] = field(default_factory=dict)
    changed_windows: int = 0
    changed_after: int = 0
    told: Told = NOTHING_TOLD
    rejects: RejectsFile | None = None
    is_canceled: bool = False

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def read_clocks(self) -> tuple[float, float, float]:
        """When Snowflake was read, in epoch seconds, as several clocks tell it.

        A clock may be set while the run goes on, or be wrong all the time.
        """
        read_at = self.read_at.timestamp() if self.read_at else self.began_at
        return self.began_at, time.time() - self.seconds, read_at

    @property
    def possible_duplicates(self) -> int:
        """How many copies of events CleverTap may have beyond one of each, of those that this run sent.

        An event without an answer of an earlier run may be there once; profiles stay the same.
        """
        doubtful = min(self.counts.doubtful, self.delivery.accepted + self.delivery.uncertain)
        return self.delivery.possible_duplicates + doubtful if self.sends_events else 0

    @property
    def report(self) -> Report:
        return Report(
            read=self.counts.read,
            accepted=self.delivery.accepted,
            unchanged=self.counts.unchanged,
            invalid=self.counts.invalid,
            rejected=self.delivery.rejected,
            uncertain=self.delivery.uncertain + self.counts.held,
            superseded=self.counts.superseded + self.counts.outdated,
        )
