"""Mapping: every row becomes one record or one rejection, as a plain row-by-row mapping would do it."""

import json
import math
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.pure.codes import CODES
from clevertap_import.pure.config import ImportConfig
from clevertap_import.pure.mapping import Mapped, Mapper
from clevertap_import.pure.property_types import PropertyTypeUnusable
from clevertap_import.pure.records import RECORD_SCHEMA, Rejection
from clevertap_import.pure.rules import JUNK_IDENTITIES
from clevertap_import_tests.builders import events_import, profiles_import

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

rows_drawn = st.lists(
    st.fixed_dictionaries(
        {
            "ID": st.none() | st.sampled_from(["u1", "u2", " ", "NULL", "x" * 1025, "é"]),
            "AT": st.none() | st.integers(-(10**6), 10**16),
            "CITY": st.none() | st.text(max_size=8) | st.sampled_from(["x" * 513, "é" * 257, "é" * 256]),
            "POINTS": st.none() | st.sampled_from(["1", "-7", "1.5", "", str(2**53 + 1)]),
            "SCORE": st.none() | st.floats(),
            "VIP": st.none() | st.integers(-1, 2),
            "SINCE": st.none() | st.integers(-1000, 30000),
        }
    ),
    max_size=12,
)
policies = st.sampled_from(["skip_row", "skip_property"])


def columns(rows: Sequence[Row], schema: pa.Schema = SCHEMA) -> pa.RecordBatch:
    arrays = [pa.array([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def mapped(
    config: ImportConfig, rows: pa.RecordBatch, first_row: int = 1, window: int = 0, now: int = RUN_SECONDS
) -> Mapped:
    return Mapper(config, now).map(rows, np.full(rows.num_rows, window), first_row)


def not_json(text: str) -> NoReturn:
    raise AssertionError(f"{text} is not JSON")


def sent(result: Mapped) -> list[dict[str, Any]]:
    lines = result.records["record"].to_pylist()
    return [json.loads(line, parse_constant=not_json) for line in lines]


def plain_property(column: str, value: Any) -> tuple[Any, str | None]:  # noqa: ANN401
    """What one cell is sent as, and the code of what is wrong with it."""
    if value is None:
        return None, None
    if column == "CITY":
        return (None, "value_too_long") if len(value.encode()) > 512 else (value, None)
    if column == "POINTS":
        return (int(value), None) if value.lstrip("-").isdigit() else (None, "not_an_integer")
    if column == "SCORE":
        return (value, None) if math.isfinite(value) else (None, "not_finite")
    if column == "VIP":
        return (bool(value), None) if value in (0, 1) else (None, "not_a_boolean")
    return f"$D_{value * 86400}", None


def plain_mapping(row: Row, is_events: bool, policy: str) -> dict[str, Any] | str:
    """The record of one row, or the code for which it is rejected: what the columns are held against."""
    identity = row["ID"]
    if identity is None or identity.strip().lower() in ("", *JUNK_IDENTITIES) or len(identity) > 1024:
        return "523"
    seconds = (row["AT"] or 0) // 10**6
    if is_events and seconds <= 0:
        return "525"
    found = {name: plain_property(name, row[name]) for name in ("CITY", "POINTS", "SCORE", "VIP", "SINCE")}
    codes = [code for _, code in found.values() if code]
    if codes and policy == "skip_row":
        return codes[0]
    data = {name.title(): value for name, (value, _) in found.items() if value is not None}
    data["Source"] = "warehouse"
    if is_events:
        head = {"type": "event", "identity": identity, "evtName": "Order Placed", "ts": seconds}
        return head | {"evtData": data}
    return {"type": "profile", "identity": identity, "profileData": data}


@given(rows_drawn, policies, st.booleans(), st.integers(1, 10**9))
def test_columns_map_as_rows_would_each_to_one_record_or_one_rejection(
    rows: list[Row], policy: str, is_events: bool, first_row: int
) -> None:
    build = events_import if is_events else profiles_import
    result = mapped(build(*PROPERTIES, on_invalid=policy), columns(rows), first_row)
    expected = {first_row + place: plain_mapping(row, is_events, policy) for place, row in enumerate(rows)}
    numbers = result.records["row_number"].to_pylist()
    assert list(zip(numbers, sent(result), strict=True)) == [
        (number, record) for number, record in expected.items() if isinstance(record, dict)
    ]
    assert [(rejection.row_number, rejection.code) for rejection in result.rejections] == [
        (number, code) for number, code in expected.items() if isinstance(code, str)
    ]


@given(rows_drawn, policies, st.booleans())
def test_no_record_holds_a_null_or_a_bare_array(rows: list[Row], policy: str, is_events: bool) -> None:
    build = events_import if is_events else profiles_import
    for record in sent(mapped(build(*PROPERTIES, on_invalid=policy), columns(rows))):
        body = record["evtData" if is_events else "profileData"]
        assert not any(isinstance(value, list | None) for value in (*record.values(), *body.values()))


@given(rows_drawn, st.integers(0, 12))
def test_how_rows_come_in_chunks_changes_nothing(rows: list[Row], cut: int) -> None:
    config = events_import(*PROPERTIES)
    whole = columns(rows)
    head, tail = whole.slice(0, cut), whole.slice(cut)
    parts = [mapped(config, head), mapped(config, tail, first_row=1 + head.num_rows)]
    everything = mapped(config, whole)
    assert [row for part in parts for row in part.records.to_pylist()] == everything.records.to_pylist()
    assert (*parts[0].rejections, *parts[1].rejections) == everything.rejections


@given(rows_drawn)
def test_every_code_is_a_known_one_with_its_reason(rows: list[Row]) -> None:
    for rejection in mapped(events_import(*PROPERTIES), columns(rows)).rejections:
        assert rejection.reason == CODES[rejection.code].reason


ALICE = {"ID": "alice", "AT": 1_700_000_000 * 10**6, "CITY": "Pune", "POINTS": "9007199254740993"}


def test_a_profile_is_shaped_as_clevertap_wants_it() -> None:
    result = mapped(profiles_import(*PROPERTIES), columns([ALICE | {"VIP": 1, "SINCE": -1}]))
    assert result.records["record"].to_pylist() == [
        b'{"identity":"alice","type":"profile","profileData":{"City":"Pune","Points":9007199254740993,'
        b'"Vip":true,"Since":"$D_-86400","Source":"warehouse"}}'
    ]
    assert (result.records.schema, result.rejections) == (RECORD_SCHEMA, ())


def test_an_event_is_shaped_as_clevertap_wants_it() -> None:
    result = mapped(events_import(*PROPERTIES), columns([ALICE | {"SCORE": 1.5}]))
    assert result.records["record"].to_pylist() == [
        b'{"ts":1700000000,"identity":"alice","type":"event","evtName":"Order Placed",'
        b'"evtData":{"City":"Pune","Points":9007199254740993,"Score":1.5,"Source":"warehouse"}}'
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
    assert [problem.finding.code for problem in result.problems] == ["525", "not_an_integer", "not_a_boolean"]


def test_skip_property_leaves_out_the_property_and_keeps_the_row() -> None:
    config = profiles_import(*PROPERTIES, on_invalid="skip_property")
    result = mapped(config, columns([ALICE | {"POINTS": "x"}, {"ID": None}]))
    assert sent(result) == [
        {"type": "profile", "identity": "alice", "profileData": {"City": "Pune", "Source": "warehouse"}}
    ]
    assert [rejection.code for rejection in result.rejections] == ["523"]
    assert [problem.finding.code for problem in result.problems] == ["523", "not_an_integer"]


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
