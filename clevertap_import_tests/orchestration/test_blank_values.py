"""Blank cells and events of the future: counted, and shown where people look."""

from datetime import UTC, datetime, timedelta

from clevertap_import.orchestration.dry_run import dry_run
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.testing.workshop import Workshop, profiles_target

NOW = datetime.now(UTC)


def checked(workshop: Workshop, nickname: str) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """The document of a dry run, and its checks by name."""
    config = load_folder(workshop.folder).called(nickname).config
    document = dry_run(workshop.instance, config, rows=None, all_rows=True, notify=lambda _: None).document
    return document, {check["name"]: check for check in document["checks"]}


def test_a_table_full_of_blank_addresses_is_sent_and_reported(workshop: Workshop) -> None:
    workshop.write("blanks", target=profiles_target(Email="NAME"))
    workshop.people([("a", "a@example.com", NOW), ("b", "", NOW), ("c", " \t", NOW), ("d", None, NOW)])
    document, checks = checked(workshop, "blanks")
    assert (document["passed"], document["blank_values"], document["future_events"]) == (True, 2, 0)
    message = "4 rows checked, no problem. Blank cells that count as NULL: 2 (Email: 2)."
    assert (checks["mapping"]["passed"], checks["mapping"]["description"]) == (True, message)
    (line,) = workshop.run("blanks")
    assert (line["health"], line["total_records"], line["blank_values"]) == (100.0, 4, 2)
    assert workshop.observed("blanks")["blank_values"] == 2
    assert {name: list(each["properties"]) for name, each in workshop.clevertap.profiles().items()} == {
        "a": ["Email"],
        "b": [],
        "c": [],
        "d": [],
    }


def test_blank_addresses_that_delete_those_of_persons_are_reported_so(workshop: Workshop) -> None:
    workshop.write("emptied", target=profiles_target(Email="NAME"), on_null="delete")
    workshop.people([("a", "a@example.com", NOW), ("b", "", NOW)])
    _, checks = checked(workshop, "emptied")
    message = "NULL: 1 (Email: 1). They delete the property, by on_null: delete, in Email."
    assert str(checks["mapping"]["description"]).endswith(message)


def test_blank_addresses_stop_an_import_that_calls_them_invalid(workshop: Workshop) -> None:
    workshop.write("strict", target=profiles_target(Email="NAME"), on_blank="invalid")
    workshop.people([("a", "a@example.com", NOW), ("b", "", NOW)])
    (line,) = workshop.run("strict")
    assert (line["status"], line["invalid"], line["blank_values"]) == ("Failed", 1, 0)


def test_events_of_the_future_are_sent_and_reported(workshop: Workshop) -> None:
    target = {
        "kind": "events",
        "identity": {"column": "ID"},
        "event_name": {"constant": "Order Paid"},
        "created_on": {"column": "AT"},
    }
    source = {"kind": "sql", "sql": "select ID, to_timestamp_ntz(NAME) as AT, UPDATED_AT from T"}
    workshop.write("ahead", target=target, source=source)
    times = {"a": NOW - timedelta(days=1), "b": NOW + timedelta(minutes=1), "c": NOW + timedelta(days=3650)}
    workshop.people([(key, f"{at:%Y-%m-%d %H:%M:%S}", NOW) for key, at in times.items()])
    document, checks = checked(workshop, "ahead")
    assert (document["passed"], document["future_events"]) == (True, 1)
    assert "Events whose time is in the future: 1;" in str(checks["mapping"]["description"])
    (line,) = workshop.run("ahead")
    assert (line["health"], line["future_events"]) == (100.0, 1)
    assert workshop.observed("ahead")["future_events"] == 1
