"""The page of all imports in Markdown: what needs attention, worst first, and the whole listing.

Links are relative to the address of the page of the asset, so that they also work behind a path prefix.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from clevertap_import.escapes import as_plain
from clevertap_import.monitoring.concerns import OF_THE_LAST_RUN
from clevertap_import.monitoring.picture import ImportState, numbers
from clevertap_import.run_result import RunResult

MOST_INLINE = 1_000
"""Dagster's UI shows Markdown of fewer characters at once, and longer one after a click."""

MOST_LISTED = 500
MOST_TEXT = 100
"""The most letters of a sentence in the listing; the page of the import has the whole one."""

INLINE_LETTERS = (160, 100, 70)
"""The most letters of a sentence inline; the first number with which all fit."""

NOTE = "Health is that of the last runs in percent, newest first. Times are UTC."
HEAD = (
    *("Import", "Status", "What is wrong, and what to do", "Health", "Last run", "New 24 h"),
    *("Failed 24 h", "Open rejects", "Next run", "Owner"),
)
RIGHT = ("New 24 h", "Failed 24 h", "Open rejects")
LONG_PATH = re.compile(r"(?<!\S)/\S*/(?=[^/\s]+/[^/\s]+)")
"""The beginning of a file's path, up to its last folder: it says nothing here, and makes a line too wide."""


@dataclass(frozen=True, slots=True)
class Names:
    """`assets`: the last part of the asset key of each import. `owners`: who owns it, where that is known."""

    assets: Mapping[str, str]
    owners: Mapping[str, str]


def summary(states: Sequence[ImportState]) -> str:
    """All in one sentence, for example `13 imports: 2 are not well, 1 is late, 4 rejected rows are open.`"""
    found = numbers(states)
    bad, late, rejects, running = (found[key] for key in ("unhealthy", "late", "open_rejects", "running"))
    rows = f"rejected {'row is' if rejects == 1 else 'rows are'} open"
    parts = [
        f"{bad:,} {are(bad)} not well" if bad else "all are well",
        f"{late:,} {are(late)} late" if late else "none is late",
        f"{rejects:,} {rows}" if rejects else "no rejected row is open",
    ]
    parts += [f"{running:,} {are(running)} running"] if running else []
    count = f"{len(states):,} import{'' if len(states) == 1 else 's'}"
    return f"{count}: {', '.join(parts)}." if states else "There is no import."


def are(count: int) -> str:
    return "is" if count == 1 else "are"


def attention(states: Sequence[ImportState], names: Names) -> str:
    """What needs attention, the worst first, in fewer than 1,000 characters: texts are cut, then imports."""
    bad = [each for each in states if each.concerns]
    if not bad:
        return "Nothing needs attention."
    for letters in INLINE_LETTERS:
        lines = [item(each, names, letters) for each in bad]
        if is_inline(lines):
            break
    shown = lines
    while not is_inline(shown):
        lines.pop()
        shown = [*lines, f"- and {len(bad) - len(lines):,} more: see the listing."]
    return "\n".join(shown)


def is_inline(lines: Sequence[str]) -> bool:
    return len("\n".join(lines)) < MOST_INLINE


def item(state: ImportState, names: Names, letters: int) -> str:
    worst = state.concerns[0]
    since = f" since {moment(worst.since)}" if worst.since else ""
    return (
        f"- **{link(state, names)}** {worst.severity}{since}: {shortened(worst.text, letters)}"
        f"{run_link(state)} *{shortened(worst.remedy, letters)}*"
    )


def listing(states: Sequence[ImportState], names: Names) -> str:
    """A table of all imports, the worst first."""
    rules = ["---:" if column in RIGHT else "---" for column in HEAD]
    rows = [row(HEAD), row(rules), *(row(cells(each, names)) for each in states[:MOST_LISTED])]
    more = len(states) - MOST_LISTED
    beyond = [f"And {more:,} more imports: clevertap-import list"] if more > 0 else []
    return "\n".join([*rows, "", *beyond, NOTE])


def row(values: Sequence[str]) -> str:
    return f"| {' | '.join(values)} |"


def cells(state: ImportState, names: Names) -> tuple[str, ...]:
    running = next((each for each in state.last_runs if each.status == "Running"), None)
    since = f" since {moment(state.bad_since)}:" if state.bad_since else ":"
    wrong = f"**{state.severity}**{since} {shortened(state.why or '')} *{shortened(state.remedy or '')}*"
    when = ["late" if state.timing.is_late else "", moment(state.timing.next_run)]
    return (
        link(state, names),
        (run(running, "Running") if running else state.status) + muted(state),
        wrong if state.concerns else "",
        last_healths(state.last_runs),
        run(state.last_runs[0], moment(state.last_run)) if state.last_runs else "",
        f"{state.new_24h:,}",
        f"{state.failed_24h:,}",
        f"{state.open_rejects.rows:,}",
        "; ".join(filter(None, when)),
        as_plain(names.owners.get(state.nickname, "")),
    )


def muted(state: ImportState) -> str:
    return f", mute until {moment(state.mute.until)}" if state.mute else ""


def last_healths(results: Sequence[RunResult]) -> str:
    """Newest first; the same health of several runs in a row once."""
    found = [(word, len(list(runs))) for word, runs in groupby(filter(None, map(health_of, results)))]
    return ", ".join(word if count == 1 else f"{word}\u00a0({count}\u00a0runs)" for word, count in found)


def health_of(result: RunResult) -> str:
    """Nothing of runs that go on, or say nothing of the health of the import."""
    if not result.is_judged:
        return ""
    if result.status == "Failed":
        return "failed"
    return "no data" if result.health is None else f"{result.health:g}"


def link(state: ImportState, names: Names) -> str:
    return f"[{as_plain(state.nickname)}]({names.assets.get(state.nickname, state.nickname)})"


def run_link(state: ImportState) -> str:
    """A link to the run that explains the worst concern, if one does."""
    is_of_run = state.concerns[0].kind in OF_THE_LAST_RUN and state.judged
    return f" {run(state.judged, 'Run')}." if is_of_run and state.judged else ""


def run(result: RunResult, text: str) -> str:
    return f"[{text}](../../runs/{result.run_id})"


def moment(at: datetime | None) -> str:
    """With no-break spaces, so that a narrow column does not break it."""
    return f"{at:%d %b %H:%M}".replace(" ", "\u00a0") if at else ""


def shortened(text: str, letters: int = MOST_TEXT) -> str:
    """One line, of which Markdown reads no letter as a sign."""
    line = LONG_PATH.sub("", " ".join(text.split()))
    return as_plain(line if len(line) <= letters else f"{line[: letters - 3].rstrip()}...")
