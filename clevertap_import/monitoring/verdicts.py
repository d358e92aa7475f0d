"""What the checks of Dagster's UI say, from the same states as all other views."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from clevertap_import.monitoring.concerns import RED_BELOW, Concern, remedy_of_run
from clevertap_import.monitoring.lateness import Timing
from clevertap_import.monitoring.picture import ImportState
from clevertap_import.result_sentence import result_sentence
from clevertap_import.run_result import RunResult

Failing = Literal["error", "warning"]

IN_TIME = "In time: no run is missing."
NEVER_DUE = "Nothing is due: no clock starts it, or its schedule is off."

SAID_ELSEWHERE = ("late", "open_rejects", "uncertain_events")
"""Kinds of concerns for which other checks of the import center stand."""

NAMED = 10
"""The most imports that a sentence names."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`failing`: how bad it is; None if the check passes."""

    failing: Failing | None
    text: str

    @property
    def passed(self) -> bool:
        return self.failing is None


def delivered(name: str, result: RunResult) -> Verdict:
    """Whether all rows of a run that ended well or failed are in CleverTap. `name`: that of the import."""
    sentence, has_failed = result_sentence(result), result.status == "Failed"
    if not (has_failed or result.report.failed):
        return Verdict(None, sentence)
    is_red = has_failed or (result.health is not None and result.health < RED_BELOW)
    return Verdict("error" if is_red else "warning", f"{sentence} {remedy_of_run(name, result)}")


def on_time(timing: Timing, late: Concern | None) -> Verdict:
    """`late`: the concern of an import that is late."""
    if late:
        return Verdict("error", f"{late.text} {late.remedy}")
    return Verdict(None, IN_TIME if timing.due else NEVER_DUE)


def late_concern(concerns: Iterable[Concern]) -> Concern | None:
    return next((each for each in concerns if each.kind == "late"), None)


def all_healthy(states: Sequence[ImportState]) -> Verdict:
    """Fails with an error exactly if an import is not ok, and with a warning for lesser concerns."""
    bad = [each for each in states if not each.is_ok]
    if bad:
        return Verdict("error", f"{counted(bad)} not well: {named(bad)}.")
    lesser = [each for each in states if any(found.kind not in SAID_ELSEWHERE for found in each.concerns)]
    if lesser:
        return Verdict("warning", f"{counted(lesser)} worth a look: {named(lesser)}.")
    return Verdict(None, f"{counted(states)} well.")


def none_late(states: Sequence[ImportState]) -> Verdict:
    late = [each for each in states if each.timing.is_late]
    if late:
        return Verdict("error", f"{counted(late)} late: {named(late)}.")
    return Verdict(None, "No import is late.")


def nothing_open(states: Sequence[ImportState]) -> Verdict:
    """Open rejects, and events that wait for the answer of a person."""
    waiting = ("open_rejects", "uncertain_events")
    found = [each for each in states if any(concern.kind in waiting for concern in each.concerns)]
    if not found:
        return Verdict(None, "No rejected row is open, and no event waits for an answer.")
    texts = [f"{each.nickname}: {text_of(each, waiting)}" for each in found[:NAMED]]
    more = f" And {len(found) - NAMED} more imports." if len(found) > NAMED else ""
    return Verdict("warning", " ".join(texts) + more)


def text_of(state: ImportState, kinds: Sequence[str]) -> str:
    return " ".join(each.text for each in state.concerns if each.kind in kinds)


def counted(states: Sequence[ImportState]) -> str:
    return "1 import is" if len(states) == 1 else f"{len(states):,} imports are"


def named(states: Sequence[ImportState]) -> str:
    names = [each.nickname for each in states[:NAMED]]
    more = f" and {len(states) - NAMED} more" if len(states) > NAMED else ""
    return ", ".join(names) + more
