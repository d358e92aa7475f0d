"""The two kinds of objects that CleverTap accepts in every account: items of Charged, and subscription
groups.

A cell of JSON text becomes JSON text again, checked and in one spelling, and is written into the record
unchanged. As with lists, only such columns are read cell by cell.
"""

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clevertap_import.mapping.json_values import is_unicode
from clevertap_import.mapping.rules import (
    FORBIDDEN_CHARACTERS,
    MAX_NAME_BYTES,
    MAX_VALUE_BYTES,
    Violation,
    violation_if_any,
)

MAX_ITEMS_OF_CHARGED = 256
"""The limit for one Charged event (Platform Considerations page). CleverTap's SDKs allow 50, its API more."""

DATE_TEXT = r"\$D_-?[0-9]{1,18}"
"""A date in CleverTap's form. The mapping has no types for values in an item, so the form may be used
there."""

LONGEST_INTEGER = 2**63


class Trouble(NamedTuple):
    """A problem of a cell: its code, and the part of the cell."""

    code: str
    place: str = ""


class Wrong(Exception):
    """Raised for the first problem in a cell."""

    def __init__(self, code: str, place: str = "") -> None:
        super().__init__(code)
        self.trouble = Trouble(code, place)


def items_of_charged(cells: pa.StringArray) -> tuple[pa.StringArray, list[Violation]]:
    """JSON lists of flat objects; a problem names the item."""
    return rewritten(cells, items)


def subscription_groups(cells: pa.StringArray) -> tuple[pa.StringArray, list[Violation]]:
    """JSON objects of lists of texts, such as `{"email": ["Marketing"]}`."""
    return rewritten(cells, groups)


def rewritten(cells: pa.StringArray, read: Callable[[str], object]) -> tuple[pa.StringArray, list[Violation]]:
    """Each cell as `read` returns it, in JSON; NULL where it returns None. One finding for each problem."""
    texts: list[str | None] = []
    places: dict[Trouble, list[int]] = defaultdict(list)
    for row, text in enumerate(cells.to_pylist()):
        value = None
        try:
            value = None if text is None else read(text)
        except Wrong as wrong:
            places[wrong.trouble].append(row)
        texts.append(None if value is None else ENCODE(value))
    return pa.array(texts, pa.string()), list(violations(places, len(texts)))


# Keys are sorted, because the journal recognises a record by its bytes.
ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def in_one_order(values: pa.StringArray) -> pa.StringArray:
    """The lists of objects among `values` sorted; the same array if no list has two objects."""
    many = pc.fill_null(pc.and_(pc.starts_with(values, "["), pc.match_substring(values, "},{")), False)
    if not pc.any(many).as_py():
        return values
    lists = [sorted(map(ENCODE, json.loads(text))) for text in values.filter(many).to_pylist()]
    texts = [f"[{','.join(texts)}]" for texts in lists]
    return pc.replace_with_mask(values, many, pa.array(texts, pa.string()))


def violations(places: dict[Trouble, list[int]], size: int) -> Iterator[Violation]:
    for trouble in sorted(places):
        mask = np.zeros(size, bool)
        mask[places[trouble]] = True
        yield from violation_if_any(trouble.code, pa.array(mask), trouble.place)


def no_number(word: str) -> NoReturn:
    raise ValueError(word)


def object_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The object of JSON pairs. A repeated name is refused: its last value would hide the first, perhaps a
    "no"."""
    named = dict(pairs)
    if len(named) != len(pairs):
        raise Wrong("repeated_name")
    return named


DECODE = json.JSONDecoder(parse_constant=no_number, object_pairs_hook=object_of).decode


def parsed(text: str, code: str) -> object:
    try:
        return DECODE(text)
    except (ValueError, RecursionError):
        raise Wrong(code) from None


def items(text: str) -> list[dict[str, object]] | None:
    """The items of one cell, without NULLs. Raises Wrong."""
    value = parsed(text, "not_items")
    if value is None:
        return None
    if not isinstance(value, list):
        raise Wrong("not_items")
    if sum(each is not None for each in value) > MAX_ITEMS_OF_CHARGED:
        raise Wrong("too_many_items")
    return [item(each, number) for number, each in enumerate(value, start=1) if each is not None]


def item(value: object, number: int) -> dict[str, object]:
    """One item, without NULL fields. `number` counts from 1."""
    if not isinstance(value, dict):
        raise Wrong("item_not_flat", f"item {number}")
    fields = {name: field for name, field in value.items() if field is not None}
    code = next(
        (code for name, field in fields.items() if (code := name_code(name) or field_code(field))), None
    )
    if code:
        raise Wrong(code, f"item {number}")
    return fields


@lru_cache(maxsize=4096)
def name_code(name: str) -> str | None:
    """The code of the problem of a field's name. Items of a table have few names, so each is checked once."""
    if not is_unicode(name):
        return "not_unicode"
    is_right = (
        name.strip()
        and len(name.encode()) <= MAX_NAME_BYTES
        and name.isprintable()
        and not set(name) & set(FORBIDDEN_CHARACTERS)
    )
    return None if is_right else "item_name"


def field_code(value: object) -> str | None:
    if isinstance(value, str):
        return text_code(value)
    # Before the numbers, because in Python a boolean is a number.
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if -LONGEST_INTEGER <= value < LONGEST_INTEGER else "number_too_large"
    if isinstance(value, float):
        return None if math.isfinite(value) else "not_finite"
    return "item_not_flat"


def text_code(text: str) -> str | None:
    if not is_unicode(text):
        return "not_unicode"
    if len(text.encode()) > MAX_VALUE_BYTES:
        return "value_too_long"
    is_marked = text.startswith("$D_") and not re.fullmatch(DATE_TEXT, text)
    return "date_marker" if is_marked else None


def groups(text: str) -> dict[str, list[str]] | None:
    """The groups of one cell by channel; None if the cell has none. Raises Wrong."""
    value = parsed(text, "not_groups")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Wrong("not_groups")
    named = {channel: group_names(channel, names) for channel, names in value.items() if names is not None}
    return {channel: names for channel, names in named.items() if names} or None


def group_names(channel: str, names: object) -> list[str]:
    """The groups of one channel, each once. CleverTap does not know a channel in capitals, such as
    `Email`."""
    if not isinstance(names, list) or channel != channel.strip().lower() or name_code(channel):
        raise Wrong("not_groups")
    return list(dict.fromkeys(group_name(name) for name in present(names)))


def group_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise Wrong("not_groups")
    if code := text_code(name):
        raise Wrong(code)
    return name


def present(values: Iterable[object]) -> Iterator[object]:
    return (value for value in values if value is not None)
