"""Operations of the upload API that CleverTap's documentation leaves unclear, with a trial of each.

The trials change one made-up profile of a test project. Each has a record, and the effect that its profile
shows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SECONDS_AHEAD = 10 * 365 * 86_400
PLAIN = "plain"
"""The trial that must have its effect before another can be judged."""

Profile = Mapping[str, Any]
"""The form of CleverTap's profile look-up: `profileData`, `events`, and `name` beside them."""


@dataclass(frozen=True, slots=True)
class Operation:
    """`record` is its part of a record; `shows` is None if no look-up can show the effect.

    `removes`: the property whose absence is the effect. The absence proves something only if it was there
    before.
    """

    name: str
    does: str
    known: str
    record: Mapping[str, Any]
    shows: Callable[[Profile], bool] | None = None
    removes: str | None = None


def value(profile: Profile, name: str) -> Any:  # noqa: ANN401 - JSON
    """A property of the profile, in any case of its name; None if it has none."""
    properties = {
        key.casefold(): each for key, each in {**profile, **(profile.get("profileData") or {})}.items()
    }
    return properties.get(name.casefold()) or None


def members(profile: Profile, name: str) -> set[str]:
    found = value(profile, name)
    return set(map(str, found)) if isinstance(found, list) else {str(found)} - {"None"}


def has_event(profile: Profile, name: str) -> bool:
    return any(each.casefold() == name.casefold() for each in profile.get("events") or {})


def changed(name: str, operand: object) -> dict[str, Any]:
    return {"type": "profile", "profileData": {name: operand}}


def event(name: str, **data: object) -> dict[str, Any]:
    return {"type": "event", "evtName": name, "evtData": data}


BEFORE: dict[str, Any] = {
    "type": "profile",
    "profileData": {
        "Name": "clevertap_import probe",
        "Education": "Graduate",
        **dict.fromkeys(("Probe set", "Probe added", "Probe removed", "Probe deleted"), "a"),
    },
}
"""What the made-up profile has before the trials."""


def shows_before(profile: Profile) -> bool:
    return all(value(profile, name) is not None for name in BEFORE["profileData"])


ADD_KNOWN = "CleverTap's sample of an upload has it."

OPERATIONS = (
    Operation(
        "set",
        '`{"$set": [...]}` replaces a list; `operation: set`',
        "Pages on CSV and SFTP imports have it; no sample of an upload does.",
        changed("Probe set", {"$set": ["b", "c"]}),
        lambda profile: members(profile, "Probe set") == {"b", "c"},
    ),
    Operation(
        "add",
        '`{"$add": [...]}` adds to a list; `operation: add`',
        ADD_KNOWN,
        changed("Probe added", {"$add": ["b"]}),
        lambda profile: "b" in members(profile, "Probe added"),
    ),
    Operation(
        "remove",
        '`{"$remove": [...]}` takes out of a list; `operation: remove`',
        ADD_KNOWN,
        changed("Probe removed", {"$remove": ["a"]}),
        lambda profile: "a" not in members(profile, "Probe removed"),
        "Probe removed",
    ),
    Operation(
        "delete Name",
        '`{"$delete": 1}` removes Name; `on_null: delete`',
        "The sample of an upload has it, for Name and Gender.",
        changed("Name", {"$delete": 1}),
        lambda profile: value(profile, "Name") is None,
        "Name",
    ),
    Operation(
        "delete system property",
        '`{"$delete": 1}` removes another of CleverTap\'s own properties; `on_null: delete`',
        "The sample of an upload says: only Name and Gender. The CSV page says: any property.",
        changed("Education", {"$delete": 1}),
        lambda profile: value(profile, "Education") is None,
        "Education",
    ),
    Operation(
        "delete custom property",
        '`{"$delete": 1}` removes a property of your own; `on_null: delete`',
        "The sample of an upload says: only Name and Gender. The CSV page says: any property.",
        changed("Probe deleted", {"$delete": 1}),
        lambda profile: value(profile, "Probe deleted") is None,
        "Probe deleted",
    ),
    Operation(
        "nested object in a profile",
        "an object as a property; never sent, except for subscription groups",
        "A beta that CleverTap enables for an account.",
        changed("Probe nested", {"City": "Pune"}),
        lambda profile: isinstance(value(profile, "Probe nested"), dict),
    ),
    Operation(
        "nested object in an event",
        "an object as a property; never sent, except for `Items` of Charged",
        "A beta that CleverTap enables for an account.",
        event("Probe Nested", Cart={"Total": 1}),
    ),
    Operation(
        "event ten years ahead",
        "an event whose time is in the future; counted in `future_events`, and sent",
        "Nothing is known.",
        event("Probe Ahead"),
        lambda profile: has_event(profile, "Probe Ahead"),
    ),
    Operation(
        PLAIN,
        "a text as a property",
        "CleverTap's sample of an upload has it. Without it nothing else can be judged.",
        changed("Probe plain", "yes"),
        lambda profile: value(profile, "Probe plain") == "yes",
    ),
)
"""In the order of the trials. The plain one is last: if it has its effect, those before it were applied
too."""
