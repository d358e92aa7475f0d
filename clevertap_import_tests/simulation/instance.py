"""Dagster's storage in a simulation: the numbers of deliveries, and the reports of runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import dagster as dg

from clevertap_import.orchestration.delivered import DELIVERIES, reported_counts
from clevertap_import.orchestration.run_values import SoFar


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of Dagster's event log."""

    asset_observation: dg.AssetObservation


@dataclass(frozen=True, slots=True)
class Records:
    """The newest entries first."""

    records: list[Record]


@dataclass
class SimulatedInstance:
    """The part of Dagster's instance that deliveries use. It is its own cursor storage, and is never away."""

    numbers: dict[str, str] = field(default_factory=dict)
    reports: list[Record] = field(default_factory=list)
    was_materialized: bool = False

    @property
    def real(self) -> dg.DagsterInstance:
        return cast(dg.DagsterInstance, self)

    @property
    def daemon_cursor_storage(self) -> "SimulatedInstance":
        return self

    def get_cursor_values(self, keys: set[str]) -> dict[str, str]:
        return {key: self.numbers[key] for key in keys & self.numbers.keys()}

    def set_cursor_values(self, pairs: Mapping[str, str]) -> None:
        self.numbers.update(pairs)

    def fetch_observations(self, key: dg.AssetKey, limit: int) -> Records:
        return Records(self.reports[:limit])

    def report(self, key: dg.AssetKey, so_far: SoFar, *, is_well: bool) -> None:
        """A run reports at its end. A killed run does not."""
        numbers = {DELIVERIES: so_far.deliveries, "accepted": so_far.delivery.accepted}
        self.reports.insert(0, Record(dg.AssetObservation(key, metadata=numbers)))
        self.was_materialized |= is_well

    def was_imported(self, key: dg.AssetKey) -> bool:
        return self.was_materialized or any(max(counts) for counts in reported_counts(self.real, key))
