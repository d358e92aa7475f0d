"""What Dagster knows of an import's deliveries, to find out whether the journal is the right one."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import dagster as dg

from clevertap_import.io.database import JournalUnavailable, translated
from clevertap_import.io.import_state import count_delivery, ensure_deliveries, import_state
from clevertap_import.io.journal import Journal
from clevertap_import.orchestration.partitions import is_of_a_run, read_by_runs
from clevertap_import.pure.config import ImportConfig
from clevertap_import.pure.errors import JournalLost

DELIVERIES = "deliveries"
"""In each report: how many runs have sent records, by the journal or by the reports before."""

REPORTS = 20
"""How many of the newest reports are read. Each says what was known before it, so one would nearly do."""


def told_deliveries(instance: dg.DagsterInstance, key: dg.AssetKey) -> int:
    """How many runs of the import have sent records, as far as Dagster knows."""
    return max((deliveries for deliveries, _ in reported_counts(instance, key)), default=0)


def was_imported(instance: dg.DagsterInstance, key: dg.AssetKey) -> bool:
    """Whether CleverTap has taken records. What is reported by hand says nothing of it, and hides nothing."""
    return any(max(counts) for counts in reported_counts(instance, key)) or has_read(instance, key)


def reported_counts(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[tuple[int, int]]:
    """Of the newest reports: how many runs had sent records, and how many CleverTap took of this one."""
    for record in instance.fetch_observations(key, limit=REPORTS).records:
        metadata = record.asset_observation.metadata if record.asset_observation else {}
        deliveries, accepted = (metadata.get(name) for name in (DELIVERIES, "accepted"))
        yield number_in(deliveries), number_in(accepted)


def number_in(value: dg.MetadataValue | None) -> int:
    return value.value or 0 if isinstance(value, dg.IntMetadataValue) else 0


def has_read(instance: dg.DagsterInstance, key: dg.AssetKey) -> bool:
    """Whether a run of the import made any window, or without windows the newest materialization."""
    event = instance.get_latest_materialization_event(key)
    tags = event.asset_materialization.tags if event and event.asset_materialization else None
    return is_of_a_run(tags or {}) or bool(read_by_runs(instance, key))


@dataclass(frozen=True, slots=True)
class Behind:
    """The journal knows of fewer deliveries of an import than Dagster: it is an older copy, or another."""

    nickname: str
    known: int
    told: int

    def __str__(self) -> str:
        return (
            f"Dagster knows that {self.told:,} runs have sent records of {self.nickname!r}, and the journal"
            f" knows of {self.known:,}: an older copy of it was put back, or CLEVERTAP_IMPORT_JOURNAL_URL"
            " names another."
        )


def behind(config: ImportConfig, journal: Journal, told: int) -> Behind | None:
    """Whether the journal that is there lacks deliveries. One that knows nothing at all is told elsewhere."""
    known = import_state(journal.engine, config.nickname).deliveries
    return Behind(config.nickname, known, told) if known < told else None


def refuse_doubles(config: ImportConfig, found: Behind) -> None:
    """Raises JournalLost where events would be stored twice.

    Profiles are sent again: the journal may hold an older content of a person than CleverTap does.
    """
    if not config.is_events:
        return
    raise JournalLost(
        f"{found} Nothing was sent, as events would be stored twice. Put the newest copy in its place; or go"
        " on with this one from the first window that is not done, which may double events of it and of its"
        f" lookback: clevertap-import run {config.nickname} --window START --force"
    )


def counted(journal: Journal, config: ImportConfig, told: int) -> int:
    """Enter that one more run sends records. The count is more than Dagster's then, whatever was lost."""
    with translated(), journal.engine.begin() as connection:
        return count_delivery(connection, config.nickname, told)


def recount(journal: Journal, config: ImportConfig, count: int) -> None:
    """At the end of a delivery: the count that its report tells is in the journal, whatever was lost of it.

    Else the next run would take the journal for an older copy. What was sent is entered again in the same
    commit: the count alone would hide that it is missing.
    """
    together = journal.together(begins=False)
    with suppress(JournalUnavailable), together, journal.transaction() as connection:
        ensure_deliveries(connection, config.nickname, count)
