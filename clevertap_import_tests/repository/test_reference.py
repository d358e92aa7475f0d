"""What is generated against the code: the files are fresh, complete, and the editor schema agrees with us."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from clevertap_import.cli.main import main
from clevertap_import.config.model import ImportConfig
from clevertap_import.config.schedule import KINDS
from clevertap_import.config.target import PropertyMapping
from clevertap_import.config.yaml_file import LoadedImport, read_imports
from clevertap_import.mapping import rejection_codes as codes
from clevertap_import.mapping.system_properties import SYSTEM_PROPERTIES
from clevertap_import.orchestration.checks import DESCRIPTIONS
from clevertap_import.orchestration.metadata import MEANINGS, report_metadata
from clevertap_import.orchestration.run_values import SoFar
from clevertap_import.sandbox import EXAMPLES
from clevertap_import.snowflake.type_compatibility import READS, SNOWFLAKE_NAMES
from clevertap_import_tests.repository.test_docs import imports_shown, variables_read
from scripts.reference.__main__ import FILES
from scripts.reference.__main__ import main as write
from scripts.reference.schema import import_schema

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SHIPPED = sorted(EXAMPLES.rglob("*.yaml"))
CUSTOMERS: dict[str, Any] = {
    "nickname": "customers",
    "source": {"kind": "table", "table": "T"},
    "target": {"kind": "profiles", "identity": {"column": "ID"}},
}


@pytest.fixture(scope="module")
def validator() -> Any:  # noqa: ANN401 - jsonschema has no types here
    jsonschema.Draft202012Validator.check_schema(import_schema())
    return jsonschema.Draft202012Validator(import_schema())


@pytest.fixture(scope="module")
def page() -> str:
    return (DOCS / "reference.md").read_text()


@pytest.mark.parametrize("name", FILES)
def test_the_files_in_docs_are_what_the_code_says_now(name: str, tmp_path: Path) -> None:
    write(tmp_path)
    assert (DOCS / name).read_text() == (tmp_path / name).read_text(), "Run: make docs"


def test_the_reference_has_every_word_of_the_registries(page: str) -> None:
    words = {
        *(f"`clevertap-import {name}" for name in main.commands),
        *(f"| `{name}` |" for name in (*ImportConfig.model_fields, *PropertyMapping.model_fields)),
        *(f"| `{kind.model_fields['kind'].default}` |" for kind in KINDS),
        *(f"| `{name}` |" for name in (*READS, *SYSTEM_PROPERTIES, *codes.CODES, *DESCRIPTIONS)),
        *(f"| `{name}` |" for name in MEANINGS),
        *(f"| {name} |" for name in SNOWFLAKE_NAMES.values()),
    }
    assert {word for word in words if word not in page} == set()


def test_every_variable_that_is_read_is_in_the_reference(page: str) -> None:
    named = set(re.findall(r"^\| `([A-Z]+_[A-Z_]+)` \|", page, re.MULTILINE))
    defaults = {name for name in variables_read() if name.startswith(("SNOWFLAKE_", "CLEVERTAP_", "OTEL_"))}
    assert named == {*defaults, "DAGSTER_HOME"}


def test_every_metadata_key_has_a_meaning() -> None:
    assert set(report_metadata(SoFar())) <= set(MEANINGS)


def test_every_code_says_what_to_do() -> None:
    assert [each.code for each in codes.ALL if not each.reason or not each.remedy.endswith(".")] == []


def documents(text: str) -> list[Any]:
    """As an editor reads YAML: days are text."""
    found = list(yaml.safe_load_all(text))
    return [plain(each) for each in found]


def plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_the_schema_takes_the_imports_of_the_package(path: Path, validator: Any) -> None:  # noqa: ANN401
    for document in documents(path.read_text()):
        validator.validate(document)


@pytest.mark.parametrize(("name", "text"), imports_shown())
def test_the_schema_takes_the_imports_of_the_documents(name: str, text: str, validator: Any) -> None:  # noqa: ANN401
    for document in documents(text):
        validator.validate(document)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_schema_and_model_take_the_example_of_every_schedule(kind: Any, validator: Any) -> None:  # noqa: ANN401
    fields = {name: field.examples[0] for name, field in kind.model_fields.items() if field.examples}
    document = {"type": SHIPPED_TYPE, "attributes": {**CUSTOMERS, "schedule": fields}}
    validator.validate(document)
    assert [type(each) for each in read_imports(yaml.safe_dump(document), "x.yaml")] == [LoadedImport]


SHIPPED_TYPE = "clevertap_import.components.CleverTapImport"


@pytest.mark.parametrize(
    "change",
    [
        {"nickname": "Customers!"},
        {"unknown": 1},
        {"window": "fortnight"},
        {"source": {"table": "T"}},
        {"source": {"kind": "sql", "sql": "select 1", "sql_file": "q.sql"}},
        {"target": {"kind": "profiles"}},
        {"target": {**CUSTOMERS["target"], "properties": [{"property": "Name"}]}},
        {"target": {**CUSTOMERS["target"], "properties": [{"column": "A", "property": "B", "type": "text"}]}},
        {"schedule": {"kind": "every", "every": "6 parsecs"}},
        {"schedule": {"kind": "once", "at": "tomorrow"}},
    ],
    ids=str,
)
def test_schema_and_model_refuse_the_same_mistakes(change: dict[str, Any], validator: Any) -> None:  # noqa: ANN401
    document = {"type": SHIPPED_TYPE, "attributes": {**CUSTOMERS, **change}}
    assert not validator.is_valid(document)
    (found,) = read_imports(yaml.safe_dump(document), "x.yaml")
    assert not isinstance(found, LoadedImport)


def test_every_key_of_the_schema_has_a_description_and_an_example() -> None:
    poor = [
        f"{model}.{key}"
        for model, definition in import_schema()["$defs"].items()
        for key, schema in definition["properties"].items()
        if not schema.get("description") or not schema.get("examples")
    ]
    assert poor == []
