"""The rows of one person as they are in Snowflake now, and the records that the mapping makes of them."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from xxhash import xxh3_128_digest

from clevertap_import.config.model import ImportConfig
from clevertap_import.mapping.column_types import resolve_types
from clevertap_import.mapping.mapper import Mapped, Mapper
from clevertap_import.project.preview import json_cells
from clevertap_import.records import Rejection
from clevertap_import.snowflake.person_query import person_query
from clevertap_import.snowflake.session import open_snowflake, snowflake_settings
from clevertap_import.snowflake.window_query import (
    EPOCH_COLUMN,
    SUPERSEDED_COLUMN,
    SourceColumn,
    resolved,
    source_query,
)
from clevertap_import.staging.stage import window_starts
from clevertap_import.window import Grid

MOST_ROWS = 100
"""The most rows of a person that are looked at, the newest."""


@dataclass(frozen=True, slots=True)
class TracedRow:
    """A row under the names of its columns, and its record or its rejection.

    `window`: the start of its window, in epoch seconds. `older`: how many older rows it replaces. `digest`,
    `person`: of the record's content and of its identity, as in the journal; None without a record.
    """

    cells: dict[str, Any]
    window: int
    older: int = 0
    record: dict[str, Any] | None = None
    rejection: Rejection | None = None
    digest: bytes | None = None
    person: bytes | None = None


def traced_rows(
    config: ImportConfig, identity: str, grid: Grid, environment: Mapping[str, str]
) -> list[TracedRow]:
    """The rows with this identity, the newest first."""
    settings = snowflake_settings(config.connection, environment)
    names = (*config.columns, EPOCH_COLUMN)
    found: list[TracedRow] = []
    with open_snowflake(settings, f"clevertap_import:{config.nickname}:trace") as snowflake:
        columns = snowflake.describe(source_query(config))
        mapper = Mapper(config, int(time.time()), resolve_types(config, columns))
        for chunk in snowflake.batches(person_query(config, columns, identity, MOST_ROWS), names):
            found += rows_of(config, mapper, columns, chunk, grid)
    return found


def rows_of(
    config: ImportConfig, mapper: Mapper, columns: tuple[SourceColumn, ...], chunk: pa.RecordBatch, grid: Grid
) -> Iterator[TracedRow]:
    windows = window_starts(chunk, grid)
    mapped = mapper.map(chunk, windows, 0)
    cells = {resolved(columns, name).name: json_cells(chunk[name]) for name in config.columns}
    older = json_cells(chunk[SUPERSEDED_COLUMN]) if SUPERSEDED_COLUMN in chunk.schema.names else None
    made = results_of(mapped)
    for place in range(chunk.num_rows):
        row = {name: values[place] for name, values in cells.items()}
        yield TracedRow(row, int(windows[place]), int(older[place]) if older else 0, **made[place])


def results_of(mapped: Mapped) -> dict[int, dict[str, Any]]:
    """What became of each row, by its place: the last fields of TracedRow."""
    made: dict[int, dict[str, Any]] = {each.row_number: {"rejection": each} for each in mapped.rejections}
    for each in mapped.records.to_pylist():
        record = json.loads(each["record"])
        found = {"record": record, "digest": each["digest"], "person": each["identity_digest"]}
        made[each["row_number"]] = found
    return made


def person_digest(identity: str) -> bytes:
    """As the journal knows the person of a profile."""
    return xxh3_128_digest(identity.encode(errors="surrogatepass"))
