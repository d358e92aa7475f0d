"""One fake CleverTap account: its credentials, its behaviour, and its data."""

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from starlette.datastructures import Headers

from clevertap_import.sandbox.clevertap.behaviour import Behaviour
from clevertap_import.sandbox.clevertap.faults import FaultPlan
from clevertap_import.sandbox.clevertap.requests import (
    ApplyOrder,
    Counters,
    LateBatches,
    RequestInFlight,
    Slots,
)
from clevertap_import.sandbox.clevertap.store import Store

ACCOUNT_ID = re.compile(r"(TEST-)?[0-9A-Z]{3}-[0-9A-Z]{3}-[0-9A-Z]{3,4}")
# The regions of CleverTap's API docs, with `eu1` for the bare host, and the older `sk1` of some clients.
REGIONS = frozenset({"eu1", "in1", "sg1", "us1", "aps3", "mec1", "sk1"})
LOOK_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials that a call must have, and the region that it must use."""

    account_id: str = "TEST-SHO-PSA-NDX"
    passcode: str = field(default="sandbox-passcode", repr=False)
    region: str = "eu1"


class Account:
    """The state behind the endpoints. The clock is a parameter, so that a test may set it."""

    def __init__(self, credentials: Credentials, clock: Callable[[], float] = time.time) -> None:
        self.credentials = credentials
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """Remove everything: data, counters, faults, settings."""
        self.store = Store()
        self.faults = FaultPlan()
        self.counters = Counters()
        self.uploads = Slots(self.counters)
        self.lookups = Slots()
        self.late = LateBatches()
        self.paces: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.turn(Behaviour())

    def turn(self, behaviour: Behaviour) -> None:
        """Change the behaviour from now on. Seeded random values start again."""
        self.behaviour = behaviour
        self.order = ApplyOrder(behaviour.seed)
        self._random = Random(behaviour.seed)  # noqa: S311

    def service_seconds(self, records: int) -> float:
        """How long a batch takes, in addition to the fake's own work."""
        behaviour = self.behaviour
        jitter = behaviour.service_jitter_seconds * self._random.random()
        return behaviour.service_seconds + jitter + behaviour.service_seconds_per_record * records

    async def pace(self, event_name: str, flight: RequestInFlight) -> None:
        """Wait for a place among the batches of a paced event; the wait ends when the pacing is switched
        off."""
        if event_name not in self.behaviour.paced_events:
            return
        async with self.paces[event_name]:
            await asyncio.sleep(self.behaviour.paced_events.get(event_name, 0))
            while self.uploads.unserved() < self.behaviour.paced_in_flight:
                await asyncio.sleep(LOOK_SECONDS)
            flight.is_served = True

    def refused_login(self, headers: Headers) -> str | None:
        """Why CleverTap would answer 401 to these headers."""
        account_id = headers.get("x-clevertap-account-id", "")
        if not ACCOUNT_ID.fullmatch(account_id):
            return "12 digit account ID mandatory"
        if account_id != self.credentials.account_id:
            return "Account ID is not valid"
        if headers.get("x-clevertap-passcode") != self.credentials.passcode:
            return "Passcode Invalid"
        home = self.behaviour.account_region or self.credentials.region
        return None if self._region_called(headers.get("host", "")) == home else "Invalid Credentials"

    def _region_called(self, host: str) -> str:
        label = host.partition(".")[0].lower()
        if label in REGIONS:
            return label
        # CleverTap's host without a region is Europe; a local address has the region of this process.
        return "eu1" if host.partition(":")[0].lower() == "api.clevertap.com" else self.credentials.region

    def counters_shown(self) -> dict[str, Any]:
        """The counters, and which events are more than once in the log."""
        return {**self.counters.shown(), **duplicates(self.store)}

    def save(self, file: Path) -> None:
        """Write data and counters. The file is replaced only when the new one is complete."""
        partial = file.with_suffix(file.suffix + ".partial")
        partial.write_text(json.dumps({"store": self.store.snapshot(), "counters": self.counters.shown()}))
        partial.replace(file)

    def load(self, file: Path) -> None:
        """Load what `save` wrote."""
        saved = json.loads(file.read_text())
        self.store.restore(saved["store"])
        self.counters = Counters.restored(saved["counters"])
        self.uploads = Slots(self.counters)


def duplicates(store: Store) -> dict[str, Any]:
    """How many events of the log repeat an earlier one, in all and by `identity|name|ts`.

    Events sent without a time compare without it: the arrival times of a batch sent twice differ.
    """
    seen: set[str] = set()
    repeats: dict[str, int] = {}
    for event in store.events:
        ts = str(event.ts) if event.ts_given else ""
        key = f"{event.identity}|{event.name}|{ts}"
        whole = key + json.dumps(event.data, sort_keys=True)
        if whole in seen:
            repeats[key] = repeats.get(key, 0) + 1
        seen.add(whole)
    return {"duplicate_events": sum(repeats.values()), "duplicates_per_event_key": repeats}
