"""Alerts: what has changed in the states of imports goes to people, and a heartbeat says that this works."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from clevertap_import.alerted import Memory, Message, Mute
from clevertap_import.alerting.delivery import Delivered, deliver
from clevertap_import.alerting.heartbeat import HEARTBEAT_VARIABLE, ping
from clevertap_import.journal.alert_memory import enter_changes
from clevertap_import.journal.outbox import Waiting, waiting
from clevertap_import.journal.tables import JournalUnavailable
from clevertap_import.monitoring.alert_messages import Links, message
from clevertap_import.monitoring.changes import changes
from clevertap_import.orchestration.alert_routing import Routing, routing_of
from clevertap_import.orchestration.journal_alert import alert_away, alert_back
from clevertap_import.orchestration.monitor import Situation
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.project.folder import imports_folder

UI_VARIABLE = "CLEVERTAP_IMPORT_UI_URL"

LONG_WAIT = timedelta(minutes=15)
"""If a message has waited longer, alerts do not arrive, and there is no heartbeat."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the alerts at one look. `waits`: what the channels have not taken."""

    sentence: str | None = None
    waits: Sequence[Waiting] = ()


def send_alerts(situation: Situation, environment: Mapping[str, str] = os.environ) -> str | None:
    """Alert what has changed, send what waits, and give the heartbeat. Returns what it did."""
    routing = routing_of(situation.imports, imports_folder(environment), environment)
    links = Links(environment.get(UI_VARIABLE))
    sent = alerted(situation, routing, links) if routing.rules else Result()
    problem = " ".join(routing.problems) or None
    address = environment.get(HEARTBEAT_VARIABLE)
    alive = routing.rules is not None or not routing.problems
    alive &= not any(situation.now - each.since > LONG_WAIT for each in sent.waits)
    heartbeat = ping(address) if address and alive else None
    return " ".join(filter(None, (sent.sentence, problem, heartbeat))) or None


def alerted(situation: Situation, routing: Routing, links: Links) -> Result:
    instance, now = situation.instance, situation.now
    try:
        with open_journal() as journal:
            engine = journal.engine
            alert_back(instance, engine, routing, now)
            enter(engine, situation, routing, links)
            delivered = deliver(engine, routing.channels, now)
            # A channel that alerts.yaml does not have any more takes nothing.
            waits = [each for each in waiting(engine) if each.place.channel in routing.channels]
            return Result(sentence_of(delivered), waits)
    except JournalUnavailable as error:
        return Result(*alert_away(instance, routing, str(error), now))


def enter(engine: sa.Engine, situation: Situation, routing: Routing, links: Links) -> None:
    states = [*situation.states, routing.file_state]
    renamed = {
        each.config.nickname: each.config.renamed_from
        for each in situation.imports.loaded
        if each.config.renamed_from
    }

    def compare(memory: Memory, mutes: Sequence[Mute]) -> tuple[Sequence[Message], Memory]:
        names = {each.nickname for each in mutes}
        muted = names | {new for new, before in renamed.items() if before in names}
        found, after = changes(memory, states, situation.now, muted, renamed)
        by_name = {each.nickname: each for each in states}
        return [
            message(change, by_name[change.nickname], links, place, situation.now)
            for change in found
            for place in routing.places(change.nickname, change.severity)
        ], after

    enter_changes(engine, compare, situation.now)


def sentence_of(delivered: Delivered) -> str | None:
    words = [f"{delivered.sent} alerts were sent."] if delivered.sent else []
    words += [
        f"The channel {place} did not take its messages: {why}" for place, why in delivered.refused.items()
    ]
    return " ".join(words) or None
