"""Names that almost are CleverTap's: refused with the right one, unless the mapping insists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.errors import ConfigError
from clevertap_import.mapping.column_types import config_problems, resolve_types
from clevertap_import.mapping.property_names import OTHER_SPELLINGS, OWN_NAMES
from clevertap_import.snowflake.window_query import SourceColumn
from clevertap_import_tests.testing.builders import events_import, profiles_import

Problems = list[tuple[str, str]]


def problems(name: str, *, is_events: bool = False, **more: object) -> Problems:
    build = events_import if is_events else profiles_import
    found = config_problems(build({"column": "C", "property": name} | more))
    return [(key.removeprefix("target.properties[0]."), message) for key, message in found]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(("MSG-SMS", "MSG-sms"), ("MSG-Email", "MSG-email"), ("MSG-DNDwhatsapp", "MSG-dndWhatsApp")),
        *(("MSG-DNDSMS", "MSG-dndPhone"), ("msg_push", "MSG-push"), ("MSG - email", "MSG-email")),
        *(("email", "Email"), ("Email ", "Email"), ("E-Mail", "Email"), ("Ema\u200bil", "Email")),
        *(("MSG\u2011sms", "MSG-sms"), ("MSG\u2013push", "MSG-push"), ("\uff25mail", "Email")),
        *(
            ("gender", "Gender"),
            ("dob", "DOB"),
            ("Date of Birth", "DOB"),
            ("fbid", "FBID"),
            ("Tz", "Timezone"),
        ),
        *(("customer_type", "Customer Type"), ("CustomerType", "Customer Type"), ("Phone Number", "Phone")),
        *(("\u00a0Name", "Name"), ("Category Unsubscribe", "category-unsubscribe")),
    ],
)
def test_a_name_that_almost_is_one_of_clevertaps_is_refused_with_that_one(name: str, meant: str) -> None:
    ((key, message),) = problems(name)
    assert (key, f"Write {meant}, or add custom: true" in message) == ("property", True)
    assert problems(name, custom=True) == []
    assert problems(name, is_events=True) == []


@pytest.mark.parametrize(
    "name",
    ["MSG-viber", "msg-line", "MSG\u2010viber", "MSG-emial", "MSG-", "MSG-dndPush", "MSG-dndWatsApp"],
)
def test_a_switch_for_messages_that_clevertap_has_not_is_refused_with_those_it_has(name: str) -> None:
    ((key, message),) = problems(name)
    assert key == "property"
    assert "MSG-email, MSG-push, MSG-sms, MSG-whatsapp, MSG-dndEmail, MSG-dndPhone" in message
    meant = {"MSG-emial": "MSG-email", "MSG-dndWatsApp": "MSG-dndWhatsApp"}.get(name)
    # No other channel, and none of the opposite meaning.
    assert ("Did you mean" in message) == (meant is not None)
    assert f"Did you mean {meant!r}?" in message or meant is None
    assert problems(name, custom=True) == []


@pytest.mark.parametrize(
    "name", [*OWN_NAMES, "City", "Nickname", "Second Email", "Email 2", "Message", "Agent"]
)
def test_clevertaps_own_names_and_all_others_are_taken(name: str) -> None:
    assert problems(name) == []


@given(st.sampled_from(OWN_NAMES), st.data())
def test_no_change_of_case_or_blanks_makes_another_property(name: str, data: st.DataObject) -> None:
    letters = [data.draw(st.sampled_from((letter, letter.swapcase())), label=letter) for letter in name]
    place = data.draw(st.integers(0, len(letters)))
    changed = "".join(
        (*letters[:place], data.draw(st.sampled_from(["", " ", "\u00a0", "\ufeff"])), *letters[place:])
    )
    assert [key for key, _ in problems(changed)] == ([] if changed == name else ["property"])


def test_custom_is_refused_where_it_means_nothing() -> None:
    assert problems("Email", custom=True) == [
        ("custom", "'Email' is one of CleverTap's own properties in any case. Leave custom out.")
    ]
    assert problems("email", custom=True, is_events=True) == [
        ("custom", "All properties of an event are your own. Leave custom out.")
    ]


def test_other_spellings_lead_to_names_that_clevertap_has() -> None:
    assert set(OTHER_SPELLINGS.values()) <= set(OWN_NAMES)


@pytest.mark.parametrize("name", ["FBID", "GPID", "Birthday", "Customer Type", "Photo", "Timezone"])
def test_each_of_clevertaps_own_takes_one_value_and_counts_as_its_own(name: str) -> None:
    assert [key for key, _ in problems(name, type="list")] == ["type"]
    many = [{"column": "C", "property": f"P{number}"} for number in range(256)]
    assert not list(config_problems(profiles_import(*many, {"column": "C", "property": name})))


def columns(kind: str) -> list[SourceColumn]:
    return [SourceColumn("ID", "TEXT"), SourceColumn("C", kind)]


@pytest.mark.parametrize(
    ("name", "kind", "becomes"),
    [
        ("Birthday", "DATE", "date"),
        ("Birthday", "TEXT", "string"),
        ("Customer Type", "BOOLEAN", "boolean"),
        ("FBID", "FIXED", "string"),
    ],
)
def test_properties_without_known_rules_follow_their_column(name: str, kind: str, becomes: str) -> None:
    plan = resolve_types(profiles_import({"column": "C", "property": name}), columns(kind))
    assert plan.property_types == {name: becomes}


def test_a_list_is_not_one_value() -> None:
    with pytest.raises(ConfigError, match="Birthday takes one value"):
        resolve_types(profiles_import({"column": "C", "property": "Birthday"}), columns("ARRAY"))
