"""Since when Dagster starts each import by the schedule that its YAML has: the ticks remember it.

Git knows when a file was committed, not when Dagster began to use it; and most edits leave the schedule
alone.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.yaml_file import LoadedImport


def remember_schedule(instance: dg.DagsterInstance, config: ImportConfig, tick: datetime) -> None:
    """Store the schedule that has this tick, if the tick before it was of another one."""
    key = key_of(config)
    stored = instance.daemon_cursor_storage.get_cursor_values({key}).get(key)
    if stored is None or json.loads(stored)["schedule"] != terms(config):
        text = json.dumps({"schedule": terms(config), "since": tick.astimezone(UTC).isoformat()})
        instance.daemon_cursor_storage.set_cursor_values({key: text})


def schedules_since(instance: dg.DagsterInstance, imports: Iterable[LoadedImport]) -> dict[str, datetime]:
    """By nickname, as far as it is known: the first tick of the schedule that the import has now.

    Without a tick of that schedule, it is when the file changed on this machine.
    """
    loaded = list(imports)
    if not loaded:
        return {}
    stored = instance.daemon_cursor_storage.get_cursor_values({key_of(each.config) for each in loaded})
    found = {each.config.nickname: since(each, stored.get(key_of(each.config))) for each in loaded}
    return {name: moment for name, moment in found.items() if moment}


def since(loaded: LoadedImport, stored: str | None) -> datetime | None:
    known = json.loads(stored) if stored else {}
    if known.get("schedule") == terms(loaded.config):
        return datetime.fromisoformat(known["since"])
    try:
        return datetime.fromtimestamp(Path(loaded.file).stat().st_mtime, UTC)
    except OSError:
        return None


def key_of(config: ImportConfig) -> str:
    return f"clevertap_import/schedule/{config.nickname}"


def terms(config: ImportConfig) -> dict[str, Any]:
    """All that decides when the schedule is due."""
    return {**config.schedule.model_dump(mode="json"), "start": str(config.anchor)}
