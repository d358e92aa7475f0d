"""Random chunks of a query's result, as the connector hands them over: with types of their own in each."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

FIRST, LAST = datetime.min + timedelta(days=1), datetime.max - timedelta(days=1)  # noqa: DTZ901
"""Of the years that Python has, and no nearer to their ends than a zone reaches."""

MOMENTS = st.datetimes(FIRST, LAST)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
INTEGERS = [(kind(), bits) for kind, bits in ((pa.int8, 7), (pa.int16, 15), (pa.int32, 31), (pa.int64, 63))]
KINDS: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    *((kind, st.integers(-(2**bits), 2**bits - 1)) for kind, bits in INTEGERS),
    (pa.float64(), st.floats()),
    (pa.bool_(), st.booleans()),
    (pa.string(), WORDS),
    (pa.binary(), st.binary(max_size=4)),
    (pa.decimal128(38, 10), st.decimals(-(10**20), 10**20, places=10)),
    (pa.decimal128(5, 0), st.decimals(-999, 999, places=0)),
    (pa.date32(), MOMENTS.map(datetime.date)),
    (pa.timestamp("us"), MOMENTS),
    (pa.timestamp("us", "Asia/Kolkata"), MOMENTS),
    (pa.list_(pa.string()), st.lists(st.none() | WORDS, max_size=3)),
    (
        pa.struct({"A": pa.int32(), "B": pa.string()}),
        st.fixed_dictionaries({"A": st.integers(0, 9), "B": WORDS}),
    ),
]
NAMES = ("ID", "NAME", "=quoted", "code")


@st.composite
def chunks(draw: Callable[[st.SearchStrategy[Any]], Any], names: tuple[str, ...] = NAMES) -> pa.RecordBatch:
    """A slice of a chunk: what the stage takes at a time begins anywhere."""
    size = draw(st.integers(1, 6))
    columns = {}
    for name in names:
        kind, values = draw(st.sampled_from(KINDS))
        cells = draw(st.lists(st.none() | values, min_size=size, max_size=size))
        columns[name] = pa.array(cells, kind, from_pandas=False)
    begin = draw(st.integers(0, size - 1))
    return pa.RecordBatch.from_pydict(columns).slice(begin)
