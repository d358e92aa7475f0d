"""The Import Listing: every import with its status and health, the columns of CleverTap's Import Center."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.schedule import KINDS, Manual, Once
from clevertap_import.config.strict_model import not_one_of
from clevertap_import.config.target import ProfilesTarget
from clevertap_import.config.yaml_file import Draft, LoadedImport
from clevertap_import.errors import ConfigError
from clevertap_import.orchestration.notes import changed_note
from clevertap_import.orchestration.run_history import UNFINISHED_WORDS, import_stats
from clevertap_import.orchestration.schedule_state import ScheduleState, is_on, is_stopped, switches
from clevertap_import.orchestration.sensors import has_run_for
from clevertap_import.project.folder import Imports
from clevertap_import.project.git_history import FileHistory, file_histories

Line = dict[str, Any]


WORDS = {
    "status": ("Running", "Scheduled", "Ready", "Paused", "Stopped", "Draft"),
    "health": ("green", "yellow", "red", "no_data", "failed", "none"),
    "sync_type": ("profiles", "events"),
    "frequency": tuple(dict.fromkeys(kind.word for kind in KINDS)),
}
"""The allowed words, by the name of the filter."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Selects the lines that match all filters; words in upper or lower case, days inclusive.

    Raises ConfigError for a word that is not allowed.
    """

    status: str | None = None
    health: str | None = None
    sync_type: str | None = None
    frequency: str | None = None
    created_by: str | None = None
    created_after: date | None = None
    created_before: date | None = None

    def __post_init__(self) -> None:
        for key, allowed in WORDS.items():
            word = getattr(self, key)
            if word and word.lower() not in map(str.lower, allowed):
                raise ConfigError(not_one_of(key.replace("_", "-"), word, allowed))

    def admits(self, line: Line) -> bool:
        words = {
            "status": self.status,
            "health_state": self.health,
            "sync_type": self.sync_type,
            "frequency": self.frequency,
            "created_by": self.created_by,
        }
        if any(word and word.lower() != str(line[key]).lower() for key, word in words.items()):
            return False
        created = datetime.fromisoformat(line["created_on"]).date()
        after, before = self.created_after or date.min, self.created_before or date.max
        return after <= created <= before


def listing(
    instance: dg.DagsterInstance,
    imports: Imports,
    folder: Path,
    filters: Filters,
    changed: Mapping[str, int] | None = None,
) -> list[Line]:
    """A line for each import, drafts included, ordered by nickname.

    `changed`: how many windows of each import were done before it was changed, where that is known.
    """
    files = [Path(each.file) for each in imports.loaded] + [Path(each.file) for each in imports.drafts]
    histories = file_histories(folder, files)
    found = switches(instance)
    lines = [
        loaded_line(instance, each, histories[Path(each.file)], found)
        | change_columns(each.config, (changed or {}).get(each.config.nickname))
        for each in imports.loaded
    ]
    lines += [draft_line(each, histories[Path(each.file)]) for each in imports.drafts]
    return sorted(filter(filters.admits, lines), key=lambda line: str(line["nickname"]))


def loaded_line(
    instance: dg.DagsterInstance,
    loaded: LoadedImport,
    history: FileHistory,
    found: Mapping[str, ScheduleState],
) -> Line:
    config = loaded.config
    runs = import_stats(instance, config.nickname)
    finished = next((run for run in runs if run["status"] not in UNFINISHED_WORDS), None)
    return {
        "nickname": config.nickname,
        "title": config.title,
        "partner": "Snowflake",
        "status": "Running"
        if runs and runs[0]["status"] == "Running"
        else waiting_status(instance, config, found),
        "sync_type": "profiles" if isinstance(config.target, ProfilesTarget) else "events",
        "frequency": config.schedule.word,
        "health": finished["health"] if finished else None,
        "health_state": finished["health_state"] if finished else "none",
        "last_run": runs[0]["date_time"] if runs else None,
        "datasource": config.connection,
        **dated(history, config.created_by),
        "problems": [],
    }


def waiting_status(
    instance: dg.DagsterInstance, config: ImportConfig, found: Mapping[str, ScheduleState]
) -> str:
    """The status of an import that is not running. After its only moment, `once` counts as manual."""
    schedule = config.schedule
    if isinstance(schedule, Manual):
        return "Ready"
    if is_stopped(instance, config, found):
        return "Stopped"
    if isinstance(schedule, Once) and has_run_for(instance, config, schedule.moment):
        return "Ready"
    return "Scheduled" if is_on(config, found) else "Paused"


def draft_line(draft: Draft, history: FileHistory) -> Line:
    unknown = ("title", "sync_type", "frequency", "health", "last_run", "datasource")
    return {
        "nickname": draft.nickname,
        "partner": "Snowflake",
        "status": "Draft",
        **dict.fromkeys(unknown),
        "health_state": "none",
        **dated(history, None),
        "problems": [str(problem) for problem in draft.problems],
        "changed_windows": None,
        "notes": [],
    }


def change_columns(config: ImportConfig, windows: int | None) -> Line:
    note = changed_note(config, windows or 0)
    return {"changed_windows": windows, "notes": [note] if note else []}


def dated(history: FileHistory, created_by: str | None) -> Line:
    return {
        "created_on": history.created_on,
        "created_by": created_by or history.created_by,
        "updated_on": history.updated_on,
        "updated_by": history.updated_by,
    }
