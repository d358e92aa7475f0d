"""Each way to break the YAML of an import: where it is, what is wrong, what is allowed."""

import re

import pytest

from clevertap_import_tests.config.test_yaml_file import TABLE, drafted

# What replaces what in TABLE, and the problem that it gives.
BROKEN = {
    "unknown key": (
        "identity:",
        "identiy:",
        "7: target.identiy: 'identiy' is not a key here. Did you mean 'identity'? "
        "Allowed: identity, clevertap_id, properties, kind.",
    ),
    "wrong kind": (
        "kind: profiles",
        "kind: profile",
        "6: target.kind: kind is 'profile'. Did you mean 'profiles'? Allowed: profiles, events.",
    ),
    "missing kind": (
        "    kind: profiles\n",
        "",
        "5: target.kind: 'kind' is missing. Allowed: profiles, events.",
    ),
    "missing key": (
        "  source: {kind: table, table: ORDERS}\n",
        "",
        "2: source: 'source' is missing. Where the rows come from: a table or a query.",
    ),
    "missing key further down": (
        "table: ORDERS",
        "",
        "4: source.table: 'table' is missing. The table or view; the connection supplies missing names.",
    ),
    "wrong type": ("nickname: orders", "nickname: 5", "3: nickname: nickname is 5. Write text, in quotes."),
    "not a block": (
        "identity: {column: ID}",
        "identity: ID",
        "7: target.identity: 'ID' is not a block of keys. Write a block with these keys: column.",
    ),
    "own asset": (
        "  source:",
        "  schedule: {kind: after, assets: [dbt/orders, clevertap/orders]}\n  source:",
        "4: schedule: clevertap/orders is the import's own asset: each run would start the next."
        " Name the assets that it reads.",
    ),
    "after all imports": (
        "  source:",
        "  schedule: {kind: after, assets: [clevertap/import_center]}\n  source:",
        "4: schedule: clevertap/import_center shows the imports: it changes after each run, so an import"
        " that comes after it would start itself again. Name the assets that the import reads.",
    ),
    "nickname of all imports": (
        "nickname: orders",
        "nickname: import_center",
        "3: nickname: 'import_center' is the name of the asset that shows all imports."
        " Choose another nickname.",
    ),
    "nickname": (
        "nickname: orders",
        "nickname: Orders",
        "3: nickname: 'Orders' is not a name. Allowed: a to z, 0 to 9 and _, up to 63 of them.",
    ),
    "time without quotes": (
        "  source:",
        "  schedule: {kind: weekly, at: [{day: monday, time: 10:00}]}\n  source:",
        "4: schedule.at[0].time: 600 is not a time. Without quotes YAML reads 10:00 as the number 600. "
        'Write "10:00", quoted.',
    ),
    "time": (
        "  source:",
        '  schedule: {kind: weekly, at: [{day: monday, time: "25:00"}]}\n  source:',
        '4: schedule.at[0].time: "25:00" is not a time. Write hours and minutes as "10:00", quoted.',
    ),
    "timezone": (
        "  source:",
        "  schedule: {kind: manual, timezone: Asia/Kolkatta}\n  source:",
        "4: schedule.timezone: 'Asia/Kolkatta' is not a timezone. Did you mean 'Asia/Kolkata'? "
        "Write an IANA name, such as UTC or Asia/Kolkata.",
    ),
    "duration": (
        "  source:",
        "  schedule:\n    kind: every\n    every: 6 hrs\n  source:",
        "6: schedule.every: '6 hrs' is not a duration. Did you mean 'hours'? "
        "Write a whole number and a unit, such as 6 hours. Units: minutes, hours, days, weeks.",
    ),
    "day": (
        "  source:",
        "  start: 2026-13-01\n  source:",
        "4: start: '2026-13-01' is not a day. Write year-month-day, such as 2026-11-01.",
    ),
    "a zone in small letters": (
        "  source:",
        "  schedule: {kind: manual, timezone: utc}\n  source:",
        "4: schedule.timezone: 'utc' is not a timezone. Did you mean 'UTC'? "
        "Write an IANA name, such as UTC or Asia/Kolkata.",
    ),
    "an abbreviation of a zone": (
        "  source:",
        "  schedule: {kind: manual, timezone: IST}\n  source:",
        "4: schedule.timezone: 'IST' is not a timezone. Write an IANA name, such as UTC or Asia/Kolkata.",
    ),
    "a day out of range": (
        "  source:",
        "  start: 0001-01-01\n  source:",
        "4: start: 0001-01-01 is out of range. Write a year from 1970 to 2999.",
    ),
    "a moment out of range": (
        "  source:",
        "  schedule: {kind: once, at: 9999-12-31T23:00:00, timezone: America/New_York}\n  source:",
        "4: schedule.at: 9999-12-31T23:00:00 is out of range. Write a year from 1970 to 2999.",
    ),
    "too many": (
        "  source:",
        "  dry_run: {sample_rows: 2000000}\n  source:",
        "4: dry_run.sample_rows: sample_rows is 2000000. Write 1,000,000 or less.",
    ),
    "a kind that is a list": (
        "kind: profiles",
        "kind: [profiles]",
        "6: target.kind: kind is a list. Allowed: profiles, events.",
    ),
    "a key that YAML takes for true": (
        "{column: ID}",
        "{column: ID, on: 5}",
        "7: target.identity.on: 'on' is not a key here. Allowed: column.",
    ),
    "a number as key": (
        "{column: ID}",
        "{column: ID, 5: 5}",
        "7: target.identity.5: '5' is not a key here. Allowed: column.",
    ),
    "a list as key": (
        "{column: ID}",
        "{column: ID, [a]: 5}",
        "7: This line is not YAML: a list or block is in the place of a key. "
        "Look there and on the lines above for a missing ': ', an open quote or bracket, or uneven indents.",
    ),
    "identity and clevertap_id": (
        "    identity:",
        "    clevertap_id: {column: C}\n    identity:",
        "7: target.clevertap_id: 'identity' and 'clevertap_id' are both given. Keep one of them.",
    ),
    "two columns to one property": (
        "    identity:",
        "    properties:\n    - {column: A, property: P}\n    - {column: B, property: P}\n    identity:",
        "9: target.properties[1].property: 'P' is given twice: by column 'A' and by column 'B'. "
        "Keep one of them.",
    ),
    "key twice": (
        "    identity:",
        "    kind: profiles\n    identity:",
        "7: target.kind: 'kind' is given twice. Keep one.",
    ),
    "key beside attributes": (
        "  nickname:",
        "nickname:",
        "4: This line is not YAML: mapping values are not allowed in this context. "
        "Put text with ': ' in it in quotes; indent all keys of a block alike.",
    ),
    "document key": (
        "attributes:",
        "attribute: 1\nattributes:",
        "2: attribute: 'attribute' is not a key here. Did you mean 'attributes'? Allowed: type, attributes.",
    ),
    "key of Dagster": (
        "attributes:",
        "post_processing: {assets: []}\nattributes:",
        "2: post_processing: 'post_processing' works only in the defs folder of your own Dagster"
        " project. Nothing would apply it here.",
    ),
    "another key of Dagster": (
        "attributes:",
        "requirements: {env: [A]}\nattributes:",
        "2: requirements: 'requirements' works only in the defs folder of your own Dagster"
        " project. Nothing would apply it here.",
    ),
    "import key outside": (
        "attributes:",
        "title: Orders\nattributes:",
        "2: title: 'title' is not a key here. Indent it, so that it is below attributes.",
    ),
    "type": (
        "CleverTapImport",
        "ClevertapImports",
        "1: type: type is 'clevertap_import.components.ClevertapImports'. "
        "Write clevertap_import.components.CleverTapImport",
    ),
    "no type": (
        "type: clevertap_import.components.CleverTapImport\n",
        "",
        "1: type: 'type' is missing. Write type: clevertap_import.components.CleverTapImport",
    ),
    "tab": (
        "  nickname",
        "\tnickname",
        "3: This line is not YAML: found character that cannot start any token. "
        "Indent with spaces, not tabs, and put text that begins with a sign in quotes.",
    ),
    "open quote": (
        "nickname: orders",
        'nickname: "orders',
        "3: This line is not YAML: found unexpected end of stream. "
        "Close the quote or bracket that opens here.",
    ),
    "colon in text": (
        "nickname: orders",
        "nickname: orders: all",
        "3: This line is not YAML: mapping values are not allowed in this context. "
        "Put text with ': ' in it in quotes; indent all keys of a block alike.",
    ),
    "tag": (
        "nickname: orders",
        "nickname: !env ORDERS",
        "3: This line is not YAML: could not determine a constructor for the tag '!env'. "
        "Put text that begins with ! or = in quotes.",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_yaml_says_where_it_is_and_what_is_allowed(name: str) -> None:
    old, new, expected = BROKEN[name]
    assert old in TABLE
    draft = drafted(TABLE.replace(old, new, 1))
    found = [str(problem).removeprefix("defs/orders/defs.yaml:") for problem in draft.problems]
    if name == "unknown key":  # what was meant by it is then missing
        assert found.pop(0).startswith("5: target.clevertap_id: 'identity' or 'clevertap_id' is missing.")
    assert found == [expected]
    given = {"nickname": "Orders", "nickname of all imports": "import_center"}
    assert draft.nickname == given.get(name, "orders")


@pytest.mark.parametrize("name", BROKEN)
def test_no_message_is_in_the_words_of_a_library(name: str) -> None:
    old, new, _ = BROKEN[name]
    draft = drafted(TABLE.replace(old, new, 1))
    for problem in draft.problems:
        assert not re.search(r"(?i)input|extra|invalid|failed to|please|value error|valid ", problem.message)
