"""What list, health, metrics, the report and the UI say of imports in every state: they all agree."""

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner, Result
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from clevertap_import.cli.main import main
from clevertap_import.monitoring.alert_messages import WORDS
from clevertap_import.orchestration.alerts import send_alerts
from clevertap_import.orchestration.import_states import import_states
from clevertap_import.orchestration.monitor import Situation
from clevertap_import.orchestration.names import asset_key
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.testing.alert_office import ON_SQLITE
from clevertap_import_tests.testing.alert_receivers import Receiver
from clevertap_import_tests.testing.read_page import Page
from clevertap_import_tests.testing.thirteen_imports import thirteen_imports
from clevertap_import_tests.testing.workshop import Workshop

pytestmark = pytest.mark.filterwarnings("ignore:.*fetch_planned_materializations.*:DeprecationWarning")


def command(*words: str) -> Result:
    done = CliRunner().invoke(main, words)
    assert isinstance(done.exception, SystemExit | None), done.exc_info
    return done


def printed(*words: str) -> Any:  # noqa: ANN401 - a JSON document
    return json.loads(command(*words, "--json").stdout)


def values(name: str) -> dict[str, float]:
    """A metric of each import that has it."""
    families = text_string_to_metric_families(command("metrics").stdout)  # type: ignore[no-untyped-call]
    samples = [sample for family in families for sample in family.samples]
    wanted = [each for each in samples if each.name == f"clevertap_import_{name}"]
    return {each.labels.get("import", ""): each.value for each in wanted}


NOT_WELL = {"draft", "failing", "twenty"}


# What the databases do differently has tests of its own.
@ON_SQLITE
def test_all_views_of_thirteen_imports_agree(
    commands_workshop: Workshop, tmp_path: Path, hook: Receiver
) -> None:
    with thirteen_imports(commands_workshop):
        listed = {line["nickname"]: line for line in printed("list")}
        expect_states(listed)
        expect_health(listed)
        expect_metrics(listed)
        expect_report(listed, tmp_path / "report.html")
        expect_center(commands_workshop, listed)
        expect_alerts(commands_workshop, hook)
        expect_filters()
        expect_table()


def expect_states(listed: dict[str, Any]) -> None:
    assert {
        name: (line["status"], line["health_state"], line["streak"]) for name, line in listed.items()
    } == {
        "draft": ("Draft", "none", 0),
        "empty": ("Ready", "no_data", 0),
        "failing": ("Ready", "failed", 3),
        "frequent": ("Scheduled", "green", 0),
        "never": ("Scheduled", "none", 0),
        "orders": ("Ready", "yellow", 0),
        "paused": ("Paused", "none", 0),
        "perfect": ("Ready", "green", 0),
        "sixty": ("Ready", "yellow", 0),
        "slow": ("Running", "none", 0),
        "stopped": ("Stopped", "none", 0),
        "throttled": ("Running", "none", 0),
        "twenty": ("Ready", "red", 0),
    }
    assert list(listed)[:3] == ["failing", "draft", "twenty"], "the worst first"
    assert (listed["sixty"]["new_24h"], listed["sixty"]["failed_24h"]) == (3, 2)
    rejects = {name: line["open_rejects"] for name, line in listed.items()}
    assert {name: rows for name, rows in rejects.items() if rows} == {"sixty": 2, "twenty": 4, "orders": 1}
    assert {name: line["progress"]["phase"] for name, line in listed.items() if line["progress"]} == {
        "slow": "send",
        "throttled": "send",
    }
    assert listed["failing"]["why"].startswith("The last 3 runs failed: ")
    assert listed["empty"]["why"] == "The last run read 0 rows; at least 1 are expected."
    assert listed["never"]["next_run"] > datetime.now(UTC).isoformat()
    assert not any(line["late"] for line in listed.values())


def expect_health(listed: dict[str, Any]) -> None:
    done = command("health", "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["ok"], found["daemon"]["alive"]) == (1, False, False)
    assert {line["nickname"]: (line["ok"], line["late"], line["why"]) for line in found["imports"]} == {
        name: (name not in NOT_WELL, line["late"], line["why"]) for name, line in listed.items()
    }


def expect_metrics(listed: dict[str, Any]) -> None:
    assert values("healthy") == {name: float(name not in NOT_WELL) for name in listed}
    assert values("daemon_alive") == {"": 0.0}
    assert values("late") == dict.fromkeys(listed, 0.0)
    assert values("open_rejects") == {name: line["open_rejects"] for name, line in listed.items()}


def expect_report(listed: dict[str, Any], file: Path) -> None:
    done = command("report", "--output", str(file), "--days", "7")
    assert (done.exit_code, file.stat().st_mode & 0o777) == (0, 0o600), done.stderr
    page = Page(file.read_text())
    lines = {line["Import"]: line for line in page.table("All imports")}
    assert list(lines) == list(listed), "the worst first"
    assert {name: line["State"] in ("Well", "Warning") for name, line in lines.items()} == {
        name: name not in NOT_WELL for name in listed
    }
    for column, key in (("New, 24 h", "new_24h"), ("Failed, 24 h", "failed_24h"), ("Open", "open_rejects")):
        assert {name: int(line[column]) for name, line in lines.items()} == {
            name: line[key] for name, line in listed.items()
        }
    assert {line["why"] for line in listed.values() if line["why"]} <= set(page.texts("p"))
    cost = {line["Import"]: int(line["Requests"]) for line in page.table("Cost by import")}
    assert cost["sixty"] == sum(line["requests"] for line in printed("stats", "sixty"))
    assert "failing" not in cost


def expect_alerts(shop: Workshop, hook: Receiver) -> None:
    """Runs of commands alert too; at first all problems are one message."""
    imports, now = load_folder(shop.folder), datetime.now(UTC)
    found = import_states(shop.instance, imports, now)
    environment = {**os.environ, "CLEVERTAP_IMPORT_ALERTS_URL": f"json://{hook.place}/"}
    alerts = sum(len(state.concerns) for state in found)
    situation = Situation(shop.instance, imports, found, now)
    assert send_alerts(situation, environment) == f"{alerts} alerts were sent."
    (received,) = hook.received
    assert {line for line in received["message"].splitlines() if line.startswith("[")} == {
        f"[{each.severity}] {state.nickname}: {WORDS[each.kind]}"
        for state in found
        for each in state.concerns
    }
    assert received["title"].startswith("[critical] ")


def expect_center(workshop: Workshop, listed: dict[str, Any]) -> None:
    """The page and the checks that the sensor writes, in its first evaluation; the second changes nothing."""
    sensor = workshop.definitions().get_repository_def().get_sensor_def("import_center")
    instance = workshop.instance
    first, second = (sensor(dg.build_sensor_context(instance)) for _ in range(2))
    assert isinstance(first, dg.SkipReason)
    assert "clevertap/import_center was written" in str(first.skip_message)
    assert second == dg.SkipReason("Nothing has changed.")
    event = instance.get_latest_materialization_event(asset_key("import_center"))
    assert event
    assert event.asset_materialization
    page = {name: each.value for name, each in event.asset_materialization.metadata.items()}
    assert page["summary"] == (
        "13 imports: 3 are not well, none is late, 7 rejected rows are open, 2 are running."
    )
    assert {name: page[name] for name in ("new_24h", "failed_24h")} == {
        name: sum(line[name] for line in listed.values()) for name in ("new_24h", "failed_24h")
    }
    rows = [line.split("](")[0] for line in str(page["listing"]).splitlines() if "](" in line]
    assert [row.split("[")[1] for row in rows] == [*listed]
    assert checks(instance, ["import_center"], "all_healthy", "none_late", "nothing_open") == {
        ("import_center", "all_healthy"): "ERROR",
        ("import_center", "none_late"): "passed",
        ("import_center", "nothing_open"): "WARN",
    }
    words = {"green": "passed", "no_data": "passed", "yellow": "WARN", "red": "ERROR", "failed": "ERROR"}
    assert checks(instance, [*listed], "delivered", "on_time") == {
        **{
            (name, "delivered"): words[line["health_state"]]
            for name, line in listed.items()
            if line["health_state"] != "none"
        },
        **{(name, "on_time"): "passed" for name in listed if name != "draft"},
    }


def checks(instance: dg.DagsterInstance, names: Iterable[str], *checks: str) -> dict[tuple[str, str], str]:
    """What the UI shows: passed, or how bad it is."""
    keys = [dg.AssetCheckKey(asset_key(name), check) for name in names for check in checks]
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    return {
        (key.asset_key.path[-1], key.name): "passed" if found.passed else found.severity.value
        for key, record in records.items()
        if (found := record.evaluation)
    }


def expect_filters() -> None:
    def names(*words: str) -> set[str]:
        return {line["nickname"] for line in printed("list", *words)}

    assert names("--health", "green", "--health", "FAILED") == {"perfect", "frequent", "failing"}
    assert names("--status", "Draft", "--status", "Paused") == {"draft", "paused"}
    assert names("--owner", "growth@example.com") == {"perfect", "sixty"}
    assert names("--owner", "nobody@example.com") == set()
    assert names("--late") == set()


def expect_table() -> None:
    done = command("list")
    table = done.stdout
    heads = ["Nickname", "Status", "Health", "New 24H", "Open Rejects", "Next", "Why"]
    assert all(head in table for head in heads)
    assert "The last 3 runs failed" in table
    assert "Dagster's daemon does not run, so no schedule starts an import." in done.stderr
