"""A test message to every channel, and which import alerts whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clevertap_import.alerted import SEVERITIES, Message, Place
from clevertap_import.alerting.channels import send
from clevertap_import.alerting.delivery import to_each
from clevertap_import.config.alert_rules import OWNER
from clevertap_import.journal.outbox import waiting
from clevertap_import.journal.tables import JournalUnavailable
from clevertap_import.orchestration.alert_routing import Routing, routing_of
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.project.alerts_file import ADDRESS_VARIABLE, ALERTS_FILE
from clevertap_import.project.folder import Imports

NO_CHANNEL = (
    f"Nobody gets an alert: there is no {ALERTS_FILE} in the folder of imports, and {ADDRESS_VARIABLE} is not"
    " set."
)
TITLE = "[test] clevertap_import"
BODY = "This is a test message. Alerts of imports arrive here."


@dataclass(frozen=True, slots=True)
class Route:
    """Who gets the alerts of an import, by severity."""

    nickname: str
    places: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class AlertTest:
    """`places`: why each did not take the test message, or None. `waiting`: how many each has not taken.

    `journal_problem`: why `waiting` is not known.
    """

    places: Mapping[Place, str | None]
    routes: Sequence[Route]
    problems: Sequence[str]
    waiting: Mapping[Place, int]
    journal_problem: str | None = None

    @property
    def is_ok(self) -> bool:
        return not self.problems and not any(self.places.values())

    def waits_for(self, place: Place) -> int | None:
        """How many messages wait for it; None if that is not known."""
        return None if self.journal_problem else self.waiting.get(place, 0)

    @property
    def document(self) -> dict[str, Any]:
        return {
            "ok": self.is_ok,
            "problems": list(self.problems),
            "channels": [
                {
                    "channel": place.channel,
                    "recipient": place.recipient or None,
                    "taken": refusal is None,
                    "problem": refusal,
                    "waiting": self.waits_for(place),
                }
                for place, refusal in self.places.items()
            ],
            "imports": [{"nickname": each.nickname, **each.places} for each in self.routes],
        }


def tested(imports: Imports, folder: Path, environment: Mapping[str, str]) -> AlertTest:
    routing = routing_of(imports, folder, environment)
    routes = [
        Route(
            name,
            {
                severity: [str(each) for each in routing.places(name, severity)]
                for severity in reversed(SEVERITIES)
            },
        )
        for name in sorted(routing.addressees)
    ]
    places = places_of(routing)

    def send_test(place: Place) -> str | None:
        return send(routing.channels[place.channel], Message(place, None, TITLE, BODY))

    refused = to_each(places, send_test)
    problems = [*routing.problems] if routing.rules else [*routing.problems, NO_CHANNEL]
    return AlertTest({each: refused.get(each) for each in places}, routes, problems, *waits())


def places_of(routing: Routing) -> list[Place]:
    """Each channel, and each owner."""
    owners = {place for severity in SEVERITIES for place in routing.places_of_all(severity)}
    return sorted({*owners, *(Place(name) for name in routing.channels if name != OWNER)})


def waits() -> tuple[dict[Place, int], str | None]:
    """How many messages wait for each place, and why that is not known."""
    try:
        with open_journal() as journal:
            return {each.place: each.messages for each in waiting(journal.engine)}, None
    except JournalUnavailable as error:
        return {}, str(error)
