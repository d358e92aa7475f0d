"""How an import and what belongs to it are called in Dagster."""

import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.schedule import Manual

PREFIX = "clevertap"
"""The first part of the asset keys of imports."""


def asset_key(nickname: str) -> dg.AssetKey:
    return dg.AssetKey([PREFIX, nickname])


def known_keys(config: ImportConfig) -> list[dg.AssetKey]:
    """The import's asset, and that of the nickname which it had before."""
    return [asset_key(name) for name in config.nicknames]


def op_name(nickname: str) -> str:
    """Dagster's own name for the op of such a key; the nickname alone may be a word that Dagster reserves."""
    return asset_key(nickname).to_python_identifier()


def nickname_of(key: dg.AssetKey) -> str | None:
    """The import whose asset this is; None if it is no import's."""
    return key.path[1] if len(key.path) == 2 and key.path[0] == PREFIX else None


def job_name(nickname: str) -> str:
    return f"import_{nickname}"


def automation_name(config: ImportConfig) -> str | None:
    """What starts the import, by its name in Dagster; None for an import that nothing starts."""
    if isinstance(config.schedule, Manual):
        return None
    return f"{config.nickname}_{'schedule' if config.schedule.crons() else 'sensor'}"
