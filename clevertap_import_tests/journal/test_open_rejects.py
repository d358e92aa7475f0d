"""Open rejects: for any runs, with rows that become right or wrong, they are those of a simple model."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import SQLITE_LIMIT_VARIABLE_NUMBER as PARAMETERS

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xxhash import xxh3_128_digest

from clevertap_import.journal import open_rejects
from clevertap_import.journal.monitoring_tables import OPEN_REJECT
from clevertap_import.journal.open_rejects import FoundRejects, Span
from clevertap_import.journal.open_rejects_table import Outcome, closing_of, enter_open_rejects
from clevertap_import.journal.run_results import open_rejects_of
from clevertap_import.journal.tables import open_database
from clevertap_import.records import RECORD_SCHEMA, Rejection
from clevertap_import.run_result import OpenRejects

NIGHT = datetime(2026, 3, 9, 2, tzinfo=UTC)
WINDOWS = range(4)
PEOPLE = ("ann", "ben", "eve", None)
CODES = {"515": "Email is not valid.", "523": "The identity is missing."}

Row = tuple[str | None, int, str | None]
"""A person, a window, and the code by which the row is rejected; None if it is right."""

rows = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.sampled_from(WINDOWS), st.sampled_from([None, *CODES])), max_size=8
)


@dataclass(frozen=True)
class Run:
    """A run that reads the windows from `first` to before `end`; `limit`: of them a few rows only."""

    rows: Sequence[Row]
    first: int
    end: int
    limit: int | None

    @property
    def read(self) -> Sequence[Row]:
        return [row for row in self.rows if self.first <= row[1] < self.end][: self.limit]


runs = st.lists(
    st.builds(
        Run,
        rows,
        st.sampled_from(WINDOWS),
        st.sampled_from([*WINDOWS, 9]),
        st.one_of(st.none(), st.integers(1, 3)),
    ),
    max_size=7,
)


@pytest.fixture
def engine(journal_url: str) -> Iterator[sa.Engine]:
    engine = open_database(journal_url)
    yield engine
    engine.dispose()


def records(people: Sequence[tuple[str, int]]) -> pa.RecordBatch:
    """A record of each person, in that window."""
    digests = [xxh3_128_digest(person.encode()) for person, _ in people]
    windows = [window for _, window in people]
    columns = [[b"{}"] * len(people), [1] * len(people), windows, digests, digests]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, RECORD_SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=RECORD_SCHEMA)


def enter(engine: sa.Engine, run: Run, number: int) -> None:
    """As a run of profiles does: those that are right are found unchanged."""
    found = FoundRejects(is_events=False)
    found.add(
        Rejection(place, "EMAIL", "Email", code, CODES[code], person, window)
        for place, (person, window, code) in enumerate(run.read)
        if code
    )
    closing = closing_of(engine, "people")
    if closing:
        closing.note(records([(person, window) for person, window, code in run.read if person and not code]))
    span = Span(run.first or None, run.end) if run.limit is None else None
    with engine.begin() as connection:
        for _ in range(2):  # an earlier try of the same may have been committed after all
            outcome = Outcome(f"r{number}", found, span, closing)
            enter_open_rejects(connection, "people", outcome, NIGHT + timedelta(hours=number))


def model(runs: Sequence[Run]) -> dict[Row, list[int]]:
    """For each row that is open, in which runs it was first rejected, as often as it is there."""
    still: dict[Row, list[int]] = {}
    for number, run in enumerate(runs):
        right = {(person, window) for person, window, code in run.read if person and not code}
        wrong = Counter(row for row in run.read if row[2])
        still = {
            row: since
            for row, since in still.items()
            if not any(person == row[0] and window >= row[1] for person, window in right)
        }
        for row in {*still, *wrong}:
            since = still.get(row, [])
            was_read = run.limit is None and run.first <= row[1] < run.end
            still[row] = since[: wrong[row]] if was_read else since
            still[row] = still[row] + [number] * (wrong[row] - len(still[row]))
    return {row: since for row, since in still.items() if since}


def expected(still: dict[Row, list[int]]) -> dict[str, OpenRejects]:
    if not still:
        return {}
    counts = Counter[str]()
    for (_, _, code), since in still.items():
        counts[str(code)] += len(since)
    first = min(min(since) for since in still.values())
    codes = [(code, CODES[code], rows) for code, rows in counts.items()]
    ordered = tuple(sorted(codes, key=lambda each: (-each[2], each[0])))
    return {"people": OpenRejects(counts.total(), NIGHT + timedelta(hours=first), ordered)}


@given(runs=runs)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_open_rejects_are_those_of_a_simple_model(engine: sa.Engine, runs: list[Run]) -> None:
    with engine.begin() as connection:
        connection.execute(OPEN_REJECT.delete())
    for number, run in enumerate(runs):
        enter(engine, run, number)
        assert open_rejects_of(engine, ["people"]) == expected(model(runs[: number + 1]))


def morning(engine: sa.Engine, *rows: Row, number: int = 0, limit: int | None = None) -> int:
    """How many rows are open after a run that read these."""
    enter(engine, Run(rows, 0, 1, limit), number)
    found = open_rejects_of(engine, ["people"])
    return found["people"].rows if found else 0


def test_a_row_is_open_until_its_person_is_accepted_in_a_later_window(engine: sa.Engine) -> None:
    assert morning(engine, ("ann", 0, "515"), ("ben", 0, "515")) == 2
    for number in range(1, 31):
        enter(engine, Run([("eve", 1, None)], 1, 2, None), number)
    (found,) = open_rejects_of(engine, ["people"]).values()
    assert found == OpenRejects(2, NIGHT, (("515", "Email is not valid.", 2),))
    enter(engine, Run([("ann", 2, None)], 2, 3, None), 31)
    assert open_rejects_of(engine, ["people"])["people"].rows == 1


def test_an_older_row_of_a_person_does_not_close_a_newer_one(engine: sa.Engine) -> None:
    enter(engine, Run([("ann", 2, "515")], 2, 3, None), 0)
    enter(engine, Run([("ann", 1, None)], 1, 2, None), 1)
    assert open_rejects_of(engine, ["people"])["people"].rows == 1
    enter(engine, Run([("ann", 3, None)], 3, 4, None), 2)
    assert open_rejects_of(engine, ["people"]) == {}


def test_a_few_rows_add_nothing_twice_and_close_no_window(engine: sa.Engine) -> None:
    for number in range(3):
        assert morning(engine, ("ann", 0, "515"), (None, 0, "523"), number=number, limit=2) == 2
    assert morning(engine, ("ben", 0, "515"), number=3, limit=1) == 3
    assert morning(engine, number=4) == 0


def test_beyond_the_limit_only_the_number_is_remembered(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_rejects, "MOST_OPEN", 2)
    many = [(f"p{number}", 0, "515") for number in range(5)]
    for number in range(2):
        assert morning(engine, *many, number=number) == 5
    enter(engine, Run([("q0", 1, "515"), ("q1", 1, "515")], 1, 2, None), 2)
    closing = closing_of(engine, "people")
    assert closing
    assert len(closing.known) == 2
    enter(engine, Run([], 1, 2, None), 3)
    assert morning(engine, ("p0", 0, None), number=4, limit=1) == 4
    assert morning(engine, *many[:1], number=5) == 1


def test_rows_beyond_the_limit_do_not_count_twice_if_a_lookback_reads_them_again(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_rejects, "MOST_OPEN", 2)
    rows = [(f"p{number}", number % 4, "515") for number in range(12)]
    enter(engine, Run(rows, 0, 4, None), 0)
    for number in (1, 2):
        enter(engine, Run(rows, 2, 5, None), number)
        found = open_rejects_of(engine, ["people"])["people"]
        assert (found.rows, found.since) == (12, NIGHT)
    enter(engine, Run([], 2, 5, None), 3)
    assert open_rejects_of(engine, ["people"])["people"].rows == 6
    enter(engine, Run([], 0, 2, None), 4)
    assert open_rejects_of(engine, ["people"]) == {}


def test_more_groups_may_close_at_once_than_a_statement_has_room_for(tmp_path: Path) -> None:
    """A run of every quarter of an hour may leave a group of its own for each reason."""
    engine = open_database(f"sqlite:///{tmp_path}/journal.db")
    engine.dispose()
    sa.event.listen(engine, "connect", lambda connection, _: connection.setlimit(PARAMETERS, 100))
    for number in range(101):
        enter(engine, Run([(f"p{number}", number, "515")], number, number + 1, None), number)
    assert open_rejects_of(engine, ["people"])["people"].rows == 101
    enter(engine, Run([], 0, 101, None), 101)
    assert open_rejects_of(engine, ["people"]) == {}
    engine.dispose()
