"""The fake CleverTap's checks of single records: codes, words, echoes, and what is silently lost."""

from typing import Any

import pytest

from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap, event, profile


def refusals(fake: FakeCleverTap, *records: object) -> list[tuple[int, str]]:
    """Code and words of each refused record."""
    return [(entry["code"], entry["error"]) for entry in fake.upload(*records).json()["unprocessed"]]


def codes(fake: FakeCleverTap, *records: object) -> list[int]:
    """The code of each refused record."""
    return [code for code, _ in refusals(fake, *records)]


BROKEN_FROM_LAST_TO_FIRST = [
    ("Age", "aa", 520),
    ("Married", "223", 519),
    ("Education", "223", 518),
    ("Employed", "223", 517),
    ("Phone", "223", 516),
    ("Email", "1234", 515),
    ("Gender", "GG", 514),
]


def test_the_first_failing_check_wins_in_the_recorded_order(fake_clevertap: FakeCleverTap) -> None:
    record: dict[str, Any] = profile("u1")
    for key, value, code in BROKEN_FROM_LAST_TO_FIRST:
        record["profileData"][key] = value
        assert codes(fake_clevertap, record) == [code]
    for change, code in (({"ts": 0}, 525), ({"objectId": "#"}, 526), ({"identity": ""}, 526)):
        record |= change
        assert codes(fake_clevertap, record) == [code]
    assert codes(fake_clevertap, record | {"objectId": ""}, record | {"type": "person"}) == [523, 524]


def test_event_checks_come_in_order_too(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.knobs(discarded_names=["Old Event"], max_event_properties=2)
    many = {"a": 1, "b": 2, "c": 3}
    assert codes(
        fake_clevertap,
        {"type": "event", "identity": "a", "evtData": "x"},
        {"type": "event", "identity": "a", "evtName": "App Launched", "evtData": "x"},
        event("a", "APPLAUNCHED", **many),
        event("a", "old event", **many),
        event("a", "New Event", **many),
    ) == [509, 512, 513, 528, 522]


@pytest.mark.parametrize("identity", ["", "null", "NaN", " none ", "0", "x" * 1025, True, 1.5, ["a"], None])
def test_an_identity_that_names_nobody_is_refused(fake_clevertap: FakeCleverTap, identity: object) -> None:
    assert codes(fake_clevertap, profile(identity)) == [523]


def test_junk_identities_can_be_let_in(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.knobs(junk_identities="accept")
    assert codes(fake_clevertap, profile("null"), profile("x" * 1024), profile(18)) == []
    assert {"null", "18"} < set(fake_clevertap.profiles())


@pytest.mark.parametrize(
    ("ts", "knob"),
    [(1_700_000_000_000, "milliseconds"), (1_700_000_000.5, "float"), ("1700000000", "string")],
)
def test_only_whole_positive_seconds_are_a_time(fake_clevertap: FakeCleverTap, ts: object, knob: str) -> None:
    record = profile("a") | {"ts": ts}
    refused = [record | {"ts": wrong} for wrong in (0, -1, True, None, "2023-11-14T22:13:20Z")]
    assert codes(fake_clevertap, record, *refused) == [525] * 6
    fake_clevertap.knobs(accepted_ts=[knob])
    assert codes(fake_clevertap, record) == []


def test_good_values_of_predefined_properties_are_taken(fake_clevertap: FakeCleverTap) -> None:
    good = {"Email": "a@example.com", "Phone": "+35922333232", "Gender": "F", "Employed": "N", "Married": "Y"}
    assert (
        codes(fake_clevertap, profile("a", Education="College", Age="18", **good), profile("b", Age=40)) == []
    )
    assert codes(fake_clevertap, profile("a", Phone="+44+441234"), profile("a", Email="$$$$$")) == [516, 515]


def test_properties_beyond_the_rules_are_lost_in_silence(fake_clevertap: FakeCleverTap) -> None:
    lost = {"a.b": 1, "k" * 121: 1, "nothing": None, "list": ["a"], "object": {"a": 1}, "two": {"$add": 1}}
    answer = fake_clevertap.upload(profile("a", kept="yes", long="é" * 300, **lost))
    assert answer.json() == {"status": "success", "processed": 1, "unprocessed": []}
    assert fake_clevertap.properties("a") == {"kept": "yes", "long": "é" * 256}
    stream = {entry["property"]: entry["reason"] for entry in fake_clevertap.error_stream()}
    assert stream.keys() == {*lost, "long"}
    assert stream["a.b"] == "unaccepted characters in key"
    assert stream["k" * 121] == "key longer than 120 bytes"


def test_the_257th_custom_property_of_a_profile_is_lost(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.upload(profile("a", **{f"p{n}": n for n in range(250)}))
    fake_clevertap.upload(profile("a", Name="A", p0="new", **{f"q{n}": n for n in range(10)}))
    properties = fake_clevertap.properties("a")
    assert len(properties) == 257
    assert (properties["Name"], properties["p0"], "q5" in properties, "q6" in properties) == (
        "A",
        "new",
        True,
        False,
    )
    assert len(fake_clevertap.error_stream()) == 4


def test_arrays_in_events_are_lost_except_the_items_of_a_charge(fake_clevertap: FakeCleverTap) -> None:
    items = [{"Name": "Book", "Price": 12.5}]
    fake_clevertap.upload(event("a", "Charged", Amount=12.5, Items=items), event("a", "Seen", Items=items))
    assert [entry["data"] for entry in fake_clevertap.events()] == [{"Amount": 12.5, "Items": items}, {}]


@pytest.mark.parametrize(
    "items", ['[{"Name": "Book"}]', {"Name": "Book"}, ["Book"], [{"Size": {"cm": 3}}], [{}] * 257, 3]
)
def test_items_of_a_charge_are_a_list_of_flat_objects(fake_clevertap: FakeCleverTap, items: object) -> None:
    refused, taken = event("a", "Charged", Items=items), event("a", "Charged", Items=[{"Name": "Book"}] * 256)
    assert codes(fake_clevertap, refused, taken) == [512]


@pytest.mark.parametrize("key", ["category-unsubscribe", "category-resubscribe"])
@pytest.mark.parametrize(
    "groups", ['{"email": ["Offers"]}', ["Offers"], {"email": "Offers"}, {"Email": ["Offers"]}]
)
def test_subscription_groups_are_lists_by_channel(
    fake_clevertap: FakeCleverTap, groups: object, key: str
) -> None:
    right = {key: {"email": ["Offers"]}}
    assert codes(fake_clevertap, profile("a", **{key: groups}), profile("b", **right)) == [524]
    assert fake_clevertap.properties("b") == right


def test_objects_as_text_are_stored_unless_configured_otherwise(fake_clevertap: FakeCleverTap) -> None:
    records = [profile("a", Address='{"city": "Pune"}'), event("a", Tags="[1]"), event("a", Note="{no json")]
    assert codes(fake_clevertap, *records) == []
    fake_clevertap.knobs(object_texts="refuse")
    assert codes(fake_clevertap, *records) == [524, 512]


def test_doubtful_event_properties_can_be_refused_instead(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.knobs(doubtful_properties="refuse_events")
    assert codes(fake_clevertap, event("a", tags=["x"]), event("a", tag="x")) == [512]


def test_surplus_event_properties_can_be_dropped_instead(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.knobs(max_event_properties=1, over_event_properties="drop")
    assert codes(fake_clevertap, event("a", one=1, two=2)) == []
    assert fake_clevertap.events()[0]["data"] == {"one": 1}


def test_the_words_are_clevertaps_with_the_place_in_the_batch(fake_clevertap: FakeCleverTap) -> None:
    answer = refusals(
        fake_clevertap,
        profile("a"),
        profile("a", Email="1234"),
        profile("a") | {"ts": 0},
        {"type": "event", "identity": "a", "evtData": {}},
        event("a", "Web Page Viewed"),
    )
    assert answer == [
        (515, "Profile data is incorrect. Email is not valid.Skipped record number : 2"),
        (525, "Timestamp should be present in the Unix Epoch format. Skipped record number : 3"),
        (509, "Event Name is incorrect. ErrorCode: 509 - Event name is mandatory. Skipped record number : 4"),
        (
            513,
            "Event Name is incorrect. ErrorCode: 513 - Trying to raise a restricted system event. "
            "Skipped record number : 5",
        ),
    ]


def test_the_echo_shows_how_far_a_record_was_rewritten(fake_clevertap: FakeCleverTap) -> None:
    properties = {"identity": 18, "Phone": "+35922333232"}
    bad_email, bad_married, bad_age = (
        fake_clevertap.upload(profile("a") | {"profileData": properties | broken}).json()["unprocessed"][0][
            "record"
        ]
        for broken in ({"Email": "1234"}, {"Married": "x"}, {"Age": "aa"})
    )
    assert bad_email["profileData"] == {"identity": 18, "Phone": "+35922333232", "Email": "1234"}
    assert bad_married["profileData"] == {"identity": 18, "Phone": 35922333232, "Married": "x"}
    assert bad_age["profileData"] == {"identity": "18", "Phone": 35922333232, "Age": "aa"}


@pytest.mark.parametrize(("good", "bad", "status"), [(2, 0, "success"), (1, 1, "partial"), (0, 2, "fail")])
def test_the_status_says_how_many_were_taken_and_http_says_200(
    fake_clevertap: FakeCleverTap, good: int, bad: int, status: str
) -> None:
    answer = fake_clevertap.upload(*[profile("a")] * good, *[profile("")] * bad)
    body = answer.json()
    assert (answer.status_code, body["status"], body["processed"]) == (200, status, good)
    assert len(body["unprocessed"]) == bad
