"""The code location: imports of a folder or of someone else's project, and the drafts among them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster.components.testing import DefsFolderSandbox, create_defs_folder_sandbox
from hypothesis import given, settings
from hypothesis import strategies as st

from clevertap_import.components import CleverTapImport, ImportCenter
from clevertap_import.config.asset_keys import KEY_TEXT, is_asset_key
from clevertap_import.config.model import (
    MAX_NAME_CHARS,
    NAME_TEXT,
    OWNER_TEXT,
    TABLE_TEXT,
    ImportConfig,
)
from clevertap_import.config.yaml_file import CENTER
from clevertap_import.orchestration.code_location import folder_definitions, import_definitions
from clevertap_import.orchestration.names import asset_key, nickname_of
from clevertap_import.orchestration.upstream_tables import table_specs
from clevertap_import.project.folder import imports_folder
from clevertap_import_tests.testing.workshop import COMPONENT, Workshop, days_ago, document, profiles_target

ATTRIBUTES = {
    "source": {"kind": "table", "table": "SHOP.PUBLIC.T"},
    "target": profiles_target(Name="NAME"),
    "updated_on": {"column": "UPDATED_AT"},
    "start": days_ago(2),
    "schedule": {"kind": "every", "every": "6 hours"},
}
# What is wrong, the changed attributes, and what the draft must say: line, key, what is allowed.
BROKEN: dict[str, tuple[dict[str, object], str]] = {
    "an unknown key": ({"windows": "day"}, "windows: 'windows' is not a key here. Did you mean 'window'?"),
    "a wrong kind": ({"schedule": {"kind": "evry", "every": "1 day"}}, "'every'"),
    "a missing column": (
        {"target": {**profiles_target(), "properties": [{"property": "Name"}]}},
        "'column' or 'constant' is missing. Give one of them.",
    ),
    "a bad interval": ({"schedule": {"kind": "every", "every": "5 minutes"}}, "The least is 15 minutes"),
    "a bad time": (
        {"schedule": {"kind": "weekly", "at": [{"day": "monday", "time": "25:00"}]}},
        "25:00",
    ),
}


def write(folder: Path, name: str, *documents: str) -> Path:
    path = folder / name / "defs.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("---\n".join(documents))
    return path


def spec(defs: dg.Definitions, nickname: str) -> dg.AssetSpec:
    return next(each for each in defs.resolve_all_asset_specs() if each.key == asset_key(nickname))


def nicknames(defs: dg.Definitions) -> set[str]:
    found = {nickname_of(each.key) for each in defs.resolve_all_asset_specs()}
    return {name for name in found if name}


def test_no_import_and_no_draft_takes_the_asset_that_shows_all(tmp_path: Path) -> None:
    write(tmp_path, "center", document("import_center", ATTRIBUTES))
    draft = spec(folder_definitions(tmp_path), "import_center_draft")
    assert "'import_center' is the name of the asset that shows all imports" in str(draft.description)
    assert nickname_of(asset_key("import_center")) is None


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_import_is_a_draft_that_says_why_and_the_others_load(tmp_path: Path, broken: str) -> None:
    changes, message = BROKEN[broken]
    write(tmp_path, "good", document("good", ATTRIBUTES))
    path = write(tmp_path, "wrong", document("wrong", ATTRIBUTES | changes))
    defs = folder_definitions(tmp_path)
    assert nicknames(defs) == {"good", "wrong"}
    draft = spec(defs, "wrong")
    assert (draft.group_name, draft.tags["clevertap/status"]) == ("clevertap_drafts", "draft")
    description = str(draft.description)
    assert f"- {path}:" in description
    assert message in description
    assert spec(defs, "good").group_name == "clevertap_profiles"
    assert {job.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__")} == {
        "import_good"
    }


def test_a_problem_is_reported_with_its_line(tmp_path: Path) -> None:
    text = document("wrong", ATTRIBUTES | {"window": "fortnight"})
    line = 1 + next(number for number, each in enumerate(text.splitlines()) if "window: fortnight" in each)
    path = write(tmp_path, "wrong", text)
    assert f"- {path}:{line}: window: " in str(spec(folder_definitions(tmp_path), "wrong").description)


def test_a_file_that_is_no_yaml_is_a_draft_by_its_folder(tmp_path: Path) -> None:
    write(tmp_path, "good", document("good", ATTRIBUTES))
    write(tmp_path, "torn", "type: [")
    assert nicknames(folder_definitions(tmp_path)) == {"good", "torn"}


def test_two_imports_of_one_nickname_are_one_draft_that_names_both(tmp_path: Path) -> None:
    paths = [write(tmp_path, name, document("twin", ATTRIBUTES)) for name in ("one", "two")]
    defs = folder_definitions(tmp_path)
    assert nicknames(defs) == {"twin"}
    description = str(spec(defs, "twin").description)
    assert "'twin' is used twice" in description
    assert all(f"{path}:" in description for path in paths)


def test_a_draft_does_not_take_the_place_of_an_import_of_its_name(tmp_path: Path) -> None:
    write(tmp_path, "good", document("customers", ATTRIBUTES))
    write(tmp_path, "wrong", document("customers", ATTRIBUTES | {"window": "fortnight"}))
    defs = folder_definitions(tmp_path)
    assert nicknames(defs) == {"customers", "customers_draft"}
    assert spec(defs, "customers").group_name == "clevertap_profiles"


def test_a_nickname_that_no_asset_can_have_is_a_draft_all_the_same(tmp_path: Path) -> None:
    write(tmp_path, "wrong", document("Our customers!", ATTRIBUTES))
    assert nicknames(folder_definitions(tmp_path)) == {"Our_customers_"}


def test_a_draft_finds_a_name_that_is_free(tmp_path: Path) -> None:
    write(tmp_path, "good", document("a", ATTRIBUTES), document("a_draft", ATTRIBUTES))
    write(tmp_path, "wrong", document("a", ATTRIBUTES | {"window": "fortnight"}))
    assert nicknames(folder_definitions(tmp_path)) == {"a", "a_draft", "a_draft_draft"}


RESERVED = ("config", "context", "input", "type", "import", "class")
RESERVED_TABLES = ("CONTEXT", "Type", "INPUT.ARG_DICT", '"class"')
names = st.sampled_from(RESERVED) | st.from_regex(NAME_TEXT, fullmatch=True).filter(
    lambda name: len(name) <= MAX_NAME_CHARS
)

tables = st.sampled_from([*map(str.upper, RESERVED), '"type"', "S.TYPE"]) | st.from_regex(
    TABLE_TEXT, fullmatch=True
)


@settings(max_examples=30, deadline=None)
@given(
    names,
    names,
    st.from_regex(OWNER_TEXT, fullmatch=True),
    tables | st.sampled_from(RESERVED_TABLES),
    st.lists(st.from_regex(KEY_TEXT, fullmatch=True).filter(is_asset_key), max_size=3),
)
def test_what_the_yaml_may_say_dagster_takes(
    nickname: str, account: str, owner: str, table: str, deps: list[str]
) -> None:
    message = {
        "account": account,
        "created_by": owner,
        "source": {"kind": "table", "table": table},
        "deps": deps,
    }
    config = ImportConfig.model_validate({"nickname": nickname, **ATTRIBUTES, **message})
    tables = dg.Definitions(assets=table_specs(config))
    dg.Definitions.validate_loadable(dg.Definitions.merge(import_definitions(config, {}), tables))


def test_an_import_may_be_called_as_the_job_of_another(tmp_path: Path) -> None:
    write(tmp_path, "both", document("a", ATTRIBUTES), document("import_a", ATTRIBUTES))
    dg.Definitions.validate_loadable(folder_definitions(tmp_path))


def test_a_table_may_be_called_as_the_import_that_reads_it(tmp_path: Path) -> None:
    source = {"kind": "sql", "sql": "select * from CLEVERTAP.ORDERS join clevertap.orders on true"}
    write(tmp_path, "orders", document("orders", ATTRIBUTES | {"source": source}))
    defs = folder_definitions(tmp_path)
    dg.Definitions.validate_loadable(defs)
    deps = [dep.asset_key.to_user_string() for dep in spec(defs, "orders").deps]
    assert deps == ["snowflake/clevertap/orders"]


def test_imports_beside_a_draft_run(workshop: Workshop) -> None:
    workshop.write("good")
    workshop.write("wrong", window="fortnight")
    workshop.people([("a", "Asha", datetime.now(UTC))])
    (line,) = workshop.run("good")
    assert (line["status"], line["successful_syncs"]) == ("Success", 1)


def test_two_imports_of_one_file_share_connection_account_and_table(tmp_path: Path) -> None:
    documents = [document(name, ATTRIBUTES) for name in ("one", "two")]
    write(tmp_path, "both", *documents)
    defs = folder_definitions(tmp_path)
    assert nicknames(defs) == {"one", "two"}
    assert set(defs.resources or {}) == {"connection_snowflake", "account_clevertap", "journal"}
    dg.Definitions.validate_loadable(defs)


def test_an_empty_folder_is_a_location_without_imports(tmp_path: Path) -> None:
    defs = folder_definitions(tmp_path)
    dg.Definitions.validate_loadable(defs)
    assert nicknames(defs) == set()


def test_the_environment_names_the_folder_of_imports(tmp_path: Path) -> None:
    assert imports_folder({"CLEVERTAP_IMPORT_DEFS": str(tmp_path)}) == tmp_path
    assert not list(imports_folder({}).rglob("*.yaml"))


@pytest.fixture
def foreign() -> Iterator[DefsFolderSandbox]:
    """A Dagster project that is not ours, with an empty folder `crm` for imports."""
    with create_defs_folder_sandbox() as sandbox:
        (sandbox.defs_folder_path / "crm").mkdir()
        yield sandbox


def test_the_component_works_in_a_project_that_is_not_ours(foreign: DefsFolderSandbox) -> None:
    folder = foreign.defs_folder_path / "crm"
    (folder / "query.sql").write_text("select * from CRM.PUBLIC.PEOPLE;")
    one = document("one", ATTRIBUTES | {"source": {"kind": "sql", "sql_file": "query.sql"}})
    (folder / "defs.yaml").write_text("---\n".join([one, document("two", ATTRIBUTES)]))
    with foreign.build_all_defs() as defs:
        assert nicknames(defs) == {"one", "two"}
        assert {dep.asset_key.to_user_string() for dep in spec(defs, "one").deps} == {"crm/public/people"}
        assert {each.name for each in defs.resolve_all_job_defs()} >= {"import_one", "import_two"}
        reference = spec(defs, "two").metadata["dagster/code_references"].code_references[0]
        assert Path(reference.file_path) == (folder / "defs.yaml").resolve()
        # Its own document, after the lines of the first and the rule between them.
        assert reference.line_number == len(one.splitlines()) + 2


def test_a_component_shows_all_imports_of_the_project(
    foreign: DefsFolderSandbox, instance: dg.DagsterInstance
) -> None:
    (foreign.defs_folder_path / "crm" / "defs.yaml").write_text(document("one", ATTRIBUTES))
    two = document("two", ATTRIBUTES) + "post_processing: {assets: []}\n"
    write(foreign.defs_folder_path, "shop", two, f"type: {CENTER}\n")
    with foreign.build_all_defs() as defs:
        assert nicknames(defs) == {"one", "two"}
        assert {"all_healthy", "none_late", "nothing_open"} <= checks_of(defs, asset_key("import_center"))
        sensor = defs.get_repository_def().get_sensor_def("import_center")
        assert "was written" in str(sensor(dg.build_sensor_context(instance)))
        event = instance.get_latest_materialization_event(asset_key("import_center"))
        assert event
        assert event.asset_materialization
        assert event.asset_materialization.metadata["imports"].value == 2


def checks_of(defs: dg.Definitions, key: dg.AssetKey) -> set[str]:
    return {check.name for check in defs.resolve_asset_graph().asset_check_keys if check.asset_key == key}


def test_post_processing_of_the_guide_changes_the_asset_and_leaves_its_deps(
    foreign: DefsFolderSandbox,
) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide.md").read_text()
    (example,) = re.findall(r"```yaml\n(post_processing:\n.*?)```", guide, re.DOTALL)
    text = document("one", ATTRIBUTES | {"deps": ["dbt/customers"]})
    (foreign.defs_folder_path / "crm" / "defs.yaml").write_text(text + example)
    with foreign.build_all_defs() as defs:
        changed = spec(defs, "one")
        assert (changed.group_name, changed.tags["team"]) == ("crm", "growth")
        deps = {dep.asset_key.to_user_string() for dep in changed.deps}
        assert deps == {"dbt/customers", "shop/public/t"}
        dg.Definitions.validate_loadable(defs)


def test_a_component_with_a_problem_says_so_with_file_and_line(foreign: DefsFolderSandbox) -> None:
    text = document("one", ATTRIBUTES | {"window": "fortnight"})
    (foreign.defs_folder_path / "crm" / "defs.yaml").write_text(text)
    with pytest.raises(Exception, match="crm") as raised, foreign.build_all_defs():
        pass
    words = str(raised.value) + "".join(str(cause) for cause in causes(raised.value))
    line = 1 + text.splitlines().index("  window: fortnight")
    assert f"defs.yaml:{line}" in words
    assert "window is 'fortnight'. Allowed: hour, day, 30 minutes, 15 minutes." in words


def test_a_component_with_wrong_sql_says_so_with_its_file(foreign: DefsFolderSandbox) -> None:
    wrong = {"source": {"kind": "sql", "sql_file": "gone.sql"}, "target": profiles_target(**{"A$": "A"})}
    file = foreign.defs_folder_path / "crm" / "defs.yaml"
    file.write_text(document("one", ATTRIBUTES | wrong))
    with pytest.raises(Exception, match="crm") as raised, foreign.build_all_defs():
        pass
    words = str(raised.value) + "".join(str(cause) for cause in causes(raised.value))
    assert re.search(r"crm/defs.yaml:\d+: source.sql_file: .*gone.sql cannot be read", words)
    assert re.search(r"crm/defs.yaml:\d+: target.properties\[0\].property: 'A\$' has \$", words)


def causes(error: BaseException) -> Iterator[BaseException]:
    while error.__cause__:
        error = error.__cause__
        yield error


def test_the_component_is_found_by_the_name_in_the_yaml() -> None:
    assert f"{CleverTapImport.__module__}.{CleverTapImport.__qualname__}" == COMPONENT
    assert f"{ImportCenter.__module__}.{ImportCenter.__qualname__}" == CENTER
