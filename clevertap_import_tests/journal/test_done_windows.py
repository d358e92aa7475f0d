"""Done windows in the database: by import, length and destination; what a forced run takes out."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from clevertap_import.journal.done_spans import DoneSpan
from clevertap_import.journal.done_windows import (
    UNKNOWN,
    Windows,
    done_spans,
    enter_done_spans,
    forget_done,
)
from clevertap_import.journal.tables import FORGOTTEN, open_database

HOURS = Windows(3600, "here")
DAYS = Windows(86_400, "here")
ELSEWHERE = Windows(3600, "elsewhere")


@pytest.fixture
def engine(journal_url: str) -> Iterator[sa.Engine]:
    engine = open_database(journal_url)
    yield engine
    engine.dispose()


def enter(engine: sa.Engine, windows: Windows, *spans: tuple[int, int], name: str = "orders") -> None:
    with engine.begin() as connection:
        enter_done_spans(connection, name, windows, [DoneSpan(*span, "a", 7) for span in spans])


def forget(engine: sa.Engine, first: int | None, end: int, destination: str = "here") -> None:
    with engine.begin() as connection:
        forget_done(connection, "orders", destination, first, end)


def bounds(engine: sa.Engine, windows: Windows, name: str = "orders") -> list[tuple[int, int]]:
    return [(span.first, span.end) for span in done_spans(engine, {name: windows}).get(name, [])]


def test_spans_are_of_their_import_length_and_destination(engine: sa.Engine) -> None:
    enter(engine, HOURS, (0, 3600), (7200, 10_800))
    enter(engine, ELSEWHERE, (0, 7200))
    enter(engine, HOURS, (3600, 7200), name="visits")
    assert done_spans(engine, {"orders": HOURS}) == {
        "orders": [DoneSpan(0, 3600, "a", 7), DoneSpan(7200, 10_800, "a", 7)]
    }
    assert (bounds(engine, ELSEWHERE), bounds(engine, DAYS)) == ([(0, 7200)], [])
    enter(engine, HOURS, (0, 3600))
    assert bounds(engine, HOURS) == [(0, 3600)]
    assert (bounds(engine, ELSEWHERE), bounds(engine, HOURS, "visits")) == ([(0, 7200)], [(3600, 7200)])


def test_what_was_done_before_destinations_were_known_counts_for_each_until_it_is_entered(
    engine: sa.Engine,
) -> None:
    enter(engine, Windows(3600, UNKNOWN), (0, 7200))
    assert bounds(engine, HOURS) == bounds(engine, ELSEWHERE) == [(0, 7200)]
    enter(engine, HOURS, (0, 7200))
    assert (bounds(engine, HOURS), bounds(engine, ELSEWHERE)) == ([(0, 7200)], [])


@pytest.mark.parametrize(
    ("first", "end", "left"),
    [
        (None, 3600, [(3600, 7200), (10_800, 14_400)]),
        (None, 20_000, []),
        (3600, 7200, [(0, 3600), (10_800, 14_400)]),
        (3600, 14_400, [(0, 3600)]),
        (7200, 10_800, [(0, 7200), (10_800, 14_400)]),
        (14_400, 18_000, [(0, 7200), (10_800, 14_400)]),
    ],
)
def test_a_forced_run_takes_its_windows_out(
    engine: sa.Engine, first: int | None, end: int, left: list[tuple[int, int]]
) -> None:
    for windows in (HOURS, ELSEWHERE):
        enter(engine, windows, (0, 7200), (10_800, 14_400))
    enter(engine, HOURS, (0, 14_400), name="visits")
    forget(engine, first, end)
    assert bounds(engine, HOURS) == left
    assert bounds(engine, ELSEWHERE) == [(0, 7200), (10_800, 14_400)]
    assert bounds(engine, HOURS, "visits") == [(0, 14_400)]


@pytest.mark.parametrize(
    ("first", "end", "left"),
    [(None, 7200, [(7200, 10_800)]), (3600, 7200, [(0, 0), (7200, 10_800)]), (0, 14_400, [])],
)
def test_nor_has_the_journal_forgotten_what_was_sent_in_them(
    engine: sa.Engine, first: int | None, end: int, left: list[tuple[int, int]]
) -> None:
    values = {"import_name": "orders", "first_window": 0, "last_window": 10_800, "destination": "here"}
    with engine.begin() as connection:
        connection.execute(FORGOTTEN.insert(), [values, values | {"destination": "elsewhere"}])
    forget(engine, first, end)
    hours = range(0, 14_400, 3600)
    with engine.connect() as connection:
        found = connection.execute(sa.select(FORGOTTEN).order_by(FORGOTTEN.c.first_window)).all()
    known = {
        place: sorted(
            {
                hour
                for row in found
                if row.destination == place
                for hour in hours
                if row.first_window <= hour <= row.last_window
            }
        )
        for place in ("here", "elsewhere")
    }
    expected = [hour for hour in hours if any(one <= hour <= last for one, last in left)]
    assert known == {"here": expected, "elsewhere": [0, 3600, 7200, 10_800]}
