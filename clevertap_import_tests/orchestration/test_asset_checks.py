"""The dry run: asset checks that find what is wrong, say it in tables, and stop a run before it sends."""

from datetime import datetime, time, timedelta
from typing import Any

import dagster as dg

from clevertap_import.clevertap.outcomes import Uncertain
from clevertap_import.clevertap.server_dry_run import unanswered
from clevertap_import.mapping.rejection_codes import CODES
from clevertap_import.orchestration.names import asset_key
from clevertap_import_tests.testing.workshop import (
    Workshop,
    days_ago,
    profiles_target,
    table_rows,
)

CHECKS = ("query", "identity", "mapping", "limits", "clevertap", "impact")
TODAY = datetime.combine(days_ago(0), time())
SHOPPERS: list[tuple[str | None, str | None, datetime]] = [
    ("a", "Asha", TODAY - timedelta(days=900)),
    ("b", "Zoë", TODAY - timedelta(hours=30)),
    ("c", "Ravi", TODAY - timedelta(hours=2)),
]


def check_only(workshop: Workshop, nickname: str) -> dg.ExecuteInProcessResult:
    defs = workshop.definitions()
    key = asset_key(nickname)
    return dg.materialize(
        [defs.resolve_assets_def(key)],
        selection=dg.AssetSelection.checks_for_assets(key),
        instance=workshop.instance,
        raise_on_error=False,
    )


def evaluated(workshop: Workshop, nickname: str) -> dict[str, dg.AssetCheckEvaluation]:
    """What "Execute checks" of the UI finds, by check."""
    result = check_only(workshop, nickname)
    return {each.check_name: each for each in result.get_asset_check_evaluations()}


def sent(workshop: Workshop) -> tuple[int, dict[str, Any]]:
    """How many records CleverTap took, and whom it knows."""
    return workshop.clevertap.counters()["records_accepted"], workshop.clevertap.profiles()


def test_only_the_checks_send_and_materialize_nothing(workshop: Workshop) -> None:
    workshop.write("checked")
    workshop.people(SHOPPERS)
    passed = {name: each.passed for name, each in evaluated(workshop, "checked").items()}
    assert passed == dict.fromkeys((*CHECKS, "delivered", "on_time"), True)
    assert workshop.materializations("checked") == []
    counters = workshop.clevertap.counters()
    assert (counters["dry_runs"], counters["records_accepted"]) == (1, 0)
    assert workshop.clevertap.profiles() == {}


def test_a_check_shows_its_problems_in_a_table(workshop: Workshop) -> None:
    workshop.write("problems")
    workshop.people([(str(number), "Asha", TODAY) for number in range(1, 40)] + [("null", "Nobody", TODAY)])
    identity = evaluated(workshop, "problems")["identity"]
    assert (identity.passed, identity.severity) == (False, dg.AssetCheckSeverity.WARN)
    (problem,) = table_rows(identity.metadata["problems"])
    assert 1 <= problem.pop("example_row") <= 40
    assert problem == {
        "result": "error",
        "column": "ID",
        "property": "identity",
        "type": "string",
        "code": "523",
        "reason": CODES["523"].reason,
        "rows": 1,
    }


def test_too_many_invalid_rows_send_nothing_and_say_so(workshop: Workshop) -> None:
    workshop.write("blocked", dry_run={"max_rejected_percent": 20})
    workshop.people([*SHOPPERS, ("null", "Nobody", TODAY)])
    (line,) = workshop.run("blocked")
    assert (line["status"], line["health_state"]) == ("Failed", "failed")
    assert line["problem"] == (
        "1 of 4 rows are not fit for CleverTap, and 'blocked' admits 20 %. Nothing was sent."
        " The checks say what is wrong where."
    )
    assert workshop.materializations("blocked") == []
    assert sent(workshop) == (0, {})


def test_an_import_that_admits_no_wrong_row_says_so(workshop: Workshop) -> None:
    workshop.write("strict", on_invalid="fail")
    workshop.people([*SHOPPERS, ("null", "Nobody", TODAY)])
    (line,) = workshop.run("strict")
    assert "1 of 4 rows are not fit for CleverTap, and 'strict' admits none." in line["problem"]
    assert sent(workshop) == (0, {})


def test_a_missing_column_fails_the_query_check_and_the_run(workshop: Workshop) -> None:
    workshop.write("missing", target=profiles_target(Name="NAMES"))
    workshop.people(SHOPPERS)
    (line,) = workshop.run("missing")
    assert line["status"] == "Failed"
    assert "No column 'NAMES'" in line["problem"]
    assert "Did you mean 'NAME'?" in line["problem"]
    checks = evaluated(workshop, "missing")
    assert list(checks) == ["query"]
    query = checks["query"]
    assert (query.passed, query.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "No column 'NAMES'" in str(query.description)


def test_a_dry_run_counts_rows_of_the_future_and_without_updated_on(workshop: Workshop) -> None:
    workshop.write("future")
    workshop.people([*SHOPPERS, ("f", "Fay", TODAY + timedelta(days=400))])
    workshop.sql("insert into T values ('n', 'Never', null)")
    query = evaluated(workshop, "future")["query"]
    assert query.passed
    assert (query.description or "").endswith(
        "Rows of which Updated On is in the future: 1; they come with their windows."
    )
    found = {name: query.metadata[name].value for name in ("rows_without_updated_on", "future_rows")}
    assert found == {"rows_without_updated_on": 1, "future_rows": 1}


def test_clevertaps_own_dry_run_blocks_a_run_and_says_why(workshop: Workshop) -> None:
    workshop.write("tried", dry_run={"max_rejected_percent": 30})
    workshop.people(SHOPPERS)
    workshop.clevertap.faults([{"kind": "reject", "identities": ["b"], "code": 528, "error": "Discarded"}])
    clevertap = evaluated(workshop, "tried")["clevertap"]
    assert (clevertap.passed, clevertap.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert clevertap.description == "CleverTap's own dry run: 3 records tried, 1 refused."
    (problem,) = table_rows(clevertap.metadata["problems"])
    assert (problem["code"], problem["reason"], problem["rows"]) == ("528", "Discarded", 1)
    (line,) = workshop.run("tried")
    assert (line["status"], line["problem"]) == ("Failed", clevertap.description)
    assert workshop.materializations("tried") == []
    assert sent(workshop) == (0, {})


def test_clevertaps_words_about_a_record_show_no_value_of_it(workshop: Workshop) -> None:
    workshop.write("quoted", dry_run={"max_rejected_percent": 50})
    workshop.people([("asha-1041", "Asha", TODAY), ("b", "Zoë", TODAY)])
    error = "No profile asha-1041 of Asha here"
    workshop.clevertap.faults([{"kind": "reject", "identities": ["asha-1041"], "code": 528, "error": error}])
    (problem,) = table_rows(evaluated(workshop, "quoted")["clevertap"].metadata["problems"])
    workshop.run("quoted")
    (row,) = workshop.observed("quoted")["errors_by_code"]
    assert problem["reason"] == row["reason"] == "No profile ... of ... here"


def test_a_dry_run_that_clevertap_refuses_looks_nobody_up(workshop: Workshop) -> None:
    workshop.write("refused")
    workshop.people(SHOPPERS)
    workshop.clevertap.faults([{"kind": "status", "status": 401, "times": 9}])
    found = evaluated(workshop, "refused")
    clevertap, impact = found["clevertap"], found["impact"]
    assert (clevertap.passed, clevertap.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert str(clevertap.description).startswith("CleverTap answered HTTP 401")
    assert str(clevertap.description).endswith("Nothing was stored.")
    assert impact.passed
    assert "looked_up" not in impact.metadata


def test_lost_answers_to_a_dry_run_are_not_reported_like_those_to_a_delivery() -> None:
    assert unanswered(Uncertain("HTTP 500")) == (
        "CleverTap's own dry run was not answered: HTTP 500. Nothing was stored."
        " Run again when CleverTap works."
    )


def test_impact_counts_new_changed_and_unchanged_and_whom_clevertap_knows(workshop: Workshop) -> None:
    workshop.write("impact")
    yesterday = TODAY - timedelta(hours=12)
    workshop.people([(key, "Asha", yesterday) for key in "abc"])
    workshop.run("impact")
    workshop.sql("update T set NAME = 'Zoë' where ID = 'a'")
    workshop.add_people([("d", "Ravi", yesterday)])
    impact = evaluated(workshop, "impact")["impact"]
    assert (impact.passed, impact.blocking) == (True, False)
    found = {name: value.value for name, value in impact.metadata.items()}
    assert found == {
        "rows_checked": 4,
        "new": 1,
        "changed": 1,
        "unchanged": 2,
        "looked_up": 2,
        "would_update": 1,
        "would_create": 1,
    }
    assert workshop.observed("impact")["successful"] == 3


def test_values_are_masked_unless_the_import_shows_them(workshop: Workshop) -> None:
    target = profiles_target(Phone="NAME")
    workshop.people([("a", "not a phone", TODAY)])
    for nickname, shows in (("masked", False), ("shown", True)):
        workshop.write(nickname, target=target, show_values=shows)
        (problem,) = table_rows(evaluated(workshop, nickname)["mapping"].metadata["problems"])
        assert (problem["code"], problem["column"], problem["property"]) == ("516", "NAME", "Phone")
        assert ("not a phone" in problem["reason"]) == shows
