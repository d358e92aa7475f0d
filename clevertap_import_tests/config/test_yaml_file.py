"""From YAML text to imports, or to drafts with file, line, key and what is allowed."""

from textwrap import dedent, indent

from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.config.yaml_file import (
    ConfigProblem,
    Draft,
    LoadedImport,
    key_path,
    line_of,
    read_imports,
)

PROFILES = """\
type: clevertap_import.components.CleverTapImport
attributes:
  nickname: customers                 # unique; a-z 0-9 _ ; the asset is clevertap/customers
  title: Customer profiles            # optional, shown to people
  description: Everyone who has signed up.
  created_by: growth@example.com      # owner in the UI (an email, or team:name)
  connection: snowflake               # which Snowflake connection (section 9); default "snowflake"
  account: clevertap                  # which CleverTap account (section 9); default "clevertap"
  source:
    kind: table                       # table | sql
    table: SHOP.PUBLIC.CUSTOMERS      # kind: sql has  sql: |  or  sql_file: query.sql (relative to this file)
  target:
    kind: profiles                    # profiles | events
    identity: {column: CUSTOMER_ID}   # or  clevertap_id: {column: ...}  (exactly one of the two)
    properties:
      - {column: EMAIL_ID, property: Email}
      - {column: PHONE, property: Phone}
      - {column: SIGNED_UP, property: Signup Date, type: date}
      - {column: BIRTHDAY, property: DOB, type: date, format: dd/MM/yyyy, timezone: Asia/Kolkata}
      - {column: POINTS, property: Points, type: integer}
      - {column: OPT_IN_EMAIL, property: MSG-email, type: boolean}
      - {column: TAGS, property: Tags, type: list}          # ARRAY -> {"$set": [...]}
      - {constant: warehouse, property: Source}
  updated_on:                         # leave out for a full import
    column: UPDATED_AT
    format: timestamp                 # timestamp | epoch_seconds | epoch_milliseconds
    timezone: UTC                     # for columns without a zone
    lookback: 1 hour
  start: 2026-11-01                   # where the grid of windows begins
  window: hour                        # the grid: day | hour | 30 minutes | 15 minutes; keep it
  schedule: {kind: every, every: 6 hours, timezone: Asia/Kolkata}
  dry_run: {sample_rows: 1000, max_rejected_percent: 5}
  on_invalid: skip_row                # skip_row | skip_property | fail
  on_null: skip                       # skip | delete   (per property too)
  uncertain_events: resend            # resend | hold
"""

EVENTS = """\
type: clevertap_import.components.CleverTapImport
attributes:
  nickname: views
  source:
    kind: sql
    sql: |
      select * from SHOP.PUBLIC.VIEWS
  target:
    kind: events
    identity: {column: CUSTOMER_ID}
    event_name: {constant: Product Viewed}      # or {column: EVENT_NAME}
    created_on: {column: OCCURRED_AT}           # event time; left out: the time of the run
    properties: [{column: PRICE, property: Price}]
"""

TABLE = """\
type: clevertap_import.components.CleverTapImport
attributes:
  nickname: orders
  source: {kind: table, table: ORDERS}
  target:
    kind: profiles
    identity: {column: ID}
"""


def loaded(text: str) -> LoadedImport:
    (found,) = read_imports(text, "defs/orders/defs.yaml")
    assert isinstance(found, LoadedImport), found
    return found


def drafted(text: str) -> Draft:
    (found,) = read_imports(text, "defs/orders/defs.yaml")
    assert isinstance(found, Draft), found
    return found


def test_the_profiles_example_of_the_contract_loads() -> None:
    found = loaded(PROFILES)
    config = found.config
    assert config.columns == (
        "CUSTOMER_ID",
        "UPDATED_AT",
        "EMAIL_ID",
        "PHONE",
        "SIGNED_UP",
        "BIRTHDAY",
        "POINTS",
        "OPT_IN_EMAIL",
        "TAGS",
    )
    assert [mapping.property for mapping in config.target.properties][-1] == "Source"
    assert str(config.start) == "2026-11-01"
    assert (found.line, found.lines["schedule.every"], found.lines["target.properties[2].type"]) == (
        1,
        31,
        18,
    )


def test_the_events_example_of_the_contract_loads() -> None:
    config = loaded(EVENTS).config
    assert config.target.kind == "events"
    assert config.target.event_name.constant == "Product Viewed"
    assert config.target.created_on is not None
    assert config.columns == ("CUSTOMER_ID", "OCCURRED_AT", "PRICE")


def test_a_file_may_hold_several_imports_and_other_components() -> None:
    other = "type: dagster_dbt.DbtProjectComponent\nattributes: {project: dbt}\n"
    found = read_imports("---\n".join([PROFILES, other, EVENTS, "# nothing\n"]), "shop.yaml")
    assert [each.config.nickname for each in found if isinstance(each, LoadedImport)] == [
        "customers",
        "views",
    ]
    assert [each.line for each in found] == [1, PROFILES.count("\n") + 5]


def test_all_problems_of_a_file_are_reported_at_once_in_order_of_line() -> None:
    text = TABLE.replace("nickname: orders", "nickname: Orders\n  nickname: 5\n  windw: day").replace(
        "ID", "4"
    )
    second = EVENTS.replace("kind: sql", "kind: sq")
    first, other = read_imports(text + "---\n" + second, "defs.yaml")
    assert isinstance(first, Draft)
    assert isinstance(other, Draft)
    assert [(problem.line, problem.key) for problem in first.problems] == [
        (4, "nickname"),
        (4, "nickname"),
        (5, "windw"),
        (9, "target.identity.column"),
    ]
    assert [str(problem).split(": ")[0] for problem in other.problems] == ["defs.yaml:15"]


def test_a_draft_without_a_readable_nickname_has_its_folders_name() -> None:
    assert drafted(TABLE.replace("nickname: orders", "nickname: 5")).nickname == "orders"
    assert drafted("[").nickname == "orders"
    assert drafted("- a\n- b\n").problems == (
        ConfigProblem(
            "defs/orders/defs.yaml", 1, "", "The document is a list. Write the keys type and attributes."
        ),
    )
    (found,) = read_imports("[", "views.yaml")
    assert isinstance(found, Draft)
    assert found.nickname == "views"


def test_a_draft_in_a_file_with_a_name_of_its_own_has_that_name() -> None:
    (draft,) = read_imports("type: [", "imports/people.yaml")
    assert isinstance(draft, Draft)
    assert draft.nickname == "people"


def test_a_file_without_a_word_is_a_draft_and_one_with_comments_is_not() -> None:
    file = "defs/orders/defs.yaml"
    problem = ConfigProblem(
        file, 1, "", "The file is empty. Write the keys type and attributes, or remove it."
    )
    assert read_imports(" \n", file) == (Draft("orders", file, 1, (problem,)),)
    assert read_imports("# type: x\n---\n", file) == ()


def test_brackets_that_go_too_deep_are_reported() -> None:
    (draft,) = read_imports("a: " + "[" * 2000 + "]" * 2000, "defs/orders/defs.yaml")
    assert isinstance(draft, Draft)
    assert draft.problems[0].message == "Blocks or brackets are nested more than 50 levels deep."


def test_a_file_that_breaks_off_keeps_the_imports_before_it() -> None:
    first, second = read_imports(TABLE + "---\na: [", "shop/defs.yaml")
    assert isinstance(first, LoadedImport)
    assert isinstance(second, Draft)
    assert (second.nickname, second.line) == ("shop", 9)


def test_attributes_that_are_empty_are_missing() -> None:
    draft = drafted("type: clevertap_import.components.CleverTapImport\nattributes:\n")
    assert [str(problem) for problem in draft.problems] == [
        "defs/orders/defs.yaml:2: attributes: 'attributes' is missing. "
        "The keys of the import belong below it."
    ]


def test_merge_keys_and_anchors_are_yaml_and_no_repeats() -> None:
    text = TABLE.replace("{column: ID}", "&id {column: ID}") + dedent(
        """\
        ---
        type: clevertap_import.components.CleverTapImport
        attributes:
          nickname: more
          source: {kind: table, table: ORDERS}
          target:
            kind: profiles
            identity: &column {column: ID}
            properties: [{<<: *column, property: A}, {<<: *column, column: B, property: B}]
        """
    )
    found = read_imports(text, "defs.yaml")
    assert [each.config.columns for each in found if isinstance(each, LoadedImport)] == [("ID",), ("ID", "B")]


def test_a_block_that_holds_itself_is_reported() -> None:
    draft = drafted(TABLE.replace("  source:", "  title: &me [*me]\n  source:"))
    assert [problem.message for problem in draft.problems] == [
        "*me is inside the block that it repeats. Remove it."
    ]


def test_a_loaded_import_knows_the_line_of_a_key_or_of_its_block() -> None:
    found = loaded(PROFILES)
    assert str(found.problem("target.properties[1].column", "No column 'PHONE'.")) == (
        "defs/orders/defs.yaml:17: target.properties[1].column: No column 'PHONE'."
    )
    assert found.problem("target.properties[1].type", "").line == 17
    assert found.problem("target.clevertap_id", "").line == 12
    assert found.problem("", "").line == 1


@given(st.lists(st.from_regex(r"[a-z]{1,3}|\[[0-9]\]", fullmatch=True), min_size=1))
def test_the_line_of_a_missing_key_is_that_of_the_nearest_block(steps: list[str]) -> None:
    paths = [
        "".join(step if step[0] == "[" else f".{step}" for step in steps[:n])
        for n in range(1, len(steps) + 1)
    ]
    lines = {path: n for n, path in enumerate(paths, start=1)}
    assert [line_of(lines, path + ".missing", 0) for path in ["", *paths]] == [0, *lines.values()]


def test_a_path_leaves_out_the_kinds_that_pydantic_puts_in() -> None:
    value = {"source": {"kind": "table", "table": 5}, "target": {"kind": "events", "properties": [{}]}}
    assert key_path(("source", "table", "table"), value) == "source.table"
    assert key_path(("source", "table", "extra"), value) == "source.extra"
    assert (
        key_path(("target", "events", "properties", 0, "property"), value) == "target.properties[0].property"
    )


@given(st.text(alphabet="ab: -[]{}'\"\n\t#&*!|>%@`0123456789", max_size=60))
def test_any_text_gives_imports_or_drafts_with_lines_of_the_file(text: str) -> None:
    body = "type: clevertap_import.components.CleverTapImport\nattributes:\n" + indent(text, "  ")
    for each in read_imports(body, "defs.yaml"):
        assert isinstance(each, Draft)
        assert each.problems
        assert all(1 <= problem.line <= body.count("\n") + 1 for problem in each.problems)
