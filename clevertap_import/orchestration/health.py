"""Whether all imports are well, and Dagster's daemon: for cron, and for probes of Kubernetes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from clevertap_import.monitoring.picture import ImportState
from clevertap_import.orchestration.daemon import Daemon, daemon_of
from clevertap_import.orchestration.import_states import import_states
from clevertap_import.orchestration.listing import iso
from clevertap_import.project.folder import Imports

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Health:
    """The state of each import, the worst first, and of Dagster's daemon."""

    states: list[ImportState]
    daemon: Daemon

    @property
    def is_ok(self) -> bool:
        """A daemon that does not run is wrong only if a schedule of an import waits for it."""
        # Also kinds of schedules that go by no clock wait for the daemon.
        is_needed = any(each.status == "Scheduled" or each.timing.next_run for each in self.states)
        return all(each.is_ok for each in self.states) and (self.daemon.alive or not is_needed)

    @property
    def document(self) -> Document:
        """`{ok, daemon: {alive, last_heartbeat}, imports: [{nickname, ok, late, why}]}`."""
        return {
            "ok": self.is_ok,
            "daemon": {"alive": self.daemon.alive, "last_heartbeat": iso(self.daemon.last_heartbeat)},
            "imports": [line_of(each) for each in self.states],
        }


def health_of(instance: dg.DagsterInstance, imports: Imports) -> Health:
    now = datetime.now(UTC)
    return Health(import_states(instance, imports, now), daemon_of(instance, now))


def line_of(state: ImportState) -> Document:
    return {
        "nickname": state.nickname,
        "ok": state.is_ok,
        "late": state.timing.is_late,
        "why": state.why,
    }
