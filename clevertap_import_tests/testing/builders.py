"""Batches and import configurations as the tests write them: only what a test is about is said."""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from xxhash import xxh3_128_digest

from clevertap_import.config.model import ImportConfig
from clevertap_import.journal.journal import Journal
from clevertap_import.records import RECORD_SCHEMA, Batch


def profile_line(identity: str, city: str = "Pune") -> bytes:
    """One encoded profile record."""
    return json.dumps({"type": "profile", "identity": identity, "profileData": {"City": city}}).encode()


def event_line(identity: str, name: str = "Order Placed") -> bytes:
    """One encoded event record."""
    record = {"type": "event", "identity": identity, "evtName": name, "ts": 1_700_000_000, "evtData": {}}
    return json.dumps(record).encode()


def record_rows(
    lines: Sequence[bytes], identities: Sequence[str] | None = None, window: int = 0, first_row: int = 1
) -> pa.RecordBatch:
    """Encoded records in columns; with `identities` they are profiles."""
    digests = [xxh3_128_digest(line) for line in lines]
    names = (
        [xxh3_128_digest(name.encode()) for name in identities]
        if identities is not None
        else [None] * len(lines)
    )
    columns = [lines, range(first_row, first_row + len(lines)), [window] * len(lines), digests, names]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, RECORD_SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=RECORD_SCHEMA)


def profiles(*identities: str, city: str = "Pune", window: int = 0, number: int = 0, row: int = 1) -> Batch:
    """A batch of profiles that all live in `city`; its first record comes from row `row`."""
    lines = [profile_line(identity, city) for identity in identities]
    return Batch(number, record_rows(lines, identities, window, row))


def events(*identities: str, name: str = "Order Placed", window: int = 0, number: int = 0) -> Batch:
    """A batch of events of one name."""
    return Batch(number, record_rows([event_line(identity, name) for identity in identities], None, window))


def profiles_import(*properties: dict[str, Any], **attributes: object) -> ImportConfig:
    """An import of profiles from the table T, identified by ID."""
    return import_config({"kind": "profiles", "identity": {"column": "ID"}}, properties, attributes)


def events_import(*properties: dict[str, Any], **attributes: object) -> ImportConfig:
    """An import of `Order Placed` events from the table T, identified by ID, at the time in AT."""
    target = {
        "kind": "events",
        "identity": {"column": "ID"},
        "event_name": {"constant": "Order Placed"},
        "created_on": {"column": "AT"},
    }
    return import_config(target, properties, attributes)


def import_config(
    target: dict[str, Any], properties: Sequence[dict[str, Any]], attributes: dict[str, Any]
) -> ImportConfig:
    target = target | attributes.pop("target", {}) | {"properties": list(properties)}
    source = {"kind": "table", "table": "T"}
    return ImportConfig.model_validate(
        {"nickname": "import_under_test", "source": source, "target": target} | attributes
    )


def unsettled(journal: Journal, import_name: str) -> int:
    """How many records were sent whose answers are not known."""
    return sum(batch.records for batch in journal.unanswered(import_name))
