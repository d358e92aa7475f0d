"""The rows of a query on disk: each is found unchanged by its number, for any types of its chunk."""

import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.snowflake.cell_texts import texts
from clevertap_import.staging.source_rows import PIECES_IN_MEMORY, SourceRows
from clevertap_import_tests.testing.arrow_columns import chunks


@contextmanager
def stored(chunks: Sequence[pa.RecordBatch]) -> Iterator[SourceRows]:
    sources = SourceRows()
    try:
        for chunk in chunks:
            sources.add(chunk)
        yield sources
    finally:
        sources.close()


@given(st.lists(chunks(), min_size=1, max_size=2 * PIECES_IN_MEMORY), st.data())
def test_a_row_by_its_number_is_the_row_that_went_in(
    chunks: list[pa.RecordBatch], data: st.DataObject
) -> None:
    rows = [row for chunk in chunks for row in chunk.to_pylist()]
    numbers = data.draw(st.lists(st.integers(1, len(rows)), unique=True).map(sorted))
    with stored(chunks) as sources:
        for is_finished in (False, True):
            found = [row for chunk in sources.take(numbers) for row in chunk.to_pylist()]
            # As text, because no NaN equals another.
            assert repr(found) == repr([rows[number - 1] for number in numbers]), is_finished
            sources.finish()


def test_types_come_back_as_they_were() -> None:
    narrow = pa.record_batch({"N": pa.array([1], pa.int8())})
    wide = pa.record_batch({"N": pa.array([2**40], pa.int64())})
    with stored([narrow, wide]) as sources:
        sources.finish()
        assert [chunk.schema.field("N").type for chunk in sources.take([1, 2])] == [pa.int8(), pa.int64()]


def test_few_pieces_are_in_memory_whatever_their_number() -> None:
    count, size = 10 * PIECES_IN_MEMORY, 100_000
    with stored([pa.record_batch({"TEXT": ["x" * size]}) for _ in range(count)]) as sources:
        sources.finish()
        tracemalloc.start()
        assert sum(chunk.num_rows for chunk in sources.take(range(1, count + 1))) == count
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert PIECES_IN_MEMORY * size <= most < 2 * PIECES_IN_MEMORY * size


INDIA = "Asia/Kolkata"
MOMENT = datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        (pa.array(["", " Zoë\n", None]), ["", " Zoë\n", None]),
        (pa.array([-(2**63), None]), ["-9223372036854775808", None]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([0.1, float("nan"), float("inf")], from_pandas=False), ["0.1", "NaN", "inf"]),
        (
            pa.array([Decimal("0.0000000001"), Decimal(-12)], pa.decimal128(38, 10)),
            ["0.0000000001", "-12.0000000000"],
        ),
        (pa.array([date(2026, 3, 1)]), ["2026-03-01"]),
        (pa.array([time(4, 5, 6, 7)]), ["04:05:06.000007"]),
        (pa.array([MOMENT.replace(tzinfo=None)], pa.timestamp("us")), ["2026-03-01T04:05:06"]),
        (pa.array([MOMENT], pa.timestamp("us", INDIA)), ["2026-03-01T09:35:06+05:30"]),
        (pa.array([b"\x00\xff"]), ["00ff"]),
        (pa.array([[Decimal("1.50"), None], []], pa.list_(pa.decimal128(9, 2))), ['["1.50", null]', "[]"]),
        (pa.array([{"A": date(2026, 3, 1), "B": "Zoë"}]), ['{"A": "2026-03-01", "B": "Zoë"}']),
        # Years that Python has not, alone and within.
        (pa.array([10**7], pa.int32()).cast(pa.date32()), ["29349-01-26"]),
        (
            pa.array([[10**7], None], pa.list_(pa.int32())).cast(pa.list_(pa.date32())),
            ["(a value that cannot be shown)", None],
        ),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_cells_are_shown_as_people_read_them(cells: pa.Array, shown: list[Any]) -> None:
    assert texts(cells) == shown
