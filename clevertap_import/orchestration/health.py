"""Whether all imports are well, and Dagster's daemon: for cron, and for probes of Kubernetes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from clevertap_import.monitoring.picture import ImportState
from clevertap_import.orchestration.daemon import daemon_of
from clevertap_import.orchestration.listing import iso, states
from clevertap_import.project.folder import Imports

Document = dict[str, Any]


def health(instance: dg.DagsterInstance, imports: Imports, folder: Path) -> Document:
    """`{ok, daemon: {alive, last_heartbeat}, imports: [{nickname, ok, late, why}]}`, the worst import first.

    A daemon that does not run is wrong only if a schedule of an import waits for it.
    """
    now = datetime.now(UTC)
    found, daemon = states(instance, imports, folder, now), daemon_of(instance, now)
    # Also kinds of schedules that go by no clock wait for the daemon.
    is_needed = any(each.status == "Scheduled" or each.timing.next_run for each in found)
    return {
        "ok": all(each.is_ok for each in found) and (daemon.alive or not is_needed),
        "daemon": {"alive": daemon.alive, "last_heartbeat": iso(daemon.last_heartbeat)},
        "imports": [line_of(each) for each in found],
    }


def line_of(state: ImportState) -> Document:
    return {
        "nickname": state.nickname,
        "ok": state.is_ok,
        "late": state.timing.is_late,
        "why": state.why,
    }
