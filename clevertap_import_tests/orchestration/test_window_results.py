"""What a run says to Dagster of each of its windows."""

from datetime import UTC, datetime, time, timedelta

from clevertap_import.orchestration.metadata import OF_WINDOWS
from clevertap_import_tests.testing.workshop import Workshop, days_ago, metadata_of

TODAY = datetime.combine(days_ago(0), time())
WINDOWS = [f"{days_ago(2)}", f"{days_ago(1)}", f"{days_ago(0)}"]


def test_a_window_has_the_counts_of_its_own_rows(workshop: Workshop) -> None:
    """Of three days; then of the last, whose lookback reads the second day again."""
    workshop.write(
        "counted",
        updated_on={"column": "UPDATED_AT", "lookback": "1 day"},
        dry_run={"max_rejected_percent": 100},
    )
    yesterday = TODAY - timedelta(hours=12)
    workshop.people(
        [("a", "Asha", TODAY - timedelta(hours=36)), ("b", "Ravi", yesterday), ("c", "Zoë", TODAY)]
    )
    workshop.add_people([("c", "Zo", yesterday), (None, "Nobody", yesterday), ("d", "Dan", yesterday)])
    workshop.clevertap.faults([{"kind": "reject", "identities": ["d"], "code": 515, "error": "Not so"}])
    (line,) = workshop.run("counted")
    names = (
        "total_records",
        "accepted",
        "unchanged",
        "invalid",
        "rejected",
        "superseded",
        "dagster/row_count",
    )
    found = {record.partition_key: metadata_of(record) for record in workshop.materializations("counted")}
    assert set(found[WINDOWS[1]]) == set(OF_WINDOWS)
    assert [found[WINDOWS[1]][name] for name in names] == [3, 1, 0, 1, 1, 0, 1]
    assert found[WINDOWS[1]]["health_percent"] == 33.33
    assert found[WINDOWS[1]]["window_result"].startswith("33.33 % healthy: 1 of 3 rows are")
    assert {next(iter(each)) for each in found.values()} == {"result"}
    assert {each["result"].split(":")[0] for each in found.values()} == {"60 % healthy"}
    assert sorted(row["code"] for row in found[WINDOWS[1]]["errors_by_code"]) == ["515", "523"]
    # The older row of a person counts where the newer one is.
    assert [found[WINDOWS[2]][name] for name in names] == [2, 1, 0, 0, 0, 1, 1]
    assert [found[WINDOWS[0]][name] for name in names] == [1, 1, 0, 0, 0, 0, 1]
    assert sum(each["total_records"] for each in found.values()) == line["total_records"]
    workshop.run("counted", start=TODAY.replace(tzinfo=UTC))
    again = {record.partition_key: metadata_of(record) for record in workshop.materializations("counted")}
    assert [again[WINDOWS[2]][name] for name in names[:3]] == [2, 0, 1]
    observed = workshop.observed("counted")
    assert (observed["lookback_rows"], observed["total_records"]) == (3, 5)
