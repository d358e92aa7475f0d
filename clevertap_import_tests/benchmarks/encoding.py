"""Mapping, checks and encoding of one chunk, against the bare JSON writer on the same chunk."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import arro3.io
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clevertap_import.mapping.mapper import Mapper
from clevertap_import.staging.stage import ROWS_PER_STEP

from .ours import CONFIG
from .rows import IDENTITY_COLUMN, PROPERTIES, START, Rows

REPEATS = 15


@dataclass(frozen=True, slots=True)
class Encoding:
    """CPU microseconds for a row, and bytes of JSON for a record."""

    mapped_us: float
    written_us: float
    record_bytes: float

    @property
    def ratio(self) -> float:
        return self.mapped_us / self.written_us


def encoding(repeats: int = REPEATS) -> Encoding:
    """Medians of both ways, taken in turns so that a busy machine slows both."""
    rows = next(iter(Rows(ROWS_PER_STEP, ROWS_PER_STEP)))
    nested = nested_table(rows)
    mapper = Mapper(CONFIG, run_seconds=int(START.timestamp()))
    windows = np.zeros(ROWS_PER_STEP, np.int64)
    mapped, written = [], []
    for _ in range(repeats):
        mapped.append(cpu_us_per_row(lambda: mapper.map(rows, windows, 1)))
        written.append(cpu_us_per_row(lambda: arro3.io.write_ndjson(nested, BytesIO())))
    record_bytes = pc.mean(pc.binary_length(mapper.map(rows, windows, 1).records["record"])).as_py()
    return Encoding(statistics.median(mapped), statistics.median(written), record_bytes)


def nested_table(rows: pa.RecordBatch) -> pa.Table:
    """`rows` in the shape of a record, their cells untouched."""
    data = pa.StructArray.from_arrays([rows[column] for column in PROPERTIES], list(PROPERTIES.values()))
    kind = pa.repeat(pa.scalar("profile"), rows.num_rows)
    return pa.table([rows[IDENTITY_COLUMN], kind, data], ["identity", "type", "profileData"])


def cpu_us_per_row(call: Callable[[], object]) -> float:
    began = time.thread_time()
    call()
    return (time.thread_time() - began) / ROWS_PER_STEP * 1e6
