"""The reading endpoints of the fake CleverTap: one profile, and counts by event."""

from typing import Any

from starlette.datastructures import QueryParams

from clevertap_import.sandbox.clevertap.account import Account
from clevertap_import.sandbox.clevertap.answers import failure
from clevertap_import.sandbox.clevertap.behaviour import folded
from clevertap_import.sandbox.clevertap.properties import Stored, shown
from clevertap_import.sandbox.clevertap.store import Event, Profile

RECORD_KEYS = {"Email": "email", "Name": "name", "Phone": "phone"}


def profile_answer(account: Account, query: QueryParams) -> tuple[int, dict[str, Any]]:
    """Status and body of a profile lookup by `identity`, `email` or `objectId`."""
    if not any(query.get(key) for key in ("identity", "email", "objectId")):
        return 400, failure("Failed to process request", 400)
    profile = _found(account, query)
    moment = account.clock() - account.behaviour.visibility_seconds
    properties = profile.visible_at(moment) if profile else None
    if profile is None or properties is None:
        return _not_found(account.behaviour.not_found)
    events = [event for event in account.store.events if event.identity in _names(profile)]
    visible = [event for event in events if event.seen_at <= moment]
    return 200, {"status": "success", "record": _record(profile, properties, visible)}


def event_count(account: Account, wanted: dict[str, Any], of_profiles: bool) -> tuple[int, dict[str, Any]]:
    """Status and body of a count: of events with a name, or of the users who had one."""
    name = wanted.get("event_name")
    if not isinstance(name, str):
        return 400, failure("Malformed request", 400)
    moment = account.clock() - account.behaviour.visibility_seconds
    events = [event for event in account.store.events if folded(event.name) == folded(name)]
    users = [event.identity for event in events if event.seen_at <= moment]
    return 200, {"status": "success", "count": len(set(users)) if of_profiles else len(users)}


def _found(account: Account, query: QueryParams) -> Profile | None:
    store = account.store
    if identity := query.get("identity"):
        return store.by_identity.get(identity)
    if email := query.get("email"):
        profiles = store.by_object_id.values()
        return next((profile for profile in profiles if profile.properties.get("Email") == email), None)
    return store.by_object_id.get(query.get("objectId", ""))


def _not_found(style: str) -> tuple[int, dict[str, Any]]:
    """CleverTap's docs do not say; clients expect one of these."""
    if style == "null_record":
        return 200, {"status": "success", "record": None}
    return int(style), failure("Profile not found", int(style))


def _names(profile: Profile) -> set[str]:
    return {*profile.identities, *profile.object_ids}


def _record(profile: Profile, properties: dict[str, Stored], events: list[Event]) -> dict[str, Any]:
    record: dict[str, Any] = {"identity": profile.identities[0]} if profile.identities else {}
    for key, name in RECORD_KEYS.items():
        if key in properties:
            record[name] = shown(properties[key])
    rest = {key: shown(value) for key, value in properties.items() if key not in RECORD_KEYS}
    devices = [{"platform": "Web", "objectId": object_id} for object_id in profile.object_ids]
    return {**record, "profileData": rest, "events": _event_summary(events), "platformInfo": devices}


def _event_summary(events: list[Event]) -> dict[str, dict[str, int]]:
    summary: dict[str, dict[str, int]] = {}
    for event in events:
        entry = summary.setdefault(event.name, {"count": 0, "first_seen": event.ts, "last_seen": event.ts})
        entry["count"] += 1
        entry["first_seen"] = min(entry["first_seen"], event.ts)
        entry["last_seen"] = max(entry["last_seen"], event.ts)
    return summary
