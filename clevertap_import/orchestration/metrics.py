"""The state of all imports as OpenMetrics text, for a scraper, or a folder of Prometheus' node exporter."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest

from clevertap_import.journal.run_results import row_totals
from clevertap_import.monitoring.picture import ImportState
from clevertap_import.orchestration.listing import states
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.project.folder import Imports

Totals = Mapping[str, Mapping[str, int]]

GAUGES = {
    "open_rejects": "Rows that were rejected and not accepted since.",
    "late": "1 if a run that was due has not ended well in time, otherwise 0.",
    "window_lag_seconds": "How long ago the newest window of the last successful run ended.",
    "last_run_seconds": "How long the last run took.",
    "healthy": "1 if nothing is worse than a warning, otherwise 0.",
}
"""Each metric of an import, after `clevertap_import_`, and what it says. The reference is made of it."""


def metrics(instance: dg.DagsterInstance, imports: Imports, folder: Path) -> str:
    """Raises JournalUnavailable: a counter from another source would seem to start again."""
    now = datetime.now(UTC)
    found = states(instance, imports, folder, now)
    with open_journal() as journal:
        names = {each.config.nickname: each.config.nicknames for each in imports.loaded}
        totals = row_totals(journal.engine, [name for before in names.values() for name in before])
    merged = {
        nickname: {
            outcome: sum(totals.get(name, {}).get(outcome, 0) for name in before)
            for outcome in {key for name in before for key in totals.get(name, {})}
        }
        for nickname, before in names.items()
    }
    registry = CollectorRegistry()
    registry.register(Collector(found, merged, now))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode()


class Collector:
    """What prometheus_client asks for the families of metrics."""

    def __init__(self, found: list[ImportState], totals: Totals, now: datetime) -> None:
        self.found = found
        self.totals = totals
        self.now = now

    def collect(self) -> Iterator[Metric]:
        rows = CounterMetricFamily(
            "clevertap_import_rows", "Rows that were read, by outcome.", labels=["import", "outcome"]
        )
        for nickname, outcomes in sorted(self.totals.items()):
            for outcome, count in sorted(outcomes.items()):
                rows.add_metric([nickname, outcome], count)
        yield rows
        for name, meaning in GAUGES.items():
            yield self.gauge(name, meaning)

    def gauge(self, name: str, meaning: str) -> Metric:
        family = GaugeMetricFamily(f"clevertap_import_{name}", meaning, labels=["import"])
        for state in sorted(self.found, key=lambda each: each.nickname):
            value = self.values(state)[name]
            if value is not None:
                family.add_metric([state.nickname], value)
        return family

    def values(self, state: ImportState) -> dict[str, float | None]:
        """By the names of GAUGES; None for what an import does not have."""
        last = next((each for each in state.last_runs if each.ended_at), None)
        good = next((each for each in state.last_runs if each.is_success and each.window_end), None)
        until = min(good.window_end, good.began_at) if good and good.window_end else None
        return {
            "open_rejects": state.open_rejects.rows,
            "late": float(state.timing.is_late),
            "window_lag_seconds": (self.now - until).total_seconds() if until else None,
            "last_run_seconds": (last.ended_at - last.began_at).total_seconds()
            if last and last.ended_at
            else None,
            "healthy": float(state.is_ok),
        }
