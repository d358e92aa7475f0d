"""The settings of the fake CleverTap: one for each undocumented behaviour of CleverTap, and its limits.

Each default follows CleverTap's API docs or recorded traffic; where they have nothing, it is the strictest
choice.
"""

from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from clevertap_import.sandbox.clevertap.operations import Answer, Operation

RESERVED_EVENT_NAMES = (
    "Notification Sent",
    "Notification Viewed",
    "Notification Clicked",
    "Notification Delivered",
    "Notification Replied",
    "UTM Visited",
    "App Launched",
    "App Uninstalled",
    "App Version Changed",
    "Stayed",
    "Reply Sent",
    "Experiment Rendered",
    "Reachable By",
    "Identity Reset",
    "Identity Set",
    "Identity Error",
    # Not on a published list, but refused in production traffic of September 2024.
    "Web Page Viewed",
)


def folded(name: str) -> str:
    """An event name as CleverTap compares it: without case and spaces."""
    return "".join(name.split()).lower()


class Behaviour(BaseModel):
    """The fake's settings. Unknown settings are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Service time, during which the slot is used: fixed + a seeded random part of jitter + slope * records.
    service_seconds: float = Field(default=0, ge=0)
    service_jitter_seconds: float = Field(default=0, ge=0)
    service_seconds_per_record: float = Field(default=0, ge=0)
    # Batches that begin with an event of such a name are served one after the other, with this number of
    # seconds each, and each only while this number of uploads is in flight and not yet served. Other batches
    # and dry runs do not wait for them.
    paced_events: dict[str, float] = {}
    paced_in_flight: int = 0
    seed: int = 0

    max_in_flight: int = Field(default=15, ge=1)
    max_lookups_in_flight: int = Field(default=3, ge=1)
    separate_pools: bool = False
    max_records: int = Field(default=1000, ge=1)
    over_records_status: int = 400
    max_body_bytes: int = Field(default=10 * 1024 * 1024, ge=1)
    over_body_status: int = 413
    empty_batch: Literal["refuse", "accept"] = "refuse"
    gzip: Literal["refuse", "accept"] = "refuse"

    answer_style: Literal["compact", "spaced", "spaced_2017"] = "compact"
    framing: Literal["alternate", "content_length", "chunked"] = "alternate"
    keep_alive_requests: int | None = Field(default=None, ge=1)
    account_region: str | None = None
    not_found: Literal["null_record", "400", "404"] = "null_record"
    visibility_seconds: float = Field(default=0, ge=0)
    reorder: bool = False

    junk_identities: Literal["refuse", "accept"] = "refuse"
    second_identity: Literal["append", "separate"] = "append"
    accepted_ts: tuple[Literal["milliseconds", "float", "string"], ...] = ()
    accepted_genders: tuple[str, ...] = ("M", "F")
    reserved_names: tuple[str, ...] = RESERVED_EVENT_NAMES
    discarded_names: tuple[str, ...] = ()
    max_event_properties: int = Field(default=100, ge=1)
    over_event_properties: Literal["refuse", "drop"] = "refuse"
    doubtful_properties: Literal["drop", "refuse_events"] = "drop"
    # Text that is the JSON of an object: other clients send it, and it is stored as text.
    object_texts: Literal["keep", "refuse"] = "keep"
    max_custom_properties: int = Field(default=256, ge=1)
    # Other operations are accepted, except nested objects, which are ignored: a beta that few accounts have.
    operations: dict[Operation, Answer] = {}
    delete_scope: Literal["any", "name_and_gender"] = "any"

    @cached_property
    def reserved(self) -> frozenset[str]:
        """The reserved names, folded."""
        return frozenset(map(folded, self.reserved_names))

    @cached_property
    def discarded(self) -> frozenset[str]:
        """The discarded names, folded."""
        return frozenset(map(folded, self.discarded_names))
