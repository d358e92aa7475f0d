"""Operations whose effect CleverTap's documentation leaves unclear; a setting decides what the fake does."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from clevertap_import.sandbox.clevertap.objects import OBJECT_KEYS

Operation = Literal[
    "set", "add", "remove", "delete_system", "delete_custom", "nested_profile", "nested_event", "future_event"
]
Answer = Literal["take", "ignore", "refuse"]

DEFAULTS: dict[Operation, Answer] = {"nested_profile": "ignore", "nested_event": "ignore"}
"""The others are accepted."""

LIST_OPERATIONS: dict[str, Operation] = {"$set": "set", "$add": "add", "$remove": "remove"}
SECONDS_AHEAD = 365 * 86_400
# fmt: off
SYSTEM_KEYS = frozenset({
    "Name", "Email", "Phone", "Gender", "Employed", "Education", "Married", "Age", "DOB", "Photo", "Timezone",
    "Customer Type",
})
# fmt: on


def answer_to(operation: Operation, answers: Mapping[Operation, Answer]) -> Answer:
    return answers.get(operation, DEFAULTS.get(operation, "take"))


def profile_operation(key: str, value: object) -> Operation | None:
    """The unproven operation in one property of a profile, if it is one."""
    if not isinstance(value, dict) or key in OBJECT_KEYS:
        return None
    operator = next(iter(value), "")
    if operator == "$delete":
        return "delete_system" if key in SYSTEM_KEYS or key.startswith("MSG-") else "delete_custom"
    if operator in LIST_OPERATIONS:
        return LIST_OPERATIONS[operator]
    return None if operator.startswith("$") else "nested_profile"


def event_operation(value: object) -> Operation | None:
    return "nested_event" if isinstance(value, dict) else None


def is_ahead(record: Mapping[str, Any]) -> bool:
    """More than a year ahead: no clock is wrong by that much."""
    ts = record.get("ts")
    return isinstance(ts, int) and ts > time.time() + SECONDS_AHEAD


def operations(record: Mapping[str, Any]) -> Iterator[Operation]:
    """Every unproven operation in a record."""
    if record["type"] == "event":
        if is_ahead(record):
            yield "future_event"
        found = [event_operation(value) for value in record["evtData"].values()]
    else:
        found = [profile_operation(key, value) for key, value in record["profileData"].items()]
    yield from (each for each in found if each)
