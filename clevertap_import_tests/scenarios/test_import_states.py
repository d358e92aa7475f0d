"""What list, health and metrics say of imports in every state: they all say the same."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner, Result
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from clevertap_import.cli.main import main
from clevertap_import_tests.testing.workshop import Workshop, days_ago, profiles_target

pytestmark = pytest.mark.filterwarnings("ignore:.*fetch_planned_materializations.*:DeprecationWarning")

AT = datetime.combine(days_ago(1), datetime.min.time(), UTC)
EVERY_HOUR = {"kind": "every", "every": "1 hour"}


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
    return {each.labels["import"]: each.value for each in samples if each.name == f"clevertap_import_{name}"}


@pytest.fixture
def states(commands_workshop: Workshop) -> Workshop:
    """Imports that are well, half wrong, failing, without data, paused, new and wrong in their YAML."""
    shop = commands_workshop
    shop.people([("1", "Asha", AT), ("2", "Ravi", AT)])
    shop.sql("create table HALF as select * from T", "insert into HALF select null, NAME, UPDATED_AT from T")
    shop.sql("create table EMPTY as select * from T where 1 = 0")
    admit = {"dry_run": {"max_rejected_percent": 100}}
    shop.write("well")
    shop.write("half", source={"kind": "table", "table": "HALF"}, **admit)
    shop.write("failing", target=profiles_target(Name="NO_SUCH_COLUMN"))
    shop.write("empty", source={"kind": "table", "table": "EMPTY"}, expect={"rows": {"min": 1}})
    shop.write("paused", schedule={**EVERY_HOUR, "active": False})
    shop.write("new", schedule=EVERY_HOUR)
    shop.write("draft", window="month")
    for name in ("well", "half", "failing", "failing", "empty"):
        command("run", name)
    return shop


def test_list_health_and_metrics_agree(states: Workshop) -> None:
    listed = {line["nickname"]: line for line in printed("list")}
    assert {
        name: (line["status"], line["health_state"], line["streak"]) for name, line in listed.items()
    } == {
        "draft": ("Draft", "none", 0),
        "failing": ("Ready", "failed", 2),
        "empty": ("Ready", "no_data", 0),
        "half": ("Ready", "yellow", 0),
        "new": ("Scheduled", "none", 0),
        "paused": ("Paused", "none", 0),
        "well": ("Ready", "green", 0),
    }
    assert list(listed)[:2] == ["draft", "failing"], "the worst first"
    assert (listed["half"]["new_24h"], listed["half"]["failed_24h"]) == (2, 2)
    rejects = {name: line["open_rejects"] for name, line in listed.items()}
    assert rejects == {name: 2 if name == "half" else 0 for name in listed}
    assert {name: line["open_rejects"] for name, line in listed.items() if line["open_rejects"]} == {
        "half": 2
    }
    assert listed["failing"]["why"].startswith("The last 2 runs failed: ")
    assert listed["empty"]["why"] == "The last run read 0 rows; at least 1 are expected."
    assert listed["new"]["next_run"] > datetime.now(UTC).isoformat()
    assert not any(line["late"] for line in listed.values())

    done = command("health", "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["ok"], found["daemon"]["alive"]) == (1, False, False)
    wrong = {"draft", "failing"}
    assert {line["nickname"]: (line["ok"], line["late"], line["why"]) for line in found["imports"]} == {
        name: (name not in wrong, line["late"], line["why"]) for name, line in listed.items()
    }

    assert values("healthy") == {name: float(name not in wrong) for name in listed}
    assert values("late") == dict.fromkeys(listed, 0.0)
    assert values("open_rejects") == rejects


def test_filters_take_several_values_and_the_owner(states: Workshop) -> None:
    def names(*words: str) -> set[str]:
        return {line["nickname"] for line in printed("list", *words)}

    assert names("--health", "green", "--health", "FAILED") == {"well", "failing"}
    assert names("--status", "Draft", "--status", "Paused") == {"draft", "paused"}
    assert names("--owner", "nobody@example.com") == set()
    assert names("--late") == set()


def test_the_table_for_the_morning_fits_a_terminal(states: Workshop) -> None:
    done = command("list")
    table = done.stdout
    heads = ["Nickname", "Status", "Health", "New 24H", "Open Rejects", "Next", "Why"]
    assert all(head in table for head in heads)
    assert "The last 2 runs failed" in table
    assert "Dagster's daemon does not run, so no schedule starts an import." in done.stderr
