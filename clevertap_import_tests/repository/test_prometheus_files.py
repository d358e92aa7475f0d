"""The dashboard and the rules in deploy/ ask only for metrics that exist, and each rule says what to do."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES, DASHBOARD = DEPLOY / "alert-rules.yaml", DEPLOY / "grafana-dashboard.json"
REFERENCE = DEPLOY.parent / "docs" / "reference.md"
PROMTOOL = shutil.which("promtool")

NODE_EXPORTERS = {"node_textfile_mtime_seconds"}
"""What node exporter itself says of the file with our metrics."""


def metrics_that_exist() -> set[str]:
    return {
        *re.findall(r"^\| `(clevertap_import_\w+)` \|", REFERENCE.read_text(), re.MULTILINE),
        *NODE_EXPORTERS,
    }


def metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:clevertap_import|node)_\w+", re.sub(r'"[^"]*"', "", expression)))


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in dashboard()["panels"] for target in panel["targets"])
    yield from (each["definition"] for each in dashboard()["templating"]["list"] if "definition" in each)


@pytest.mark.parametrize("expression", expressions())
def test_each_metric_exists(expression: str) -> None:
    assert metrics_in(expression)
    assert metrics_in(expression) <= metrics_that_exist()
    outcomes = re.findall(r'outcome=~?"([^"]*)"', expression)
    known = {"accepted", "unchanged", "invalid", "rejected", "uncertain", "superseded"}
    assert {word for each in outcomes for word in each.split("|")} <= known


def test_each_rule_has_a_severity_and_words() -> None:
    for rule in rules():
        assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_the_dashboard_asks_the_prometheus_that_its_reader_chose() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    asked = [panel["datasource"] for panel in panels]
    asked += [target["datasource"] for panel in panels for target in panel["targets"]]
    assert all(each == {"type": "prometheus", "uid": "${datasource}"} for each in asked)
    names = [each["name"] for each in dashboard()["templating"]["list"]]
    assert names == ["datasource", "import"]


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool here; to run it: apt-get install prometheus")
def test_prometheus_reads_the_rules() -> None:
    done = subprocess.run(
        [str(PROMTOOL), "check", "rules", RULES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
