"""Which records CleverTap refuses, with what code and text, and how it echoes a refused record.

The codes are CleverTap's published ones. The words of 509, 513-520, 523 and 525 are from recorded traffic,
with the uneven space before "Skipped"; those of 512, 522, 524, 526, 528 and 555 are ours, in the same style.
"""

import re
from dataclasses import dataclass
from typing import Any

from clevertap_import.sandbox.clevertap.behaviour import Behaviour, folded
from clevertap_import.sandbox.clevertap.objects import (
    CHARGED,
    OBJECT_KEYS,
    is_groups,
    is_items,
    is_object_text,
)
from clevertap_import.sandbox.clevertap.operations import answer_to, operations
from clevertap_import.sandbox.clevertap.properties import stored_event

MAX_IDENTITY_CHARS = 1024
# Later than any plausible date in seconds, earlier than any in milliseconds.
FIRST_MILLISECONDS = 100_000_000_000
IDENTITY_KEYS = ("identity", "FBID", "GPID", "objectId")
# CleverTap's own importers refuse these as identities; that the API does so too is an assumption.
# fmt: off
JUNK_IDENTITIES = frozenset({
    "undefined", "null", "na", "n/a", "0", "nil", "-1", "infinity", "-infinity", "inf", "-inf", "nan", "-nan",
    "empty", "xxxxxx", "none",
})
# fmt: on
OBJECT_ID = re.compile(r"[A-Za-z0-9()!:@$_-]{1,64}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
PHONE = re.compile(r"\+[1-9]\d{4,14}")
NUMBER = re.compile(r"\d+(\.\d+)?")

REFUSAL_WORDS = {
    509: "Event Name is incorrect. ErrorCode: 509 - Event name is mandatory. ",
    512: "Event structure is incorrect. ErrorCode: 512 - Invalid event structure. ",
    513: "Event Name is incorrect. ErrorCode: 513 - Trying to raise a restricted system event. ",
    514: "Profile data is incorrect. Gender needs to be M/F.",
    515: "Profile data is incorrect. Email is not valid.",
    516: "Profile data is incorrect. Phone number is not valid.",
    517: "Profile data is incorrect. Employed needs to be Y/N.",
    518: "Profile data is incorrect. Education needs to be School/College/Graduate..",
    519: "Profile data is incorrect. Married needs to be Y/N.",
    520: "Profile data is incorrect. Age is invalid.",
    522: "Event data is incorrect. ErrorCode: 522 - Event properties limit exceeded. ",
    # The recorded text still has the old limit; CleverTap's docs now allow 1,024 characters.
    523: "'identity' or 'fbId' or 'gpId' or 'objectId' is necessary under 120 chars to identify the user. ",
    524: "Record is neither an event nor a profile. ",
    525: "Timestamp should be present in the Unix Epoch format. ",
    526: "'objectId' is not valid. ",
    528: "Event Name is incorrect. ErrorCode: 528 - Trying to raise a discarded event. ",
    555: "An unknown error occurred. ",
}
PREDEFINED_CODES = (
    ("Gender", 514),
    ("Email", 515),
    ("Phone", 516),
    ("Employed", 517),
    ("Education", 518),
    ("Married", 519),
    ("Age", 520),
)
PATTERNS = {"Email": EMAIL, "Phone": PHONE, "Age": NUMBER}
CHOICES = {"Employed": ("Y", "N"), "Married": ("Y", "N"), "Education": ("School", "College", "Graduate")}

# Recorded echoes show how far a record had been rewritten when a check refused it.
PHONE_REWRITTEN = frozenset({517, 518, 519, 520})
IDENTITY_REWRITTEN = frozenset({520})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one record of a batch is not accepted."""

    code: int
    words: str

    def entry(self, number: int, record: object) -> dict[str, Any]:
        """The record's place in `unprocessed`; `number` counts from 1 within the batch."""
        return {
            "status": "fail",
            "code": self.code,
            "error": f"{self.words}Skipped record number : {number}",
            "record": echoed(record, self.code),
        }


def refusal(code: int, words: str | None = None) -> Refusal:
    """A refusal with CleverTap's text for the code, or with the given text."""
    return Refusal(code, REFUSAL_WORDS.get(code, "") if words is None else words)


def record_refusal(record: object, behaviour: Behaviour) -> Refusal | None:
    """The first check that a record fails, in the order seen in recorded traffic."""
    code = _record_code(record, behaviour)
    if code is None and behaviour.operations and isinstance(record, dict):
        code = _operation_code(record, behaviour)
    return None if code is None else refusal(code)


def _operation_code(record: dict[str, Any], behaviour: Behaviour) -> int | None:
    # No published code is about operations.
    is_refused = any(answer_to(each, behaviour.operations) == "refuse" for each in operations(record))
    return (512 if record["type"] == "event" else 524) if is_refused else None


def record_key(record: object) -> str | None:
    """The value by which a record names its user, from any of its fields."""
    if not isinstance(record, dict):
        return None
    value = next((record[key] for key in IDENTITY_KEYS if record.get(key) not in (None, "")), None)
    return None if value is None else str(value)


def echoed(record: object, code: int) -> object:
    """The record as CleverTap sends it back, which may differ from the request."""
    properties = record.get("profileData") if isinstance(record, dict) else None
    if not isinstance(record, dict) or not isinstance(properties, dict):
        return record
    rewritten = dict(properties)
    phone = rewritten.get("Phone")
    if code in PHONE_REWRITTEN and isinstance(phone, str):
        rewritten["Phone"] = int(phone)
    if code in IDENTITY_REWRITTEN and "identity" in rewritten:
        rewritten["identity"] = str(rewritten["identity"])
    return {**record, "profileData": rewritten}


def _record_code(record: object, behaviour: Behaviour) -> int | None:
    if not isinstance(record, dict) or record.get("type") not in ("profile", "event"):
        return 524
    code = _identity_code(record, behaviour)
    if code is None and "ts" in record and not _is_epoch(record["ts"], behaviour):
        code = 525
    if code is not None:
        return code
    return _event_code(record, behaviour) if record["type"] == "event" else _profile_code(record, behaviour)


def _identity_code(record: dict[str, Any], behaviour: Behaviour) -> int | None:
    object_id = record.get("objectId")
    named = [record[key] for key in IDENTITY_KEYS[:3] if record.get(key) not in (None, "")]
    if not named and object_id in (None, ""):
        return 523
    if not all(_is_identity(value, behaviour) for value in named):
        return 523
    if object_id not in (None, "") and not (isinstance(object_id, str) and OBJECT_ID.fullmatch(object_id)):
        return 526
    return None


def _is_identity(value: object, behaviour: Behaviour) -> bool:
    # Recorded traffic has whole numbers as identities, and they are accepted.
    if not isinstance(value, str | int) or isinstance(value, bool):
        return False
    text = str(value).strip()
    if not text or len(text) > MAX_IDENTITY_CHARS:
        return False
    return behaviour.junk_identities == "accept" or text.lower() not in JUNK_IDENTITIES


def _is_epoch(ts: object, behaviour: Behaviour) -> bool:
    if isinstance(ts, bool):
        return False
    if isinstance(ts, int):
        return ts > 0 and (ts < FIRST_MILLISECONDS or "milliseconds" in behaviour.accepted_ts)
    if isinstance(ts, float):
        return ts > 0 and "float" in behaviour.accepted_ts
    return isinstance(ts, str) and ts.isdigit() and "string" in behaviour.accepted_ts


def _profile_code(record: dict[str, Any], behaviour: Behaviour) -> int | None:
    properties = record.get("profileData")
    if not isinstance(properties, dict):
        # No published code fits a profile without data.
        return 524
    for key, code in PREDEFINED_CODES:
        value = properties.get(key)
        # An operator such as {"$delete": 1} is not a value to check.
        if value is not None and not isinstance(value, dict) and not _is_valid(key, value, behaviour):
            return code
    return _profile_object_code(properties, behaviour)


def _profile_object_code(properties: dict[str, Any], behaviour: Behaviour) -> int | None:
    # No published code fits a profile whose groups are of another shape.
    if not all(is_groups(properties[key]) for key in OBJECT_KEYS & properties.keys()):
        return 524
    return (
        524 if behaviour.object_texts == "refuse" and any(map(is_object_text, properties.values())) else None
    )


def _is_valid(key: str, value: object, behaviour: Behaviour) -> bool:
    if key == "Age" and isinstance(value, int | float) and not isinstance(value, bool):
        return True
    if key in PATTERNS:
        return isinstance(value, str) and PATTERNS[key].fullmatch(value) is not None
    return value in CHOICES.get(key, behaviour.accepted_genders)


def _event_code(record: dict[str, Any], behaviour: Behaviour) -> int | None:
    name, properties = record.get("evtName"), record.get("evtData")
    if not isinstance(name, str) or not name.strip():
        return 509
    if not isinstance(properties, dict):
        return 512
    if folded(name) in behaviour.reserved:
        return 513
    if folded(name) in behaviour.discarded:
        return 528
    return _event_properties_code(name, properties, behaviour)


def _event_properties_code(name: str, properties: dict[str, Any], behaviour: Behaviour) -> int | None:
    if name == CHARGED and "Items" in properties and not is_items(properties["Items"]):
        return 512
    if behaviour.object_texts == "refuse" and any(map(is_object_text, properties.values())):
        return 512
    if len(properties) > behaviour.max_event_properties and behaviour.over_event_properties == "refuse":
        return 522
    if behaviour.doubtful_properties == "refuse_events" and stored_event(name, properties, behaviour)[1]:
        return 512
    return None
