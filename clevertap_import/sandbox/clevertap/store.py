"""The data of the fake CleverTap: profiles, the event log, the error stream.

Profiles are the same after a batch is sent again; events and $incr are not, since CleverTap has no event id
and no idempotency key. All data is in memory.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from clevertap_import.sandbox.clevertap.behaviour import Behaviour
from clevertap_import.sandbox.clevertap.objects import OBJECT_KEYS
from clevertap_import.sandbox.clevertap.operations import answer_to, is_ahead, profile_operation
from clevertap_import.sandbox.clevertap.properties import (
    DroppedProperty,
    Stored,
    after_operator,
    key_problem,
    shown,
    stored,
    stored_event,
    stored_profile,
    type_name,
)
from clevertap_import.sandbox.clevertap.rules import IDENTITY_KEYS, record_key

# fmt: off
PREDEFINED_KEYS = frozenset({
    "Name", "Email", "Phone", "Gender", "Employed", "Education", "Married", "Age", "DOB", "Photo", "Timezone",
    "Customer Type", "MSG-email", "MSG-push", "MSG-sms", "MSG-whatsapp", "MSG-dndEmail", "MSG-dndPhone",
    "MSG-dndWhatsApp", *OBJECT_KEYS,
})
# fmt: on


@dataclass(slots=True)
class Profile:
    """One user, with any number of identities and devices."""

    object_ids: list[str]
    identities: list[str] = field(default_factory=list)
    properties: dict[str, Stored] = field(default_factory=dict)
    # What look-ups saw after each batch; only stored while a visibility delay is set.
    revisions: list[tuple[float, dict[str, Stored]]] = field(default_factory=list)

    def visible_at(self, moment: float) -> dict[str, Stored] | None:
        """The properties at a moment; None if the profile did not exist yet."""
        if not self.revisions:
            return self.properties
        seen = [properties for at, properties in self.revisions if at <= moment]
        return seen[-1] if seen else None


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the event log; `ts_given`: `ts` was sent, otherwise it is the time of arrival."""

    identity: str
    name: str
    ts: int
    data: dict[str, Any]
    order: int
    batch: int
    ts_given: bool
    seen_at: float


class Store:
    """The data of one CleverTap account."""

    def __init__(self) -> None:
        self.by_identity: dict[str, Profile] = {}
        self.by_object_id: dict[str, Profile] = {}
        self.events: list[Event] = []
        self.error_stream: list[dict[str, Any]] = []

    def apply(self, records: Iterable[dict[str, Any]], batch: int, now: float, behaviour: Behaviour) -> None:
        """Store accepted records, in their order in the batch."""
        for record in records:
            if record["type"] == "event":
                self._apply_event(record, batch, now, behaviour)
            else:
                self._apply_profile(record, batch, now, behaviour)

    def _apply_event(self, record: dict[str, Any], batch: int, now: float, behaviour: Behaviour) -> None:
        name: str = record["evtName"]
        key = record_key(record) or ""
        self._owner(record)
        if reason := key_problem(name):
            self._note([DroppedProperty(name, f"event dropped: {reason}")], record, batch)
            return
        if is_ahead(record) and answer_to("future_event", behaviour.operations) == "ignore":
            self._note([DroppedProperty(name, "event dropped: time in the future")], record, batch)
            return
        data, losses = stored_event(name, record["evtData"], behaviour)
        self._note(losses, record, batch)
        ts = int(record.get("ts", now))
        order = len(self.events) + 1
        self.events.append(Event(key, name, ts, data, order, batch, "ts" in record, now))

    def _apply_profile(self, record: dict[str, Any], batch: int, now: float, behaviour: Behaviour) -> None:
        properties, losses = stored_profile(record["profileData"], behaviour)
        is_new = record_key(record) not in (self.by_identity if _names_user(record) else self.by_object_id)
        profile = self._owner(record)
        identity = properties.pop("identity", None)
        if identity is not None:
            profile = self._linked(profile, str(identity), record, behaviour)
        # Before the first delayed change, existing properties are visible at once.
        if behaviour.visibility_seconds and not profile.revisions and not is_new:
            profile.revisions.append((0.0, dict(profile.properties)))
        losses += _changed(profile.properties, properties, behaviour.max_custom_properties)
        if behaviour.visibility_seconds:
            profile.revisions.append((now, dict(profile.properties)))
        elif profile.revisions:
            profile.revisions.clear()
        self._note(losses, record, batch)

    def _owner(self, record: dict[str, Any]) -> Profile:
        """The profile of a record; an unknown user or device gets a new one."""
        key, object_id = record_key(record) or "", record.get("objectId")
        if not _names_user(record):
            return self.by_object_id.get(key) or self._new_profile(key)
        device = self.by_object_id.get(object_id) if isinstance(object_id, str) else None
        profile = self.by_identity.get(key)
        if profile is None:
            is_free = device is None and object_id
            profile = self._new_profile(str(object_id) if is_free else _made_object_id(key))
            self._name(profile, key)
        elif object_id and device is None:
            profile.object_ids.append(str(object_id))
            self.by_object_id[str(object_id)] = profile
        if device is not None and device is not profile:
            self._merge(device, profile)
        return profile

    def _new_profile(self, object_id: str) -> Profile:
        profile = Profile([object_id])
        self.by_object_id[object_id] = profile
        return profile

    def _name(self, profile: Profile, identity: str) -> None:
        profile.identities.append(identity)
        self.by_identity[identity] = profile

    def _linked(
        self, profile: Profile, identity: str, record: dict[str, Any], behaviour: Behaviour
    ) -> Profile:
        """The profile that `profileData.identity` names: this one with one more name, or another."""
        if identity in profile.identities:
            return profile
        other = self.by_identity.get(identity)
        if other is not None:
            self._merge(profile, other)
            return other
        is_device = not _names_user(record)
        if is_device and profile.identities and behaviour.second_identity == "separate":
            other = self._new_profile(_made_object_id(identity))
            self._name(other, identity)
            return other
        self._name(profile, identity)
        return profile

    def _merge(self, anonymous: Profile, named: Profile) -> None:
        """Merges an anonymous device into the profile of a known user; two known users are not merged."""
        if anonymous.identities:
            return
        for object_id in anonymous.object_ids:
            self.by_object_id[object_id] = named
        named.object_ids += anonymous.object_ids
        named.properties = {**anonymous.properties, **named.properties}

    def _note(self, losses: Iterable[DroppedProperty], record: dict[str, Any], batch: int) -> None:
        for loss in losses:
            entry = {"identity": record_key(record), "record_type": record["type"], "batch": batch}
            self.error_stream.append({**entry, "property": loss.property, "reason": loss.reason})

    def profiles_shown(self) -> dict[str, dict[str, Any]]:
        """Every profile by each of its identities; an anonymous one by its objectId."""
        named = {identity: profile_shown(profile) for identity, profile in self.by_identity.items()}
        anonymous = {key: profile for key, profile in self.by_object_id.items() if not profile.identities}
        return named | {object_id: profile_shown(profile) for object_id, profile in anonymous.items()}

    def events_shown(self) -> list[dict[str, Any]]:
        """The event log in arrival order."""
        return [event_shown(event) for event in self.events]

    def snapshot(self) -> dict[str, Any]:
        """All data as JSON, for `restore`. Without revisions: after a restart everything is visible."""
        profiles = list({id(profile): profile for profile in self.by_object_id.values()}.values())
        return {
            "profiles": [
                {
                    "object_ids": profile.object_ids,
                    "identities": profile.identities,
                    "properties": {key: shown(value) for key, value in profile.properties.items()},
                }
                for profile in profiles
            ],
            "events": [[getattr(event, name) for name in Event.__slots__] for event in self.events],
            "error_stream": self.error_stream,
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Load what `snapshot` returned."""
        for saved in snapshot["profiles"]:
            properties = {key: stored(value) for key, value in saved["properties"].items()}
            profile = Profile(saved["object_ids"], saved["identities"], properties)
            self.by_object_id.update(dict.fromkeys(profile.object_ids, profile))
            self.by_identity.update(dict.fromkeys(profile.identities, profile))
        self.events = [Event(*saved) for saved in snapshot["events"]]
        self.error_stream = list(snapshot["error_stream"])


def profile_shown(profile: Profile) -> dict[str, Any]:
    """A profile as the control endpoint shows it."""
    return {
        "objectId": profile.object_ids[0],
        "properties": {key: shown(value) for key, value in profile.properties.items()},
        "types": {key: type_name(value) for key, value in profile.properties.items()},
    }


def event_shown(event: Event) -> dict[str, Any]:
    """An event as the control endpoint shows it."""
    return {
        "identity": event.identity,
        "name": event.name,
        "ts": event.ts,
        "data": event.data,
        "types": {key: type_name(stored(value)) for key, value in event.data.items()},
        "order": event.order,
        "batch": event.batch,
    }


def _made_object_id(identity: str) -> str:
    """The objectId of a user without a device: made from the identity, so that runs can be compared."""
    return blake2b(identity.encode(), digest_size=16).hexdigest()


def _names_user(record: dict[str, Any]) -> bool:
    return any(record.get(key) not in (None, "") for key in IDENTITY_KEYS[:3])


def _changed(
    properties: dict[str, Stored], changes: dict[str, Any], max_custom: int
) -> list[DroppedProperty]:
    """Change the properties in place; others stay. Returns the properties that exceeded the limit."""
    losses = []
    # Far below the limit no count is needed, so large batches stay fast.
    is_near_limit = len(properties) + len(changes) > max_custom
    for key, value in changes.items():
        if is_near_limit and key not in properties and _is_full(properties, key, max_custom):
            losses.append(DroppedProperty(key, "more custom properties than a profile holds"))
            continue
        is_object = key in OBJECT_KEYS or profile_operation(key, value) == "nested_profile"
        if is_object or not isinstance(value, dict):
            properties[key] = stored(value)
            continue
        operator, operand = next(iter(value.items()))
        after = after_operator(properties.get(key), operator, operand)
        if after is None:
            properties.pop(key, None)
        else:
            properties[key] = after
    return losses


def _is_full(properties: dict[str, Stored], key: str, max_custom: int) -> bool:
    return (
        key not in PREDEFINED_KEYS and sum(name not in PREDEFINED_KEYS for name in properties) >= max_custom
    )
