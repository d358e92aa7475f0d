"""The Import Listing: every import with its status and health, the columns of CleverTap's Import Center."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args

import dagster as dg

from clevertap_import.alerted import Mute
from clevertap_import.config.model import ImportConfig
from clevertap_import.config.schedule import KINDS
from clevertap_import.config.strict_model import not_one_of
from clevertap_import.config.target import ProfilesTarget
from clevertap_import.config.yaml_file import Draft
from clevertap_import.errors import ConfigError
from clevertap_import.monitoring.facts import Status
from clevertap_import.monitoring.picture import ImportState
from clevertap_import.orchestration.import_states import import_states
from clevertap_import.orchestration.notes import changed_note
from clevertap_import.project.folder import Imports
from clevertap_import.project.git_history import FileHistory, file_histories
from clevertap_import.run_result import RunProgress

Line = dict[str, Any]
Words = str | Sequence[str] | None


WORDS = {
    "status": get_args(Status),
    "health": ("green", "yellow", "red", "no_data", "failed", "none"),
    "sync_type": ("profiles", "events"),
    "frequency": tuple(dict.fromkeys(kind.word for kind in KINDS)),
}
"""The allowed words, by the name of the filter."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Selects the lines that match all filters: one word or several, in any case; days inclusive.

    Raises ConfigError for a word that is not allowed.
    """

    status: Words = None
    health: Words = None
    sync_type: Words = None
    frequency: Words = None
    created_by: Words = None
    created_after: date | None = None
    created_before: date | None = None
    late: bool = False

    def __post_init__(self) -> None:
        for key, allowed in WORDS.items():
            for word in several(getattr(self, key)):
                if word.lower() not in map(str.lower, allowed):
                    raise ConfigError(not_one_of(key.replace("_", "-"), word, allowed))

    def admits(self, line: Line) -> bool:
        words = {
            "status": self.status,
            "health_state": self.health,
            "sync_type": self.sync_type,
            "frequency": self.frequency,
            "created_by": self.created_by,
        }
        for key, wanted in words.items():
            if wanted and str(line[key]).lower() not in map(str.lower, several(wanted)):
                return False
        created = datetime.fromisoformat(line["created_on"]).date()
        after, before = self.created_after or date.min, self.created_before or date.max
        return after <= created <= before and (line["late"] or not self.late)


def several(words: Words) -> Sequence[str]:
    return () if words is None else (words,) if isinstance(words, str) else words


def listing(
    instance: dg.DagsterInstance,
    imports: Imports,
    folder: Path,
    filters: Filters,
    changed: Mapping[str, int] | None = None,
) -> list[Line]:
    """A line for each import, drafts included, the worst first.

    `changed`: how many windows of each import were done before it was changed, where that is known.
    """
    histories = histories_of(imports, folder)
    configs = {each.config.nickname: each.config for each in imports.loaded}
    drafts = {each.nickname: each for each in imports.drafts}
    lines = []
    for state in import_states(instance, imports, datetime.now(UTC)):
        name = state.nickname
        line = (
            loaded_line(configs[name], histories[name])
            | change_columns(configs[name], (changed or {}).get(name))
            if name in configs
            else draft_line(drafts[name], histories[name])
        )
        notes = [*line["notes"], mute_note(state.mute)] if state.mute else line["notes"]
        lines.append(line | state_columns(state) | {"notes": notes})
    return [line for line in lines if filters.admits(line)]


def histories_of(imports: Imports, folder: Path) -> dict[str, FileHistory]:
    """Of the file of each import, by nickname."""
    files = {each.config.nickname: Path(each.file) for each in imports.loaded}
    files |= {each.nickname: Path(each.file) for each in imports.drafts}
    found = file_histories(folder, list(files.values()))
    return {name: found[file] for name, file in files.items()}


def loaded_line(config: ImportConfig, history: FileHistory) -> Line:
    return {
        "nickname": config.nickname,
        "title": config.title,
        "partner": "Snowflake",
        "sync_type": "profiles" if isinstance(config.target, ProfilesTarget) else "events",
        "frequency": config.schedule.word,
        "datasource": config.connection,
        **dated(history, config.created_by),
        "problems": [],
    }


def state_columns(state: ImportState) -> Line:
    """The columns that say how an import stands."""
    return {
        "status": state.status,
        "health": state.health,
        "health_state": state.health_state,
        "last_run": iso(state.last_run),
        "open_rejects": state.open_rejects.rows,
        "new_24h": state.new_24h,
        "failed_24h": state.failed_24h,
        "late": state.timing.is_late,
        "next_run": iso(state.timing.next_run),
        "bad_since": iso(state.bad_since),
        "why": state.why,
        "severity": state.severity,
        "streak": state.streak,
        "progress": progress_of(state.progress),
        "muted_until": iso(state.mute.until) if state.mute else None,
    }


def mute_note(mute: Mute) -> str:
    return f"No alert is sent until {mute.until:%Y-%m-%d %H:%M} UTC: {mute.reason}"


def progress_of(progress: RunProgress | None) -> Line | None:
    """Where a run under way is: `{phase, done, total, in_flight, at}`."""
    if progress is None:
        return None
    names = ("phase", "done", "total", "in_flight")
    return {**{name: getattr(progress, name) for name in names}, "at": iso(progress.at)}


def iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None


def draft_line(draft: Draft, history: FileHistory) -> Line:
    unknown = ("title", "sync_type", "frequency", "datasource")
    return {
        "nickname": draft.nickname,
        "partner": "Snowflake",
        **dict.fromkeys(unknown),
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
