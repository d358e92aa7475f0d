"""Whether an import is late: no successful run has come by the moment at which one was expected."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from clevertap_import.config.due_moments import last_due, next_due
from clevertap_import.config.model import ImportConfig
from clevertap_import.config.schedule import Every, Monthly, Once, Weekly
from clevertap_import.monitoring.facts import ImportFacts
from clevertap_import.monitoring.onward import onward, read_until

LEAST_GRACE = timedelta(minutes=30)
MOST_GRACE = timedelta(hours=6)
"""How long after the moment at which it is due a run may take, at least and at most, unless the YAML says."""


@dataclass(frozen=True, slots=True)
class Timing:
    """`due`: by when the next successful run is expected. `next_run`: when the schedule starts it next.

    `missed`: the moment at which a run was due that has not come; None if none is missing.
    """

    due: datetime | None = None
    next_run: datetime | None = None
    is_late: bool = False
    missed: datetime | None = None


NEVER_DUE = Timing()


def timing(facts: ImportFacts, now: datetime) -> Timing:
    """Imports that are paused or stopped, and those that nothing starts, are never late."""
    config = facts.config
    if facts.waiting in ("Paused", "Stopped"):
        return NEVER_DUE
    following = next_due(config.schedule, now, config.anchor) if facts.waiting == "Scheduled" else None
    if config.expect.within is not None:
        return by_age(facts, config.expect.within, following, now)
    grace = grace_of(config)
    if grace is None or facts.waiting != "Scheduled":
        return Timing(next_run=following)
    return by_schedule(facts, grace, following, now)


def by_age(facts: ImportFacts, within: timedelta, following: datetime | None, now: datetime) -> Timing:
    """The last success must be no older than `within`. Before the first, the schedule's start counts.

    After a pause the time begins again.
    """
    last = next((each for each in onward(facts.results) if each.is_success), None)
    known = (last.ended_at or last.began_at, facts.switched_on) if last else (facts.scheduled_since,)
    since = max((each for each in known if each), default=None)
    if since is None or within > datetime.max.replace(tzinfo=UTC) - since:
        return Timing(next_run=following)
    due = since + within
    is_late = due < now
    return Timing(due, following, is_late, due if is_late else None)


def by_schedule(facts: ImportFacts, grace: timedelta, following: datetime | None, now: datetime) -> Timing:
    """A success must have read up to each moment at which the schedule is due, and end within `grace`."""
    config = facts.config
    last = last_due(config.schedule, now, config.anchor)
    succeeded = max((read_until(each) for each in onward(facts.results) if each.is_success), default=None)
    if last is None or is_before(last, facts.scheduled_since) or (succeeded and succeeded >= last):
        return Timing(following + grace if following else None, following)
    first = first_missed(facts, succeeded, now) or last
    is_late = first + grace < now
    return Timing(first + grace, following, is_late, first if is_late else None)


def first_missed(facts: ImportFacts, succeeded: datetime | None, now: datetime) -> datetime | None:
    """The first moment at which the import was due after the last success, or since its schedule is on."""
    config = facts.config
    # A moment at which the schedule began counts too.
    began = facts.scheduled_since and facts.scheduled_since - timedelta(microseconds=1)
    since = max((each for each in (succeeded, began) if each), default=None)
    if since is None:
        return None
    found = next_due(config.schedule, since, config.anchor)
    return found if found and found <= now else None


def is_before(moment: datetime, since: datetime | None) -> bool:
    return since is not None and moment < since


def grace_of(config: ImportConfig) -> timedelta | None:
    """How long after it is due a run may take; None for kinds of schedules that go by no clock."""
    match config.schedule:
        case Every(every=interval):
            return min(MOST_GRACE, max(LEAST_GRACE, interval / 2))
        case Weekly() | Monthly() | Once():
            return MOST_GRACE
    return None
