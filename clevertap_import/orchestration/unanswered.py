"""Unanswered batches, for people who check in CleverTap whether they were stored."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import ConfigError, Unfinished
from clevertap_import.journal.import_lock import free_import_lock
from clevertap_import.journal.journal import Journal, UnansweredBatch
from clevertap_import.journal.locks import open_locks
from clevertap_import.journal.unanswered import digests_of, enter_shown, last_shown
from clevertap_import.orchestration.partitions import grid
from clevertap_import.orchestration.renamed import as_known
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.run_history import moment
from clevertap_import.staging.unanswered_rows import people_of
from clevertap_import.window import Window

Line = dict[str, Any]


class RunUnderWay(Unfinished):
    """A run of the import is active; its answers are not known yet."""


class NoSuchBatch(ConfigError):
    """No unanswered batch has the requested run or number."""


class BatchSettled(Unfinished):
    """A batch that a person settled already has its answer, or is no longer in the journal."""


class NotShown(ConfigError):
    """A person wants to settle batches that were not shown before."""


def chosen_batches(
    journal: Journal, config: ImportConfig, run_id: str, batch_number: int | None
) -> list[UnansweredBatch]:
    """The unanswered batches of runs whose ids begin with `run_id`; with `batch_number`, only that one.

    Raises NoSuchBatch if there is no such batch.
    """
    open_ = journal.unanswered(as_known(journal, config).nickname)
    found = [
        batch
        for batch in open_
        if batch.run_id.startswith(run_id) and batch_number in (None, batch.batch_number)
    ]
    if not found and (run_id or batch_number is not None):
        words = [
            f"of a run {run_id!r}" if run_id else "",
            f"number {batch_number}" if batch_number is not None else "",
        ]
        known = "; ".join(f"run {batch.run_id}, batch {batch.batch_number}" for batch in open_) or "none"
        raise NoSuchBatch(
            f"{config.nickname!r} has no batch without an answer {' '.join(filter(None, words))}."
            f" There are: {known}."
        )
    return found


def unanswered_batches(config: ImportConfig, run_id: str, batch_number: int | None) -> list[Line]:
    """A line for each of the chosen batches. Without a run and a number, all batches count as shown."""
    with open_journal() as journal:
        found = chosen_batches(journal, config, run_id, batch_number)
        if not run_id and batch_number is None:
            known_as = as_known(journal, config).nickname
            enter_shown(journal.engine, known_as, found[-1].delivery if found else 0)
    return [line(config, batch) for batch in found]


def batches_with_people(
    config: ImportConfig, run_id: str, batch_number: int | None, environment: Mapping[str, str]
) -> list[Line]:
    """The same as `unanswered_batches`, each with `identities`: whose records it holds, by the rows of today.

    `not_found` counts the records that none of the rows becomes any more.
    """
    lines = unanswered_batches(config, run_id, batch_number)
    with open_journal() as journal:
        found = chosen_batches(journal, config, run_id, batch_number)
        digests = digests_of(journal.engine, [batch.delivery for batch in found])
    people = people_of(config, digests, windows_of(config, found), grid(config), environment)
    for each, batch in zip(lines, found, strict=False):
        persons = people[batch.delivery]
        each |= {"identities": list(persons.names), "not_found": persons.missing.total()}
    return lines


def windows_of(config: ImportConfig, batches: Sequence[UnansweredBatch]) -> Window | None:
    """The windows of the records of these batches; None for a full import."""
    if config.updated_on is None or not batches:
        return None
    first = min(batch.first_window for batch in batches)
    last = max(batch.last_window for batch in batches) + grid(config).size_seconds
    return grid(config).window(datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC))


def shown_batches(config: ImportConfig, batch_number: int | None) -> tuple[list[Line], int]:
    """The unanswered batches of all runs that a person has seen, and the number of newer ones.

    Raises NotShown if there are unanswered batches, and the person has seen none of them.
    """
    with open_journal() as journal:
        found = chosen_batches(journal, config, "", batch_number)
        shown = last_shown(journal.engine, as_known(journal, config).nickname)
    seen = [batch for batch in found if batch.delivery <= shown]
    if found and not seen:
        raise NotShown(
            f"{config.nickname!r} has batches without an answer that you were not shown. Nothing was changed."
            f" Look at them first (clevertap-import settle {config.nickname}), or name a run with --run."
        )
    return [line(config, batch) for batch in seen], len(found) - len(seen)


def settle_batches(config: ImportConfig, lines: Sequence[Line], *, arrived: bool) -> None:
    """Store whether the batches of `lines` have arrived. Raises RunUnderWay or BatchSettled."""
    with ExitStack() as stack:
        journal = stack.enter_context(open_journal())
        locks = stack.enter_context(open_locks(journal.engine))
        known_as = as_known(journal, config).nickname
        if purpose := stack.enter_context(free_import_lock(locks, known_as)):
            raise RunUnderWay(
                f"{purpose} is under way, and settles its own batches. Nothing was changed; wait for its end."
            )
        for run_id, number in dict.fromkeys((each["run_id"], each["batch_number"]) for each in lines):
            if not journal.settle_unanswered(known_as, run_id, number, arrived=arrived):
                raise BatchSettled(
                    f"Batch {number} of run {run_id} of {config.nickname!r} is not without an answer any"
                    " more: it was settled meanwhile, or the journal has lost it. It was left as it is, and"
                    f" so were those after it. Look again with: clevertap-import settle {config.nickname}"
                )


def line(config: ImportConfig, batch: UnansweredBatch) -> Line:
    """A line about a batch, with its windows as ISO 8601, if the import has windows."""
    windows: Line = {"window_start": None, "window_end": None}
    if config.updated_on:
        windows["window_start"] = moment(batch.first_window)
        windows["window_end"] = moment(batch.last_window + grid(config).size_seconds)
    sent_at = batch.sent_at.isoformat(timespec="seconds")
    counts = {"run_id": batch.run_id, "batch_number": batch.batch_number, "records": batch.records}
    return {**counts, "sent_at": sent_at, **windows}
