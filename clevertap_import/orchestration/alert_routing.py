"""Where alerts go: alerts.yaml and the environment, with the imports that they are about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clevertap_import.alerted import Place, Severity
from clevertap_import.config.alert_rules import AlertRules
from clevertap_import.escapes import escaped
from clevertap_import.monitoring.concerns import Concern
from clevertap_import.monitoring.picture import ImportState
from clevertap_import.monitoring.routing import Addressee, places_for, places_for_all
from clevertap_import.project.alerts_file import (
    ADDRESS_VARIABLE,
    ALERTS_FILE,
    Channel,
    channels_of,
    override_problems,
    read_alerts_file,
    secret_prefixes,
)
from clevertap_import.project.folder import Imports

REMEDY = (
    "Correct it; clevertap-import check shows all problems, and clevertap-import alerts test sends a test."
)


@dataclass(frozen=True, slots=True)
class Routing:
    """`rules`: None if no alert can go anywhere. `problems`: of alerts.yaml, as sentences."""

    rules: AlertRules | None = None
    channels: Mapping[str, Channel] = field(default_factory=dict)
    addressees: Mapping[str, Addressee] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def places(self, nickname: str, severity: Severity) -> tuple[Place, ...]:
        if self.rules is None:
            return ()
        if nickname == ALERTS_FILE and ADDRESS_VARIABLE in self.channels:
            return (Place(ADDRESS_VARIABLE),)
        return places_for(self.rules, self.addressees.get(nickname, Addressee(nickname)), severity)

    def places_of_all(self, severity: Severity) -> tuple[Place, ...]:
        """Those of an alert about something that all imports need."""
        return places_for_all(self.rules, self.addressees.values(), severity) if self.rules else ()

    @property
    def file_state(self) -> ImportState:
        """The state of alerts.yaml, which is watched as the imports are."""
        if not self.problems:
            return ImportState(ALERTS_FILE, "Ready")
        concern = Concern("draft", "error", escaped(" ".join(self.problems)), REMEDY)
        return ImportState(ALERTS_FILE, "Draft", concerns=(concern,))


def routing_of(imports: Imports, folder: Path, environment: Mapping[str, str]) -> Routing:
    """With a wrong alerts.yaml all alerts go to the one address of the environment, if it has one."""
    file, address = read_alerts_file(folder), environment.get(ADDRESS_VARIABLE)
    channels = {ADDRESS_VARIABLE: Channel(ADDRESS_VARIABLE, address)} if address else {}
    rules = file.rules if file else None
    problems = [str(each) for each in file.problems] if file else []
    if rules is not None and file is not None:
        named = channels_of(rules, environment, secret_prefixes(imports.loaded))
        problems += [
            str(file.problem(f"channels.{each.name}", each.problem))
            for each in named.values()
            if each.problem
        ]
        channels = named | channels
    elif address:
        rules = AlertRules(channels={ADDRESS_VARIABLE: f"${{{ADDRESS_VARIABLE}}}"})
    problems += [str(problem) for _, problem in override_problems(imports.loaded, file)]
    return Routing(rules, channels, addressees_of(imports), tuple(problems))


def addressees_of(imports: Imports) -> dict[str, Addressee]:
    """A draft has only its nickname: its owner and its tags cannot be read."""
    found = {each.nickname: Addressee(each.nickname) for each in imports.drafts}
    for each in imports.loaded:
        config = each.config
        to = config.alerts.to if config.alerts else None
        found[config.nickname] = Addressee(config.nickname, config.created_by, config.tags, to)
    return found
