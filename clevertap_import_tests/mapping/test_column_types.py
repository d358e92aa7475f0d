"""What is refused before anything is asked of Snowflake: names, limits, types and constants."""

from typing import Any

import pytest

from clevertap_import.config.model import ImportConfig
from clevertap_import.mapping.column_types import config_problems
from clevertap_import.mapping.rules import RESERVED_EVENTS
from clevertap_import_tests.testing.builders import events_import, profiles_import


def problems(config: ImportConfig) -> list[tuple[str, str]]:
    return list(config_problems(config))


def problem_of(mapping: dict[str, Any], *, is_events: bool = False) -> tuple[str, str] | None:
    """The only problem of an import with one property, with its key inside the property."""
    found = problems((events_import if is_events else profiles_import)(mapping))
    assert len(found) <= 1
    return (found[0][0].removeprefix("target.properties[0]."), found[0][1]) if found else None


@pytest.mark.parametrize("character", "%><!|&.:;$'\"\\#")
def test_a_name_with_a_forbidden_character_is_refused_by_name(character: str) -> None:
    name = f"Sale{character}"
    expected = ("property", f"{name!r} has {character}, which names in CleverTap may not have.")
    assert problem_of({"column": "CITY", "property": name}) == expected
    assert problem_of({"column": "CITY", "property": name}, is_events=True) == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.b#", "'a.b#' has . #, which names in CleverTap may not have."),
        ("x" * 121, "The name has 121 bytes; CleverTap accepts 120."),
        ("é" * 61, "The name has 122 bytes; CleverTap accepts 120."),
        ("\U0001f600" * 31, "The name has 124 bytes; CleverTap accepts 120."),
        (" ", "The name is blank."),
        ("\u00a0", "The name is blank."),
        ("a\x00b", "'a\\x00b' has a control character."),
        ("identity", "The identity of a row is not a property. Write it under target.identity."),
        ("Identity", "The identity of a row is not a property. Write it under target.identity."),
    ],
)
def test_names_that_clevertap_would_not_keep_are_refused(name: str, message: str) -> None:
    assert problem_of({"column": "CITY", "property": name}) == ("property", message)


@pytest.mark.parametrize(
    "name", ["x" * 120, "é" * 60, "\U0001f600" * 30, "a b", "Größe", "a/b (c)", "identity 2"]
)
def test_names_within_the_limits_are_taken(name: str) -> None:
    assert problem_of({"column": "CITY", "property": name}) is None


@pytest.mark.parametrize("name", ["CT Source", "wzrk_id"])
def test_clevertaps_own_event_properties_are_refused_in_events_alone(name: str) -> None:
    message = f"{name!r} is one of CleverTap's own event properties. Choose another name."
    assert problem_of({"column": "CITY", "property": name}, is_events=True) == ("property", message)
    assert problem_of({"column": "CITY", "property": name}) is None


def many(count: int) -> list[dict[str, Any]]:
    return [{"column": "CITY", "property": f"P{number}"} for number in range(count)]


def test_a_profile_has_at_most_256_properties_besides_clevertaps_own() -> None:
    own = [{"column": "CITY", "property": name} for name in ("Name", "Email", "Gender")]
    assert problems(profiles_import(*many(256), *own)) == []
    expected = ("target.properties", "There are 257 properties of your own; CleverTap accepts 256.")
    assert problems(profiles_import(*many(257), *own)) == [expected]


def test_an_event_has_at_most_100_properties_unless_the_account_has_more() -> None:
    assert problems(events_import(*many(100))) == []
    expected = ("target.properties", "There are 101 properties; CleverTap accepts 100.")
    assert problems(events_import(*many(101))) == [expected]
    assert problems(events_import(*many(101), max_event_properties=101)) == []


def event_named(name: str) -> list[tuple[str, str]]:
    return problems(events_import(target={"event_name": {"constant": name}}))


@pytest.mark.parametrize("name", RESERVED_EVENTS)
def test_a_reserved_event_name_is_refused_whatever_its_case_and_spaces(name: str) -> None:
    for spelling in (name, name.upper(), name.lower(), name.replace(" ", ""), f" {'  '.join(name.split())} "):
        ((key, message),) = event_named(spelling)
        assert key == "target.event_name.constant"
        assert message == "The event name is reserved by CleverTap, in any case and with any spaces."
    assert event_named(f"{name} 2") == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (" ", "is missing or blank"),
        ("Sale: 50%", "has one of"),
        ("é" * 257, "of more than 512 bytes"),
    ],
)
def test_an_event_name_that_clevertap_would_refuse_is_reported(name: str, reason: str) -> None:
    ((key, message),) = event_named(name)
    assert key == "target.event_name.constant"
    assert reason in message


def test_events_take_no_lists_and_delete_nothing() -> None:
    listed = problem_of({"column": "TAGS", "property": "Tags", "type": "list"}, is_events=True)
    assert listed
    assert listed[0] == "type"
    assert "ARRAY_TO_STRING" in listed[1]
    deleted = problem_of({"column": "CITY", "property": "City", "on_null": "delete"}, is_events=True)
    assert deleted == ("on_null", "Nothing can be deleted from an event. Leave on_null out.")
    ((key, message),) = problems(events_import(on_null="delete"))
    assert (key, message.split(".")[0]) == ("on_null", "Nothing can be deleted from an event")
    assert problems(profiles_import({"column": "CITY", "property": "City", "on_null": "delete"})) == []
    assert problems(profiles_import(on_null="delete")) == []


@pytest.mark.parametrize(
    ("name", "given", "own"),
    [
        ("Email", "integer", "string"),
        ("DOB", "string", "date"),
        ("MSG-email", "string", "boolean"),
        ("Phone", "list", "string"),
    ],
)
def test_one_of_clevertaps_own_properties_has_its_own_type(name: str, given: str, own: str) -> None:
    expected = ("type", f"{name} is one of CleverTap's own properties, of type {own}.")
    assert problem_of({"column": "CITY", "property": name, "type": given}) == expected
    assert problem_of({"column": "CITY", "property": name, "type": own}) is None
    # In an event it is a property like any other.
    if given != "list":
        assert problem_of({"column": "CITY", "property": name, "type": given}, is_events=True) is None


def test_an_age_may_be_a_number() -> None:
    for name in ("string", "integer", "long", "float"):
        assert problem_of({"column": "AGE", "property": "Age", "type": name}) is None
    message = "Age is one of CleverTap's own properties, of type string, integer, long, float."
    assert problem_of({"column": "AGE", "property": "Age", "type": "boolean"}) == ("type", message)


@pytest.mark.parametrize(
    ("constant", "more", "reason"),
    [
        (float("nan"), {}, "NaN or infinite"),
        (float("-inf"), {"type": "float"}, "NaN or infinite"),
        ("x" * 513, {}, "over 512 bytes of text"),
        ("é" * 257, {}, "over 512 bytes of text"),
        (2**63, {}, "a whole number beyond 64 bits"),
        (-(2**63) - 1, {"type": "integer"}, "a whole number beyond 64 bits"),
        (10**40, {"type": "long"}, "a whole number beyond 64 bits"),
        (1.5, {"type": "integer"}, "not a whole number"),
        ("yes", {"type": "boolean"}, "not one of true, false, 1, 0"),
        ("$D_1", {}, "text that begins with $D_"),
        ("31/02/2024", {"type": "date", "format": "dd/MM/yyyy"}, "not a date in the given format"),
        ("2024-01-01", {"type": "date"}, "text and whole numbers with a `format`"),
        ("a, b", {"type": "list"}, "not a JSON list"),
        (True, {"type": "integer"}, "cannot be read as integer"),
        ("ann at example", {"property": "Email"}, "Email does not look like an address"),
    ],
)
def test_a_constant_that_could_not_be_sent_is_refused(
    constant: object, more: dict[str, Any], reason: str
) -> None:
    found = problem_of({"constant": constant, "property": "P"} | more)
    assert found
    assert found[0] == "constant"
    assert reason in found[1]


@pytest.mark.parametrize(
    ("constant", "more"),
    [
        *(
            (2**63 - 1, {}),
            (-(2**63), {}),
            ("é" * 256, {}),
            ("", {}),
            (False, {}),
            (2**63, {"type": "string"}),
        ),
        *((2**63, {"type": "float"}), ('["a"]', {"type": "list"}), ("a@b.co", {"property": "Email"})),
        *((1, {"type": "boolean"}), (0, {"type": "date", "format": "epoch_seconds"})),
    ],
)
def test_a_constant_that_can_be_sent_is_taken(constant: object, more: dict[str, Any]) -> None:
    assert problem_of({"constant": constant, "property": "P"} | more) is None


def test_all_problems_are_reported_at_once() -> None:
    config = events_import(
        {"column": "CITY", "property": "a.b"},
        {"constant": "x" * 513, "property": "y" * 121},
        {"column": "TAGS", "property": "Tags", "type": "list"},
        target={"event_name": {"constant": "App Launched"}},
        on_null="delete",
    )
    assert [key for key, _ in problems(config)] == [
        "on_null",
        "target.event_name.constant",
        "target.properties[0].property",
        "target.properties[1].property",
        "target.properties[1].constant",
        "target.properties[2].type",
    ]
