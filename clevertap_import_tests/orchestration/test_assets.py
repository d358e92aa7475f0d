"""An import as an asset, materialized by Dagster's executor from a local Snowflake into a local CleverTap."""

import csv
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import pytest

from clevertap_import.orchestration.assets import import_asset
from clevertap_import.orchestration.code_location import code_references
from clevertap_import.orchestration.resources import journal_database
from clevertap_import_tests.testing.builders import profiles, profiles_import, unsettled
from clevertap_import_tests.testing.workshop import (
    Workshop,
    daily_windows,
    days_ago,
    days_of_today,
    metadata_of,
    was_today,
)

NOW = datetime.now(UTC).replace(tzinfo=None)
TODAY = datetime.combine(days_ago(0), time())
WINDOWS = [f"{days_ago(2)}", f"{days_ago(1)}", f"{days_ago(0)}"]
# Yesterday, the day before, and long ago: all three days' windows, the first of them open to the left.
SHOPPERS: list[tuple[str | None, str | None, datetime]] = [
    ("a", "Asha", TODAY - timedelta(days=900)),
    ("b", "Zoë", TODAY - timedelta(hours=30)),
    ("c", "Ravi", TODAY - timedelta(hours=2)),
]
PROMISED = {
    *("total_records", "successful", "failed", "unchanged", "invalid", "rejected", "uncertain", "superseded"),
    *("health_percent", "window_end", "seconds", "records_per_second", "query_id", "errors_by_code"),
    "dagster/row_count",
}


DEFINED: dict[str, object] = {
    "group": "clevertap_profiles",
    "kinds": {"snowflake", "clevertap"},
    "owners": ["growth@example.com"],
    "tags": {
        "clevertap/sync_type": "profiles",
        "clevertap/frequency": "every",
        "clevertap/account": "emea",
    },
    "upstream": {"shop/public/a", "shop/public/b"},
    "description": "Customers",
    "skippable": True,
    "checks": {
        "query": True,
        "identity": True,
        "mapping": True,
        "limits": True,
        "clevertap": True,
        "impact": False,
        "delivered": False,
        "on_time": False,
    },
    "backfill": dg.BackfillPolicy.single_run(),
    "reference": ("/imports/customers.yaml", 3),
}
"""Written by hand: a change here changes other people's lineage, alerts and dashboards."""


def defined() -> dg.AssetsDefinition:
    config = profiles_import(
        {"column": "NAME", "property": "Name"},
        title="Customers",
        created_by="growth@example.com",
        source={"kind": "sql", "sql": "select * from SHOP.PUBLIC.A join SHOP.PUBLIC.B using (ID)"},
        updated_on={"column": "UPDATED_AT"},
        start="2026-11-01",
        window="hour",
        schedule={"kind": "every", "every": "6 hours"},
        account="emea",
    )
    return import_asset(config, code_references("/imports/customers.yaml", 3))


def test_the_definitions_are_those_that_users_build_on() -> None:
    asset = defined()
    ((key, spec),) = asset.specs_by_key.items()
    assert key == dg.AssetKey(["clevertap", "import_under_test"])
    (reference,) = spec.metadata["dagster/code_references"].code_references
    assert {
        "group": spec.group_name,
        "kinds": spec.kinds,
        "owners": list(spec.owners),
        "tags": {name: value for name, value in spec.tags.items() if name.startswith("clevertap/")},
        "upstream": {dep.asset_key.to_user_string() for dep in spec.deps},
        "description": (spec.description or "").partition("\n")[0],
        "skippable": spec.skippable,
        "checks": {each.name: each.blocking for each in asset.check_specs},
        "backfill": asset.backfill_policy,
        "reference": (reference.file_path, reference.line_number),
    } == DEFINED


def test_the_windows_of_an_import_are_its_partitions() -> None:
    assert defined().partitions_def == dg.TimeWindowPartitionsDefinition(
        cron_schedule="0 * * * *",
        start=datetime(2026, 11, 1, tzinfo=UTC),
        fmt="%Y-%m-%d-%H:%M",
        timezone="UTC",
        end_offset=1,
    )


def import_queries(workshop: Workshop) -> list[str]:
    """The texts of the queries that read T for an import."""
    return [text for text in workshop.snowflake.queries() if "from T" in text and text.startswith("select")]


def materialized(workshop: Workshop, nickname: str) -> list[str | None]:
    return [record.partition_key for record in workshop.materializations(nickname)]


def test_a_range_of_windows_is_one_run_one_query_and_a_materialization_each(workshop: Workshop) -> None:
    workshop.write("one_run")
    workshop.people(SHOPPERS)
    workshop.snowflake.reset_queries()
    (line,) = workshop.run("one_run")
    assert (line["status"], line["problem"]) == ("Success", None)
    assert len(import_queries(workshop)) == 1
    assert materialized(workshop, "one_run") in daily_windows(2)
    assert {record.run_id for record in workshop.materializations("one_run")} == {line["run_id"]}
    assert {key: found["properties"] for key, found in workshop.clevertap.profiles().items()} == {
        "a": {"Name": "Asha"},
        "b": {"Name": "Zoë"},
        "c": {"Name": "Ravi"},
    }


def test_a_query_is_tagged_with_the_import_and_the_run(workshop: Workshop) -> None:
    workshop.write("tagged")
    workshop.people(SHOPPERS)
    workshop.snowflake.reset_queries()
    (line,) = workshop.run("tagged")
    tags = {query["query_tag"] for query in workshop.snowflake.received()["queries"]}
    assert tags == {f"clevertap_import:tagged:{line['run_id']}"}


def test_metadata_is_what_is_promised(workshop: Workshop) -> None:
    """Two rows of one identity, one row without, one that CleverTap refuses, two that it takes."""
    workshop.write("told", dry_run={"max_rejected_percent": 50})
    newer = ("a", "Asha the second", TODAY - timedelta(hours=3))
    workshop.people([*SHOPPERS, newer, (None, "Nobody", TODAY - timedelta(hours=4))])
    workshop.clevertap.faults([{"kind": "reject", "identities": ["c"], "code": 515, "error": "Not so"}])
    (line,) = workshop.run("told")
    found = workshop.observed("told")
    assert found.keys() >= PROMISED | {"rejects_file"}
    counts = {name: found[name] for name in PROMISED if isinstance(found[name], int)}
    assert counts == {
        "total_records": 5,
        "successful": 2,
        "failed": 2,
        "unchanged": 0,
        "invalid": 1,
        "rejected": 1,
        "uncertain": 0,
        "superseded": 1,
        "dagster/row_count": 2,
    }
    assert found["health_percent"] == 50.0
    assert found["window_end"] == (TODAY + timedelta(days=1)).replace(tzinfo=UTC).timestamp()
    assert found["seconds"] > 0
    assert found["records_per_second"] > 0
    assert found["query_id"] == line["query_id"]
    assert [(row["code"], row["rows"]) for row in found["errors_by_code"]] == [("523", 1), ("515", 1)]


def test_rows_with_strange_times_are_counted(workshop: Workshop) -> None:
    """NULL comes with the first window; a row of the future is sent; a late one is found by the lookback."""
    workshop.write("strange", updated_on={"column": "UPDATED_AT", "lookback": "1 day"})
    workshop.people([*SHOPPERS, ("f", "From tomorrow", TODAY + timedelta(hours=23, minutes=59, seconds=59))])
    workshop.sql("insert into T values ('n', 'Never', null)")
    workshop.run("strange")
    first = workshop.observed("strange")
    late = ("l", "Late", TODAY - timedelta(hours=5))
    workshop.add_people([late])
    workshop.sql("insert into T values ('o', 'Only with --full', null)")
    workshop.run("strange")
    second = workshop.observed("strange")
    names = ("total_records", "accepted", "rows_without_updated_on", "future_rows", "late_rows")
    # After a midnight the last second of that day is in the past.
    in_future = first["future_rows"] if len(days_of_today()) > 1 else 1
    assert [first[name] for name in names] == [5, 5, 1, in_future, 0]
    assert [second[name] for name in names] == [3, 1, 0, second["future_rows"], 1]
    assert second["future_rows"] <= in_future
    assert sorted(workshop.clevertap.profiles()) == ["a", "b", "c", "f", "l", "n"]


def test_the_first_window_has_no_start_and_later_ones_have(workshop: Workshop) -> None:
    workshop.write("starts")
    workshop.people(SHOPPERS)
    yesterday = (TODAY - timedelta(days=1)).replace(tzinfo=UTC)
    workshop.run("starts", start=yesterday - timedelta(days=1))
    workshop.run("starts", start=yesterday)
    first, second = map(metadata_of, workshop.materializations("starts"))
    assert "window_start" not in first
    assert second["window_start"] == yesterday.timestamp()
    assert second["window_end"] == (yesterday + timedelta(days=1)).timestamp()


def test_a_finished_window_is_sent_once_and_then_only_what_changed(workshop: Workshop) -> None:
    workshop.write("again")
    yesterday = TODAY - timedelta(hours=12)
    workshop.people([(f"p{number:02d}", "Asha", yesterday) for number in range(50)])
    again = {"start": yesterday.replace(tzinfo=UTC)}
    first, second = (workshop.run("again", **again)[0] for _ in range(2))
    assert (first["successful_syncs"], first["unchanged"]) == (50, 0)
    assert (second["successful_syncs"], second["unchanged"]) == (50, 50)
    assert workshop.clevertap.counters()["records_accepted"] == 50
    workshop.sql(f"update T set NAME = 'Zoë', UPDATED_AT = '{NOW:%Y-%m-%d %H:%M:%S}' where ID < 'p10'")
    third = workshop.run("again")
    assert [(line["successful_syncs"], line["unchanged"]) for line in third] == [(0, 0), (10, 0)]
    assert workshop.clevertap.counters()["records_accepted"] == 60
    names = {key: found["properties"]["Name"] for key, found in workshop.clevertap.profiles().items()}
    assert names == {f"p{number:02d}": "Zoë" if number < 10 else "Asha" for number in range(50)}


def test_a_window_whose_rows_are_done_is_not_run_again(workshop: Workshop) -> None:
    workshop.write("rest")
    workshop.people(SHOPPERS)
    workshop.run("rest")
    workshop.snowflake.reset_queries()
    (line,) = workshop.run("rest")
    windows = materialized(workshop, "rest")
    assert windows[:3] == WINDOWS
    assert len(windows) > 3
    assert all(was_today(str(window)) for window in windows[2:])
    assert (line["total_records"], workshop.clevertap.counters()["records_accepted"]) == (0, 3)


def test_force_sends_all(workshop: Workshop) -> None:
    workshop.write("forced")
    workshop.people(SHOPPERS)
    workshop.run("forced")
    (line,) = workshop.run("forced", full=True, force=True)
    assert (line["successful_syncs"], line["unchanged"]) == (3, 0)
    assert workshop.clevertap.counters()["records_accepted"] == 6


def test_a_limit_sends_that_many_and_marks_nothing_done(workshop: Workshop) -> None:
    workshop.write("limited")
    workshop.people(SHOPPERS)
    (line,) = workshop.run("limited", limit=2)
    assert (line["status"], line["total_records"], line["successful_syncs"]) == ("Success", 2, 2)
    assert materialized(workshop, "limited") == []
    assert len(workshop.clevertap.profiles()) == 2
    (rest,) = workshop.run("limited")
    assert (rest["successful_syncs"], rest["unchanged"]) == (3, 2)
    assert materialized(workshop, "limited") in daily_windows(2)


def test_only_a_run_without_limit_settles_what_earlier_runs_left_open(workshop: Workshop) -> None:
    workshop.write("lost")
    workshop.people(SHOPPERS)
    with journal_database().open() as journal:
        journal.begin("lost", "an earlier run", profiles("ann"))
        workshop.run("lost", limit=2)
        assert unsettled(journal, "lost") == 1
        workshop.run("lost")
        assert unsettled(journal, "lost") == 0


def test_a_partial_answer_gives_the_rejected_rows(workshop: Workshop) -> None:
    # CleverTap's own dry run refuses the same two, and may.
    workshop.write("partial", dry_run={"max_rejected_percent": 100})
    workshop.people([(f"p{number}", "Asha", TODAY) for number in range(6)])
    workshop.clevertap.faults(
        [
            {"kind": "reject", "identities": ["p1"], "code": 515, "error": "Email is not so"},
            {"kind": "reject", "identities": ["p4"], "code": 514, "error": "Gender is not so"},
        ]
    )
    (line,) = workshop.run("partial")
    assert (line["status"], line["successful_syncs"], line["rejected"]) == ("Success", 4, 2)
    assert line["health"] == 66.66
    assert sorted(workshop.clevertap.profiles()) == ["p0", "p2", "p3", "p5"]
    path = Path(workshop.observed("partial")["rejects_file"])
    with path.open(newline="", encoding="utf-8") as file:
        rejects = {row["identity"]: row for row in csv.DictReader(file)}
    rejections = {key: (row["code"], row["reason"]) for key, row in rejects.items()}
    assert rejections == {"p1": ("515", "Email is not so"), "p4": ("514", "Gender is not so")}
    # The rows come in no order of their own; what is promised is that each has a number, its own.
    numbers = {int(row["row_number"]) for row in rejects.values()}
    assert len(numbers) == 2
    assert numbers <= set(range(1, 7))
    assert path.stat().st_mode & 0o077 == 0


def test_a_refused_passcode_stops_the_run_and_the_window_is_not_done(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{workshop.name.upper()}_PASSCODE", "another-passcode")
    workshop.write("refused")
    workshop.people(SHOPPERS)
    (line,) = workshop.run("refused")
    assert (line["status"], line["successful_syncs"]) == ("Failed", 0)
    assert line["problem"].startswith("CleverTap answered HTTP 401")
    assert "another-passcode" not in line["problem"]
    assert materialized(workshop, "refused") == []


def test_a_full_import_reads_all_and_skips_what_is_the_same(workshop: Workshop) -> None:
    workshop.write("whole", updated_on=None, start=None)
    workshop.people(SHOPPERS)
    (first,) = workshop.run("whole")
    (second,) = workshop.run("whole")
    assert (first["successful_syncs"], first["unchanged"]) == (3, 0)
    assert (second["successful_syncs"], second["unchanged"]) == (3, 3)
    assert materialized(workshop, "whole") == [None, None]
