"""The deliveries of an import that Dagster knows, to check whether the journal is complete."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import dagster as dg
import sqlalchemy as sa

from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import ImportLockLost, JournalLost
from clevertap_import.journal.import_state import (
    ImportState,
    count_again,
    count_delivery,
    doubt,
    end_delivery,
    import_state,
    state_of,
)
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.tables import JournalUnavailable, translated
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.partitions import is_of_a_run, read_by_runs
from clevertap_import.orchestration.renamed import as_known

DELIVERIES = "deliveries"
"""In each report: how many runs have sent records, from the journal or from earlier reports."""

BEGUN = "clevertap_import/begun/"
ENDED = "clevertap_import/ended/"
"""Followed by the nickname: the numbers of the last delivery that began to send, and of the last that ended.

They are in Dagster's storage of cursors, which stays if people remove runs or wipe assets.
"""

REPORTS = 20
"""How many of the newest reports are read. Each includes earlier counts, so one is nearly enough."""


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """The numbers of the last deliveries of an import that began and that ended, from Dagster."""

    begun: int = 0
    ended: int = 0


NO_DELIVERIES = DeliveryCounts()


def counts_in_dagster(instance: dg.DagsterInstance, names: Collection[str]) -> DeliveryCounts:
    """The counts of an import that has, or had, these nicknames, with killed runs and removed runs."""
    begun, ended = (stored_counts(instance, names, what) for what in (BEGUN, ENDED))
    reported = (deliveries for name in names for deliveries, _ in reported_counts(instance, asset_key(name)))
    return DeliveryCounts(max([*begun, *reported]), max(ended))


def stored_counts(instance: dg.DagsterInstance, names: Collection[str], what: str) -> list[int]:
    keys = {what + name for name in names}
    found = instance.daemon_cursor_storage.get_cursor_values(keys)
    return [int(found.get(key) or 0) for key in keys]


def report_delivery(instance: dg.DagsterInstance, nickname: str, what: str, number: int) -> None:
    """Store a number of the journal in Dagster too. Reports come too late, and not from a killed run."""
    if number > max(stored_counts(instance, [nickname], what)):
        instance.daemon_cursor_storage.set_cursor_values({what + nickname: str(number)})


def was_imported(instance: dg.DagsterInstance, key: dg.AssetKey) -> bool:
    """Whether CleverTap has accepted records. Windows that people report by hand do not count."""
    return any(max(counts) for counts in reported_counts(instance, key)) or has_read(instance, key)


def reported_counts(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[tuple[int, int]]:
    """From the newest reports: how many runs had sent records, and how many records this run delivered."""
    for record in instance.fetch_observations(key, limit=REPORTS).records:
        metadata = record.asset_observation.metadata if record.asset_observation else {}
        deliveries, accepted = (metadata.get(name) for name in (DELIVERIES, "accepted"))
        yield number_in(deliveries), number_in(accepted)


def number_in(value: dg.MetadataValue | None) -> int:
    return value.value or 0 if isinstance(value, dg.IntMetadataValue) else 0


def has_read(instance: dg.DagsterInstance, key: dg.AssetKey) -> bool:
    """Whether a run of the import materialized a window, or, without windows, the newest materialization."""
    event = instance.get_latest_materialization_event(key)
    tags = event.asset_materialization.tags if event and event.asset_materialization else None
    return is_of_a_run(tags or {}) or bool(read_by_runs(instance, key))


@dataclass(frozen=True, slots=True)
class StaleJournal:
    """The journal lacks deliveries of an import: it is an older copy, or another journal."""

    nickname: str
    known: ImportState
    in_dagster: DeliveryCounts

    @property
    def until(self) -> int:
        """The number of the last delivery that may be missing or incomplete."""
        if self.known.deliveries < self.in_dagster.begun or self.known.ended < self.in_dagster.ended:
            return max(self.in_dagster.begun, self.in_dagster.ended)
        return self.known.lacks_until

    def __str__(self) -> str:
        if self.known.deliveries < self.in_dagster.begun:
            return (
                f"Dagster knows that {self.in_dagster.begun:,} runs have sent records of {self.nickname!r},"
                f" and the journal knows of {self.known.deliveries:,}: an older copy of it was put back, or"
                " CLEVERTAP_IMPORT_JOURNAL_URL names another."
            )
        if self.known.ended < self.in_dagster.ended:
            return (
                f"Dagster knows that delivery {self.in_dagster.ended:,} of {self.nickname!r} has ended, and"
                " the journal does not have all of it: a copy that was made meanwhile was put back, or its"
                " database has lost its last commits."
            )
        return (
            f"The journal is an older copy, or one that was made during a delivery: of {self.nickname!r} it"
            f" may lack what was sent up to delivery {self.until:,}."
        )


def stale_journal(config: ImportConfig, journal: Journal, in_dagster: DeliveryCounts) -> StaleJournal | None:
    """How the journal is incomplete; None if it is complete. `refusal` detects an empty journal."""
    known = import_state(journal.engine, as_known(journal, config).nickname)
    is_stale = known.deliveries < in_dagster.begun or known.ended < in_dagster.ended or known.lacks_until
    return StaleJournal(config.nickname, known, in_dagster) if is_stale else None


def refuse_doubles(config: ImportConfig, found: StaleJournal) -> None:
    """Raises JournalLost for events, which would be stored twice.

    Profiles are sent again: the journal may have an older content of a person than CleverTap.
    """
    if not config.is_events:
        return
    name = config.nickname
    raise JournalLost(
        f"{found} Nothing was sent, as events would be stored twice. Put the newest copy in its place; or go"
        " on with this one. Either send again all windows that are not done, which may double events of them"
        f" and of their lookback: clevertap-import run {name} --window START --until END --force. Or accept"
        f" that what this journal lacks is sent as new: clevertap-import journal accept {name}"
    )


def counted(
    journal: Journal,
    config: ImportConfig,
    in_dagster: DeliveryCounts,
    found: StaleJournal | None = None,
    *,
    lacks: bool = False,
    copied: Callable[[sa.Connection], object] = lambda connection: None,
) -> int:
    """Count one more run that sends records. The new count is always higher than Dagster's.

    `lacks`: whether the journal may lack events that this run does not send again. `copied` repeats earlier
    entries of the run: a database that has lost them has lost the count too.
    """
    with translated(), journal.engine.begin() as connection:
        if found:
            doubt(connection, config.nickname, found.until if lacks else 0, journal.now().timestamp())
        count = count_delivery(connection, config.nickname, in_dagster.begun)
        was = state_of(connection, config.nickname)

    def again(connection: sa.Connection) -> None:
        if count_again(connection, config.nickname, was):
            copied(connection)

    journal.again(again)
    return count


def recount(journal: Journal, config: ImportConfig, count: int, ended_before: int) -> bool:
    """At the end of a delivery: write all its batches and its count again, if the journal has lost them.

    One commit writes both: the count alone would hide missing batches. Returns whether the journal is
    complete. If it is not, the next run treats it as an older copy.
    """
    if journal.import_lock is not None:
        with suppress(ImportLockLost, JournalUnavailable):
            journal.import_lock.check()
    together = journal.together(begins=False)
    with suppress(JournalUnavailable), together, journal.transaction() as connection:
        return end_delivery(connection, config.nickname, count, ended_before)
    return False


@contextmanager
def counted_delivery(
    instance: dg.DagsterInstance, journal: Journal, config: ImportConfig, count: int
) -> Iterator[None]:
    """Delivery `count` is active in the block. Dagster gets its number before anything is sent.

    So a copy of the journal from before or during the delivery is recognized, also if the run is killed.
    """
    ended_before = import_state(journal.engine, config.nickname).ended
    report_delivery(instance, config.nickname, BEGUN, count)
    try:
        yield
    finally:
        # If this fails, the journal has the higher number, and counts as complete.
        with suppress(Exception):
            if recount(journal, config, count, ended_before):
                report_delivery(instance, config.nickname, ENDED, count)
