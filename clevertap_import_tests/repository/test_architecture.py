"""The house rules that a machine can check: sizes, imports, index hosts, errors that say what they mean."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import clevertap_import
from clevertap_import.errors import CleverTapImportError

ROOT = Path(__file__).parents[2]
MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 40

MODULES = sorted(
    path
    for package in ("clevertap_import", "clevertap_import_tests", "scripts")
    for path in (ROOT / package).rglob("*.py")
)
# In two parts, so that this file does not name them itself.
INDEX_HOSTS = (
    *("pypi." + "org", "pythonhosted." + "org", "test.pypi" + ".org"),
    *("--index" + "-url", "--extra-index" + "-url", "--trusted" + "-host"),
)


def functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or 0) - function.lineno + 1


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_is_something_to_check() -> None:
    assert "clevertap_import/errors.py" in map(name_of, MODULES)
    assert name_of(Path(__file__)) in map(name_of, MODULES)


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_no_file_is_longer_than_350_lines_and_no_function_than_40(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= MAX_FILE_LINES
    long = {
        function.name: lines(function)
        for function in functions(module)
        if lines(function) > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_imports_point_down() -> None:
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--no-cache",
        "--config",
        "pyproject.toml",
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_file_names_an_index_host() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]
    assert files
    named = {
        name_of(path): host for path in files for host in INDEX_HOSTS if host.encode() in path.read_bytes()
    }
    assert named == {}


def family(root: type[CleverTapImportError]) -> Iterator[type[CleverTapImportError]]:
    yield root
    for child in root.__subclasses__():
        yield from family(child)


def import_every_package() -> None:
    for name in (
        "config",
        "snowflake",
        "mapping",
        "staging",
        "journal",
        "clevertap",
        "project",
        "orchestration",
    ):
        package = importlib.import_module(f"{clevertap_import.__name__}.{name}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


def test_every_error_says_what_it_means() -> None:
    import_every_package()
    kinds = list(family(CleverTapImportError))
    assert len(kinds) > 10
    assert [kind.__name__ for kind in kinds if not vars(kind).get("__doc__")] == []
