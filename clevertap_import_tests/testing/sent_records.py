"""Checks for every record that is sent, from any rows."""

import json
import math
import re
from typing import Any, NoReturn

from clevertap_import.mapping.mapper import Mapped

DATE = re.compile(r"\$D_-?[0-9]{1,12}")
OPERATORS = {"$set", "$add", "$remove"}
MAX_KEY_BYTES, MAX_VALUE_BYTES, MAX_NAME_BYTES, MAX_IDENTITY_CHARS = 120, 512, 512, 1024
HEADS = {
    "profile": {"type", "profileData"},
    "event": {"type", "evtName", "ts", "evtData"},
}


def sent(result: Mapped) -> list[dict[str, Any]]:
    """The records as CleverTap parses them, checked to be JSON with no key twice."""
    return [parsed(line) for line in result.records["record"].to_pylist()]


def parsed(line: bytes) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(line, parse_constant=not_json, object_pairs_hook=each_key_once)
    return record


def not_json(text: str) -> NoReturn:
    raise AssertionError(f"{text} is not JSON")


def each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key for key, _ in pairs}) == len(pairs), f"a key twice: {pairs}"
    return dict(pairs)


def check_record(record: dict[str, Any]) -> None:
    """Fails unless the record is one that CleverTap takes whole."""
    head = HEADS[record["type"]]
    (identity_key,) = record.keys() - head
    assert identity_key in ("identity", "objectId")
    assert record.keys() == head | {identity_key}
    identity = record[identity_key]
    assert isinstance(identity, str)
    assert 0 < len(identity.strip()) <= len(identity) <= MAX_IDENTITY_CHARS
    if record["type"] == "event":
        assert type(record["ts"]) is int
        assert record["ts"] > 0
        assert record["evtName"].strip()
        assert len(record["evtName"].encode()) <= MAX_NAME_BYTES
    for key, value in record["evtData" if record["type"] == "event" else "profileData"].items():
        assert key.strip()
        assert len(key.encode()) <= MAX_KEY_BYTES
        assert not set(key) & set("%><!|&.:;$'\"\\#")
        check_value(value)


def check_value(value: object) -> None:
    """A scalar, or one operator on a list of texts, or a deletion."""
    if isinstance(value, dict):
        ((operator, operand),) = value.items()
        if operator == "$delete":
            assert operand == 1
            return
        assert operator in OPERATORS
        assert isinstance(operand, list)
        assert len(operand) <= 100
        for item in operand:
            assert isinstance(item, str)
            assert not item.startswith("$D_")
            check_value(item)
        return
    assert isinstance(value, str | int | float), f"{type(value).__name__} is no value"
    if isinstance(value, float):
        assert math.isfinite(value)
    if isinstance(value, str):
        assert len(value.encode()) <= MAX_VALUE_BYTES
        assert not value.startswith("$D_") or DATE.fullmatch(value), "a malformed date"
