"""What the fake CleverTap stores, and what lookups show of it."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from clevertap_import_tests.testing.fixtures_clevertap import (
    FakeCleverTap,
    event,
    profile,
    running_fake_clevertap,
)


def device(object_id: str, **properties: object) -> dict[str, Any]:
    """A profile record that names a device and no user."""
    return {"type": "profile", "objectId": object_id, "profileData": properties}


def test_a_dry_run_answers_the_same_and_stores_nothing(fake_clevertap: FakeCleverTap) -> None:
    batch = [profile("a", Plan="gold", **{"a.b": 1}), profile("b", Email="1234"), event("c")]
    fake_clevertap.knobs(max_in_flight=1, framing="content_length")
    dry = fake_clevertap.upload(*batch, dry_run=True)
    assert (fake_clevertap.profiles(), fake_clevertap.events(), fake_clevertap.error_stream()) == ({}, [], [])
    counters = fake_clevertap.counters()
    assert (counters["dry_runs"], counters["records_accepted"], counters["peak_in_flight"]) == (1, 0, 1)
    assert fake_clevertap.upload(*batch).text == dry.text
    assert fake_clevertap.profiles().keys() == {"a", "c"}


def test_the_accepted_part_of_a_partial_batch_is_stored(fake_clevertap: FakeCleverTap) -> None:
    answer = fake_clevertap.upload(
        profile("a", Plan="gold"), profile("b", Age="aa"), event("c", ts=0), event("d")
    )
    assert answer.json()["status"] == "partial"
    assert fake_clevertap.profiles().keys() == {"a", "d"}
    assert [entry["identity"] for entry in fake_clevertap.events()] == ["d"]
    assert fake_clevertap.counters()["records_refused"] == {"520": 1, "525": 1}


def test_a_known_profile_keeps_what_an_update_does_not_list(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.upload(profile("a", Plan="gold", City="Sofia"))
    first = fake_clevertap.profiles()["a"]
    fake_clevertap.upload(profile("a", Plan="silver", Age=3))
    second = fake_clevertap.profiles()["a"]
    assert second["properties"] == {"Plan": "silver", "City": "Sofia", "Age": 3}
    assert first["objectId"] == second["objectId"] != ""


def test_a_device_and_a_user_are_linked_by_an_identity_among_the_properties(
    fake_clevertap: FakeCleverTap,
) -> None:
    fake_clevertap.upload(device("dev1", Seen=1))
    assert fake_clevertap.profiles().keys() == {"dev1"}
    fake_clevertap.upload(device("dev1", identity="ann", Plan="gold"))
    shown = fake_clevertap.profiles()
    assert shown.keys() == {"ann"}
    assert (shown["ann"]["objectId"], shown["ann"]["properties"]) == ("dev1", {"Seen": 1, "Plan": "gold"})


def test_a_device_that_joins_a_known_user_brings_its_properties(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.upload(profile("ann", Plan="gold"), device("dev1", Plan="none", Seen=1))
    fake_clevertap.upload(device("dev1", identity="ann"))
    assert fake_clevertap.properties("ann") == {"Plan": "gold", "Seen": 1}
    record = fake_clevertap.lookup(objectId="dev1").json()["record"]
    assert (record["identity"], len(record["platformInfo"])) == ("ann", 2)


@pytest.mark.parametrize(("knob", "is_shared"), [("append", True), ("separate", False)])
def test_a_second_identity_on_a_device_follows_the_knob(
    fake_clevertap: FakeCleverTap, knob: str, is_shared: bool
) -> None:
    fake_clevertap.knobs(second_identity=knob)
    fake_clevertap.upload(device("dev1", identity="ann"), device("dev1", identity="bob", Plan="gold"))
    shown = fake_clevertap.profiles()
    assert shown["bob"]["properties"] == {"Plan": "gold"}
    assert (shown["ann"] == shown["bob"]) is is_shared


def test_an_old_identity_can_be_given_another_name(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.upload(profile("old", Plan="gold"))
    fake_clevertap.upload(profile("old") | {"profileData": {"identity": "new"}})
    fake_clevertap.upload(profile("new", City="Sofia"))
    assert fake_clevertap.properties("old") == {"Plan": "gold", "City": "Sofia"}


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        (None, {"$add": ["a", 1, True]}, ["a", "1", "true"]),
        ("scalar", {"$add": ["a"]}, ["scalar", "a"]),
        (7, {"$add": ["a", "a"]}, ["7", "a"]),
        ({"$set": ["a", "b"]}, {"$add": ["b", "c"]}, ["a", "b", "c"]),
        ({"$set": ["a", "b"]}, {"$set": ["c"]}, ["c"]),
        ({"$set": ["a", "b"]}, {"$remove": ["a"]}, ["b"]),
        ({"$set": ["a"]}, {"$remove": ["a"]}, None),
        ("scalar", {"$remove": ["a"]}, ["scalar"]),
        (5, {"$incr": 2}, 7),
        (5, {"$decr": 2.5}, 2.5),
        (None, {"$decr": 3}, -3),
        ("text", {"$incr": 1}, "text"),
        ("text", {"$delete": 1}, None),
        (None, {"$set": [str(n) for n in range(103)]}, [str(n) for n in range(3, 103)]),
    ],
)
def test_operators_change_what_is_stored(
    fake_clevertap: FakeCleverTap, before: object, change: object, after: object
) -> None:
    if before is not None:
        fake_clevertap.upload(profile("a", x=before))
    fake_clevertap.upload(profile("a", x=change))
    assert fake_clevertap.properties("a").get("x") == after


def test_an_increment_sent_again_counts_again(fake_clevertap: FakeCleverTap) -> None:
    for _ in range(3):
        fake_clevertap.upload(profile("a", Visits={"$incr": 1}))
    assert fake_clevertap.properties("a") == {"Visits": 3}


def test_deleting_can_be_narrowed_to_name_and_gender(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.knobs(delete_scope="name_and_gender")
    fake_clevertap.upload(profile("a", Name="Ann", Plan="gold"))
    fake_clevertap.upload(profile("a", Name={"$delete": 1}, Plan={"$delete": 1}))
    assert fake_clevertap.properties("a") == {"Plan": "gold"}


def test_predefined_properties_do_not_become_lists(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.upload(profile("a", Name={"$add": ["Ann"]}, Tags={"$add": ["x"]}))
    assert fake_clevertap.properties("a") == {"Tags": ["x"]}


def test_events_are_logged_in_order_and_a_batch_sent_again_is_there_twice(
    fake_clevertap: FakeCleverTap,
) -> None:
    batch = [event("a", Total=1), event("b", "Seen", ts=5)]
    fake_clevertap.upload(*batch)
    fake_clevertap.upload(*batch)
    log = fake_clevertap.events()
    assert [(entry["identity"], entry["name"], entry["ts"]) for entry in log[:2]] == [
        ("a", "Order Placed", 1_700_000_000),
        ("b", "Seen", 5),
    ]
    assert [entry["order"] for entry in log] == [1, 2, 3, 4]
    assert [entry["batch"] for entry in log] == [1, 1, 2, 2]
    counters = fake_clevertap.counters()
    assert counters["duplicate_events"] == 2
    assert counters["duplicates_per_event_key"]["b|Seen|5"] == 1
    assert fake_clevertap.profiles().keys() == {"a", "b"}


def test_an_event_without_a_time_gets_its_time_of_arrival(fake_clevertap: FakeCleverTap) -> None:
    record = event("a")
    del record["ts"]
    fake_clevertap.upload(record, record)
    assert fake_clevertap.events()[0]["ts"] > 1_700_000_000
    assert fake_clevertap.counters()["duplicate_events"] == 1


def test_only_well_formed_dates_are_dates(fake_clevertap: FakeCleverTap) -> None:
    values = {
        "Born": "$D_-86400",
        "Bad": "$D_x",
        "Text": "x",
        "Flag": True,
        "Count": 1,
        "Many": {"$add": ["a"]},
    }
    fake_clevertap.upload(profile("a", **values), event("a", When="$D_1", Never="$D_"))
    shown = fake_clevertap.profiles()["a"]
    assert (shown["properties"]["Born"], shown["properties"]["Bad"]) == ("$D_-86400", "$D_x")
    kinds = {
        "Born": "date",
        "Bad": "string",
        "Text": "string",
        "Flag": "boolean",
        "Count": "number",
        "Many": "list",
    }
    assert shown["types"] == kinds
    assert fake_clevertap.events()[0]["types"] == {"When": "date", "Never": "string"}


def test_within_a_batch_later_records_win(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.upload(*(profile("a", Plan=n) for n in range(50)))
    assert fake_clevertap.properties("a") == {"Plan": 49}


def test_what_was_accepted_may_not_show_yet(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.upload(profile("old", Plan="gold"), event("old"))
    fake_clevertap.knobs(visibility_seconds=3600)
    fake_clevertap.upload(profile("old", Plan="silver"), profile("new", Plan="gold"))
    assert fake_clevertap.lookup(identity="new").json()["record"] is None
    assert fake_clevertap.lookup(identity="old").json()["record"]["profileData"] == {"Plan": "gold"}
    assert fake_clevertap.properties("old") == {"Plan": "silver"}
    fake_clevertap.knobs(visibility_seconds=0)
    assert fake_clevertap.lookup(identity="new").json()["record"]["profileData"] == {"Plan": "gold"}
    assert fake_clevertap.lookup(identity="old").json()["record"]["profileData"] == {"Plan": "silver"}


def test_a_lookup_shows_a_profile_as_clevertap_does(fake_clevertap: FakeCleverTap) -> None:
    known = {"Email": "a@example.com", "Name": "Ann", "Phone": "+35922333232"}
    fake_clevertap.upload(profile("a+1", Plan="gold", **known), event("a+1", ts=5), event("a+1", ts=9))
    found = fake_clevertap.lookup(identity="a+1").json()
    assert found["status"] == "success"
    record = found["record"]
    assert (record["identity"], record["email"], record["name"]) == ("a+1", "a@example.com", "Ann")
    assert record["profileData"] == {"Plan": "gold"}
    assert record["events"] == {"Order Placed": {"count": 2, "first_seen": 5, "last_seen": 9}}
    object_id = record["platformInfo"][0]["objectId"]
    for query in ({"email": "a@example.com"}, {"objectId": object_id}):
        assert fake_clevertap.lookup(**query).json() == found


@pytest.mark.parametrize(("knob", "status"), [("null_record", 200), ("400", 400), ("404", 404)])
def test_a_missing_profile_is_reported_in_the_style_of_the_knob(
    fake_clevertap: FakeCleverTap, knob: str, status: int
) -> None:
    fake_clevertap.knobs(not_found=knob)
    answer = fake_clevertap.lookup(identity="nobody")
    assert answer.status_code == status
    if status == 200:
        assert answer.json() == {"status": "success", "record": None}
    else:
        assert answer.json()["status"] == "fail"


def test_events_can_be_counted_by_name(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.upload(
        event("a", "Order Placed"), event("a", "orderplaced"), event("b"), event("b", "Other")
    )
    wanted = b'{"event_name":"Order Placed","from":20200101,"to":20300101}'
    assert fake_clevertap.post(wanted, path="/1/counts/events.json").json() == {
        "status": "success",
        "count": 3,
    }
    assert fake_clevertap.post(wanted, path="/1/counts/profiles.json").json()["count"] == 2


def test_calls_for_one_user_one_after_the_other_do_not_overlap(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.upload(profile("a"), profile("b"))
    fake_clevertap.upload(profile("a"), profile("b"))
    assert fake_clevertap.counters()["same_identity_overlaps"] == 0


def test_state_outlives_the_process(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "clevertap.json"))
    with running_fake_clevertap(*state) as fake:
        fake.upload(
            profile("a", Born="$D_5", Bad="$D_x", **{"a.b": 1}), device("dev1", Seen=1), event("a", Total=2)
        )
        before = (fake.profiles(), fake.events(), fake.error_stream(), fake.counters())
    with running_fake_clevertap(*state) as fake:
        assert (fake.profiles(), fake.events(), fake.error_stream(), fake.counters()) == before
        fake.upload(profile("a", Plan="gold"))
        assert fake.profiles()["a"]["objectId"] == before[0]["a"]["objectId"]
        assert fake.counters()["uploads"] == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_any_moment_ends_it_with_its_state_saved(tmp_path: Path, number: signal.Signals) -> None:
    state = tmp_path / "clevertap.json"
    with running_fake_clevertap("--state", str(state)) as fake:
        # The URL is out, but the server may not yet have begun to serve.
        os.kill(fake.pid, number)
    assert json.loads(state.read_text())["store"]["profiles"] == []


def test_a_process_of_another_account_and_region_can_be_had() -> None:
    options = ("--account-id", "W8W-6WR-884Z", "--passcode", "other", "--region", "in1")
    with running_fake_clevertap(*options) as fake:
        own = {"X-CleverTap-Account-Id": "W8W-6WR-884Z", "X-CleverTap-Passcode": "other"}
        body = b'{"d":[{"type":"profile","identity":"a","profileData":{}}]}'
        assert fake.post(body).json()["error"] == "Account ID is not valid"
        assert fake.post(body, own).status_code == 200
        assert fake.post(body, own | {"Host": "in1.api.clevertap.com"}).status_code == 200
        assert fake.post(body, own | {"Host": "api.clevertap.com"}).json()["error"] == "Invalid Credentials"


def test_an_unknown_knob_is_refused(fake_clevertap: FakeCleverTap) -> None:
    answer = fake_clevertap.post(b'{"max_recrods":5}', path="/_fake/knobs")
    assert answer.status_code == 422
    assert "max_recrods" in answer.json()["error"]


def test_turning_one_knob_leaves_the_others_and_a_reset_turns_all_back(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.knobs(reserved_names=["Mine"])
    fake_clevertap.upload(event("a", "Mine"))
    fake_clevertap.knobs(max_records=1)
    assert fake_clevertap.upload(event("a", "MINE")).json()["status"] == "fail"
    assert fake_clevertap.upload(event("a", "App Launched")).json()["status"] == "success"
    assert fake_clevertap.upload(profile("a"), profile("b")).status_code == 400
    fake_clevertap.reset()
    assert fake_clevertap.counters()["calls"] == 0
    assert fake_clevertap.upload(event("a", "App Launched"), event("a", "Mine")).json()["status"] == "partial"
