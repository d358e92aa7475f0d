"""What the journal may forget once a run has ended well."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa

from clevertap_import.config.model import ImportConfig
from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.journal import Journal
from clevertap_import.orchestration.partitions import grid
from clevertap_import.records import packed


def cutoff(config: ImportConfig, now: datetime) -> datetime:
    """What was sent before that moment is old."""
    return now - timedelta(days=config.journal_retention_days)


@dataclass(slots=True)
class Unchanged:
    """The digests of records that CleverTap had already, 16 or 32 bytes each."""

    digests: list[bytes] = field(default_factory=list)
    identity_digests: list[bytes] = field(default_factory=list)

    def add(self, records: pa.RecordBatch) -> None:
        self.digests.append(packed(records["digest"]))
        self.identity_digests.append(packed(records["identity_digest"]))


def is_forgetting_due(config: ImportConfig, journal: Journal) -> bool:
    """Whether a full import has old entries, so that those which its next run does not need are removed."""
    return config.updated_on is None and journal.has_entries_before(
        config.nickname, cutoff(config, journal.now())
    )


def forget_old(
    config: ImportConfig,
    journal: Journal,
    run_id: str,
    windows: WindowRange,
    epoch: int,
    unchanged: Unchanged | None,
) -> None:
    """Remove what no later run needs.

    That is what is old in windows before those of this run, and for a full import all that it did not see.
    """
    if unchanged is not None:
        digests = b"".join(unchanged.digests), b"".join(unchanged.identity_digests)
        journal.retain_only(config.nickname, run_id, digests, windows.destination, epoch)
    elif config.updated_on and windows.first is not None:
        old = windows.first - grid(config).size_seconds
        journal.forget(config.nickname, cutoff(config, journal.now()), old)
