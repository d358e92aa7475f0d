"""A user's own Dagster project, and the folder in it from which Dagster loads components."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from clevertap_import.config.yaml_bounds import check_bounds

PACKAGE = __name__.split(".")[0]
FOLDERS = ("defs", "definitions")
"""Below the root module; the second if the first does not exist, like the `dg` command."""


HOME = ".dagster"
INSTANCE_FILE = "dagster.yaml"


@dataclass(frozen=True, slots=True)
class DagsterProject:
    """Its root, and its folder of components."""

    root: Path
    defs: Path


def project_around(start: Path) -> DagsterProject | None:
    """The nearest Dagster project that has a folder of components, from `start` up; None if it is ours."""
    for root in (start, *start.parents):
        for module in defs_modules(root):
            if module.split(".")[0] == PACKAGE:
                return None
            if folder := module_folder(root, module):
                return DagsterProject(root, folder)
    return None


def project_root(start: Path) -> Path | None:
    """The folder of the nearest Dagster project, from `start` up; also of a clone of ours."""
    for root in (start, *start.parents):
        if any(
            module.split(".")[0] == PACKAGE or module_folder(root, module) for module in defs_modules(root)
        ):
            return root
    return None


def base_folder(start: Path) -> Path:
    """Where Dagster's storage is without a DAGSTER_HOME: in the folder of the project that contains `start`.

    In `start` itself if there is no project, or if it has its own home. All who work in a project must use
    the same home; otherwise records that were sent from one folder would be sent again from another.
    """
    if (start / HOME).exists() or (start / INSTANCE_FILE).exists():
        return start
    return project_root(start) or start


def module_folder(root: Path, module: str) -> Path | None:
    """Where the code of `module` is: in `src`, if the project has one, or beside the project's file."""
    folders = (base.joinpath(*module.split(".")) for base in (root / "src", root))
    return next((folder.resolve() for folder in folders if folder.is_dir()), None)


def defs_modules(root: Path) -> Iterator[str]:
    """Modules in which `root` may keep components, by its dg.toml, pyproject.toml and workspace.yaml."""
    dg_file, tools = toml(root / "dg.toml"), table(toml(root / "pyproject.toml"), "tool")
    for found in (table(dg_file, "project"), table(table(tools, "dg"), "project")):
        if isinstance(found.get("defs_module"), str):
            yield found["defs_module"]
        elif isinstance(found.get("root_module"), str):
            yield from (f"{found['root_module']}.{name}" for name in FOLDERS)
    for module in (table(tools, "dagster").get("module_name"), *workspace_modules(root / "workspace.yaml")):
        if isinstance(module, str):
            yield from (f"{module.removesuffix('.definitions')}.{name}" for name in FOLDERS)


def workspace_modules(file: Path) -> Iterator[object]:
    """The modules that a workspace.yaml loads."""
    try:
        text = file.read_text("utf-8")
        check_bounds(text)
        entries = yaml.safe_load(text)["load_from"]
        for entry in entries:
            module = entry.get("python_module", entry.get("python_package"))
            yield table({"it": module}, "it").get("module_name", module)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError, AttributeError):
        return


def toml(file: Path) -> dict[str, Any]:
    """A file's content; empty if the file cannot be read: Dagster itself reports that."""
    try:
        return parsed(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}


@lru_cache(maxsize=16)
def parsed(text: str) -> dict[str, Any]:
    """Each use of a login asks for it, and a long pyproject.toml takes milliseconds. It is only read."""
    return tomllib.loads(text)


def table(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = content.get(key)
    return found if isinstance(found, dict) else {}
