"""What CleverTap stores of the properties that it receives, and how operators change a stored property.

Limits of keys and values, prohibited characters and operators are from CleverTap's API docs. How the API
reacts to a violation is not documented; the fake answers 200, drops the property, and adds it to the error
stream.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from clevertap_import.sandbox.clevertap.behaviour import Behaviour
from clevertap_import.sandbox.clevertap.objects import CHARGED, OBJECT_KEYS
from clevertap_import.sandbox.clevertap.operations import (
    Operation,
    answer_to,
    event_operation,
    profile_operation,
)

MAX_KEY_BYTES = 120
MAX_VALUE_BYTES = 512
MAX_LIST_ITEMS = 100
PROHIBITED_CHARACTERS = frozenset("%><!|&.:;$'\"\\#")
# fmt: off
SINGLE_VALUED = frozenset({
    "name", "email", "education", "married", "dob", "gender", "phone", "age", "fbid", "gpid", "birthday",
    "identity",
})
# fmt: on
LIST_OPERATORS = frozenset({"$set", "$add", "$remove"})
NUMBER_OPERATORS = frozenset({"$incr", "$decr"})
DATE_TEXT = re.compile(r"\$D_(-?\d{1,18})")


@dataclass(frozen=True, slots=True)
class Date:
    """A date property; CleverTap's wire form for it is `$D_<epoch seconds>`."""

    epoch_seconds: int

    def __str__(self) -> str:
        return f"$D_{self.epoch_seconds}"


@dataclass(frozen=True, slots=True)
class DroppedProperty:
    """A part of an accepted record that CleverTap silently did not store."""

    property: str
    reason: str


Stored: TypeAlias = str | int | float | bool | Date | list[str] | dict[str, Any]


def stored(value: object) -> Stored:
    """The stored form of a value: a well-formed `$D_` string becomes a date, a malformed one stays a
    string."""
    if isinstance(value, str):
        if value.startswith("$D_") and (date := DATE_TEXT.fullmatch(value)):
            return Date(int(date[1]))
        return value
    if isinstance(value, int | float | list | dict):
        return value
    return str(value)


def shown(value: Stored) -> str | int | float | bool | list[str] | dict[str, Any]:
    """A stored value in JSON; a date in its wire form."""
    return str(value) if isinstance(value, Date) else value


def type_name(value: Stored) -> str:
    """string, number, boolean, date or list; object for the subscription groups."""
    # bool before int: in Python a bool is an int.
    names = ((str, "string"), (bool, "boolean"), (int | float, "number"), (Date, "date"), (list, "list"))
    return next((name for kind, name in names if isinstance(value, kind)), "object")


@lru_cache(maxsize=10_000)
def key_problem(key: str) -> str | None:
    """Why a property or event name is not stored."""
    if len(key.encode()) > MAX_KEY_BYTES:
        return "key longer than 120 bytes"
    if not PROHIBITED_CHARACTERS.isdisjoint(key):
        return "unaccepted characters in key"
    return None


def within_bytes(value: str) -> str:
    """The longest beginning of a text that fits the value limit without splitting a character."""
    return value.encode()[:MAX_VALUE_BYTES].decode(errors="ignore")


def stored_profile(
    properties: dict[str, Any], behaviour: Behaviour
) -> tuple[dict[str, Any], list[DroppedProperty]]:
    """The properties and operators of a profile that are stored, and those that are dropped."""
    result: dict[str, Any] = {}
    losses: list[DroppedProperty] = []
    for key, value in properties.items():
        reason = key_problem(key) or _profile_value_problem(key, value, behaviour)
        _store_property(result, losses, key, value, reason)
    return result, losses


def stored_event(
    name: str, properties: dict[str, Any], behaviour: Behaviour
) -> tuple[dict[str, Any], list[DroppedProperty]]:
    """The properties of an event that are stored, and those that are dropped."""
    result: dict[str, Any] = {}
    losses: list[DroppedProperty] = []
    for key, value in properties.items():
        is_items = key == "Items" and name == CHARGED and isinstance(value, list)
        is_taken = is_items or is_nested(event_operation(value), behaviour)
        reason = key_problem(key) or (None if is_taken else _value_problem(value))
        if reason is None and len(result) >= behaviour.max_event_properties:
            reason = "more event properties than allowed"
        _store_property(result, losses, key, value, reason)
    return result, losses


def is_nested(operation: Operation | None, behaviour: Behaviour) -> bool:
    """Whether it is a nested object, and those are accepted."""
    is_object = operation in ("nested_profile", "nested_event")
    return is_object and operation is not None and answer_to(operation, behaviour.operations) == "take"


def _store_property(
    result: dict[str, Any], losses: list[DroppedProperty], key: str, value: object, reason: str | None
) -> None:
    if reason is not None:
        losses.append(DroppedProperty(key, reason))
        return
    # A character has at most four bytes, so short texts need no encoding to be checked.
    if isinstance(value, str) and len(value) > MAX_VALUE_BYTES // 4 and len(value.encode()) > MAX_VALUE_BYTES:
        losses.append(DroppedProperty(key, "value longer than 512 bytes"))
        value = within_bytes(value)
    result[key] = value


def _value_problem(value: object) -> str | None:
    if isinstance(value, str | int | float):
        return None
    if value is None:
        return "null value"
    return "array value" if isinstance(value, list) else "object value"


def _profile_value_problem(key: str, value: object, behaviour: Behaviour) -> str | None:
    if not isinstance(value, dict) or key in OBJECT_KEYS:
        return None if key in OBJECT_KEYS else _value_problem(value)
    operation = profile_operation(key, value)
    if is_nested(operation, behaviour):
        return None
    if operation and answer_to(operation, behaviour.operations) == "ignore":
        return "object value" if operation == "nested_profile" else "operation without effect"
    if len(value) != 1:
        return "object value"
    operator, operand = next(iter(value.items()))
    return _operator_problem(key, operator, operand, behaviour)


def _operator_problem(key: str, operator: str, operand: object, behaviour: Behaviour) -> str | None:
    if operator in LIST_OPERATORS:
        if key.lower() in SINGLE_VALUED:
            return "property takes a single value"
        return None if isinstance(operand, list) else "operand is not an array"
    if operator in NUMBER_OPERATORS:
        is_number = isinstance(operand, int | float) and not isinstance(operand, bool)
        return None if is_number else "operand is not a number"
    if operator != "$delete":
        return "object value"
    is_deletable = behaviour.delete_scope == "any" or key in {"Name", "Gender"}
    return None if is_deletable else "property cannot be deleted"


def after_operator(current: Stored | None, operator: str, operand: object) -> Stored | None:
    """A property after an operator; None if it was removed.

    Lists contain unique strings; beyond a hundred the oldest are removed. A single value becomes a list of
    one.
    """
    if operator == "$delete":
        return None
    if operator in NUMBER_OPERATORS and isinstance(operand, int | float):
        return _counted(current, operand if operator == "$incr" else -operand)
    items = [within_bytes(_item_text(item)) for item in operand] if isinstance(operand, list) else []
    if operator == "$remove":
        return [item for item in _as_list(current) if item not in set(items)] or None
    before = [] if operator == "$set" else _as_list(current)
    return list(dict.fromkeys([*before, *items]))[-MAX_LIST_ITEMS:] or None


def _counted(current: Stored | None, delta: int | float) -> Stored | None:
    if current is None:
        return delta
    is_number = isinstance(current, int | float) and not isinstance(current, bool)
    return current + delta if is_number and isinstance(current, int | float) else current


def _as_list(current: Stored | None) -> list[str]:
    if current is None:
        return []
    return list(current) if isinstance(current, list) else [_item_text(current)]


def _item_text(item: object) -> str:
    return str(item).lower() if isinstance(item, bool) else str(item)
