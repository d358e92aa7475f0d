"""Metrics and spans of real runs at a real collector, and what a run does if the collector is ill."""

import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from clevertap_import.orchestration.import_states import import_states
from clevertap_import.orchestration.metrics import metrics
from clevertap_import.orchestration.monitor import Situation
from clevertap_import.orchestration.state_telemetry import export_states, state_signals
from clevertap_import.orchestration.telemetry import NOT_INSTALLED, NOT_TAKEN, wanted
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.testing.canceled_runs import canceled_at_its_first_check
from clevertap_import_tests.testing.otlp_collector import ENDPOINT, Collector, running_collector
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import Workshop, days_ago, profiles_target

pytestmark = pytest.mark.filterwarnings("ignore:.*fetch_planned_materializations.*:DeprecationWarning")

AT = datetime.combine(days_ago(1), datetime.min.time(), UTC)
PHASES = ["wait", "query", "stage", "dry run", "check", "send"]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with running_collector() as server:
        monkeypatch.setenv(ENDPOINT, server.url)
        yield server


@pytest.fixture
def shop(workshop: Workshop) -> Workshop:
    workshop.people([("a", "Asha Rao", AT), ("b", "Ravi", AT), (None, "Nobody", AT)])
    workshop.write("people", dry_run={"max_rejected_percent": 100})
    return workshop


def logged(workshop: Workshop, run_id: str) -> str:
    return "\n".join(each.user_message for each in workshop.instance.all_logs(run_id))


def test_a_run_arrives_with_its_phases_and_counts(
    shop: Workshop, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=growth,team=data")
    (line,) = shop.run("people")
    root = collector.spans[-1]
    assert [(each.name, each.parent) for each in collector.spans] == [
        *((phase, "import people") for phase in PHASES),
        ("import people", None),
    ]
    assert root.problem is None
    shown = {name.removeprefix("clevertap_import."): value for name, value in root.attributes.items()}
    assert (shown["import"], shown["run_id"], shown["status"]) == ("people", line["run_id"], "Success")
    assert (shown["rows.read"], shown["rows.accepted"], shown["rows.invalid"]) == (3, 2, 1)
    assert shown["requests"] == line["requests"]
    assert (root.resource["service.name"], root.resource["team"]) == ("growth", "data")
    assert root.resource["service.instance.id"] == line["run_id"]
    assert collector.resources[0] == root.resource

    sent = collector.metrics
    assert sent["clevertap_import_requests_total", "people", "accepted"] == line["requests"]
    assert sent["clevertap_import_request_seconds", "people", "accepted"] == line["requests"]
    assert sent["clevertap_import_requests_in_flight", "people"] == 0
    rows = {key[2]: value for key, value in sent.items() if key[0] == "clevertap_import_run_rows_total"}
    assert {name: count for name, count in rows.items() if count} == {"accepted": 2, "invalid": 1}


def test_a_failed_run_is_a_span_with_its_error_and_no_value_of_a_row(
    shop: Workshop, collector: Collector
) -> None:
    fault = {"kind": "reject", "identities": ["b"], "code": 515, "error": "Ravi is not valid"}
    shop.clevertap.faults([fault])
    shop.run("people")
    shop.write("broken", target=profiles_target(Name="NO_SUCH_COLUMN"))
    (line,) = shop.run("broken")
    root = collector.spans[-1]
    assert (root.name, root.problem) == ("import broken", line["problem"])
    assert root.attributes["clevertap_import.status"] == "Failed"
    everything = b"".join(collector.bodies)
    secrets = [shop.clevertap.passcode, "Asha", "Ravi"]
    assert [each for each in secrets if each.encode() in everything] == []


@pytest.mark.parametrize("illness", ["refuses", "hangs"])
def test_a_run_ends_well_whatever_the_collector_does(
    shop: Workshop, collector: Collector, illness: str
) -> None:
    if illness == "hangs":
        collector.answers.clear()
    collector.status = 500
    (line,) = shop.run("people")
    assert line["status"] == "Success"
    assert collector.asked[0] == "/v1/metrics"
    assert (NOT_TAKEN in logged(shop, line["run_id"])) == (illness == "hangs")


def test_a_collector_that_is_away_is_logged_without_its_address(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(ENDPOINT, "http://user:token@127.0.0.1:1/token?key=token")
    (line,) = shop.run("people")
    assert line["status"] == "Success"
    assert "The collector of metrics and traces cannot be reached." in caplog.text
    assert "token" not in caplog.text


def test_a_canceled_run_does_not_wait_for_the_collector(shop: Workshop, collector: Collector) -> None:
    collector.answers.clear()
    with canceled_at_its_first_check():
        (line,) = shop.run("people")
    assert line["status"] == "Canceled"
    assert NOT_TAKEN not in logged(shop, line["run_id"])
    collector.answers.set()
    wait_for("the end of the exporter", lambda: not exporters(), 60)


def exporters() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "telemetry"]


def test_without_the_extra_a_run_says_what_to_install(
    shop: Workshop, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "clevertap_import.orchestration.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.metrics", None)
    (line,) = shop.run("people")
    assert line["status"] == "Success"
    assert logged(shop, line["run_id"]).count(NOT_INSTALLED) == 1
    assert collector.asked == []


def test_the_state_of_all_imports_is_what_the_command_prints(shop: Workshop, collector: Collector) -> None:
    shop.write("draft", window="fortnight")
    shop.run("people")
    imports, now = load_folder(shop.folder), datetime.now(UTC)
    state_signals.cache_clear()
    for moment in (now, now + timedelta(minutes=1)):
        states = import_states(shop.instance, imports, moment)
        assert export_states(Situation(shop.instance, imports, states, moment)) is None
    sent = {key: value for key, value in collector.metrics.items() if "window_lag" not in key[0]}
    families = text_string_to_metric_families(metrics(shop.instance, imports))  # type: ignore[no-untyped-call]
    printed = {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
        if "window_lag" not in sample.name
    }
    runs_own = ("clevertap_import_request", "clevertap_import_run_rows")
    assert {key: value for key, value in sent.items() if not key[0].startswith(runs_own)} == printed
    assert sent["clevertap_import_rows_total", "people", "accepted"] == 2


@pytest.mark.parametrize(
    ("variables", "signals"),
    [
        ({}, set()),
        ({ENDPOINT: "http://x"}, {"METRICS", "TRACES"}),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, {"TRACES"}),
        ({ENDPOINT: "http://x", "OTEL_METRICS_EXPORTER": "none"}, {"TRACES"}),
        ({ENDPOINT: "http://x", "OTEL_SDK_DISABLED": "true"}, set()),
        ({ENDPOINT: ""}, set()),
    ],
)
def test_what_is_exported_is_what_the_variables_name(variables: dict[str, str], signals: set[str]) -> None:
    assert wanted(variables) == signals
