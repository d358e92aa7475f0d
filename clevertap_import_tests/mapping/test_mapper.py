"""Mapping: the shape of records, rejections and digests. Its laws are in test_mapping_laws.py."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.config.model import ImportConfig
from clevertap_import.mapping.mapper import ColumnTypes, Mapped, Mapper, lines_of, views
from clevertap_import.mapping.property_types import PropertyTypeUnusable
from clevertap_import.mapping.rejection_codes import CODES
from clevertap_import.records import RECORD_SCHEMA, Rejection
from clevertap_import_tests.testing.builders import events_import, profiles_import
from clevertap_import_tests.testing.sent_records import sent

RUN_SECONDS = 1_793_500_000
Row = dict[str, Any]

PROPERTIES: tuple[dict[str, Any], ...] = (
    {"column": "CITY", "property": "City"},
    {"column": "POINTS", "property": "Points", "type": "integer"},
    {"column": "SCORE", "property": "Score"},
    {"column": "VIP", "property": "Vip", "type": "boolean"},
    {"column": "SINCE", "property": "Since"},
    {"constant": "warehouse", "property": "Source"},
)
SCHEMA = pa.schema(
    [
        ("ID", pa.string()),
        ("AT", pa.timestamp("us")),
        ("CITY", pa.string()),
        ("POINTS", pa.string()),
        ("SCORE", pa.float64()),
        ("VIP", pa.int8()),
        ("SINCE", pa.date32()),
    ]
)


def columns(rows: Sequence[Row], schema: pa.Schema = SCHEMA) -> pa.RecordBatch:
    arrays = [pa.array([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def mapped(
    config: ImportConfig, rows: pa.RecordBatch, first_row: int = 1, window: int = 0, now: int = RUN_SECONDS
) -> Mapped:
    return Mapper(config, now).map(rows, np.full(rows.num_rows, window), first_row)


ALICE = {"ID": "alice", "AT": 1_700_000_000 * 10**6, "CITY": "Pune", "POINTS": "9007199254740993"}


def test_a_profile_is_shaped_as_clevertap_wants_it() -> None:
    result = mapped(profiles_import(*PROPERTIES), columns([ALICE | {"VIP": 1, "SINCE": -1}]))
    assert result.records["record"].to_pylist() == [
        b'{"identity":"alice","type":"profile","profileData":{"City":"Pune","Points":9007199254740993,'
        b'"Vip":true,"Since":"$D_-86400","Source":"warehouse"}}\n'
    ]
    assert (result.records.schema, result.rejections) == (RECORD_SCHEMA, ())


def test_an_event_is_shaped_as_clevertap_wants_it() -> None:
    result = mapped(events_import(*PROPERTIES), columns([ALICE | {"SCORE": 1.5}]))
    assert result.records["record"].to_pylist() == [
        b'{"ts":1700000000,"identity":"alice","type":"event","evtName":"Order Placed",'
        b'"evtData":{"City":"Pune","Points":9007199254740993,"Score":1.5,"Source":"warehouse"}}\n'
    ]
    assert result.records["identity_digest"].to_pylist() == [None]


@pytest.mark.parametrize("properties", [(), ({"column": "CITY", "property": "City"},)])
def test_a_record_without_properties_has_its_empty_object(properties: tuple[dict[str, Any], ...]) -> None:
    (profile,) = sent(mapped(profiles_import(*properties), columns([{"ID": "u"}])))
    (event,) = sent(mapped(events_import(*properties), columns([{"ID": "u", "AT": 10**6}])))
    assert profile == {"type": "profile", "identity": "u", "profileData": {}}
    assert event == {"type": "event", "identity": "u", "evtName": "Order Placed", "ts": 1, "evtData": {}}


def test_a_clevertap_id_is_sent_as_object_id() -> None:
    target = {"identity": None, "clevertap_id": {"column": "ID"}}
    (profile,) = sent(mapped(profiles_import(target=target), columns([{"ID": "__x"}])))
    assert profile == {"type": "profile", "objectId": "__x", "profileData": {}}


def test_event_names_may_come_from_a_column_and_are_not_missing() -> None:
    config = events_import(target={"event_name": {"column": "CITY"}})
    rows = [{"ID": "u", "AT": 10**6, "CITY": name} for name in ("Charged", " ", None)]
    result = mapped(config, columns(rows))
    assert [record["evtName"] for record in sent(result)] == ["Charged"]
    reason = CODES["509"].reason
    assert result.rejections == (
        Rejection(2, "CITY", "evtName", "509", reason, "u"),
        Rejection(3, "CITY", "evtName", "509", reason, "u"),
    )


@pytest.mark.parametrize(
    ("identities", "texts"),
    [
        (pa.array([7, -1]), ["7"]),
        (pa.array([10**37, 5], pa.decimal128(38, 0)), ["1" + "0" * 37, "5"]),
        (pa.array([7, 10], pa.decimal128(38, 9)), ["7", "10"]),
        (pa.array(["007", "A b"]), ["007", "A b"]),
    ],
)
def test_identities_are_text_and_whole_numbers_plain_digits(identities: pa.Array, texts: list[str]) -> None:
    result = mapped(profiles_import(), pa.record_batch({"ID": identities}))
    assert [record["identity"] for record in sent(result)] == texts


def test_an_identity_that_is_no_text_or_number_stops_the_run() -> None:
    with pytest.raises(PropertyTypeUnusable, match=r"^A column of type double cannot be an identity\."):
        mapped(profiles_import(), pa.record_batch({"ID": pa.array([1.5])}))


def test_one_row_with_many_problems_is_one_rejection_with_the_first_of_them() -> None:
    row = {"ID": "u", "AT": None, "POINTS": "x", "VIP": 2}
    result = mapped(events_import(*PROPERTIES), columns([row]), first_row=5)
    assert result.rejections == (Rejection(5, "AT", "ts", "525", CODES["525"].reason, "u"),)
    assert [problem.violation.code for problem in result.problems] == [
        "525",
        "not_an_integer",
        "not_a_boolean",
    ]


def test_skip_property_leaves_out_the_property_and_keeps_the_row() -> None:
    config = profiles_import(*PROPERTIES, on_invalid="skip_property")
    result = mapped(config, columns([ALICE | {"POINTS": "x"}, {"ID": None}]))
    assert sent(result) == [
        {"type": "profile", "identity": "alice", "profileData": {"City": "Pune", "Source": "warehouse"}}
    ]
    assert [rejection.code for rejection in result.rejections] == ["523"]
    assert [problem.violation.code for problem in result.problems] == ["523", "not_an_integer"]


def digests(
    config: ImportConfig, rows: Sequence[Row], *, window: int = 0, now: int = RUN_SECONDS
) -> list[bytes]:
    found: list[bytes] = mapped(config, columns(rows), window=window, now=now).records["digest"].to_pylist()
    return found


AT_THE_TIME_OF_THE_RUN = {"created_on": None}


@given(st.integers(1, 10**10), st.integers(1, 10**10))
def test_a_rerun_makes_no_new_event_of_one_without_a_time_of_its_own(first: int, second: int) -> None:
    config = events_import(*PROPERTIES, target=AT_THE_TIME_OF_THE_RUN)
    assert digests(config, [ALICE], now=first) == digests(config, [ALICE], now=second)
    assert [record["ts"] for record in sent(mapped(config, columns([ALICE]), now=first))] == [first]


def test_an_event_at_another_time_of_its_own_is_another_event() -> None:
    first, second = digests(events_import(), [ALICE, ALICE | {"AT": 10**6}])
    assert first != second


def test_equal_events_of_another_window_have_another_digest_and_equal_profiles_have_not() -> None:
    assert digests(events_import(), [ALICE], window=0) != digests(events_import(), [ALICE], window=3600)
    assert digests(profiles_import(), [ALICE], window=0) == digests(profiles_import(), [ALICE], window=3600)


def test_profiles_carry_a_digest_of_the_identity_apart_from_the_content() -> None:
    config = profiles_import(*PROPERTIES)
    rows = [ALICE, ALICE | {"CITY": "Oslo"}, ALICE | {"ID": "bob"}]
    identities = mapped(config, columns(rows)).records["identity_digest"].to_pylist()
    assert identities[0] == identities[1] != identities[2]
    assert len(set(digests(config, rows))) == 3


@pytest.mark.parametrize("source_type", ["VARIANT", "ARRAY"])
def test_json_null_deletes_as_null_does_and_a_wrong_value_does_not(source_type: str) -> None:
    config = profiles_import(
        {"column": "CITY", "property": "Tags", "type": "list", "on_null": "delete"},
        on_invalid="skip_property",
    )
    rows = columns([{"ID": str(number), "CITY": cell} for number, cell in enumerate(["null", None, "x"], 1)])
    result = Mapper(config, RUN_SECONDS, ColumnTypes({"CITY": source_type})).map(
        rows, np.zeros(3, np.int64), 1
    )
    assert [record["profileData"] for record in sent(result)] == [{"Tags": {"$delete": 1}}] * 2 + [{}]
    assert [problem.violation.code for problem in result.problems] == ["not_a_list"]


def test_text_that_is_no_unicode_is_a_rejection_and_names_nobody() -> None:
    broken = pa.array([b"fine", b"\xff\xfe"]).view(pa.string())
    result = mapped(profiles_import(), pa.record_batch({"ID": broken}))
    assert [record["identity"] for record in sent(result)] == ["fine"]
    assert result.rejections == (
        Rejection(2, "ID", "identity", "not_unicode", CODES["not_unicode"].reason, None),
    )


@given(st.lists(st.text("aé").map(str.encode), max_size=5), st.integers(0, 5), st.integers(0, 5))
def test_lines_are_found_where_they_are_also_in_a_part_of_them(
    texts: list[bytes], start: int, size: int
) -> None:
    lines = [text + b"\n" for text in texts]
    found = lines_of(b"".join(lines))
    assert found.to_pylist() == lines
    assert list(map(bytes, views(found.slice(start, size)))) == lines[start:][:size]
