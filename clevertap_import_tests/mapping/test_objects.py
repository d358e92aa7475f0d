"""Objects: the items of Charged and the subscription groups go out as objects, all else as one value."""

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clevertap_import.config.model import ImportConfig
from clevertap_import.mapping.column_types import column_problems, config_problems, resolve_types
from clevertap_import.mapping.mapper import Mapped, Mapper
from clevertap_import.snowflake.window_query import SourceColumn
from clevertap_import_tests.testing.builders import events_import, profiles_import
from clevertap_import_tests.testing.sent_records import sent

RUN_SECONDS = 1_764_000_000
BOOKS = [
    {"Category": "books", "Book name": "The millionaire next door", "Quantity": 1},
    {"Category": "books", "Book name": "Achieving inner zen", "Quantity": 4, "Price": 12.5, "Gift": True},
    {"Category": "books", "Book name": "x" * 400, "Due": "$D_1468322268"},
]
"""Three items, together well over the 512 bytes that a text may have."""
ITEMS = {"column": "ITEMS", "property": "Items"}


def charged(*mappings: dict[str, Any], **target: object) -> ImportConfig:
    named = {"event_name": {"constant": "Charged"}, "created_on": None} | target
    return events_import(*mappings, target=named)


def mapped(
    config: ImportConfig, types: Mapping[str, str], rows: Sequence[Mapping[str, str | None]]
) -> Mapped:
    """The rows by the plan that Snowflake's own types give."""
    columns = [SourceColumn("ID", "TEXT"), *(SourceColumn(name, kind) for name, kind in types.items())]
    arrays = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in types}
    batch = pa.record_batch({"ID": pa.array([f"u{number}" for number in range(len(rows))]), **arrays})
    mapper = Mapper(config, RUN_SECONDS, resolve_types(config, columns))
    return mapper.map(batch, np.zeros(len(rows), np.int64), 1)


def data(result: Mapped) -> list[dict[str, Any]]:
    return [record["evtData" if record["type"] == "event" else "profileData"] for record in sent(result)]


@pytest.mark.parametrize("kind", ["ARRAY", "VARIANT", "TEXT"])
def test_items_of_charged_go_out_as_objects(kind: str) -> None:
    config = charged({"column": "AMOUNT", "property": "Amount"}, ITEMS)
    row = {"AMOUNT": "17", "ITEMS": json.dumps(BOOKS)}
    result = mapped(config, {"AMOUNT": "TEXT", "ITEMS": kind}, [row])
    assert result.rejections == ()
    assert data(result) == [{"Amount": "17", "Items": BOOKS}]


@pytest.mark.parametrize("name", ["category-unsubscribe", "category-resubscribe"])
@pytest.mark.parametrize("kind", ["OBJECT", "VARIANT", "TEXT"])
def test_subscription_groups_go_out_as_objects_of_lists(kind: str, name: str) -> None:
    config = profiles_import({"column": "GROUPS", "property": name}, {"column": "CITY", "property": "City"})
    cells = ['{"email":["Marketing","Transactional","Marketing"]}', None, "{}", '{"email":[]}']
    rows = [{"GROUPS": cell, "CITY": "Pune"} for cell in cells]
    result = mapped(config, {"GROUPS": kind, "CITY": "TEXT"}, rows)
    assert result.rejections == ()
    groups = {name: {"email": ["Marketing", "Transactional"]}}
    assert data(result) == [{"City": "Pune"} | groups, *[{"City": "Pune"}] * 3]


def test_null_deletes_no_subscription_group() -> None:
    config = profiles_import({"column": "GROUPS", "property": "category-unsubscribe"}, on_null="delete")
    assert data(mapped(config, {"GROUPS": "OBJECT"}, [{"GROUPS": None}])) == [{}]


@pytest.mark.parametrize(
    ("cell", "code", "reason"),
    [
        (
            [{"a": 1}, {"a": {"b": 1}}],
            "item_not_flat",
            "item 2: not an object of texts, numbers and booleans",
        ),
        ([{"a": 1}, None, "A7"], "item_not_flat", "item 3: not an object of texts, numbers and booleans"),
        ([{"a": "x" * 513}], "value_too_long", "item 1: over 512 bytes of text"),
        ([{"a.b": 1}], "item_name", "item 1: the name of a value is blank, over 120 bytes, or has one of"),
        (
            [{}] * 257,
            "too_many_items",
            "a list of more than 100 items, or Items of Charged with more than 256",
        ),
        ({"a": 1}, "not_items", "Items of Charged must be a JSON list of flat objects"),
    ],
)
def test_a_problem_names_the_item_and_no_value(cell: object, code: str, reason: str) -> None:
    rows = [{"ITEMS": json.dumps(BOOKS)}, {"ITEMS": json.dumps(cell)}]
    result = mapped(charged(ITEMS), {"ITEMS": "ARRAY"}, rows)
    (rejection,) = result.rejections
    assert (rejection.row_number, rejection.property, rejection.code) == (2, "Items", code)
    assert rejection.reason.startswith(reason)
    assert data(result) == [{"Items": BOOKS}]


@pytest.mark.parametrize(
    ("config", "column", "cell"),
    [
        (charged(ITEMS), "ITEMS", '[{"sku": "A7", "sku": "A8"}]'),
        (
            profiles_import({"column": "OUT", "property": "category-unsubscribe"}),
            "OUT",
            '{"email": ["Offers"], "email": ["Marketing"]}',
        ),
    ],
)
def test_a_name_given_twice_hides_no_value(config: ImportConfig, column: str, cell: str) -> None:
    """Snowflake's VARIANT has no such objects, a column of text may."""
    (rejection,) = mapped(config, {column: "TEXT"}, [{column: cell}]).rejections
    assert rejection.code == "repeated_name"


def test_rows_that_name_their_event_have_items_in_charged_alone() -> None:
    config = charged(ITEMS, event_name={"column": "NAME"})
    cell = json.dumps(BOOKS)
    rows: list[dict[str, str | None]] = [
        {"NAME": "Charged", "ITEMS": cell},
        {"NAME": "Viewed", "ITEMS": None},
        {"NAME": "Viewed", "ITEMS": cell},
        {"NAME": "charged", "ITEMS": cell},
    ]
    result = mapped(config, {"NAME": "TEXT", "ITEMS": "VARIANT"}, rows)
    assert data(result) == [{"Items": BOOKS}, {}]
    assert [(each.row_number, each.code) for each in result.rejections] == [
        (3, "items_elsewhere"),
        (4, "items_elsewhere"),
    ]
    # A text of that name is one in other events, and no list of things in Charged.
    config = charged(ITEMS | {"type": "string"}, event_name={"column": "NAME"})
    rows = [{"NAME": "Viewed", "ITEMS": "3 books"}, {"NAME": "Charged", "ITEMS": cell[:99]}]
    result = mapped(config, {"NAME": "TEXT", "ITEMS": "TEXT"}, rows)
    assert data(result) == [{"Items": "3 books"}]
    assert [(each.row_number, each.code) for each in result.rejections] == [(2, "not_items")]


def test_an_object_in_a_variant_is_text_only_where_the_import_says_so() -> None:
    rows = [{"NOTE": '{"city":"Pune"}'}, {"NOTE": "[1]"}, {"NOTE": '"{not json"'}, {"NOTE": "7"}]
    result = mapped(profiles_import({"column": "NOTE", "property": "Note"}), {"NOTE": "VARIANT"}, rows)
    assert data(result) == [{"Note": "{not json"}, {"Note": "7"}]
    assert [each.code for each in result.rejections] == ["not_a_value", "not_a_value"]
    as_text = profiles_import({"column": "NOTE", "property": "Note", "type": "string"})
    assert data(mapped(as_text, {"NOTE": "VARIANT"}, rows[:2])) == [
        {"Note": '{"city":"Pune"}'},
        {"Note": "[1]"},
    ]


def refused(config: ImportConfig, *columns: SourceColumn) -> list[tuple[str, str]]:
    given = (SourceColumn("ID", "TEXT"), SourceColumn("AT", "TIMESTAMP_NTZ", 9), *columns)
    return [*config_problems(config), *column_problems(config, given)]


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (profiles_import({"column": "V", "property": "Address"}), "OBJECT"),
        (profiles_import({"column": "V", "property": "Name"}), "OBJECT"),
        (profiles_import({"column": "V", "property": "Name"}), "ARRAY"),
        (profiles_import({"column": "V", "property": "category-unsubscribe"}), "ARRAY"),
        (events_import({"column": "V", "property": "Items"}), "ARRAY"),
        (events_import({"column": "V", "property": "Cart"}), "OBJECT"),
        (events_import(target={"event_name": {"column": "V"}}), "OBJECT"),
        (charged({"column": "V", "property": "Cart"}), "ARRAY"),
        (charged({"column": "V", "property": "Items"}), "OBJECT"),
        (charged({"column": "V", "property": "Items"}), "FIXED"),
    ],
)
def test_check_refuses_objects_and_lists_elsewhere(config: ImportConfig, kind: str) -> None:
    ((key, message),) = refused(config, SourceColumn("V", kind))
    assert key.endswith(".column")
    assert message.startswith("V: ")


@pytest.mark.parametrize(
    "config",
    [
        profiles_import({"column": "V", "property": "Address", "type": "string"}),
        events_import({"column": "V", "property": "Cart", "type": "string"}),
        profiles_import({"column": "V", "property": "category-resubscribe", "type": "groups"}),
    ],
)
def test_check_takes_an_object_where_the_import_says_how(config: ImportConfig) -> None:
    assert refused(config, SourceColumn("V", "OBJECT")) == []


@pytest.mark.parametrize(
    ("config", "key", "shown"),
    [
        (
            profiles_import({"column": "V", "property": "Cart", "type": "items"}),
            "target.properties[0].type",
            "type: items is only for Items of the event Charged.",
        ),
        (
            charged({"column": "V", "property": "Groups", "type": "groups"}),
            "target.properties[0].type",
            "type: groups is only for category-unsubscribe and category-resubscribe.",
        ),
        (
            charged({"column": "V", "property": "Items", "type": "string"}),
            "target.properties[0].type",
            "Items is one of CleverTap's own properties, of type items.",
        ),
        (
            charged({"column": "V", "property": "Items"}, event_name={"constant": "charged"}),
            "target.event_name.constant",
            "CleverTap writes it Charged. Items are possible only with this spelling.",
        ),
        (
            profiles_import({"column": "V", "property": "category-unsubscribe", "on_null": "delete"}),
            "target.properties[0].on_null",
            "category-unsubscribe lists changes; nothing can be deleted. Leave on_null out.",
        ),
        (
            charged({"constant": '[{"a": {"b": 1}}]', "property": "Items"}),
            "target.properties[0].constant",
            "The constant is refused: item 1: not an object of texts, numbers and booleans.",
        ),
    ],
)
def test_check_says_where_objects_belong(config: ImportConfig, key: str, shown: str) -> None:
    assert (key, shown) in list(config_problems(config))


@pytest.mark.parametrize("name", ["items", "ITEMS", "Items ", "I-tems", "\uff29tems"])
def test_a_name_that_almost_is_items_is_refused_in_charged(name: str) -> None:
    mapping = {"column": "C", "property": name}
    ((key, message),) = config_problems(charged(mapping))
    assert (key, "Write Items, or add custom: true" in message) == ("target.properties[0].property", True)
    assert list(config_problems(charged(mapping | {"custom": True}))) == []
    assert list(config_problems(events_import(mapping))) == []


def test_a_constant_of_objects_is_sent() -> None:
    config = charged({"constant": json.dumps(BOOKS), "property": "Items"})
    assert list(config_problems(config)) == []
    assert data(mapped(config, {}, [{}, {}])) == [{"Items": BOOKS}] * 2


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
fields = st.dictionaries(
    st.text(st.sampled_from("abc XYZ_é"), min_size=1, max_size=5).filter(str.strip),
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), texts.filter(lambda t: t[:3] != "$D_")
    )
    | st.floats(allow_nan=False, allow_infinity=False),
    max_size=4,
)
items = st.lists(st.none() | fields, max_size=4)


def without_nulls(cell: Sequence[dict[str, object] | None]) -> list[dict[str, object]]:
    return [
        {name: field for name, field in item.items() if field is not None}
        for item in cell
        if item is not None
    ]


@settings(max_examples=150)
@given(st.lists(st.tuples(st.none() | items, st.none() | texts), max_size=6))
def test_items_arrive_as_they_are_beside_any_other_property(
    rows: list[tuple[list[dict[str, object] | None] | None, str | None]],
) -> None:
    config = charged({"column": "NOTE", "property": "Note", "type": "string"}, ITEMS)
    cells = [
        {"NOTE": note, "ITEMS": None if cell is None else json.dumps(cell, ensure_ascii=False)}
        for cell, note in rows
    ]
    result = mapped(config, {"NOTE": "TEXT", "ITEMS": "ARRAY"}, cells)
    assert result.rejections == ()
    assert data(result) == [
        ({} if note is None else {"Note": note}) | ({} if cell is None else {"Items": without_nulls(cell)})
        for cell, note in rows
    ]


@given(fields, fields)
def test_a_record_does_not_depend_on_its_neighbours_or_on_the_order_of_names(
    mine: dict[str, object], others: dict[str, object]
) -> None:
    turned = dict(reversed(mine.items()))
    alone, beside = (
        mapped(charged(ITEMS), {"ITEMS": "TEXT"}, [{"ITEMS": json.dumps([cell])} for cell in cells])
        for cells in ([mine], [turned, others])
    )
    assert alone.records["record"][0] == beside.records["record"][0]
    assert alone.records["digest"][0] == beside.records["digest"][0]


@given(st.lists(fields, max_size=4), st.randoms(use_true_random=False), st.sampled_from([None, "Pune"]))
def test_the_order_of_items_makes_no_other_event(
    mine: list[dict[str, object]], dice: Random, city: str | None
) -> None:
    """ARRAY_AGG without an order gives another one at each reading; the event is not sent again for that."""
    config = charged({"column": "CITY", "property": "City"}, ITEMS)
    turned = dice.sample(mine, len(mine))
    cells = [{"CITY": city, "ITEMS": json.dumps(each)} for each in (mine, turned, [*mine, {"more": 1}])]
    results = [mapped(config, {"CITY": "TEXT", "ITEMS": "ARRAY"}, [cell]) for cell in cells]
    first, second, third = (result.records["digest"][0].as_py() for result in results)
    assert first == second != third
    assert [data(result)[0]["Items"] for result in results[:2]] == [
        without_nulls(mine),
        without_nulls(turned),
    ]


def test_groups_whose_names_look_like_two_objects_are_distinguished() -> None:
    cells = ['{"email": ["a},{b"]}', '{"email": ["a},{c"]}']
    config = profiles_import({"column": "OUT", "property": "category-unsubscribe"})
    digests = [mapped(config, {"OUT": "OBJECT"}, [{"OUT": cell}]).records["digest"][0] for cell in cells]
    assert digests[0] != digests[1]
