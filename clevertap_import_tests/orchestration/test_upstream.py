"""The assets that an import comes after: in the lineage, and in one run with them."""

from datetime import datetime, time
from pathlib import Path

import dagster as dg
import pytest

from clevertap_import.config.asset_keys import RESERVED
from clevertap_import.config.model import ImportConfig
from clevertap_import.orchestration.code_location import folder_definitions
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.partitions import KeyRange, range_tags
from clevertap_import.orchestration.runs import QUIET
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.testing.builders import profiles_import
from clevertap_import_tests.testing.dagster_internals import DISALLOWED_NAMES
from clevertap_import_tests.testing.workshop import Workshop, days_ago, document, profiles_target

AFTER = {"kind": "after", "assets": ["dbt/customers", "shop/public/t"]}
ATTRIBUTES = {
    "source": {"kind": "table", "table": "SHOP.PUBLIC.T"},
    "target": profiles_target(Name="NAME"),
    "updated_on": {"column": "UPDATED_AT"},
    "start": days_ago(2),
}
UPSTREAM = dg.AssetKey(["dbt", "customers"])
TODAY = datetime.combine(days_ago(0), time())


def write(folder: Path, nickname: str, **changes: object) -> None:
    (folder / f"{nickname}.yaml").write_text(document(nickname, {**ATTRIBUTES, **changes}))


def upstream(defs: dg.Definitions, nickname: str) -> list[str]:
    spec = next(each for each in defs.resolve_all_asset_specs() if each.key == asset_key(nickname))
    return sorted(dep.asset_key.to_user_string() for dep in spec.deps)


def test_the_lineage_shows_tables_deps_and_what_starts_the_import(tmp_path: Path) -> None:
    write(tmp_path, "one", deps=["dbt/customers", "clevertap/two"], schedule={"kind": "manual"})
    write(tmp_path, "two", schedule=AFTER)
    defs = folder_definitions(tmp_path)
    dg.Definitions.validate_loadable(defs)
    assert upstream(defs, "one") == ["clevertap/two", "dbt/customers", "shop/public/t"]
    assert upstream(defs, "two") == ["dbt/customers", "shop/public/t"]


@pytest.mark.parametrize("named", [{"deps": ["dbt/customers"]}, {"schedule": AFTER}], ids=["deps", "after"])
def test_in_one_run_with_its_upstream_asset_an_import_sends_what_that_made(
    workshop: Workshop, named: dict[str, object]
) -> None:
    nickname = f"after_{'_'.join(named)}"
    workshop.write(nickname, **named)
    workshop.people([("b", "Bo", TODAY)])

    @dg.asset(key=UPSTREAM)
    def customers() -> None:
        workshop.add_people([("a", "Asha", TODAY)])

    selection = dg.AssetSelection.assets(UPSTREAM, asset_key(nickname))
    both = dg.define_asset_job("both", selection=selection, executor_def=dg.in_process_executor)
    defs = dg.Definitions.merge(workshop.definitions(), dg.Definitions(assets=[customers], jobs=[both]))
    result = defs.resolve_job_def("both").execute_in_process(
        run_config=QUIET,
        instance=workshop.instance,
        tags=range_tags(KeyRange(f"{days_ago(2)}", f"{days_ago(0)}")),
        raise_on_error=False,
    )
    assert result.success
    assert sorted(workshop.clevertap.profiles()) == ["a", "b"]


@pytest.mark.parametrize(
    "partitions",
    [
        dg.StaticPartitionsDefinition(["north", "south"]),
        dg.DynamicPartitionsDefinition(name="regions"),
        dg.DailyPartitionsDefinition("2026-11-20"),
        None,
    ],
    ids=["static", "dynamic", "daily", "none"],
)
def test_an_upstream_asset_may_have_partitions_of_any_kind(
    tmp_path: Path, partitions: dg.PartitionsDefinition[str] | None
) -> None:
    @dg.asset(key=UPSTREAM, partitions_def=partitions)
    def customers() -> None: ...

    write(tmp_path, "one", deps=["dbt/customers"])
    write(tmp_path, "two", deps=["dbt/customers"], updated_on=None, start=None)
    defs = dg.Definitions.merge(folder_definitions(tmp_path), dg.Definitions(assets=[customers]))
    dg.Definitions.validate_loadable(defs)


def test_imports_that_come_after_each_other_are_drafts_and_the_others_load(tmp_path: Path) -> None:
    write(tmp_path, "a", deps=["clevertap/b"])
    write(tmp_path, "b", schedule={"kind": "after", "assets": ["clevertap/c"]})
    write(tmp_path, "c", deps=["dbt/customers", "clevertap/a"])
    write(tmp_path, "d", deps=["clevertap/a", "clevertap/gone"])
    dg.Definitions.validate_loadable(folder_definitions(tmp_path))
    imports = load_folder(tmp_path)
    assert [each.config.nickname for each in imports.loaded] == ["d"]
    problems = {each.nickname: str(each.problems[0]) for each in imports.drafts}
    assert "schedule.assets: These imports wait for each other, so none could be the first" in problems["b"]
    assert "clevertap/a after clevertap/b after clevertap/c after clevertap/a." in problems["a"]
    assert sorted(problems) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (
            "dbt customers",
            "'dbt customers' is not the key of a Dagster asset. Write its parts with / between",
        ),
        ("/dbt", "letters, digits and _.- only"),
        ("context", "and are no word that Dagster reserves"),
        ("output/arg_dict", "and are no word that Dagster reserves"),
        ("", "is not the key of a Dagster asset"),
        ("clevertap/import_center", "shows the imports: it changes after each run, so an import that comes"),
        ("clevertap/import_under_test", "is the import's own asset. Name the assets that it reads."),
    ],
)
def test_a_key_that_no_asset_can_have_is_refused(key: str, words: str) -> None:
    with pytest.raises(ValueError, match="deps") as refused:
        profiles_import(deps=[key])
    assert words in str(refused.value)


def test_the_words_that_dagster_reserves_are_known() -> None:
    assert RESERVED == DISALLOWED_NAMES


def test_deps_are_none_by_default() -> None:
    config: ImportConfig = profiles_import()
    assert config.deps == ()
