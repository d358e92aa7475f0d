"""Metrics and traces by OpenTelemetry, if the environment names a collector.

No run fails or hangs because of them. OpenTelemetry is imported only then, by `otlp.py`.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, ParamSpec

import dagster as dg

from clevertap_import.orchestration.entered_results import result_of
from clevertap_import.orchestration.run_values import SoFar

if TYPE_CHECKING:
    from clevertap_import.orchestration.otlp import RunSignals

P = ParamSpec("P")

ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
SIGNALS = ("METRICS", "TRACES")

FLUSH_SECONDS = 3.0
"""A run that has ended waits no longer for the collector. A run that was interrupted does not wait at all."""

NOT_INSTALLED = (
    "OTEL_EXPORTER_OTLP_ENDPOINT names a collector of metrics and traces, but what exports them is not"
    " installed. Install it: pip install 'clevertap_import[otel]'. Imports go on without."
)
NOT_TAKEN = f"The collector of metrics and traces did not answer within {FLUSH_SECONDS:g} s. Imports go on."

RUN_METRICS = {
    "clevertap_import_requests_total": "Requests to CleverTap of a run, by `status`: accepted, throttled,"
    " not_taken, refused or no_answer.",
    "clevertap_import_request_seconds": "How long CleverTap took to answer, by `status`: a histogram.",
    "clevertap_import_requests_in_flight": "Requests of a run that have no answer yet.",
    "clevertap_import_run_rows_total": "Rows that a run read, by outcome.",
}
"""What only OpenTelemetry gets, from each run. The reference is made of it."""


def wanted(environment: Mapping[str, str]) -> frozenset[str]:
    """The signals for which the environment names a collector, by the variables of OpenTelemetry."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return frozenset()
    return frozenset(
        signal
        for signal in SIGNALS
        if any(environment.get(name) for name in (ENDPOINT_VARIABLE, f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"))
        and environment.get(f"OTEL_{signal}_EXPORTER", "otlp") != "none"
    )


@contextmanager
def exported(context: dg.AssetExecutionContext, nickname: str, so_far: SoFar) -> Iterator[None]:
    """The metrics and spans of the block, which is a run, go to the collector."""
    signals = run_signals(context, nickname, so_far)
    if signals is None:
        yield
        return
    so_far.meter.on_answer, so_far.on_phase = harmless(signals.answered), harmless(signals.begin)
    waits = False
    try:
        yield
        waits = True
    except Exception:
        # All others ask the run to end at once, and Dagster may ask by closing the generator of the step.
        waits = True
        raise
    finally:
        # If anything is wrong here, the run still ends as it would without.
        with suppress(Exception):
            signals.end(result_of(context.run, nickname, so_far, so_far.status))
            if waits and not signals.wait(FLUSH_SECONDS):
                context.log.warning(NOT_TAKEN)


def harmless(note: Callable[P, None]) -> Callable[P, None]:
    def note_or_not(*args: P.args, **kwargs: P.kwargs) -> None:
        with suppress(Exception):
            note(*args, **kwargs)

    return note_or_not


def run_signals(context: dg.AssetExecutionContext, nickname: str, so_far: SoFar) -> "RunSignals | None":
    found = wanted(os.environ)
    if not found:
        return None
    try:
        # Few processes export, and OpenTelemetry takes half a second.
        from clevertap_import.orchestration.otlp import RunSignals

        return RunSignals(nickname, context.run.run_id, so_far.meter, found)
    except ImportError:
        context.log.warning(NOT_INSTALLED)
    except Exception as error:
        # For example an address or a header that the exporter does not take; its text may have a secret.
        context.log.warning(f"Metrics and traces are not exported: {type(error).__name__}.")
    return None
