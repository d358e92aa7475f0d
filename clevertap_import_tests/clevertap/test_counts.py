"""Whole runs over one journal, answered in every way: counts add up, nothing is lost and nothing doubled."""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from clevertap_import.clevertap.backoff import Retry
from clevertap_import.clevertap.batch_sender import BatchSender, RetryPolicy
from clevertap_import.clevertap.circuit_breaker import CircuitBreaker
from clevertap_import.clevertap.delivery import Deliverer, Delivery
from clevertap_import.clevertap.outcomes import Accepted, Busy, Outcome, RecordProblem, Refused, Uncertain
from clevertap_import.config.model import ImportConfig
from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.journal import Journal
from clevertap_import.mapping.mapper import Mapper
from clevertap_import.records import Batch
from clevertap_import.report import Report
from clevertap_import.snowflake.window_query import EPOCH_COLUMN, SUPERSEDED_COLUMN
from clevertap_import.staging.stage import Stage, StageCounts, Stager
from clevertap_import.staging.window_counts import WindowCounts, refusing
from clevertap_import.window import GRIDS, Grid, Window
from clevertap_import_tests.testing.builders import events_import, profiles_import

START = datetime(2026, 11, 1, tzinfo=UTC)
HOURS = Grid(GRIDS["hour"], START)
CITY = {"column": "CITY", "property": "City"}
AT = START.replace(hour=5)
NO_LIMIT = 2**40
LAST_HOUR = 4

Row = tuple[str | None, str | None, int, int]
"""Identity, city, hour of its Updated On, and how many rows it supersedes."""

rows = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "cleo", "dan", "null", "", None]),
        st.sampled_from(["Pune", "Goa", "x" * 600, None]),
        st.integers(0, 3),
        st.integers(0, 2),
    ),
    max_size=12,
)
LOST = ["lost", "lost though taken"]
VERDICTS = ["taken", "taken", "515", "555", "busy", "unreachable", *LOST, "malformed", "refused"]
verdicts = st.lists(st.sampled_from(VERDICTS), max_size=8)
faulty = st.frozensets(st.sampled_from(["ann", "bob", "cleo", "dan"]), max_size=2)


@dataclass
class Account:
    """A CleverTap with `verdicts` as its first answers, then it accepts all; `stored` is what it accepted.

    A request with a record of one of `faulty` is always malformed.
    """

    verdicts: list[str]
    stored: list[dict[str, Any]] = field(default_factory=list)
    faulty: frozenset[str] = frozenset()

    def post(self, batch: Batch) -> Outcome:
        verdict = self.verdicts.pop(0) if self.verdicts else "taken"
        records = [json.loads(line) for line in batch.rows["record"].to_pylist()]
        if any(record["identity"] in self.faulty for record in records):
            verdict = "malformed"
        match verdict:
            case "malformed":
                return Refused(400, "Malformed request")
            case "unreachable":
                return Busy("ConnectionError", is_answered=False)
            case "busy":
                return Busy("Too many concurrent requests")
            case "refused":
                return Refused(401, "Passcode Invalid")
            case "lost" | "lost though taken":
                self.stored += records if verdict != "lost" else []
                return Uncertain("ReadTimeout")
            case "515" | "555":
                self.stored += records[1:]
                return Accepted(len(records) - 1, (RecordProblem(0, verdict, "no"),))
            case _:
                self.stored += records
                return Accepted(len(records))


def chunk(given_rows: Sequence[Row]) -> pa.RecordBatch:
    """Rows as a query returns them."""
    return pa.RecordBatch.from_pydict(
        {
            "ID": pa.array([row[0] for row in given_rows], pa.string()),
            "CITY": pa.array([row[1] for row in given_rows], pa.string()),
            "AT": pa.array([AT] * len(given_rows), pa.timestamp("us", "UTC")),
            EPOCH_COLUMN: pa.array([HOURS.start_seconds + 3600 * row[2] for row in given_rows], pa.int64()),
            SUPERSEDED_COLUMN: pa.array([row[3] for row in given_rows], pa.int64()),
        }
    )


def run(
    config: ImportConfig, source: Sequence[Row], account: Account, journal: Journal, most_failures: int = 60
) -> tuple[StageCounts, Delivery, WindowCounts]:
    """One run of `config` over `source`, put together as the asset does: hour 0 is the lookback."""
    is_events = config.target.kind == "events"
    delivered = journal.delivered_before(WindowRange(config.nickname, None, NO_LIMIT), is_events=is_events)
    with Stage() as stage:
        windows = WindowCounts(HOURS, Window(START + HOURS.size, START + LAST_HOUR * HOURS.size))
        Stager(Mapper(config, 0), HOURS, delivered, lambda _: None, lambda _: None, windows=windows).fill(
            stage, [chunk(source)]
        )
        retry_policy = RetryPolicy(Retry(attempts=2), lambda _: None, lambda: 0.0)
        attempts = BatchSender(
            account.post, retry_policy, resends=None, breaker=CircuitBreaker(most_failures)
        )
        reject = refusing(windows, lambda _: None)
        deliverer = Deliverer(journal, attempts, config.nickname, "run", lambda: 2, 2, reject, lambda _: None)
        deliverer.deliver(stage.batches())
        return stage.counts, deliverer.delivery, windows


def with_journal(check: Callable[[Journal], None]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Journal(f"sqlite:///{Path(folder) / 'journal.db'}") as journal,
    ):
        check(journal)


@settings(max_examples=60)
@given(st.lists(st.tuples(rows, verdicts, faulty), min_size=1, max_size=4), st.integers(1, 6), st.booleans())
def test_the_counts_of_every_run_that_ends_well_add_up(
    runs: list[tuple[list[Row], list[str], frozenset[str]]], most_failures: int, is_events: bool
) -> None:
    config = events_import(CITY) if is_events else profiles_import(CITY)

    def check(journal: Journal) -> None:
        for source, answers, at_fault in runs:
            account = Account(list(answers), faulty=at_fault)
            counts, delivery, windows = run(config, source, account, journal, most_failures)
            # Two tries: what was lost and never answered may be there twice, what was then refused once.
            surplus = delivery.possible_duplicates + 2 * delivery.uncertain + delivery.rejected
            assert delivery.accepted <= len(account.stored) <= delivery.accepted + surplus
            report = Report(
                counts.read,
                delivery.accepted,
                counts.unchanged,
                counts.invalid,
                delivery.rejected,
                delivery.uncertain,
                counts.superseded,
            )
            if delivery.stopped is None:
                assert report.checked().read == len(source) + sum(row[3] for row in source)
                windows.check(report)
                rows = Counter(hour for _, _, hour, older in source for _ in range(1 + older))
                found = [each.read for _, each, _ in windows.windows()]
                assert [windows.before, *found] == [rows[hour] for hour in range(LAST_HOUR)]
                failed = [each.invalid + each.rejected for _, each, _ in windows.windows()]
                assert [sum(codes.values()) for *_, codes in windows.windows()] == failed
            else:
                assert report.accounted <= report.read

    with_journal(check)


@settings(max_examples=60)
@given(rows, st.lists(st.tuples(verdicts, faulty), max_size=3), st.integers(1, 6))
def test_events_are_neither_lost_nor_doubled_over_any_number_of_runs(
    source: list[Row], answers: list[tuple[list[str], frozenset[str]]], most_failures: int
) -> None:
    expected = Counter(
        (identity, city)
        for identity, city, _, _ in source
        if identity not in (None, "", "null") and len(city or "") <= 512
    )
    stored: list[dict[str, Any]] = []

    def check(journal: Journal) -> None:
        # A lost answer to events may double them by design, and 515 is for good: neither belongs here.
        for verdicts, at_fault in [*answers, ([], frozenset())]:
            known = [verdict for verdict in verdicts if verdict not in (*LOST, "515")]
            run(events_import(CITY), source, Account(known, stored, at_fault), journal, most_failures)

    with_journal(check)
    assert Counter((record["identity"], record["evtData"].get("City")) for record in stored) == expected
