"""The state of all imports as OpenMetrics text, for a scraper, or a folder of Prometheus' node exporter."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain

import dagster as dg
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest

from clevertap_import.journal.monitoring_tables import OUTCOMES
from clevertap_import.journal.run_results import row_totals
from clevertap_import.monitoring.picture import ImportState
from clevertap_import.orchestration.daemon import Daemon, daemon_of
from clevertap_import.orchestration.import_states import import_states
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.project.folder import Imports

Totals = Mapping[str, Mapping[str, int]]

ROWS = "Rows that were read in all runs, by outcome."
"""Of the counter `clevertap_import_rows_total`."""

DAEMON = "1 if Dagster's daemon runs, otherwise 0: then no schedule starts an import."
"""Of the gauge `clevertap_import_daemon_alive`, which has no label."""

GAUGES = {
    "open_rejects": "Rows that were rejected and not accepted since.",
    "late": "1 if a run that was due has not ended well in time, otherwise 0.",
    "window_lag_seconds": "How long ago the newest window of the last successful run ended.",
    "last_run_seconds": "How long the last run took.",
    "healthy": "1 if nothing is worse than a warning, otherwise 0.",
}
"""Each metric of an import, after `clevertap_import_`, and what it says. The reference is made of it."""


def metrics(instance: dg.DagsterInstance, imports: Imports) -> str:
    """Raises JournalUnavailable: a counter from another source would seem to start again."""
    now = datetime.now(UTC)
    found = import_states(instance, imports, now)
    registry = CollectorRegistry()
    registry.register(Collector(found, totals_of(imports), daemon_of(instance, now), now))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode()


def totals_of(imports: Imports) -> Totals:
    """How many rows of each import had each outcome in all runs, those under an old nickname included."""
    with open_journal() as journal:
        nicknames = [each.config.nicknames for each in imports.loaded]
        by_name = row_totals(journal.engine, chain(*nicknames))
    return {
        names[0]: {outcome: sum(by_name[name][outcome] for name in known) for outcome in OUTCOMES}
        for names in nicknames
        if (known := [name for name in names if name in by_name])
    }


class Collector:
    """What prometheus_client asks for the families of metrics."""

    def __init__(self, found: Sequence[ImportState], totals: Totals, daemon: Daemon, now: datetime) -> None:
        self.found = found
        self.totals = totals
        self.daemon = daemon
        self.now = now

    def collect(self) -> Iterator[Metric]:
        rows = CounterMetricFamily("clevertap_import_rows", ROWS, labels=["import", "outcome"])
        for nickname, outcomes in sorted(self.totals.items()):
            for outcome, count in sorted(outcomes.items()):
                rows.add_metric([nickname, outcome], count)
        yield rows
        yield GaugeMetricFamily("clevertap_import_daemon_alive", DAEMON, float(self.daemon.alive))
        by_import = {each.nickname: self.values(each) for each in self.found}
        for name, meaning in GAUGES.items():
            family = GaugeMetricFamily(f"clevertap_import_{name}", meaning, labels=["import"])
            for nickname, values in sorted(by_import.items()):
                value = values[name]
                if value is not None:
                    family.add_metric([nickname], value)
            yield family

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
