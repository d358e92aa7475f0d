"""Each function that docs/architecture.md names is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
NAMED = sorted(set(re.findall(r"`([a-z_/]+\.py): (\w+)`", PAGE)))


def names_of(file: Path) -> set[str]:
    """Functions, classes, methods and constants."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_what_the_page_names_is_there(file: str, name: str) -> None:
    assert name in names_of(ROOT / "clevertap_import" / file)


def test_the_page_names_something() -> None:
    assert len(NAMED) > 20
