"""A first look at an import: columns, a few rows, and the records that they become."""

import json
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from clevertap_import.io.snowflake import open_snowflake, snowflake_settings
from clevertap_import.pure.config import ImportConfig
from clevertap_import.pure.mapping import Mapper
from clevertap_import.pure.sql import resolved, source_query

Preview = dict[str, Any]


def previewed(config: ImportConfig, rows: int, environment: Mapping[str, str]) -> Preview:
    """`{columns: [{name, type}], rows: [{}], records: [{}]}` of at most `rows` rows; sends nothing."""
    settings = snowflake_settings(config.connection, environment)
    with open_snowflake(settings, f"clevertap_import:{config.nickname}:preview") as snowflake:
        source = source_query(config)
        columns = snowflake.describe(source)
        chunks = list(snowflake.batches(f"select * from (\n{source}\n) limit {rows:d}"))  # noqa: S608
    mapper = Mapper(config, int(time.time()))
    records = []
    for chunk in chunks:
        needed = {name: chunk[resolved(columns, name).name] for name in config.columns}
        mapped = mapper.map(pa.RecordBatch.from_pydict(needed), np.zeros(chunk.num_rows, dtype=np.int64), 1)
        records += [json.loads(record) for record in mapped.records["record"].to_pylist()]
    return {
        "columns": [{"name": column.name, "type": column.type} for column in columns],
        "rows": [row for chunk in chunks for row in chunk.to_pylist()],
        "records": records,
    }
