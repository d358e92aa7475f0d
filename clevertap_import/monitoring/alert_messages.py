"""The messages of alerts: short enough for a phone, with what is wrong, what to do, and where to look."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from clevertap_import.alerted import SEVERITIES, Message, Place, Severity
from clevertap_import.monitoring.changes import Change
from clevertap_import.monitoring.concerns import OF_THE_LAST_RUN
from clevertap_import.monitoring.picture import ImportState

WORDS = {
    "draft": "draft",
    "journal": "journal away",
    "failed": "failed",
    "late": "late",
    "stuck": "stuck",
    "degraded": "degraded",
    "open_rejects": "open rejects",
    "uncertain_events": "uncertain events",
    "no_data": "no data",
    "volume": "unusual volume",
}
"""Each kind of problem, as titles have it."""

MEANS = {
    "draft": "The YAML of the import, or `alerts.yaml`, has problems: error.",
    "journal": "The journal's database cannot be used for two minutes: critical.",
    "failed": "The last run failed: error; the last three or more: critical.",
    "late": "No successful run has come in time: error.",
    "stuck": "A run has not moved for 15 minutes: error.",
    "degraded": "The health of the last run is below what `expect` says: warning; below 50 %: error.",
    "open_rejects": "Rows were rejected and not accepted since: warning.",
    "uncertain_events": "Events were sent and have no answer, with `uncertain_events: hold`: warning.",
    "no_data": "A run read no rows, and `expect.rows.min` wants some: warning.",
    "volume": "A run read fewer rows than `expect.rows.min`, or less than half or more than twice of what"
    " such runs read: warning.",
}
"""When there is such an alert, for the reference."""

SINGLE = 3
"""More messages for one channel at a time become one."""

NAMED = 5
"""How many a title names."""


@dataclass(frozen=True, slots=True)
class Links:
    """Where Dagster's UI is; None if nobody has said it."""

    base: str | None = None

    def of_import(self, nickname: str) -> str | None:
        return self.base and f"{self.base.rstrip('/')}/assets/clevertap/{nickname}"

    def of_run(self, run_id: str) -> str | None:
        return self.base and f"{self.base.rstrip('/')}/runs/{run_id}"


def message(change: Change, state: ImportState, links: Links, place: Place, now: datetime) -> Message:
    severity = change.severity if change.concern else None
    word = WORDS.get(change.kind, change.kind)
    before = f" (was: {change.was})" if change.was else ""
    title = f"[{severity or 'recovered'}] {change.nickname}: {word}{before}"
    lines = open_lines(change, state, links) if change.concern else recovered_lines(change, state, now)
    link = links.of_import(change.nickname) if state.status != "Draft" else None
    lines += [f"Import: {link}"] if link else []
    return Message(place, severity, title, "\n".join(lines))


def open_lines(change: Change, state: ImportState, links: Links) -> list[str]:
    concern = change.concern
    lines = [change.text]
    if concern and concern.remedy:
        lines.append(f"What to do: {concern.remedy}")
    lines.append(f"Since: {at(change.opened_at)}")
    link = links.of_run(state.judged.run_id) if state.judged else None
    if link and change.kind in OF_THE_LAST_RUN:
        lines.append(f"Run: {link}")
    return lines


def recovered_lines(change: Change, state: ImportState, now: datetime) -> list[str]:
    lines = [f"This is over: {change.text}", f"From {at(change.opened_at)} to {at(now)}."]
    if state.status in ("Paused", "Stopped"):
        lines.append(f"The import is {state.status.lower()} now.")
    return lines


def at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def digest(titles_and_bodies: Sequence[tuple[str, str]], severity: Severity | None) -> tuple[str, str]:
    """Title and body of one message in place of several; `severity` is the worst of them."""
    titles = [title for title, _ in titles_and_bodies]
    named = "; ".join(title.split("] ", 1)[-1] for title in titles[:NAMED])
    more = f"; and {len(titles) - NAMED} more" if len(titles) > NAMED else ""
    body = "\n\n".join(f"{title}\n{body}" for title, body in titles_and_bodies)
    return f"[{severity or 'recovered'}] {len(titles)} alerts: {named}{more}", body


def worst(severities: Sequence[Severity | None]) -> Severity | None:
    """None if all are recoveries."""
    return min((each for each in severities if each), key=SEVERITIES.index, default=None)
