"""What has changed since the last alerts: each change is one message, however often it is looked at."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from clevertap_import.alerted import SEVERITIES, Alerted, Key, Memory, Severity
from clevertap_import.monitoring.concerns import Concern
from clevertap_import.monitoring.picture import CLOCKS_DIFFER, ImportState

KNOWN_NO_LONGER = timedelta(days=30)
"""After this time an import that is not in the folder is forgotten."""

SEEN_EVERY = timedelta(days=1)

NOT_AFTER_FAILURE = ("degraded", "no_data", "volume")
"""Problems of the last run that ended well. A run that failed after it does not say that they are over."""


@dataclass(frozen=True, slots=True)
class Change:
    """A problem that opened, became worse, or is over (`concern` is None).

    `severity`: the worst that was alerted, so that a recovery goes where the problem went.
    """

    nickname: str
    kind: str
    severity: Severity
    text: str
    opened_at: datetime
    concern: Concern | None
    was: Severity | None = None


def changes(
    memory: Memory,
    states: Sequence[ImportState],
    now: datetime,
    muted: Collection[str] = (),
    renamed: Mapping[str, str] | None = None,
) -> tuple[list[Change], Memory]:
    """The changes, and what has been alerted once they are.

    `now`: when the states were looked at. `muted`: for these imports the memory stays as it is, and the end
    of the mute alerts what has changed by then. `renamed`: old nicknames by the new ones.
    """
    known = dict(under_new_names(memory, renamed or {}))
    found: list[Change] = []
    for state in one_for_each_name(states):
        if state.nickname not in muted:
            found += changes_of(state, known, now)
    for change in found:
        key = change.nickname, change.kind
        severity = change.severity if change.concern else None
        known[key] = Alerted(severity, change.text, change.opened_at, now, now)
    return found, dict(still_known(known, {state.nickname for state in states}, now))


def one_for_each_name(states: Sequence[ImportState]) -> list[ImportState]:
    """Several files may have one nickname; their problems are then those of one import."""
    found: dict[str, ImportState] = {}
    for state in sorted(states, key=lambda each: each.status == "Draft"):
        before = found.get(state.nickname)
        concerns = (*before.concerns, *state.concerns) if before else state.concerns
        worst_first = sorted(concerns, key=lambda each: SEVERITIES.index(each.severity))
        found[state.nickname] = replace(before or state, concerns=tuple(worst_first))
    return list(found.values())


def under_new_names(memory: Memory, renamed: Mapping[str, str]) -> Iterator[tuple[Key, Alerted]]:
    new_names = {before: nickname for nickname, before in renamed.items()}
    for (nickname, kind), alerted in memory.items():
        name = new_names.get(nickname, nickname)
        if name == nickname or (name, kind) not in memory:
            yield (name, kind), alerted


def changes_of(state: ImportState, known: Memory, now: datetime) -> Iterator[Change]:
    if any(each.kind == "journal" for each in state.concerns):
        # Without the journal nobody knows how the import is.
        return
    open_now = worst_of_each_kind(state.concerns)
    for (nickname, kind), before in known.items():
        is_mine = nickname == state.nickname and is_seen_before(before, now)
        if is_mine and before.severity and kind not in open_now and is_known(state, kind):
            yield Change(nickname, kind, before.severity, before.text, before.opened_at, None)
    for kind, concern in open_now.items():
        last = known.get((state.nickname, kind))
        if last is None or (last.severity is None and is_seen_before(last, now)):
            opened = concern.since or now
            yield Change(state.nickname, kind, concern.severity, concern.text, opened, concern)
        elif last.severity and is_seen_before(last, now) and is_worse(concern.severity, last.severity):
            yield Change(
                *(state.nickname, kind, concern.severity, concern.text),
                *(last.opened_at, concern, last.severity),
            )


def is_seen_before(alerted: Alerted, now: datetime) -> bool:
    """Whether the change is from an earlier look; if it is in the far future, the clock was set back."""
    return not now <= alerted.changed_at <= now + CLOCKS_DIFFER


def worst_of_each_kind(concerns: Sequence[Concern]) -> dict[str, Concern]:
    """They come the worst first."""
    return {each.kind: each for each in reversed(concerns)}


def is_worse(severity: Severity, before: Severity) -> bool:
    return SEVERITIES.index(severity) < SEVERITIES.index(before)


def is_known(state: ImportState, kind: str) -> bool:
    """Whether the state says how that kind of problem stands."""
    if state.status == "Draft":
        return kind == "draft"
    has_failed = any(each.kind == "failed" for each in state.concerns)
    return not (has_failed and kind in NOT_AFTER_FAILURE)


def still_known(known: Memory, nicknames: Collection[str], now: datetime) -> Iterator[tuple[Key, Alerted]]:
    """Without what is over, and what is about imports that were removed long ago."""
    for key, alerted in known.items():
        if key[0] in nicknames and now - alerted.seen_at > SEEN_EVERY:
            alerted = replace(alerted, seen_at=now)
        is_over = alerted.severity is None and now - alerted.changed_at > SEEN_EVERY
        if not is_over and now - alerted.seen_at <= KNOWN_NO_LONGER:
            yield key, alerted
