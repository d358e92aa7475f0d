"""Laws of the mapping over random tables: one outcome a row, as row by row, and nothing CleverTap refuses."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clevertap_import.config.model import ImportConfig
from clevertap_import.mapping.column_types import config_problems
from clevertap_import.mapping.mapper import ColumnTypes, Mapped, Mapper
from clevertap_import.mapping.rejection_codes import CODES
from clevertap_import.mapping.rules import JUNK_IDENTITIES
from clevertap_import_tests.testing.builders import events_import, profiles_import
from clevertap_import_tests.testing.plain_mapping import (
    INFERRED,
    PROPERTIES,
    SOURCE_TYPES,
    Row,
    is_blank,
    plain_record,
)
from clevertap_import_tests.testing.sent_records import check_record, check_value, sent

SCHEMA = pa.schema(
    {
        **dict.fromkeys(("ID", "EVENT", "CITY", "NOTE", "POINTS", "RATIO", "MEMBER", "BORN"), pa.string()),
        "MARRIED": pa.bool_(),
        **dict.fromkeys(("PHONE", "EMAIL", "GENDER", "OPT_IN", "TAGS", "ADDED", "GONE"), pa.string()),
        **dict.fromkeys(("SCORE", "AGE"), pa.float64()),
        "AT": pa.timestamp("us"),
        "RANK": pa.decimal128(38, 2),
        "PRICE": pa.decimal128(38, 10),
        "VIP": pa.int8(),
        "SINCE": pa.date32(),
        "SEEN": pa.timestamp("us"),
    }
)
PLAN = ColumnTypes(SOURCE_TYPES, INFERRED)
RUN_SECONDS = 1_793_500_000

lists = st.sampled_from(
    [
        *('["a","b","a"]', "[]", "[1,2.50,true,null]", "null", '{"a":1}', "[[1]]", "x", "", "5", '"a"'),
        *('""', '"\\t "', " ", "\u200b"),
        *('["$D_1"]', f'["{"x" * 513}"]', f'["{"é" * 256}"]', "[NaN]", '["é","\\n"]', str([*range(101)])),
    ]
)
cells: dict[str, st.SearchStrategy[Any]] = {
    "ID": st.sampled_from(
        ["u1", "u2", "é\u2028", " ", "\u200b\ufeff", "\x00", "NULL", "x" * 1024, "x" * 1025, "0", "-1"]
    ),
    "EVENT": st.sampled_from(
        [
            "Charged",
            " ",
            "\u200b",
            "App Launched",
            "app launched",
            "Sale: 50%",
            "x" * 512,
            "é" * 257,
            "Utm visited",
        ]
    ),
    "CITY": st.text(max_size=8) | st.sampled_from(["x" * 513, "é" * 257, "é" * 256, "$D_7", "$D_", "\x00"]),
    "NOTE": st.sampled_from(
        [
            *('"x"', '"null"', "null", "5", '{"a":1}', '"\\ud800"', '"\\ud83d\\ude00"', "true", '""'),
            *(f'"{"x" * 513}"', '"$D_1"', "1.50", "[1]"),
        ]
    ),
    "POINTS": st.sampled_from(
        [
            "1",
            "-7",
            "1.5",
            "",
            " \t\n",
            "\u00a0",
            str(2**53 + 1),
            str(2**63),
            str(-(2**63)),
            "9" * 50,
            "+07",
            "\u0661",
        ]
    ),
    "RANK": st.sampled_from(
        [Decimal(text) for text in ("1", "-7.00", "1.50", str(2**63), str(2**63 - 1), "0.01")]
    ),
    "SCORE": st.floats(),
    "PRICE": st.decimals(-(10**9), 10**9, places=10),
    "RATIO": st.sampled_from(
        ["1.5", ".5", "1e3", "1e999", "NaN", "inf", "1,5", "", "\u3000", "-0", "1" * 400]
    ),
    "VIP": st.integers(-1, 2),
    "MEMBER": st.sampled_from(
        ["true", "false", "1", "0", "2", "null", '"TRUE"', '"yes"', '""', '" "', '{"a":1}']
    ),
    "SINCE": st.integers(-30_000, 30_000),
    "SEEN": st.integers(-(10**15), 2 * 10**15),
    "BORN": st.sampled_from(["29/02/2024", "29/02/2023", "31/12/1969", "1/1/2000", "", "\r\n", "2000-01-01"]),
    "EMAIL": st.sampled_from(
        ["a@b.co", "a@b", "", " ", "\u200b", "é@ü.de", "a b@c.io", "@.", "$D_1@b.co", "x" * 512 + "@b.c"]
    ),
    "GENDER": st.sampled_from(["M", "u", "Female", "OTHERS", "x", "", "\u200d"]),
    "PHONE": st.sampled_from(["+12345", "+1234", "+012345", "12345", "", "+" + "9" * 16]),
    "MARRIED": st.booleans(),
    "AGE": st.floats() | st.sampled_from([0.0, 30.0, 30.5, -1.0, 999.0, 1000.0, 1e-7]),
    "OPT_IN": st.sampled_from(["1", "0", "True", "false", "yes", ""]),
    "TAGS": lists,
    "ADDED": lists,
    "GONE": lists,
    "AT": st.integers(-(10**6), 10**16),
}
rows_drawn = st.lists(
    st.fixed_dictionaries({name: st.none() | cell for name, cell in cells.items()}), max_size=8
)
# Rows of which most are well, so that more than the first problem of a row is seen.
fine: Row = {"ID": "u1", "EVENT": "Charged", "AT": 10**12} | dict.fromkeys(
    cells.keys() - {"ID", "EVENT", "AT"}
)
nearly_fine = st.lists(
    st.dictionaries(st.sampled_from(sorted(cells)), st.none(), max_size=2).flatmap(
        lambda chosen: st.fixed_dictionaries({name: cells[name] for name in chosen}).map(fine.__or__)
    ),
    max_size=12,
)
tables = rows_drawn | nearly_fine
policies = st.fixed_dictionaries(
    {
        "on_invalid": st.sampled_from(["skip_row", "skip_property"]),
        "on_null": st.sampled_from(["skip", "delete"]),
        "on_blank": st.sampled_from(["as_null", "invalid"]),
    }
)


def config_of(is_events: bool, **policy: str) -> ImportConfig:
    if is_events:
        return events_import(*PROPERTIES, target={"event_name": {"column": "EVENT"}}, **policy)
    return profiles_import(*PROPERTIES, **policy)


def columns(rows: Sequence[Row]) -> pa.RecordBatch:
    arrays = [pa.array([row[field.name] for row in rows], field.type) for field in SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def mapped(config: ImportConfig, rows: pa.RecordBatch, first_row: int = 1) -> Mapped:
    return Mapper(config, RUN_SECONDS, PLAN).map(rows, np.zeros(rows.num_rows, np.int64), first_row)


@settings(max_examples=400)
@given(tables, policies, st.booleans(), st.integers(1, 10**9))
def test_columns_map_as_a_plain_mapping_of_rows_does(
    rows: list[Row], policy: dict[str, str], is_events: bool, first_row: int
) -> None:
    result = mapped(config_of(is_events, **policy), columns(rows), first_row)
    expected = {
        first_row + place: plain_record(row, is_events=is_events, **policy) for place, row in enumerate(rows)
    }
    numbers = result.records["row_number"].to_pylist()
    assert list(zip(numbers, sent(result), strict=True)) == [
        (number, record) for number, record in expected.items() if isinstance(record, dict)
    ]
    assert [(rejection.row_number, rejection.code) for rejection in result.rejections] == [
        (number, code) for number, code in expected.items() if isinstance(code, str)
    ]


@given(tables, policies, st.booleans())
def test_every_row_is_one_record_or_one_rejection_and_no_record_is_one_clevertap_refuses(
    rows: list[Row], policy: dict[str, str], is_events: bool
) -> None:
    result = mapped(config_of(is_events, **policy), columns(rows))
    outcomes = result.records["row_number"].to_pylist() + [each.row_number for each in result.rejections]
    assert sorted(outcomes) == list(range(1, len(rows) + 1))
    for record in sent(result):
        check_record(record)
    for rejection in result.rejections:
        assert rejection.reason == CODES[rejection.code].reason


@given(tables, st.booleans(), st.integers(0, 12))
def test_how_rows_come_in_chunks_changes_nothing(rows: list[Row], is_events: bool, cut: int) -> None:
    """A wrong cell does not affect the others: the rules see each row alone."""
    config, whole = config_of(is_events), columns(rows)
    head, tail = whole.slice(0, cut), whole.slice(cut)
    parts = [mapped(config, head), mapped(config, tail, first_row=1 + head.num_rows)]
    everything = mapped(config, whole)
    assert [row for part in parts for row in part.records.to_pylist()] == everything.records.to_pylist()
    assert (*parts[0].rejections, *parts[1].rejections) == everything.rejections


ids = st.lists(
    st.none()
    | st.text(max_size=6)
    | st.text("ab(:)!@$_-", min_size=1, max_size=6)
    | st.sampled_from(["null", "x" * 1025, "x" * 64, "x" * 65, "a\n", " a"])
)


@given(ids)
def test_clevertap_ids_are_judged_each_for_itself(drawn: list[str | None]) -> None:
    config = profiles_import(target={"identity": None, "clevertap_id": {"column": "ID"}})
    rows = pa.record_batch({"ID": pa.array(drawn, pa.string())})
    result = Mapper(config, RUN_SECONDS).map(rows, np.zeros(len(drawn), np.int64), 0)
    expected = {}
    for place, name in enumerate(drawn):
        is_junk = name is not None and name.strip().lower() in JUNK_IDENTITIES
        if name is None or is_junk or is_blank(name) or len(name) > 1024:
            expected[place] = "523"
        elif len(name) > 64 or not all(
            letter in "()!:@$_-" or (letter.isascii() and letter.isalnum()) for letter in name
        ):
            expected[place] = "526"
    assert {rejection.row_number: rejection.code for rejection in result.rejections} == expected
    assert [record["objectId"] for record in sent(result)] == [
        name for place, name in enumerate(drawn) if place not in expected
    ]


@given(
    st.lists(st.none() | st.sampled_from(["2024-03-18", "1969-12-31", "1970-01-01", "x", "", "1970-01-02"]))
)
def test_event_times_are_judged_each_for_itself(texts: list[str | None]) -> None:
    config = events_import(target={"created_on": {"column": "AT", "format": "iso8601"}})
    rows = pa.record_batch({"ID": pa.array(["u"] * len(texts)), "AT": pa.array(texts, pa.string())})
    result = Mapper(config, RUN_SECONDS).map(rows, np.zeros(len(texts), np.int64), 0)
    codes = {"x": "not_a_date", "": "not_a_date", None: "525", "1969-12-31": "525", "1970-01-01": "525"}
    expected = [(place, codes[text]) for place, text in enumerate(texts) if text in codes]
    assert [(each.row_number, each.code) for each in result.rejections] == expected
    assert len(result.problems) == len({code for _, code in expected})
    assert [record["ts"] for record in sent(result)] == [
        {"2024-03-18": 1710720000, "1970-01-02": 86400}[text] for text in texts if text and text not in codes
    ]


names = st.text(min_size=1, max_size=130) | st.sampled_from(
    [
        "Name",
        "é" * 60,
        "é" * 61,
        "x" * 120,
        "x" * 121,
        " ",
        "identity",
        "Identity",
        "a.b",
        "a b",
        "DOB",
        "Age",
    ]
)
constants = (
    st.text(max_size=10)
    | st.sampled_from(["x" * 513, "$D_1", 2**63, -(2**63) - 1, "a@b.co", float("nan"), "é" * 257])
    | st.integers()
    | st.floats()
    | st.booleans()
)


@given(names, constants, st.booleans())
def test_what_the_check_lets_pass_is_a_record_that_clevertap_takes(
    name: str, constant: object, is_events: bool
) -> None:
    build = events_import if is_events else profiles_import
    config = build({"constant": constant, "property": name})
    assume(not list(config_problems(config)))
    row = pa.record_batch({"ID": pa.array(["u"]), "AT": pa.array([10**6], pa.timestamp("us"))})
    (record,) = sent(mapped(config, row))
    check_record(record)
    body = record["evtData" if is_events else "profileData"]
    assert body.keys() == {name}


@pytest.mark.parametrize(
    "value",
    [
        *(None, [], ["a"], {}, float("nan"), float("inf"), "x" * 513, "é" * 257, "$D_", "$D_x", "$D_1.5"),
        *({"$set": "a"}, {"$set": [1]}, {"$set": [None]}, {"$set": ["$D_1"]}, {"$set": [["a"]]}, {"a": 1}),
        *({"$set": ["a"], "$add": ["b"]}, {"$delete": 0}, {"$set": [str(each) for each in range(101)]}),
    ],
)
def test_the_checker_of_records_sees_what_it_is_for(value: object) -> None:
    with pytest.raises((AssertionError, ValueError)):
        check_value(value)
