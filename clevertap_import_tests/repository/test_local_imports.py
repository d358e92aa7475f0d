"""Imports inside functions: each file that has some has a reason, and no more of them than now."""

import ast
from collections.abc import Iterator
from pathlib import Path

from clevertap_import_tests.repository.test_architecture import MODULES, ROOT, name_of

HELP = "help and wrong options are answered without Dagster, which takes 2 CPU seconds to import"
LIGHT = "`import clevertap_import` loads no Dagster and no pandas"
PANDAS = "pandas takes memory, and is loaded after a run"
CONNECTOR = "the connector takes 3 CPU seconds, and most processes read no rows"

ALLOWED = {
    "clevertap_import/api.py": (22, LIGHT),
    "clevertap_import/cli/checks.py": (21, HELP),
    "clevertap_import/cli/conventions.py": (6, HELP),
    "clevertap_import/cli/journal.py": (18, HELP),
    "clevertap_import/cli/local_sandbox.py": (3, HELP),
    "clevertap_import/cli/main.py": (16, HELP),
    "clevertap_import/cli/probe.py": (6, HELP),
    "clevertap_import/cli/rejects.py": (17, HELP),
    "clevertap_import/cli/schedules.py": (6, HELP),
    "clevertap_import/frames.py": (4, PANDAS),
    "clevertap_import/journal/tables.py": (
        2,
        "Alembic is slow to import, and most databases are at the newest step",
    ),
    "clevertap_import/sandbox/snowflake/trouble.py": (1, "DuckDB is loaded by the process that serves"),
    "clevertap_import/selection.py": (9, HELP),
    "clevertap_import/snowflake/columns.py": (2, CONNECTOR),
    "clevertap_import/snowflake/no_netrc.py": (1, CONNECTOR),
    "clevertap_import/snowflake/private_key.py": (3, "cryptography is loaded only for logins with a key"),
    "clevertap_import/snowflake/results.py": (1, CONNECTOR),
    "clevertap_import/snowflake/retries.py": (1, CONNECTOR),
    "clevertap_import/snowflake/session.py": (3, CONNECTOR),
    "clevertap_import/tables.py": (20, "a Git hook that checks files offline does not wait for Dagster"),
}


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
    more = {name: count for name, count in counts.items() if count > ALLOWED.get(name, (0, ""))[0]}
    assert more == {}, "Import at the top of the file. If that cannot be, add the reason here."
