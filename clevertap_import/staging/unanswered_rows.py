"""The persons in a batch without an answer: the journal has only digests, so rows are matched again."""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from clevertap_import.config.model import ImportConfig
from clevertap_import.journal.delivered import located
from clevertap_import.mapping.column_types import resolve_types
from clevertap_import.mapping.mapper import Mapper
from clevertap_import.records import packed, unpacked
from clevertap_import.snowflake.session import open_snowflake, snowflake_settings
from clevertap_import.snowflake.window_query import source_query, window_query
from clevertap_import.staging.stage import steps, window_starts
from clevertap_import.window import Grid, Window


@dataclass(slots=True)
class People:
    """The persons of a batch, each once, in the order of the rows; `missing`: digests without a row so
    far."""

    missing: Counter[bytes]
    names: dict[str, None] = field(default_factory=dict)

    def add(self, digest: bytes, name: str) -> None:
        if self.missing[digest] > 0:
            self.missing[digest] -= 1
            self.names[name] = None


def people_of(
    config: ImportConfig,
    digests: Mapping[int, bytes],
    windows: Window | None,
    grid: Grid,
    environment: Mapping[str, str],
) -> dict[int, People]:
    """The persons of each batch, by its number; `digests` name its records, 16 bytes each.

    A profile is recognised by its identity, even if it has changed; an event by its content.
    """
    found = {number: People(Counter(digest_list(text))) for number, text in digests.items()}
    if not found:
        return {}
    known = np.unique(unpacked(b"".join(digests.values())))
    settings = snowflake_settings(config.connection, environment)
    with open_snowflake(settings, f"clevertap_import:{config.nickname}:settle") as snowflake:
        columns = snowflake.describe(source_query(config))
        mapper = Mapper(config, int(time.time()), resolve_types(config, columns))
        for chunk in steps(snowflake.batches(window_query(config, columns, windows))):
            records = mapper.map(chunk, window_starts(chunk, grid), 1).records
            add_people(
                list(found.values()), records, known, "digest" if config.is_events else "identity_digest"
            )
    return found


def add_people(people: Sequence[People], records: pa.RecordBatch, known: np.ndarray, column: str) -> None:
    """Add the persons of those `records` that have one of the digests `known`, which are sorted."""
    digests = unpacked(packed(records[column]))
    for place in np.flatnonzero(located(digests, known)[1]).tolist():
        record = json.loads(records["record"][place].as_py())
        for each in people:
            each.add(digests[place].tobytes(), record.get("identity") or record.get("objectId"))


def digest_list(text: bytes) -> list[bytes]:
    return [each.tobytes() for each in unpacked(text)]
