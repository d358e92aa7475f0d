"""The names of an import and its parts in Dagster."""

import re
from collections.abc import Container, Iterable

import dagster as dg

from clevertap_import.config.asset_keys import IMPORT_CENTER
from clevertap_import.config.model import ImportConfig
from clevertap_import.config.schedule import Manual

PREFIX = "clevertap"
"""The first part of the asset keys of imports."""


def asset_key(nickname: str) -> dg.AssetKey:
    return dg.AssetKey([PREFIX, nickname])


def known_keys(config: ImportConfig) -> list[dg.AssetKey]:
    """The asset keys of the import, for its nickname and its earlier one."""
    return [asset_key(name) for name in config.nicknames]


def op_name(nickname: str) -> str:
    """Dagster's own name for the op of this key. The nickname alone may be a word that Dagster reserves."""
    return asset_key(nickname).to_python_identifier()


def nickname_of(key: dg.AssetKey) -> str | None:
    """The nickname of the import with this asset key; None if the key is not an import's."""
    is_own = len(key.path) == 2 and key.path[0] == PREFIX and key.path[1] != IMPORT_CENTER
    return key.path[1] if is_own else None


def draft_names(drafts: Iterable[str], taken: Container[str]) -> dict[str, str]:
    """The last part of the asset key of each draft. `taken`: names that a draft must not replace."""
    names = {}
    for draft in drafts:
        name = re.sub(r"\W", "_", draft)
        while name in taken:
            name += "_draft"
        names[draft] = name
    return names


def job_name(nickname: str) -> str:
    return f"import_{nickname}"


def automation_name(config: ImportConfig) -> str | None:
    """The name of the import's schedule or sensor in Dagster; None for a manual import."""
    if isinstance(config.schedule, Manual):
        return None
    return f"{config.nickname}_{'schedule' if config.schedule.crons() else 'sensor'}"
