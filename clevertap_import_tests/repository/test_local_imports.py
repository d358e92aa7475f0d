"""Imports inside functions: only where a library is heavy and not always needed, and no more than now."""

import ast
from collections.abc import Iterator
from pathlib import Path

from clevertap_import_tests.repository.test_architecture import MODULES, ROOT, name_of

ALLOWED = {
    "clevertap_import/alerting/channels.py": 2,
    "clevertap_import/api.py": 1,
    "clevertap_import/check_tables.py": 1,
    "clevertap_import/cli/conventions.py": 1,
    "clevertap_import/cli/spinner.py": 3,
    "clevertap_import/frames.py": 1,
    "clevertap_import/journal/tables.py": 2,
    "clevertap_import/orchestration/state_telemetry.py": 1,
    "clevertap_import/orchestration/telemetry.py": 1,
    "clevertap_import/sandbox/snowflake/trouble.py": 1,
    "clevertap_import/snowflake/session.py": 1,
}
"""How many each file has. A comment above each says why: the library is heavy, and few processes need it."""


def local_imports(module: Path) -> Iterator[int]:
    """The lines of imports within functions, those of nested functions once."""
    tree = ast.parse(module.read_text())
    functions = (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    yield from {
        node.lineno
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }


def test_imports_inside_functions_are_those_that_have_a_reason() -> None:
    production = [module for module in MODULES if module.is_relative_to(ROOT / "clevertap_import")]
    counts = {name_of(module): len(list(local_imports(module))) for module in production}
    found = {name: count for name, count in counts.items() if count}
    assert found == ALLOWED, "Import at the top of the file. If a library is too heavy, add the file here."
