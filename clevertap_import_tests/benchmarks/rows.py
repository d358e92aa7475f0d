"""Profile rows as the connector hands them over: one Arrow batch for each chunk of a result.

A few chunks are made before the clock starts; then they come round again and again with new ids. `Rows`
counts the seconds that this costs, so that a benchmark can leave them out. Nothing of ours is used here, so
that the peers get the same rows in an environment of their own.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ROWS_PER_CHUNK = 50_000
CHUNKS_IN_RING = 2
NAN_EVERY = 1_000
START = datetime(2026, 3, 1, tzinfo=UTC)
IDENTITY_COLUMN = "CUSTOMER_ID"

PROPERTIES = {
    "NAME": "Name",
    "EMAIL": "Email",
    "PHONE": "Phone",
    "CITY": "City",
    "STORE_ID": "Store",
    "BORN_ON": "DOB",
    "SIGNED_UP_AT": "Signed Up",
    "SEEN_AT": "Last Seen",
    "BALANCE": "Balance",
    "SCORE": "Score",
    "ORDERS": "Orders",
    "IS_MEMBER": "Member",
}
"""The property that each column becomes."""

FIRST_NAMES = ("Ann", "Zoë", "Łukasz", 'Robert "Bob"', "Siân", "王伟", "अनिता", "João", "Miles", "O\\Neil")
LAST_NAMES = ("Smith", "O'Brien", "Müller", "Nguyễn", "de la Cruz", "Ivanova", "Kumar", "Sørensen", "Lee")
CITIES = ("Pune", "São Paulo", "München", "New York", "東京", "Kraków", "Reykjavík", None, None)


@dataclass(slots=True)
class Rows:
    """`count` rows in chunks. `seconds` and `cpu_seconds` are what handing them out has cost so far.

    `finished` may add columns to a chunk of the ring. Memory: the ring, about 10 MiB a chunk, and the ids of
    one chunk.
    """

    count: int
    rows_per_chunk: int = ROWS_PER_CHUNK
    finished: Callable[[pa.RecordBatch], pa.RecordBatch] = lambda chunk: chunk
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    ring: list[pa.RecordBatch] = field(init=False)

    def __post_init__(self) -> None:
        chunks = [made_chunk(seed, self.rows_per_chunk) for seed in range(CHUNKS_IN_RING)]
        self.ring = [self.finished(chunk) for chunk in chunks]

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for number, first in enumerate(range(0, self.count, self.rows_per_chunk)):
            wall, cpu = time.perf_counter(), time.thread_time()
            chunk = self.ring[number % CHUNKS_IN_RING].slice(0, self.count - first)
            chunk = chunk.set_column(0, IDENTITY_COLUMN, identities(first, chunk.num_rows))
            self.seconds += time.perf_counter() - wall
            self.cpu_seconds += time.thread_time() - cpu
            yield chunk


def identities(first: int, count: int) -> pa.StringArray:
    numbers = pa.array(np.arange(first, first + count) + 100_000_000).cast(pa.string())
    return pc.binary_join_element_wise("c", numbers, "")


def made_chunk(seed: int, count: int) -> pa.RecordBatch:
    dice = np.random.default_rng(seed)
    columns = {
        IDENTITY_COLUMN: identities(0, count),
        **texts(dice, count),
        **moments(dice, count),
        **numbers(dice, count),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


def texts(dice: np.random.Generator, count: int) -> dict[str, pa.Array]:
    first, last = picked(dice, FIRST_NAMES, count), picked(dice, LAST_NAMES, count)
    accounts = pa.array(dice.integers(0, 10**8, count)).cast(pa.string())
    phones = pa.array(dice.integers(7 * 10**9, 10**10, count)).cast(pa.string())
    stores = pa.array(dice.integers(1_000, 9_999, count)).cast(pa.string())
    return {
        "NAME": pc.binary_join_element_wise(first, last, " "),
        "EMAIL": with_nulls(dice, pc.binary_join_element_wise("u", accounts, "@example.com", "")),
        "PHONE": with_nulls(dice, pc.binary_join_element_wise("+91", phones, "")),
        "CITY": picked(dice, CITIES, count),
        "STORE_ID": pc.binary_join_element_wise("s", stores, "-"),
    }


def moments(dice: np.random.Generator, count: int) -> dict[str, pa.Array]:
    """Birthdays from 1930 to 2005, and timestamps of the last years with and without a zone."""
    born = dice.integers(days_since_1970(1930), days_since_1970(2006), count).astype(np.int32)
    now = int(START.timestamp()) * 1_000_000
    signed_up = now - dice.integers(0, 10 * 365 * 86_400 * 10**6, count)
    seen = now - dice.integers(0, 90 * 86_400 * 10**6, count)
    return {
        "BORN_ON": with_nulls(dice, pa.array(born).cast(pa.date32())),
        "SIGNED_UP_AT": pa.array(signed_up).cast(pa.timestamp("us")),
        "SEEN_AT": with_nulls(dice, pa.array(seen).cast(pa.timestamp("us", "UTC"))),
    }


def numbers(dice: np.random.Generator, count: int) -> dict[str, pa.Array]:
    scores = np.round(dice.normal(50, 20, count), 4)
    scores[NAN_EVERY // 2 :: NAN_EVERY] = np.nan
    cents = pa.array(dice.integers(0, 10**7, count)).cast(pa.decimal128(19, 0))
    balances = pc.multiply(cents, pa.scalar(Decimal("0.01"), pa.decimal128(3, 2))).cast(pa.decimal128(24, 2))
    return {
        "BALANCE": balances,
        "SCORE": pa.array(scores, from_pandas=False),
        "ORDERS": pa.array(dice.integers(0, 300, count).astype(np.int16)),
        "IS_MEMBER": with_nulls(dice, pa.array(dice.random(count) < 0.3)),
    }


def picked(dice: np.random.Generator, values: tuple[str | None, ...], count: int) -> pa.StringArray:
    return pa.array(values).take(pa.array(dice.integers(0, len(values), count)))


def with_nulls(dice: np.random.Generator, cells: pa.Array) -> pa.Array:
    """`cells` with one in ten of them NULL."""
    return pc.if_else(pa.array(dice.random(len(cells)) < 0.1), pa.scalar(None, cells.type), cells)


def days_since_1970(year: int) -> int:
    return (datetime(year, 1, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(days=1)
