"""A collector of OpenTelemetry on a real port, which decodes what it gets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@dataclass(frozen=True)
class TakenSpan:
    """`parent`: the name of the span around it. `problem`: None, or what the error says."""

    name: str
    parent: str | None
    attributes: dict[str, Any]
    problem: str | None
    resource: dict[str, Any]


class Collector(ThreadingHTTPServer):
    """`status`: what it answers. `answers`: while it is not set, a request waits; the server still ends."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.status = 200
        self.answers = threading.Event()
        self.answers.set()
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.metrics: dict[tuple[str, ...], Any] = {}
        self.resources: list[dict[str, Any]] = []
        self.spans: list[TakenSpan] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def take(self, path: str, body: bytes) -> None:
        self.asked.append(path)
        self.bodies.append(body)
        if not self.answers.is_set() or self.status != 200:
            return
        if path == "/v1/metrics":
            self.take_metrics(ExportMetricsServiceRequest.FromString(body))
        if path == "/v1/traces":
            self.take_spans(ExportTraceServiceRequest.FromString(body))

    def take_metrics(self, request: Any) -> None:  # noqa: ANN401 - a message of protobuf
        for about in request.resource_metrics:
            self.resources.append(values(about.resource.attributes))
            for metric in (each for scope in about.scope_metrics for each in scope.metrics):
                for point in getattr(metric, metric.WhichOneof("data")).data_points:
                    labels = values(point.attributes)
                    key = (metric.name, *(labels[name] for name in sorted(labels)))
                    self.metrics[key] = point.count if hasattr(point, "count") else number(point)

    def take_spans(self, request: Any) -> None:  # noqa: ANN401 - a message of protobuf
        for about in request.resource_spans:
            spans = [each for scope in about.scope_spans for each in scope.spans]
            names = {each.span_id: each.name for each in spans}
            self.spans += [
                TakenSpan(
                    each.name,
                    names.get(each.parent_span_id),
                    values(each.attributes),
                    each.status.message if each.status.code == each.status.STATUS_CODE_ERROR else None,
                    values(about.resource.attributes),
                )
                for each in spans
            ]


def values(attributes: Any) -> dict[str, Any]:  # noqa: ANN401 - messages of protobuf
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def number(point: Any) -> float:  # noqa: ANN401 - a message of protobuf
    return float(getattr(point, point.WhichOneof("value")))


class Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
        self.server.answers.wait()
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


@contextmanager
def running_collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.answers.set()
            server.shutdown()
            thread.join()
