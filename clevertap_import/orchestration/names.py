"""The names of an import and its parts in Dagster."""

import dagster as dg

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
    return key.path[1] if len(key.path) == 2 and key.path[0] == PREFIX else None


def job_name(nickname: str) -> str:
    return f"import_{nickname}"


def automation_name(config: ImportConfig) -> str | None:
    """The name of the import's schedule or sensor in Dagster; None for a manual import."""
    if isinstance(config.schedule, Manual):
        return None
    return f"{config.nickname}_{'schedule' if config.schedule.crons() else 'sensor'}"
