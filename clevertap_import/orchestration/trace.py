"""What became of one person: the row in Snowflake, the record of it, and what the journal knows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import dagster as dg
from xxhash import xxh3_128_digest

from clevertap_import.clevertap.account_limiter import destination
from clevertap_import.clevertap.client import account_settings
from clevertap_import.config.model import ImportConfig
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.open_rejects import EVENT_OF
from clevertap_import.journal.states import ANSWERED, LOST, OVERTAKEN, UNANSWERED
from clevertap_import.journal.traced import SentRecord, open_rejects_with, sent_records
from clevertap_import.orchestration.done import done_windows
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.partitions import grid, keys_until
from clevertap_import.orchestration.requested_windows import key_of
from clevertap_import.orchestration.resources import home, open_journal
from clevertap_import.orchestration.run_history import moment
from clevertap_import.project.traced_rows import MOST_ROWS, TracedRow, person_digest, traced_rows
from clevertap_import.staging.rejected_rows import read_rejects, stored_rejects

Line = dict[str, Any]

MOST_FILES = 20
"""The most files of rejected rows that are searched, the newest."""

BEFORE = "CleverTap had this record before this run, which found it unchanged."
EARLIER = "An earlier content of this person."
NO_ANSWER = "It was sent, and its answer was lost."
SENT_AGAIN = "It was sent, its answer was lost, and it was sent again."
NOT_ARRIVED = "It was sent, and a person said that it did not arrive."
OLDER = "A newer row of this person takes their place."


@dataclass(frozen=True, slots=True)
class Trace:
    """`row`, `record`: the newest row of the person, and its record; None if there is none.

    `outcomes`: `{run_id, date_time, outcome, code, reason}`, the newest first; what holds now has no run.
    `rows`: how many rows were found.
    """

    identity: str
    row: Line | None
    record: Line | None
    rows: int
    outcomes: list[Line] = field(default_factory=list)

    @property
    def is_known(self) -> bool:
        return self.rows > 0 or bool(self.outcomes)

    @property
    def document(self) -> Line:
        """`{identity, row, record, rows, outcomes: [{run_id, date_time, outcome, code, reason}]}`."""
        names = ("identity", "row", "record", "rows", "outcomes")
        return {name: getattr(self, name) for name in names}


def traced(
    instance: dg.DagsterInstance, config: ImportConfig, identity: str, environment: Mapping[str, str]
) -> Trace:
    """The newest rows of the person, and all that the journal and the files of this machine know of them."""
    rows = traced_rows(config, identity, grid(config), environment)
    place = destination(account_settings(config.account, environment))
    with open_journal() as journal:
        sent = sent_of(journal, config, identity, rows, place)
        rejected = list(open_lines(journal, config, identity, rows))
    rejected += file_lines(config, identity, {each["run_id"] for each in rejected})
    known = in_clevertap(sent, is_events=config.is_events)
    history = [sent_line(config, each, rows) for each in sent] + rejected
    history.sort(key=lambda each: str(each["date_time"]), reverse=True)
    outcomes = [*now_lines(instance, config, rows, known), *history]
    first = rows[0] if rows else None
    return Trace(
        identity, first.cells if first else None, first.record if first else None, len(rows), outcomes
    )


def sent_of(
    journal: Journal, config: ImportConfig, identity: str, rows: Sequence[TracedRow], place: str
) -> list[SentRecord]:
    """Profiles are known by the identity, also without a row; events by the content of their rows."""
    found = {each.digest if config.is_events else each.person for each in rows} - {None}
    wanted = {each for each in found if each} | (set() if config.is_events else {person_digest(identity)})
    return sent_records(journal.engine, config.nicknames, place, wanted, are_people=not config.is_events)


def in_clevertap(sent: Sequence[SentRecord], *, is_events: bool) -> set[bytes]:
    """The contents that no run sends again: of a profile only the last counts."""
    digests = [each.digest for each in sent if each.state in (ANSWERED, *UNANSWERED)]
    return set(digests if is_events else digests[:1])


def line_of(outcome: str, run_id: str | None, at: float | None, code: str | None, reason: str = "") -> Line:
    return {
        "run_id": run_id,
        "date_time": moment(at),
        "outcome": outcome,
        "code": code,
        "reason": reason or None,
    }


def sent_line(config: ImportConfig, sent: SentRecord, rows: Sequence[TracedRow]) -> Line:
    """What a run did with the record, as far as the journal knows."""
    at = sent.moment.timestamp()
    if sent.state != ANSWERED:
        reason = SENT_AGAIN if sent.state in OVERTAKEN else NOT_ARRIVED if sent.state == LOST else NO_ANSWER
        return line_of("uncertain", sent.run_id, at, None, reason)
    if sent.is_carried_over:
        return line_of("unchanged", sent.run_id, at, None, BEFORE)
    is_now = config.is_events or not rows or any(each.digest == sent.digest for each in rows)
    return line_of("accepted", sent.run_id, at, None, "" if is_now else EARLIER)


def open_lines(
    journal: Journal, config: ImportConfig, identity: str, rows: Sequence[TracedRow]
) -> Iterator[Line]:
    """The open rejects of the person."""
    bare = (EVENT_OF if config.is_events else b"") + identity.encode(errors="surrogatepass")
    wanted = {xxh3_128_digest(bare)} | {each.digest for each in rows if config.is_events and each.digest}
    for group in open_rejects_with(journal.engine, config.nicknames, wanted):
        for _ in range(min(group.rows, MOST_ROWS)):
            yield line_of("rejected", group.run_id, group.since, group.code, group.reason)


def file_lines(config: ImportConfig, identity: str, known: set[str]) -> Iterator[Line]:
    """Rejected rows of the person in the files of this machine, of runs that are not `known`."""
    files = [
        each
        for name in config.nicknames
        for each in stored_rejects(home(), name)
        if not each.is_dry_run and each.run_id not in known
    ]
    for file in files[:MOST_FILES]:
        mine = (each for each in read_rejects(file.path) if each.rejection.identity == identity)
        for row in islice(mine, MOST_ROWS):
            at, found = file.written_at.timestamp(), row.rejection
            yield line_of("rejected", file.run_id, at, found.code, found.reason)


def now_lines(
    instance: dg.DagsterInstance, config: ImportConfig, rows: Sequence[TracedRow], accepted: set[bytes]
) -> Iterator[Line]:
    """What holds for the rows as they are now, where CleverTap does not have them."""
    for each in rows:
        if each.rejection:
            yield line_of("invalid", None, None, each.rejection.code, each.rejection.reason)
        elif each.digest not in accepted:
            yield line_of("not_sent", None, None, None, why_not_sent(instance, config, each))
    if older := sum(each.older for each in rows):
        yield line_of("superseded", None, None, None, f"{older:,} older rows. {OLDER}")


def why_not_sent(instance: dg.DagsterInstance, config: ImportConfig, row: TracedRow) -> str:
    """Whether the next run reads the window of the row."""
    if config.updated_on is None:
        return "The next run reads it."
    now, start = datetime.now(UTC), datetime.fromtimestamp(row.window, UTC)
    keys = keys_until(config, now)
    key = key_of(config, start)
    if key not in keys:
        return f"Its window {key} has not begun; the runs from then on read it."
    is_done = done_windows(instance, config, asset_key(config.nickname)).places(config, keys)[keys.index(key)]
    if not is_done:
        return f"Its window {key} is not done; the next run reads it."
    return (
        f"Its window {key} is done: the row came after the run, or it was changed without a new Updated On."
        f" Send it: clevertap-import run {config.nickname} --window {start:%Y-%m-%dT%H:%M}"
    )
