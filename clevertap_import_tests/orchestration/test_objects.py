"""Objects on their whole way: from a VARIANT in Snowflake into what CleverTap holds."""

import os

from clevertap_import.project.check import verdicts
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.testing.workshop import Workshop, days_ago

ORDERS = """create or replace table ORDERS as
    select 'a' as ID, parse_json('[{"sku": "A7", "price": 9.5, "pack": 1}, {"sku": "B1"}, null]') as ITEMS
    union all select 'b', parse_json('[{"sku": "A7", "size": {"cm": 3}}]')
    union all select 'c', null"""
CHOICES = """create or replace table CHOICES as
    select 'a' as ID, parse_json('{"email": ["Offers"]}') as GROUPS, parse_json('{"city": "Pune"}') as ADDRESS
    union all select 'b', parse_json('{"Email": ["Marketing"]}'), null
    union all select 'c', parse_json('{"email": ["Marketing", "Offers"]}'), null"""
WHOLE = {"updated_on": None, "start": days_ago(2), "dry_run": {"max_rejected_percent": 90}}


def test_items_of_charged_arrive_as_objects_and_what_is_none_is_reported_by_its_item(
    workshop: Workshop,
) -> None:
    workshop.sql(ORDERS)
    target = {
        "kind": "events",
        "identity": {"column": "ID"},
        "event_name": {"constant": "Charged"},
        "properties": [{"column": "ITEMS", "property": "Items"}],
    }
    workshop.write("orders", source={"kind": "table", "table": "ORDERS"}, target=target, **WHOLE)
    (line,) = workshop.run("orders")
    assert (line["status"], line["successful_syncs"], line["invalid"], line["rejected"]) == (
        "Success",
        2,
        1,
        0,
    )
    stored = {event["identity"]: event["data"] for event in workshop.clevertap.events()}
    assert stored == {"a": {"Items": [{"sku": "A7", "price": 9.5, "pack": 1}, {"sku": "B1"}]}, "c": {}}
    assert workshop.clevertap.error_stream() == []


def test_subscription_groups_arrive_as_objects_and_other_objects_not_at_all(workshop: Workshop) -> None:
    workshop.sql(CHOICES)
    target = {
        "kind": "profiles",
        "identity": {"column": "ID"},
        "properties": [
            {"column": "GROUPS", "property": "category-unsubscribe"},
            {"column": "ADDRESS", "property": "Address"},
        ],
    }
    workshop.write("choices", source={"kind": "table", "table": "CHOICES"}, target=target, **WHOLE)
    (line,) = workshop.run("choices")
    assert (line["successful_syncs"], line["invalid"], line["rejected"]) == (1, 2, 0)
    assert workshop.clevertap.properties("c") == {"category-unsubscribe": {"email": ["Marketing", "Offers"]}}
    assert workshop.clevertap.profiles().keys() == {"c"}


def test_check_refuses_a_column_of_objects_and_a_list_in_an_event(workshop: Workshop) -> None:
    workshop.sql(CHOICES)
    properties = {
        "address": {"column": "ADDRESS", "property": "Address"},
        "text": {"column": "ADDRESS", "property": "Address", "type": "string"},
        "groups": {"column": "GROUPS", "property": "category-resubscribe"},
    }
    for nickname, mapping in properties.items():
        target = {"kind": "profiles", "identity": {"column": "ID"}, "properties": [mapping]}
        workshop.write(nickname, source={"kind": "table", "table": "CHOICES"}, target=target, **WHOLE)
    cart = {"column": "GROUPS", "property": "Cart"}
    target = {"kind": "events", "identity": {"column": "ID"}, "event_name": {"constant": "Charged"}}
    target |= {"properties": [cart, {"column": "GROUPS", "property": "Items"}]}
    workshop.write("cart", source={"kind": "table", "table": "CHOICES"}, target=target, **WHOLE)
    objects = {"columns": {"ADDRESS": {"type": "OBJECT"}, "GROUPS": {"type": "OBJECT"}}}
    with workshop.snowflake.answering({"match": "CHOICES", **objects}):
        found = {
            each["nickname"]: each["problems"] for each in verdicts(load_folder(workshop.folder), os.environ)
        }
    assert [(name, len(problems)) for name, problems in found.items() if problems] == [
        ("address", 1),
        ("cart", 2),
    ]
    assert found["address"][0]["key"] == "target.properties[0].column"
    assert "CleverTap does not accept objects here" in found["address"][0]["message"]
