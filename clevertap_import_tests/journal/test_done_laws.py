"""Done windows against a plain set of them, over runs, forced runs that break off, and what is forgotten."""

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from clevertap_import.journal.done_spans import DoneSpan, renewed
from clevertap_import.journal.done_windows import (
    Windows,
    done_spans,
    enter_done_spans,
    forget_done,
    forgotten_spans,
)
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.tables import FORGOTTEN
from clevertap_import.mapping.definition_digest import VERSION
from clevertap_import_tests.clevertap.test_counts import with_journal

HOUR = 3600
HOURS = {place: Windows(HOUR, place) for place in ("here", "elsewhere")}

places = st.sampled_from(sorted(HOURS))
firsts, counts, lookbacks = st.integers(0, 9), st.integers(0, 4), st.integers(0, 2)
digests = st.sampled_from([f"{VERSION}a", f"{VERSION}b"])
run = st.tuples(st.just("run"), places, firsts, counts, lookbacks, digests)
force = st.tuples(st.just("force"), places, st.none() | firsts, counts, st.booleans())
forget = st.tuples(st.just("forget"), places, firsts, counts)
histories = st.lists(st.one_of(run, force, forget), max_size=15)


@dataclass
class World:
    """The windows by their numbers: of each place those that are done, and those that are forgotten."""

    journal: Journal
    done: dict[str, set[int]] = field(default_factory=lambda: {place: set() for place in HOURS})
    forgotten: dict[str, set[int]] = field(default_factory=lambda: {place: set() for place in HOURS})
    clock: int = 0

    def run(self, place: str, first: int, count: int, lookback: int, digest: str) -> None:
        """One that ends well: it does its windows, and reads those of its lookback again."""
        self.clock += 1
        spans = done_spans(self.journal.engine, {"orders": HOURS[place]}).get("orders", [])
        did = DoneSpan(first * HOUR, (first + count) * HOUR, digest, self.clock)
        with self.journal.engine.begin() as connection:
            after = renewed(spans, (first - lookback) * HOUR, did)
            enter_done_spans(connection, "orders", HOURS[place], after)
        self.done[place] |= set(range(first, first + count))

    def force(self, place: str, first: int | None, count: int, breaks_off: bool) -> None:
        begin, end = first or 0, (first or 0) + count
        if first is not None and not count:
            return
        with self.journal.engine.begin() as connection:
            forget_done(connection, "orders", place, None if first is None else first * HOUR, end * HOUR)
        for windows in (self.done[place], self.forgotten[place]):
            windows -= set(range(begin, end))
        if not breaks_off:
            self.run(place, begin, count, 0, f"{VERSION}a")

    def forget(self, place: str, first: int, count: int) -> None:
        """As the journal does after a retention: the digests go, and what is done stays done."""
        values = {"import_name": "orders", "destination": place, "first_window": first * HOUR}
        with self.journal.engine.begin() as connection:
            connection.execute(sa.insert(FORGOTTEN).values(**values, last_window=(first + count) * HOUR))
        self.forgotten[place] |= set(range(first, first + count + 1))

    def checked(self) -> None:
        for place, windows in HOURS.items():
            spans = done_spans(self.journal.engine, {"orders": windows}).get("orders", [])
            done = [number for span in spans for number in range(span.first // HOUR, span.end // HOUR)]
            assert done == sorted(self.done[place]), "each once, in order"
            gone = forgotten_spans(self.journal.engine, "orders", windows)
            assert {
                number for begin, end in gone for number in range(begin // HOUR, end // HOUR)
            } == self.forgotten[place]


@settings(max_examples=60)
@given(histories)
def test_spans_know_what_a_plain_set_knows(history: list[tuple[Any, ...]]) -> None:
    def check(journal: Journal) -> None:
        world = World(journal)
        for what, *rest in history:
            getattr(world, what)(*rest)
            world.checked()

    with_journal(check)
