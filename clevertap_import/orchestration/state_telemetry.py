"""The state of all imports for OpenTelemetry: the metrics that the command prints, under the same names."""

import os
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from clevertap_import.journal.tables import JournalUnavailable
from clevertap_import.orchestration.daemon import daemon_of
from clevertap_import.orchestration.metrics import Collector, Totals, totals_of
from clevertap_import.orchestration.monitor import Situation
from clevertap_import.orchestration.telemetry import FLUSH_SECONDS, NOT_INSTALLED, NOT_TAKEN, wanted

if TYPE_CHECKING:
    from clevertap_import.orchestration.otlp import StateSignals


def export_states(situation: Situation) -> str | None:
    """A task of the sensor of monitoring: what `metrics` prints goes to the collector."""
    if "METRICS" not in wanted(os.environ):
        return None
    try:
        signals = state_signals()
    except ImportError:
        return NOT_INSTALLED
    totals: Totals = {}
    with suppress(JournalUnavailable):
        totals = totals_of(situation.imports)
    daemon = daemon_of(situation.instance, situation.now)
    families = list(Collector(situation.states, totals, daemon, situation.now).collect())
    return None if signals.export(families, FLUSH_SECONDS) else NOT_TAKEN


@cache
def state_signals() -> "StateSignals":
    """One for each process: a counter that begins again looks as if its rows were imported twice."""
    # Few processes export, and OpenTelemetry takes half a second.
    from clevertap_import.orchestration.otlp import StateSignals

    return StateSignals()
