"""The registries: each example does what it says, and each code is produced by something."""

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from clevertap_import.config.model import ImportConfig
from clevertap_import.mapping.mapper import ColumnTypes, Mapper
from clevertap_import.mapping.property_types import PROPERTY_TYPES
from clevertap_import.mapping.rejection_codes import ALL, CODES
from clevertap_import.mapping.system_properties import SYSTEM_PROPERTIES
from clevertap_import_tests.testing.builders import events_import, profiles_import

# Only CleverTap itself gives these: we send whole records, and do not know the account's schema.
CLEVERTAP_ALONE = {"400", "512", "522", "524", "528", "555"}
CHECKS = {"identity", "mapping", "limits", "clevertap"}
LONG_LIST = json.dumps([f"item {number}" for number in range(101)])
BROKEN = pa.array([b"\xff"]).view(pa.string())

BEYOND = pa.array([1_714_558_830_123], pa.timestamp("s"))

Maker = tuple[ImportConfig, Sequence[object] | pa.Array, str]


def typed(name: str, cells: Sequence[object] | pa.Array, **more: object) -> Maker:
    return profiles_import({"column": "V", "property": "P", "type": name} | more), cells, "TEXT"


def system(name: str, cell: str) -> Maker:
    return profiles_import({"column": "V", "property": name}), [cell], "TEXT"


def named(cell: object) -> Maker:
    return events_import(target={"event_name": {"column": "V"}, "created_on": None}), [cell], "TEXT"


def events_by_name(cell: str, source_type: str, name: str) -> Maker:
    """Items in an event that its row names."""
    mapping = {"column": "V", "property": "Items", "type": "items"}
    target = {"event_name": {"column": "NAME"}, "created_on": None}
    return events_import(mapping, target=target), [cell, name], source_type


def identified(key: str, cell: object) -> Maker:
    target: dict[str, Any] = {"identity": None, key: {"column": "V"}}
    return profiles_import(target=target), [cell], "TEXT"


def at(cells: pa.Array) -> Maker:
    return events_import(target={"created_on": {"column": "V"}}), cells, "TIMESTAMP_NTZ"


PRODUCED_BY: dict[str, list[Maker]] = {
    "523": [identified("identity", cell) for cell in (None, "", " ", "0", "NULL", "n/a", "x" * 1025)]
    + [identified("clevertap_id", None)],
    "526": [
        identified("clevertap_id", cell) for cell in ("id 7", "\u00e9", "a.b", "a\n", "x" * 65, "x" * 1024)
    ],
    "509": [named(cell) for cell in (None, "", " \t")],
    "513": [named(cell) for cell in ("App Launched", "applaunched", "U T M visited", "App\u00a0Launched")],
    "514": [system("Gender", cell) for cell in ("x", "mal")],
    "515": [system("Email", cell) for cell in ("ann at example", "a@b", "a b@c.io", " a@b.co")],
    "516": [
        system("Phone", cell)
        for cell in ("9876543210", "+1234", "+12 345 678", "+1234567890123456", "+0123456789")
    ],
    "517": [system("Employed", cell) for cell in ("yes", "y")],
    "518": [system("Education", cell) for cell in ("PhD", "college")],
    "519": [system("Married", cell) for cell in ("single", "n")],
    "520": [system("Age", cell) for cell in ("old", "-1")],
    "525": [at(pa.array([tick], pa.timestamp("us"))) for tick in (None, 0, -1, 999_999)],
    "not_an_integer": [typed("integer", ["12.5"]), typed("long", [1.5])],
    "not_a_number": [typed("float", ["1,5"])],
    "not_finite": [typed(name, [float("nan")]) for name in ("float", "string")]
    + [typed("items", ['[{"a": 1e999}]'])],
    "number_too_large": [typed("integer", [str(1 << 63)]), typed("items", [f'[{{"a": {1 << 63}}}]'])],
    "not_a_boolean": [typed("boolean", ["yes"])],
    "date_out_of_range": [
        typed("date", BEYOND),
        typed("string", BEYOND),
        typed("date", pa.array([3_000_000], pa.date32())),
        at(BEYOND),
    ],
    "not_a_date": [typed("date", ["2024-02-30"], format="iso8601")],
    "not_a_list": [typed("list", [cell]) for cell in ('{"a": 1}', "[[1]]", "[NaN]", "[" * 99_999, "x")],
    "too_many_items": [typed("list", [LONG_LIST]), typed("items", [json.dumps([{}] * 257)])],
    "not_items": [typed("items", [cell]) for cell in ('{"sku": "A7"}', "x", "[NaN]", "3", "[" * 99_999)],
    "repeated_name": [
        typed("items", ['[{"a": 1, "a": 2}]']),
        typed("groups", ['{"email": ["Offers"], "email": ["Marketing"]}']),
    ],
    "item_not_flat": [typed("items", [cell]) for cell in ('["A7"]', '[{"a": [1]}]', '[{"a": {}}]', "[[]]")],
    "item_name": [
        typed("items", [json.dumps([{name: 1}])]) for name in ("a.b", "", " ", "$x", "a\n", "é" * 61)
    ],
    "items_elsewhere": [events_by_name('[{"sku": "A7"}]', "ARRAY", "Viewed")],
    "not_groups": [
        typed("groups", [cell])
        for cell in (
            *('{"email": "Marketing"}', '{"Email": ["Marketing"]}', '{" email": ["a"]}', '["a"]', "x", "1"),
            *('{"email": [1]}', '{"email": [" "]}', '{"email": {"a": 1}}', '{"": ["a"]}', "{a:1}"),
        )
    ],
    "not_a_value": [
        (profiles_import({"column": "V", "property": name}), [cell], source_type)
        for name in ("P", "Name", "Email")
        for cell, source_type in (('{"a": 1}', "VARIANT"), ("[1]", "VARIANT"), (' {"a": 1}', "OBJECT"))
    ],
    "value_too_long": [
        typed("string", ["x" * 513]),
        typed("list", [json.dumps(["x" * 513])]),
        typed("items", [json.dumps([{"a": "é" * 257}])]),
        typed("groups", [json.dumps({"email": ["x" * 513]})]),
    ],
    "date_marker": [
        typed("string", ["$D_7"]),
        typed("list", ['["$D_7"]']),
        *(typed("items", [json.dumps([{"a": text}])]) for text in ("$D_", "$D_1.5", "$D_today")),
    ],
    "forbidden_character": [named("Sale: 50%")]
    + [named(f"Sale{character}") for character in "%><!|&.:;$'\"\\#"],
    "name_too_long": [named("\u00e9" * 257)],
    "not_unicode": [
        typed("list", ['["\\ud800"]']),
        typed("items", ['[{"a": "\\ud800"}]']),
        typed("items", ['[{"\\ud800": 1}]']),
        typed("groups", ['{"email": ["\\ud800"]}']),
        (profiles_import({"column": "V", "property": "P"}), ['"\\ud800"'], "VARIANT"),
        *(typed(name, BROKEN) for name in PROPERTY_TYPES if name not in ("date", "list")),
        typed("list", BROKEN),
        typed("date", BROKEN, format="iso8601"),
        (named(None)[0], BROKEN, "TEXT"),
        (identified("identity", None)[0], BROKEN, "TEXT"),
        (identified("clevertap_id", None)[0], BROKEN, "TEXT"),
    ],
}

NEARLY_WRONG: list[Maker] = [
    *(identified("identity", cell) for cell in ("x" * 1024, "00", "-2", "nullable", "null null", "é" * 1024)),
    *(identified("clevertap_id", cell) for cell in ("__g(1)!:@$-", "Z", "x" * 64)),
    *(
        named(cell)
        for cell in ("App Launched 2", "Charged", "x" * 512, "é" * 256, "Web Page Viewed", "Größe")
    ),
    at(pa.array([1_000_000], pa.timestamp("us"))),
    typed("integer", [str(2**63 - 1)]),
    typed("integer", [str(-(2**63))]),
    typed("float", ["1e308"]),
    typed("list", [json.dumps([*range(100)])]),
    typed("list", [json.dumps([*range(100), *range(100)])]),
    typed("list", [json.dumps(["é" * 256, " $D_7"])]),
    typed("items", [json.dumps([{}] * 256)]),
    typed("items", [json.dumps([*[{}] * 256, None])]),
    typed("items", [json.dumps([{"é" * 60: "é" * 256, "when": "$D_1468322268", "no": None}])]),
    typed("items", [json.dumps([{"a": 2**63 - 1, "b": -(2**63), "c": 1e308, "d": False}])]),
    typed("groups", ["{}"]),
    typed("groups", ['{"email": null, "sms": [null, "a"]}']),
    events_by_name('[{"sku": "A7"}]', "ARRAY", "Charged"),
    events_by_name("null", "VARIANT", "Viewed"),
    typed("string", ["x" * 512]),
    typed("string", ["é" * 256]),
    typed("string", [" $D_7"]),
]
"""Beside each limit, on the side that CleverTap takes."""


def rejected_as(maker: Maker) -> list[str]:
    config, cells, source_type = maker
    column = cells if isinstance(cells, pa.Array) else pa.array(cells)
    if config.target.kind == "events" and config.target.event_name.column:
        column = column.cast(pa.string()) if column.type == pa.null() else column
    # Of an event that its row names, the name comes second.
    rows = pa.record_batch({"ID": pa.array(["u"]), "V": column[:1], "NAME": column[-1:]})
    result = Mapper(config, 1, ColumnTypes({"V": source_type})).map(rows, np.zeros(1, np.int64), 1)
    assert result.records.num_rows + len(result.rejections) == 1
    return [rejection.code for rejection in result.rejections]


def test_every_code_has_a_test_or_is_clevertaps_alone() -> None:
    assert set(CODES) == PRODUCED_BY.keys() | CLEVERTAP_ALONE
    assert {entry.code for entry in ALL if entry.check == "clevertap"} == CLEVERTAP_ALONE
    assert len(ALL) == len(CODES)


@pytest.mark.parametrize("code", PRODUCED_BY)
def test_each_code_is_produced_by_what_it_speaks_of(code: str) -> None:
    assert [rejected_as(maker) for maker in PRODUCED_BY[code]] == [[code]] * len(PRODUCED_BY[code])


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.code)
def test_each_code_says_what_it_means_and_what_to_do(entry: Any) -> None:  # noqa: ANN401
    assert entry.check in CHECKS
    assert entry.reason
    assert entry.remedy.endswith(".")


@pytest.mark.parametrize("name", PROPERTY_TYPES)
def test_the_examples_of_each_type_are_true(name: str) -> None:
    entry = PROPERTY_TYPES[name]
    assert entry.accepts
    assert entry.rejects
    more = {"format": entry.example_format} if entry.example_format else {}
    texts = [text for text, _ in entry.accepts]
    config, _, _ = typed(name, [], **more)
    rows = pa.record_batch({"ID": pa.array(["u"] * len(texts)), "V": pa.array(texts)})
    result = Mapper(config, 1, ColumnTypes({"V": "TEXT"})).map(rows, np.zeros(len(texts), np.int64), 1)
    sent = [json.loads(record)["profileData"]["P"] for record in result.records["record"].to_pylist()]
    # By repr too: to Python 1 and True are equal.
    assert list(map(repr, sent)) == [repr(value) for _, value in entry.accepts]
    for text, code in entry.rejects:
        assert rejected_as(typed(name, [text], **more)) == [code]


@pytest.mark.parametrize("name", [name for name, entry in SYSTEM_PROPERTIES.items() if entry.code])
def test_the_examples_of_each_system_property_are_true(name: str) -> None:
    entry = SYSTEM_PROPERTIES[name]
    assert entry.accepts
    assert entry.rejects
    assert [rejected_as(system(name, text)) for text in entry.accepts] == [[]] * len(entry.accepts)
    assert [rejected_as(system(name, text)) for text in entry.rejects] == [[entry.code]] * len(entry.rejects)


@pytest.mark.parametrize("maker", NEARLY_WRONG)
def test_what_is_nearly_wrong_is_well(maker: Maker) -> None:
    assert rejected_as(maker) == []


@pytest.mark.parametrize("code", PRODUCED_BY)
def test_the_example_of_each_code_in_the_reference_is_one_of_the_tested(code: str) -> None:
    shown = re.findall("`(.*?)`", CODES[code].example)
    tested = [str(maker[1][0]) for maker in PRODUCED_BY[code] if not isinstance(maker[1], pa.Array)]
    assert [text for text in shown if text not in (*tested, "NaN")] == []
