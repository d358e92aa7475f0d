"""Which records were delivered before, for any history of deliveries, against lists of what happened."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.forced_runs import Forced
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.scope import Scope
from clevertap_import.records import Batch
from clevertap_import_tests.clevertap.test_counts import with_journal
from clevertap_import_tests.testing.builders import event_line, profile_line, record_rows

HOUR = 3600
NAMES, CITIES, WINDOWS, PLACES = "ab", ("Pune", "Oslo"), range(5), ("here", "there")

places = st.sampled_from(PLACES)
ranges = st.tuples(st.none() | st.sampled_from(WINDOWS), st.sampled_from(WINDOWS)).filter(
    lambda span: span[0] is None or span[0] <= span[1]
)
records = st.tuples(st.sampled_from(NAMES), st.sampled_from(CITIES), st.sampled_from(WINDOWS))
ends = st.sampled_from(["accepted", "lost", "refused", "open"])
batches = st.lists(st.tuples(records, ends), min_size=1, max_size=5)
sent = st.tuples(st.just("sent"), places, batches)
forced = st.tuples(st.just("forced"), places, st.sampled_from(["one", "two", "three"]), ranges)
histories = st.lists(st.one_of(sent, forced), max_size=8)

Record = tuple[str, str, int]


def batch_of(found: Sequence[Record], *, is_events: bool) -> Batch:
    rows = []
    for name, city, window in found:
        # The digest of an event is also that of its window.
        line = event_line(name, f"{city} {window}") if is_events else profile_line(name, city)
        rows.append(record_rows([line], None if is_events else [name], window * HOUR))
    return Batch(0, pa.Table.from_batches(rows).combine_chunks().to_batches()[0])


@dataclass
class SentRecord:
    """What is known of one record that was sent; `delivery`: of which entry, in the order of sending."""

    place: str
    delivery: int
    record: Record
    state: str
    epoch: int


@dataclass
class World:
    """A journal, and beside it all that happened as plain lists."""

    journal: Journal
    is_events: bool
    sent_records: list[SentRecord] = field(default_factory=list)
    spans: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    epochs: list[tuple[str, str, int, int]] = field(default_factory=list)

    def happen(self, what: str, place: str, *rest: Any) -> None:  # noqa: ANN401 - of a history
        getattr(self, what)(place, *rest)

    def forced(self, place: str, root: str, span: tuple[int | None, int]) -> None:
        first, last = span
        begun = Forced(root, None if first is None else first * HOUR, last * HOUR, (last + 1) * HOUR)
        self.journal.begin_delivery("orders", Scope(0, 0, "account", place), begun)
        low = -1 if first is None else first
        if not any(each[:2] == (place, root) and each[2] <= low and each[3] >= last for each in self.epochs):
            self.epochs.append((place, root, low, last))

    def sent(self, place: str, found: Sequence[tuple[Record, str]]) -> None:
        epoch = self.journal.begin_delivery("orders", Scope(0, 0, "account", place), None)
        batch = batch_of([record for record, _ in found], is_events=self.is_events)
        delivery = self.journal.begin("orders", "run", batch, place, epoch)
        windows = [record[2] for record, _ in found]
        ends = [end for _, end in found]
        is_open = "open" in ends
        if not is_open:
            taken, lost = ([n for n, end in enumerate(ends) if end == one] for one in ("accepted", "lost"))
            self.journal.record_answer(delivery, batch, taken, lost)
        number = len(self.spans)
        # What was lost is entered after what was accepted.
        self.spans |= dict.fromkeys((number, number + 1), (place, min(windows), max(windows)))
        for record, end in found:
            state = "lost" if is_open else end
            newest = max((n for n, each in enumerate(self.epochs, 1) if each[0] == place), default=0)
            if state != "refused":
                entry = number + (state == "lost" and not is_open)
                self.sent_records.append(SentRecord(place, entry, record, state, newest))

    def counts(self, record: SentRecord) -> bool:
        covering = (
            number
            for number, (place, _, low, last) in enumerate(self.epochs, 1)
            if place == record.place and low <= record.record[2] <= last
        )
        return record.epoch >= max(covering, default=0)

    def of(self, place: str, span: tuple[int | None, int]) -> list[SentRecord]:
        """What a run of these windows has to know, in the order of the entries."""
        first, last = span
        low = -1 if first is None else first
        here = sorted(
            (each for each in self.sent_records if each.place == place), key=lambda each: each.delivery
        )
        overlapping = [
            number
            for number, (where, least, most) in self.spans.items()
            if where == place and most >= low and least <= last
        ]
        since = min(overlapping, default=len(self.spans))
        # All was sent within the last hour: what has no answer may still be on its way.
        return [
            each
            for each in here
            if each.delivery >= since
            or self.spans[each.delivery][2] >= low
            or (overlapping and each.state == "lost")
        ]


def window_range(place: str, span: tuple[int | None, int]) -> WindowRange:
    first = None if span[0] is None else span[0] * HOUR
    return WindowRange("orders", first, span[1] * HOUR, place, (span[1] + 1) * HOUR)


def within(span: tuple[int | None, int]) -> list[int]:
    return [window for window in WINDOWS if (span[0] or 0) <= window <= span[1]]


def lived(journal: Journal, history: list[tuple[Any, ...]], *, is_events: bool) -> World:
    world = World(journal, is_events)
    for each in history:
        world.happen(*each)
    return world


@settings(max_examples=150)
@given(histories, places, ranges)
def test_of_events_as_many_are_known_as_were_accepted_there_since_they_were_forced(
    history: list[tuple[Any, ...]], place: str, span: tuple[int | None, int]
) -> None:
    def check(journal: Journal) -> None:
        world = lived(journal, history, is_events=True)
        delivered = journal.delivered_before(window_range(place, span), is_events=True)
        found = [(name, city, window) for name in NAMES for city in CITIES for window in within(span)]
        valid = [each for each in world.sent_records if each.place == place and world.counts(each)]
        had = Counter(each.record for each in valid if each.state == "accepted")
        lost = Counter(each.record for each in valid if each.state == "lost")
        for record in found:
            rows = batch_of([record] * 6, is_events=True).rows
            is_new = delivered.is_new(rows)
            assert sum(is_new) == 6 - min(6, had[record])
            left = batch_of([record] * sum(is_new), is_events=True).rows if any(is_new) else rows.slice(0, 0)
            assert sum(delivered.may_be_stored(left)) == min(lost[record], sum(is_new))
            assert not any(delivered.is_outdated(rows))

    with_journal(check)


@settings(max_examples=150)
@given(histories, places, ranges)
def test_a_profile_is_new_unless_it_is_the_last_content_that_counts_and_never_after_a_later_window(
    history: list[tuple[Any, ...]], place: str, span: tuple[int | None, int]
) -> None:
    def check(journal: Journal) -> None:
        world = lived(journal, history, is_events=False)
        delivered = journal.delivered_before(window_range(place, span), is_events=False)
        for name in NAMES:
            mine = [each for each in world.of(place, span) if each.record[0] == name]
            last = mine[-1] if mine else None
            # Within one batch nobody knows which of two answers came last, so the last record counts.
            is_sure = last is not None and all(each.state == "accepted" for each in mine)
            is_sure = is_sure and last is not None and world.counts(last)
            newer = any(each.record[2] > span[1] and world.counts(each) for each in mine)
            for city in CITIES:
                rows = batch_of([(name, city, span[1])], is_events=False).rows
                is_last = is_sure and last is not None and last.record[1] == city
                assert delivered.is_new(rows).tolist() == [not is_last]
                assert delivered.was_delivered(rows).tolist() == [bool(mine)]
                assert delivered.is_outdated(rows).tolist() == [newer]

    with_journal(check)
