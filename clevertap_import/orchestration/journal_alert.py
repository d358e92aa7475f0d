"""The alert that the journal is away. What was alerted is in the journal, so this is in Dagster's storage."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
import sqlalchemy as sa

from clevertap_import.alerted import Message, Place
from clevertap_import.alerting.channels import send
from clevertap_import.alerting.delivery import to_each
from clevertap_import.journal.alert_memory import enter_once
from clevertap_import.journal.outbox import Waiting
from clevertap_import.monitoring.alert_messages import at
from clevertap_import.monitoring.concerns import JOURNAL_REMEDY
from clevertap_import.orchestration.alert_routing import Routing

STORED_AS = "clevertap_import/journal_away"
PATIENCE = timedelta(minutes=2)
"""A database that restarts, or fails over to another machine, is there again by then."""


@dataclass(frozen=True, slots=True)
class JournalAway:
    """`alerted`: the places that took the alert."""

    since: datetime
    alerted: tuple[Place, ...] = ()


def outage_in(instance: dg.DagsterInstance) -> JournalAway | None:
    text = instance.daemon_cursor_storage.get_cursor_values({STORED_AS}).get(STORED_AS)
    if not text:
        return None
    found = json.loads(text)
    alerted = tuple(Place(*each) for each in found["alerted"])
    return JournalAway(datetime.fromtimestamp(found["since"], UTC), alerted)


def store(instance: dg.DagsterInstance, outage: JournalAway | None) -> None:
    alerted = [[each.channel, each.recipient] for each in outage.alerted] if outage else []
    text = json.dumps({"since": outage.since.timestamp(), "alerted": alerted}) if outage else ""
    instance.daemon_cursor_storage.set_cursor_values({STORED_AS: text})


def alert_away(
    instance: dg.DagsterInstance, routing: Routing, problem: str, now: datetime
) -> tuple[str, list[Waiting]]:
    """Send it to each place that has not taken it yet, once the outage is no short one.

    Returns what it did, and which places have not taken it.
    """
    outage = outage_in(instance)
    if outage is None or outage.since > now:
        # The clock may have been set back.
        outage = JournalAway(now, outage.alerted if outage else ())
        store(instance, outage)
    if now - outage.since < PATIENCE:
        return "The journal is away.", []
    places = [each for each in routing.places_of_all("critical") if each not in outage.alerted]
    body = "\n".join([problem, f"What to do: {JOURNAL_REMEDY}", f"Since: {at(outage.since)}"])

    def send_to(place: Place) -> str | None:
        message = Message(place, "critical", "[critical] journal away", body)
        return send(routing.channels[place.channel], message)

    refused = to_each(places, send_to)
    taken = tuple(each for each in places if each not in refused)
    if taken:
        store(instance, JournalAway(outage.since, (*outage.alerted, *taken)))
    waits = [Waiting(place, 1, outage.since + PATIENCE, why) for place, why in refused.items()]
    sentence = f"The journal is away; {len(taken)} alerts of it were sent, {len(refused)} were not taken."
    return sentence, waits


def alert_back(instance: dg.DagsterInstance, engine: sa.Engine, routing: Routing, now: datetime) -> None:
    """The journal can be used: enter its recovery, for all places. A short outage nobody was alerted of."""
    outage = outage_in(instance)
    if outage is None:
        return
    if outage.alerted or now - outage.since >= PATIENCE:
        enter_once(engine, recoveries(outage, routing.places_of_all("critical"), now), now)
    store(instance, None)


def recoveries(outage: JournalAway, places: Sequence[Place], now: datetime) -> list[Message]:
    body = f"This is over: the journal was away.\nFrom {at(outage.since)} to {at(now)}."
    return [
        Message(
            each,
            None,
            "[recovered] journal away",
            body,
            f"journal {outage.since.timestamp():.0f} {each}"[:150],
        )
        for each in dict.fromkeys((*outage.alerted, *places))
    ]
