"""The documents against the code: what they show exists, and what exists is in them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from clevertap_import.cli.main import main
from clevertap_import.config.yaml_file import COMPONENT, LoadedImport, read_imports

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDE = ROOT / "docs" / "guide.md"
DOCUMENTS = sorted(
    [
        README,
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        ROOT / "SECURITY.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "deploy").rglob("*.md"),
    ]
)
MAX_IMAGE_BYTES = 300_000
FENCE = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
VARIABLE = re.compile(r"\b(?:SNOWFLAKE|CLEVERTAP|ANALYTICS|EMEA|DAGSTER)_[A-Z_]+\b")
COMMAND_NAME = re.compile(r"clevertap-import ([a-z][a-z-]*)")


def blocks(document: Path, language: str) -> list[str]:
    return [text for found, text in FENCE.findall(document.read_text()) if found == language]


def shell_lines() -> Iterator[tuple[str, str]]:
    for document in DOCUMENTS:
        for block in blocks(document, "bash"):
            for line in filter(None, map(str.strip, block.splitlines())):
                yield document.name, line


def imports_shown() -> list[tuple[str, str]]:
    return [
        (document.name, block)
        for document in DOCUMENTS
        for block in blocks(document, "yaml")
        if COMPONENT in block
    ]


def shown(program: str) -> list[str]:
    lines = dict.fromkeys(line for _, line in shell_lines() if shlex.split(line)[0] == program)
    assert lines, f"No document shows {program}."
    return list(lines)


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as Git hosts make them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def variables_read() -> set[str]:
    """Every variable that the code reads, for the default names and those of the guide's example."""
    from clevertap_import.alerting.heartbeat import HEARTBEAT_VARIABLE
    from clevertap_import.journal.digest_key import KEY_VARIABLE
    from clevertap_import.orchestration.alerts import UI_VARIABLE
    from clevertap_import.orchestration.event_storage import BATCH_VARIABLE
    from clevertap_import.orchestration.forced import ALLOW_VARIABLE
    from clevertap_import.orchestration.report_link import REPORT_VARIABLE
    from clevertap_import.orchestration.resources import (
        JOURNAL_VARIABLE,
        CleverTapAccount,
        SnowflakeConnection,
        variable,
    )
    from clevertap_import.orchestration.telemetry import ENDPOINT_VARIABLE
    from clevertap_import.project.alerts_file import ADDRESS_VARIABLE
    from clevertap_import.project.folder import FOLDER_VARIABLE

    kinds = (
        *((SnowflakeConnection, name) for name in ("snowflake", "analytics")),
        *((CleverTapAccount, name) for name in ("clevertap", "emea")),
    )
    fields = {
        variable(name, field) for kind, name in kinds for field in kind.__annotations__ if field != "name"
    }
    instance = set(re.findall(r"\{env: (\w+)\}", (ROOT / "deploy" / "dagster.yaml").read_text()))
    return (
        fields
        | instance
        | {FOLDER_VARIABLE, JOURNAL_VARIABLE, KEY_VARIABLE, ALLOW_VARIABLE, BATCH_VARIABLE, "DAGSTER_HOME"}
        | {ADDRESS_VARIABLE, HEARTBEAT_VARIABLE, UI_VARIABLE, REPORT_VARIABLE, ENDPOINT_VARIABLE}
    )


@pytest.mark.parametrize("line", shown("clevertap-import"))
def test_every_command_shown_is_taken_by_the_command_line(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    command = main.commands[name]
    if isinstance(command, click.Group):
        command = command.commands[arguments.pop(0)]
    # Parsing only: an unknown option, a missing argument or a value out of bounds raises.
    context = command.make_context(name, arguments, parent=click.Context(main))
    assert context.args == []


@pytest.mark.parametrize("line", shown("make"))
def test_every_make_target_shown_exists(line: str) -> None:
    words = shlex.split(line)[1:]
    assert {word for word in words if "=" not in word} <= make_targets()


def test_only_known_programs_are_shown() -> None:
    known = {"clevertap-import", "make", "source", "export", "openssl", "dagster", "dagster-webserver"}
    assert {shlex.split(line)[0] for _, line in shell_lines()} <= known | {"dagster-daemon"}


@pytest.mark.parametrize(("document", "text"), imports_shown())
def test_every_import_shown_loads(document: str, text: str) -> None:
    found = read_imports(text, document)
    assert [type(each) for each in found] == [LoadedImport], found


def test_readme_and_guide_show_imports() -> None:
    assert {"README.md", "guide.md"} <= {document for document, _ in imports_shown()}


@pytest.mark.parametrize("document", [*DOCUMENTS, ROOT / ".env.example"], ids=lambda path: path.name)
def test_every_variable_named_is_read(document: Path) -> None:
    assert set(VARIABLE.findall(document.read_text())) <= variables_read()


def test_every_variable_of_the_default_names_is_in_the_example() -> None:
    named = set(VARIABLE.findall((ROOT / ".env.example").read_text()))
    defaults = {name for name in variables_read() if name.startswith(("SNOWFLAKE_", "CLEVERTAP_"))}
    assert defaults <= named


def test_readme_documents_every_command_and_no_other() -> None:
    named = set(COMMAND_NAME.findall(README.read_text()))
    assert named == set(main.commands)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in LINK.findall(document.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_picture_is_there_and_small() -> None:
    picture = ROOT / "docs" / "images" / "ui.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < MAX_IMAGE_BYTES
