"""Somebody's own Dagster project: how it is found, and which imports are in it."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clevertap_import.config.dagster_project import DagsterProject, project_around
from clevertap_import.project.folder import imports_folder, load_folder
from clevertap_import_tests.testing.workshop import document, profiles_target

DG = '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "{}"\n'
ATTRIBUTES = {"source": {"kind": "table", "table": "A.B.C"}, "target": profiles_target(Name="NAME")}

LAYOUTS = {
    "dg, in src": ("pyproject.toml", DG.format("crm"), "src/crm/defs"),
    "dg, beside the file": ("pyproject.toml", DG.format("crm"), "crm/defs"),
    "dg, the other name": ("pyproject.toml", DG.format("crm"), "src/crm/definitions"),
    "dg, a module of its own": (
        "pyproject.toml",
        DG.format("crm") + 'defs_module = "crm.loads.all"\n',
        "src/crm/loads/all",
    ),
    "dg.toml": ("dg.toml", '[project]\nroot_module = "crm"\n', "src/crm/defs"),
    "dagster's own table": (
        "pyproject.toml",
        '[tool.dagster]\nmodule_name = "crm.definitions"\n',
        "crm/defs",
    ),
    "workspace": ("workspace.yaml", "load_from: [{python_module: crm.definitions}]", "crm/defs"),
    "workspace, named": (
        "workspace.yaml",
        "load_from:\n- python_file: x.py\n- python_module: {module_name: crm, location_name: crm}\n",
        "crm/defs",
    ),
}


@pytest.fixture(params=LAYOUTS)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> DagsterProject:
    file, text, folder = LAYOUTS[request.param]
    (tmp_path / folder / "people").mkdir(parents=True)
    (tmp_path / file).write_text(text)
    return DagsterProject(tmp_path, tmp_path / folder)


def test_a_project_is_found_from_anywhere_in_it(
    project: DagsterProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    for start in (project.root, project.defs / "people"):
        assert project_around(start) == project
        monkeypatch.chdir(start)
        assert imports_folder({}) == project.defs
    assert imports_folder({"CLEVERTAP_IMPORT_DEFS": str(project.root)}) == project.root


@pytest.mark.parametrize("module", ["clevertap_import", "not.there"])
def test_this_package_is_no_project_of_somebodys_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(DG.format(module))
    (tmp_path / "clevertap_import" / "defs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert project_around(tmp_path) is None
    assert imports_folder({}).parts[-2:] == ("clevertap_import", "defs")


@given(
    text=st.text() | st.sampled_from(["tool = 1", "[tool]\ndg = []", "load_from: 5", "load_from: [a, {}]"])
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_files_that_cannot_be_read_name_no_project(tmp_path: Path, text: str) -> None:
    for name in ("pyproject.toml", "dg.toml", "workspace.yaml"):
        (tmp_path / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    assert project_around(tmp_path) is None


def test_imports_among_other_components_are_loaded(tmp_path: Path) -> None:
    """As Dagster does it: its own keys are applied, and SQL may be anywhere in the project."""
    defs = tmp_path / "src" / "crm" / "defs"
    (tmp_path / "pyproject.toml").write_text(DG.format("crm"))
    (tmp_path / "query.sql").write_text("select * from A.B.C")
    source = {"kind": "sql", "sql_file": "../../../../query.sql"}
    people = document("people", ATTRIBUTES | {"source": source}) + "post_processing: {assets: []}\n"
    contents = {
        "people/defs.yaml": people,
        "dbt/defs.yaml": "type: dagster_dbt.DbtProjectComponent\nattributes: {project: '{{ root }}'}\n",
        "dbt/models/schema.yml": "version: 2\nmodels: [{name: people}]\n",
        "dbt/broken.yaml": "a: [",
        "torn/defs.yaml": document("torn", ATTRIBUTES | {"window": "fortnight"}),
    }
    for name, text in contents.items():
        (defs / name).parent.mkdir(parents=True, exist_ok=True)
        (defs / name).write_text(text)
    found = load_folder(defs)
    assert [each.config.nickname for each in found.loaded] == ["people"]
    assert [each.nickname for each in found.drafts] == ["torn"]
    assert load_folder(defs / "people").loaded == found.loaded
