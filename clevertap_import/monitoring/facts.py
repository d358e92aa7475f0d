"""The facts from which the state of an import is computed. Whoever gathers them looks nothing else up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from clevertap_import.alerted import Mute
from clevertap_import.config.model import ImportConfig
from clevertap_import.run_result import NO_REJECTS, OpenRejects, RunResult

Waiting = Literal["Scheduled", "Ready", "Paused", "Stopped"]
"""The status of an import that is not running."""

Status = Literal["Running", "Scheduled", "Ready", "Paused", "Stopped", "Draft"]


@dataclass(frozen=True, slots=True)
class ImportFacts:
    """An import that can run.

    `results`: its runs, newest first: at least the last seven that ended well or failed, those of the last
    24 hours, and all that failed since the last success. `scheduled_since`: since when its schedule is on;
    None if that is not known. `switched_on`: when its switch was turned on; None without a switch.
    `unanswered_events`: how many events wait for a person because their answer was
    lost. `journal_problem`: why the journal cannot be read; then `results` are those that Dagster knows.
    """

    config: ImportConfig
    waiting: Waiting
    results: Sequence[RunResult] = ()
    open_rejects: OpenRejects = NO_REJECTS
    scheduled_since: datetime | None = None
    switched_on: datetime | None = None
    unanswered_events: int = 0
    journal_problem: str | None = None
    mute: Mute | None = None


@dataclass(frozen=True, slots=True)
class DraftFacts:
    """An import whose YAML has problems; it does not run before they are corrected."""

    nickname: str
    problems: Sequence[str]
    mute: Mute | None = None
