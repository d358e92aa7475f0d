"""The metrics and spans of runs, and the state of all imports, by OTLP over HTTP.

The providers are our own and not the global ones, which belong to the process of the user.
"""

import logging
import math
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import Span, StatusCode, set_span_in_context
from prometheus_client import Metric

from clevertap_import.clevertap.effort_meter import EffortMeter
from clevertap_import.clevertap.outcomes import Accepted, Busy, NothingTaken, Outcome, Refused
from clevertap_import.journal.monitoring_tables import OUTCOMES
from clevertap_import.orchestration.telemetry import RUN_METRICS
from clevertap_import.run_result import RunResult

Temporality = dict[type, AggregationTemporality]

SERVICE = "clevertap_import"
VERSION = version(SERVICE)
REQUEST_SECONDS = 3.0
"""The most that one export may take, its retries included."""

EXPORT_EVERY_SECONDS = 60.0
UNREACHABLE = "The collector of metrics and traces cannot be reached."
LATENCIES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


def without_address(record: logging.LogRecord) -> bool:
    """The exporters write the whole address into their warnings, with a token if it has one."""
    if "url: " in record.getMessage():
        record.msg, record.args, record.exc_info = UNREACHABLE, None, None
    return True


for each in ("metric_exporter", "trace_exporter"):
    logging.getLogger(f"opentelemetry.exporter.otlp.proto.http.{each}").addFilter(without_address)


def resource(instance: str) -> Resource:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win. Each run is an instance of its own."""
    known = OTELResourceDetector().detect().attributes
    ours = {"service.name": SERVICE, "service.version": VERSION, "service.instance.id": instance}
    return Resource.create({name: known.get(name, value) for name, value in ours.items()})


class SpansOfARun(SpanProcessor):
    """Keeps the spans until the run ends: to export one must not delay a run."""

    def __init__(self) -> None:
        self.ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)


class RunSignals:
    """The metrics of a run, exported while it goes on, and its spans, exported at its end."""

    def __init__(self, nickname: str, run_id: str, meter: EffortMeter, signals: Collection[str]) -> None:
        self.names = {"import": nickname}
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.meter = meter
        self.phase: Span | None = None
        about = resource(run_id)
        self.metric_readers = [metric_reader()] if "METRICS" in signals else []
        self.provider = MeterProvider(self.metric_readers, about, shutdown_on_exit=False)
        self.exporter = OTLPSpanExporter(timeout=REQUEST_SECONDS) if "TRACES" in signals else None
        self.spans, tracers = SpansOfARun(), TracerProvider(resource=about, shutdown_on_exit=False)
        tracers.add_span_processor(self.spans)
        self.tracer = tracers.get_tracer(SERVICE, VERSION)
        self.root = self.tracer.start_span(f"import {nickname}", Context())
        self.root.set_attribute("clevertap_import.import", nickname)
        self.root.set_attribute("clevertap_import.run_id", run_id)
        self.make_instruments()
        self.thread = threading.Thread(target=self.export_regularly, name="telemetry", daemon=True)
        self.thread.start()

    def make_instruments(self) -> None:
        meter, (requests, latency, in_flight, rows) = (
            self.provider.get_meter(SERVICE, VERSION),
            RUN_METRICS,
        )
        self.requests = meter.create_counter(requests, description=RUN_METRICS[requests])
        self.latency = meter.create_histogram(
            latency, "s", RUN_METRICS[latency], explicit_bucket_boundaries_advisory=LATENCIES
        )
        self.rows = meter.create_counter(rows, description=RUN_METRICS[rows])
        meter.create_observable_gauge(in_flight, [self.in_flight], description=RUN_METRICS[in_flight])

    def in_flight(self, _: CallbackOptions) -> Iterable[Observation]:
        yield Observation(self.meter.in_flight, self.names)

    def answered(self, outcome: Outcome | None, seconds: float) -> None:
        """A request to CleverTap has ended."""
        labels = {**self.names, "status": status_of(outcome)}
        self.requests.add(1, labels)
        self.latency.record(seconds, labels)

    def begin(self, phase: str) -> None:
        """The run begins a phase, and ends the one before."""
        with self.lock:
            if self.phase:
                self.phase.end()
            self.phase = self.tracer.start_span(phase, set_span_in_context(self.root, Context()))

    def end(self, result: RunResult) -> None:
        """The run has ended. What is not exported yet is exported by another thread."""
        with self.lock:
            if self.phase:
                self.phase.end()
        self.root.set_attributes(attributes_of(result))
        if result.status != "Success":
            self.root.set_status(StatusCode.ERROR, result.problem or result.status)
        self.root.end()
        for outcome in OUTCOMES:
            self.rows.add(getattr(result.report, outcome), {**self.names, "outcome": outcome})
        self.ended.set()

    def wait(self, seconds: float) -> bool:
        """Wait until all is exported, but no longer than `seconds`; returns whether the exporter is done."""
        self.thread.join(seconds)
        return not self.thread.is_alive()

    def export_regularly(self) -> None:
        while not self.ended.wait(EXPORT_EVERY_SECONDS):
            self.export_metrics()
        self.export_metrics()
        if self.exporter:
            self.exporter.export(self.spans.ended)
            self.exporter.shutdown()  # type: ignore[no-untyped-call]
        self.provider.shutdown()

    def export_metrics(self) -> None:
        for reader in self.metric_readers:
            reader.collect()


def metric_reader(
    preferred: dict[type, AggregationTemporality] | None = None,
) -> PeriodicExportingMetricReader:
    """Exports only when it is asked to."""
    exporter = OTLPMetricExporter(timeout=REQUEST_SECONDS, preferred_temporality=preferred)
    return PeriodicExportingMetricReader(exporter, math.inf)


def status_of(outcome: Outcome | None) -> str:
    match outcome:
        case Accepted():
            return "accepted"
        case Busy(is_answered=True):
            return "throttled"
        case NothingTaken() | Busy():
            return "not_taken"
        case Refused():
            return "refused"
    return "no_answer"


def attributes_of(result: RunResult) -> dict[str, str | int | float]:
    """No value of a row, and no secret: what monitoring shows of a run."""
    found = {
        "status": result.status,
        "trigger": result.trigger,
        **{f"rows.{name}": value for name, value in asdict(result.report).items()},
        **asdict(result.effort),
    }
    return {f"clevertap_import.{name}": value for name, value in found.items() if value is not None}


class StateSignals:
    """The state of all imports: the metrics that the command prints, under the same names."""

    def __init__(self) -> None:
        # Sums over all runs ever: a difference to the export before would be all of them after a new start.
        summed: Temporality = {ObservableCounter: AggregationTemporality.CUMULATIVE}
        self.reader = metric_reader(summed)
        self.provider = MeterProvider([self.reader], resource("import_center"), shutdown_on_exit=False)
        self.families: dict[str, Metric] = {}
        self.known: set[str] = set()
        self.thread: threading.Thread | None = None

    def export(self, families: Sequence[Metric], seconds: float) -> bool:
        """Returns whether it was exported within `seconds`. While the one before goes on, nothing is."""
        if self.thread and self.thread.is_alive():
            return False
        self.families = {each.name: each for each in families}
        meter = self.provider.get_meter(SERVICE, VERSION)
        for each in families:
            if each.name not in self.known:
                self.known.add(each.name)
                is_counter = each.type == "counter"
                make = meter.create_observable_counter if is_counter else meter.create_observable_gauge
                name = f"{each.name}_total" if is_counter else each.name
                make(name, [self.samples(each.name)], description=each.documentation)
        self.thread = threading.Thread(target=self.reader.collect, name="telemetry", daemon=True)
        self.thread.start()
        self.thread.join(seconds)
        return not self.thread.is_alive()

    def samples(self, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observed(_: CallbackOptions) -> Iterable[Observation]:
            family = self.families.get(name)
            return [Observation(each.value, each.labels) for each in family.samples] if family else []

        return observed
