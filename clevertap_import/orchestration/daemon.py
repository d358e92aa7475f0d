"""Whether Dagster's daemon lives: without it no schedule starts, and nobody notices."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

STARTS_RUNS = ("SCHEDULER", "SENSOR")
"""The parts of the daemon that start imports, by Dagster's names."""

SILENT_AFTER = timedelta(minutes=5)
"""The daemon writes a heartbeat every 30 seconds, and later while many ticks are evaluated."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """`last_heartbeat`: the older one of the parts that start imports; None if one has never run."""

    alive: bool
    last_heartbeat: datetime | None

    @property
    def sentence(self) -> str:
        at = self.last_heartbeat
        last = f" Its last heartbeat was at {at:%Y-%m-%d %H:%M} UTC." if at else ""
        if self.alive:
            return f"Dagster's daemon runs.{last}"
        return (
            f"Dagster's daemon does not run, so no schedule starts an import.{last} Start: dagster-daemon run"
        )


def daemon_of(instance: dg.DagsterInstance, now: datetime) -> Daemon:
    found = instance.get_daemon_heartbeats()
    heartbeats = [found[name].timestamp for name in STARTS_RUNS if name in found]
    if len(heartbeats) < len(STARTS_RUNS):
        return Daemon(alive=False, last_heartbeat=None)
    last = datetime.fromtimestamp(min(heartbeats), UTC)
    return Daemon(now - last < SILENT_AFTER, last)
