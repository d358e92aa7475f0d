"""Which entries the journal removes after a successful run."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa

from clevertap_import.config.model import ImportConfig
from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.journal import Journal
from clevertap_import.orchestration.partitions import grid
from clevertap_import.records import packed


def cutoff(config: ImportConfig, now: datetime) -> datetime:
    """Entries that were sent before that moment are old."""
    return now - timedelta(days=config.journal_retention_days)


@dataclass(slots=True)
class Unchanged:
    """The digests of records that CleverTap already had, 16 or 32 bytes each."""

    digests: list[bytes] = field(default_factory=list)
    identity_digests: list[bytes] = field(default_factory=list)

    def add(self, records: pa.RecordBatch) -> None:
        self.digests.append(packed(records["digest"]))
        self.identity_digests.append(packed(records["identity_digest"]))


def is_forgetting_due(config: ImportConfig, journal: Journal) -> bool:
    """Whether a full import has old entries, so that this run must remove unneeded ones."""
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
    """Remove entries that no later run needs.

    These are old entries of windows before this run; for a full import, all records that this run did not
    see.
    """
    if unchanged is not None:
        digests = b"".join(unchanged.digests), b"".join(unchanged.identity_digests)
        journal.retain_only(config.nickname, run_id, digests, windows.destination, epoch)
    elif config.updated_on and windows.first is not None:
        old = windows.first - grid(config).size_seconds
        journal.forget(config.nickname, cutoff(config, journal.now()), old)
