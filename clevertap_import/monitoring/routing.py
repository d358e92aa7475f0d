"""Which channels get an alert about an import."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from clevertap_import.alerted import SEVERITIES, Place, Severity
from clevertap_import.config.alert_rules import OWNER, AlertRules, Route, unknown_channels


@dataclass(frozen=True, slots=True)
class Addressee:
    """What decides where the alerts of an import go. `to`: its own channels, None for those of the routes."""

    nickname: str
    owner: str | None = None
    tags: tuple[str, ...] = ()
    to: tuple[str, ...] | None = None

    @property
    def mail(self) -> str | None:
        """The mail address of the owner; a team has none."""
        return self.owner if self.owner and "@" in self.owner else None


def channels_for(rules: AlertRules, about: Addressee, severity: Severity) -> tuple[str, ...]:
    """If an own channel does not exist, the routes decide."""
    if about.to is not None and not any(unknown_channels(about.to, rules.channels)):
        return about.to
    if not rules.routes:
        return tuple(rules.channels)
    return tuple(name for each in rules.routes if matches(each, about, severity) for name in each.to)


def places_for(rules: AlertRules, about: Addressee, severity: Severity) -> tuple[Place, ...]:
    """Each once. An owner without a mail address gets nothing."""
    found = channels_for(rules, about, severity)
    places = (Place(name, (about.mail or "") if name == OWNER else "") for name in found)
    return tuple(dict.fromkeys(each for each in places if each.channel != OWNER or each.recipient))


def places_for_all(rules: AlertRules, abouts: Iterable[Addressee], severity: Severity) -> tuple[Place, ...]:
    """Those of an alert about something that all imports need: wherever one of them sends its alerts."""
    return tuple(dict.fromkeys(place for each in abouts for place in places_for(rules, each, severity)))


def matches(route: Route, about: Addressee, severity: Severity) -> bool:
    return (
        SEVERITIES.index(severity) <= SEVERITIES.index(route.severity)
        and (route.owner is None or same(route.owner, about.owner or ""))
        and (route.imports is None or any(fnmatchcase(about.nickname, each) for each in route.imports))
        and (route.tags is None or bool(shared(route.tags, about.tags)))
    )


def same(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def shared(some: Sequence[str], others: Sequence[str]) -> set[str]:
    return {each.lower() for each in some} & {each.lower() for each in others}
