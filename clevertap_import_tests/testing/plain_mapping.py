"""A mapping of one row at a time in plain Python; tests compare the columnar mapping with it."""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from clevertap_import.mapping.rules import JUNK_IDENTITIES, RESERVED_EVENTS

Row = dict[str, Any]
Read = tuple[Any, str | None]
"""What a cell is sent as (None: nothing), and the code of what is wrong with it."""

INVISIBLE = {
    *(*range(0x21), *range(0x7F, 0xA1), 0xAD, 0x61C, 0x1680, 0x180E, *range(0x2000, 0x2010)),
    *(*range(0x2028, 0x2030), *range(0x205F, 0x2070), 0x3000, 0xFEFF),
}
"""Code points of white space, control characters, and characters of no width."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KOLKATA = ZoneInfo("Asia/Kolkata")

PROPERTIES: tuple[dict[str, Any], ...] = (
    {"column": "CITY", "property": "City"},
    {"column": "NOTE", "property": "Note", "on_null": "delete"},
    {"column": "POINTS", "property": "Points", "type": "integer"},
    {"column": "RANK", "property": "Rank", "type": "long"},
    {"column": "SCORE", "property": "Score"},
    {"column": "PRICE", "property": "Price"},
    {"column": "RATIO", "property": "Ratio", "type": "float"},
    {"column": "VIP", "property": "Vip", "type": "boolean"},
    {"column": "MEMBER", "property": "Member", "type": "boolean"},
    {"column": "SINCE", "property": "Since"},
    {"column": "SEEN", "property": "Seen", "timezone": "Asia/Kolkata"},
    {"column": "BORN", "property": "DOB", "type": "date", "format": "dd/MM/yyyy"},
    {"column": "EMAIL", "property": "Email"},
    {"column": "GENDER", "property": "Gender"},
    {"column": "PHONE", "property": "Phone"},
    {"column": "MARRIED", "property": "Married"},
    {"column": "AGE", "property": "Age"},
    {"column": "OPT_IN", "property": "MSG-email"},
    {"column": "TAGS", "property": "Tags", "on_null": "delete"},
    {"column": "ADDED", "property": "More tags", "type": "list", "operation": "add", "on_null": "skip"},
    {"column": "GONE", "property": "Old tags", "type": "list", "operation": "remove"},
    {"constant": "warehouse", "property": "Source"},
    {"constant": 3, "property": "Version"},
)
"""Every property type, operation and way to treat NULL; a few of CleverTap's own properties."""

SOURCE_TYPES = {"NOTE": "VARIANT", "MEMBER": "VARIANT", "TAGS": "ARRAY", "ADDED": "VARIANT", "GONE": "TEXT"}
INFERRED = {"Tags": "list"}


def is_blank(value: object) -> bool:
    return isinstance(value, str) and all(ord(letter) in INVISIBLE for letter in value)


def text(value: str) -> Read:
    if len(value.encode()) > 512:
        return None, "value_too_long"
    return (None, "date_marker") if value.startswith("$D_") else (value, None)


def whole(value: Decimal | str) -> Read:
    if isinstance(value, str) and not re.fullmatch("[+-]?[0-9]+", value):
        return None, "not_an_integer"
    number = Decimal(value)
    if number != number.to_integral_value():
        return None, "not_an_integer"
    return (int(number), None) if -(2**63) <= number < 2**63 else (None, "number_too_large")


def finite(value: float) -> Read:
    return (value, None) if math.isfinite(value) else (None, "not_finite")


def number(value: str) -> Read:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", value):
        return None, "not_a_number"
    return finite(float(value))


def truth(value: object) -> Read:
    said = str(value).lower()
    return (said in ("1", "true"), None) if said in ("0", "1", "true", "false") else (None, "not_a_boolean")


def moment(ticks: int, zone: ZoneInfo) -> Read:
    """Microseconds on a clock in `zone`."""
    wall = datetime(1970, 1, 1) + timedelta(microseconds=ticks)  # noqa: DTZ001
    return f"$D_{(wall.replace(tzinfo=zone) - EPOCH) // timedelta(seconds=1)}", None


def birthday(value: str) -> Read:
    if not re.fullmatch("[0-9]{2}/[0-9]{2}/[0-9]{4}", value):
        return None, "not_a_date"
    try:
        day = datetime.strptime(value, "%d/%m/%Y").replace(tzinfo=UTC)
    except ValueError:
        return None, "not_a_date"
    return f"$D_{(day - EPOCH) // timedelta(seconds=1)}", None


def matching(pattern: str, code: str) -> Callable[[str], Read]:
    def judged(value: str) -> Read:
        sent, wrong = text(value)
        if wrong or re.fullmatch(pattern, value):
            return sent, wrong
        return None, code

    return judged


def age(value: float) -> Read:
    if not math.isfinite(value):
        return None, "not_finite"
    said = format(Decimal(repr(value)), "f").removesuffix(".0")
    return (said, None) if re.fullmatch(r"[0-9]{1,3}(\.[0-9]+)?", said) else (None, "520")


def items(operation: str) -> Callable[[str], Read]:
    return lambda value: judged_items(operation, value)


def judged_items(operation: str, value: str) -> Read:
    try:
        parsed = json.loads(value, parse_float=str, parse_constant=int)  # NaN is no int, and no JSON
    except ValueError:
        return None, "not_a_list"
    if parsed is None:
        return None, None
    if not isinstance(parsed, list) or any(isinstance(item, list | dict) for item in parsed):
        return None, "not_a_list"
    texts = [
        {True: "true", False: "false"}.get(item, str(item)) if isinstance(item, bool) else str(item)
        for item in parsed
        if item is not None
    ]
    distinct = sorted(set(texts), key=texts.index)
    if len(distinct) > 100:
        return None, "too_many_items"
    wrong = {code for item in distinct for _, code in [text(item)] if code}
    if wrong:
        return None, "value_too_long" if "value_too_long" in wrong else "date_marker"
    return {f"${operation}": distinct}, None


def inside(value: str) -> str:
    content: str = json.loads(value) if value.startswith('"') else value
    return content


def inner(read: Callable[[str], Read]) -> Callable[[str], Read]:
    """A VARIANT: of a JSON string its content, of all else the JSON; but no object and no list."""

    def unwrapped(value: str) -> Read:
        if value == "null":
            return None, None
        if value[0] in "[{":
            return (None, "not_a_value") if read is text else read(value)
        content = inside(value)
        try:
            content.encode()
        except UnicodeEncodeError:
            return None, "not_unicode"
        return read(content)

    return unwrapped


READS: dict[str, Callable[[Any], Read]] = {
    "CITY": text,
    "NOTE": inner(text),
    "POINTS": whole,
    "RANK": whole,
    "SCORE": finite,
    "PRICE": lambda value: (float(value), None),
    "RATIO": number,
    "VIP": truth,
    "MEMBER": inner(truth),
    "SINCE": lambda value: (f"$D_{value * 86400}", None),
    "SEEN": lambda value: moment(value, KOLKATA),
    "BORN": birthday,
    "EMAIL": matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", "515"),
    "GENDER": matching("(?i:m|f|o|u|male|female|others|unknown)", "514"),
    "PHONE": matching(r"\+[1-9][0-9]{4,14}", "516"),
    "MARRIED": lambda value: ("Y" if value else "N", None),
    "AGE": age,
    "OPT_IN": truth,
    "TAGS": items("set"),
    "ADDED": items("add"),
    "GONE": items("remove"),
}


def head_problem(row: Row, is_events: bool) -> str | None:
    """The code for which a row is rejected with any properties."""
    identity, name = row["ID"], row["EVENT"] or ""
    if identity is None or is_blank(identity) or len(identity) > 1024:
        return "523"
    if identity.strip().lower() in JUNK_IDENTITIES:
        return "523"
    if not is_events:
        return None
    if (row["AT"] or 0) // 10**6 <= 0:
        return "525"
    if is_blank(name):
        return "509"
    if name.lower().replace(" ", "") in {each.lower().replace(" ", "") for each in RESERVED_EVENTS}:
        return "513"
    if set(name) & set("%><!|&.:;$'\"\\#"):
        return "forbidden_character"
    return "name_too_long" if len(name.encode()) > 512 else None


FREE_TEXT = {"CITY", "NOTE"}
FREE_TEXT_IN_EVENTS = {*FREE_TEXT, "EMAIL", "GENDER", "PHONE", "OPT_IN"}


def counts_as_null(column: str, cell: object, is_events: bool) -> bool:
    """Whether a cell is blank where it may not be: everywhere but in text that is the customer's own."""
    if column in (FREE_TEXT_IN_EVENTS if is_events else FREE_TEXT):
        return False
    value = inside(cell) if SOURCE_TYPES.get(column) == "VARIANT" and isinstance(cell, str) else cell
    return is_blank(value)


def plain_record(
    row: Row, *, is_events: bool, on_invalid: str, on_null: str, on_blank: str
) -> dict[str, Any] | str:
    """The record of one row, or the code for which it is rejected."""
    refused = head_problem(row, is_events)
    if refused:
        return refused
    data: dict[str, Any] = {}
    for mapping in PROPERTIES:
        if "constant" in mapping:
            data[mapping["property"]] = mapping["constant"]
            continue
        cell = row[mapping["column"]]
        is_null = cell is None or (
            on_blank == "as_null" and counts_as_null(mapping["column"], cell, is_events)
        )
        sent, code = (None, None) if is_null else read(mapping, cell, is_events)
        if code and on_invalid == "skip_row":
            return code
        if sent is None and code is None and mapping.get("on_null", on_null) == "delete":
            sent = {"$delete": 1}
        if sent is not None:
            data[mapping["property"]] = sent
    if not is_events:
        return {"identity": row["ID"], "type": "profile", "profileData": data}
    head = {"ts": row["AT"] // 10**6, "identity": row["ID"], "type": "event", "evtName": row["EVENT"]}
    return head | {"evtData": data}


def read(mapping: dict[str, Any], cell: Any, is_events: bool) -> Read:  # noqa: ANN401
    """One cell. In an event CleverTap's own properties are like any others."""
    if is_events and mapping["column"] in ("EMAIL", "GENDER", "PHONE"):
        return text(cell)
    if is_events and mapping["column"] == "MARRIED":
        return cell, None
    if is_events and mapping["column"] == "AGE":
        return finite(cell)
    if is_events and mapping["column"] == "OPT_IN":
        return text(cell)
    return READS[mapping["column"]](cell)
