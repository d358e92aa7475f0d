"""A preview of an import: the columns of its query, a few rows, and the records that are made of them."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from clevertap_import.config.model import ImportConfig
from clevertap_import.mapping.column_types import resolve_types
from clevertap_import.mapping.mapper import Mapper
from clevertap_import.records import Rejection
from clevertap_import.snowflake.cell_texts import texts
from clevertap_import.snowflake.session import open_snowflake, snowflake_settings
from clevertap_import.snowflake.type_compatibility import shown
from clevertap_import.snowflake.window_query import SourceColumn, preview_query, resolved, source_query


@dataclass(frozen=True, slots=True)
class Preview:
    """Rows as Snowflake returned them, each in `records` or in `rejections`, in the same order.

    `columns` has all columns of the query; rows have only the columns that the import uses.
    """

    columns: Sequence[SourceColumn]
    rows: list[dict[str, Any]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    @property
    def document(self) -> dict[str, Any]:
        """`{columns: [{name, type}], rows: [{}], records: [{}]}`."""
        columns = [{"name": column.name, "type": shown(column.type)} for column in self.columns]
        return {"columns": columns, "rows": self.rows, "records": self.records}


def previewed(config: ImportConfig, rows: int, environment: Mapping[str, str]) -> Preview:
    """At most `rows` rows, and the records that the mapping makes of them; CleverTap is not asked."""
    settings = snowflake_settings(config.connection, environment)
    with open_snowflake(settings, f"clevertap_import:{config.nickname}:preview") as snowflake:
        columns = snowflake.describe(source_query(config))
        mapper = Mapper(config, int(time.time()), resolve_types(config, columns))
        found = Preview(columns)
        for chunk in snowflake.batches(preview_query(config, columns, rows), config.columns):
            add(found, mapper, chunk)
    return found


def add(preview: Preview, mapper: Mapper, chunk: pa.RecordBatch) -> None:
    windows = np.zeros(chunk.num_rows, dtype=np.int64)
    mapped = mapper.map(chunk, windows, len(preview.rows) + 1)
    named = {resolved(preview.columns, name).name: json_cells(chunk[name]) for name in chunk.schema.names}
    preview.rows.extend({name: cells[row] for name, cells in named.items()} for row in range(chunk.num_rows))
    preview.records.extend(json.loads(record) for record in mapped.records["record"].to_pylist())
    preview.rejections.extend(mapped.rejections)


def json_cells(cells: pa.Array) -> list[Any]:
    try:
        return [as_json(value) for value in cells.to_pylist()]
    except (ValueError, OverflowError):
        # Arrow has years that Python does not have.
        return list(texts(cells))


def as_json(value: object) -> object:
    """A cell as JSON: numbers stay numbers if they are exact; everything else is text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value).replace("nan", "NaN")
        case Decimal():
            if value == value.to_integral_value():
                return int(value)
            return float(value) if Decimal(repr(float(value))) == value else str(value)
        case datetime() | date() | time_of_day():
            return value.isoformat()
        case timedelta():
            return str(value)
        case bytes():
            return value.hex()
        case _:
            return json.loads(json.dumps(value, default=str))
