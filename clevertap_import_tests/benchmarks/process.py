"""What a process of a benchmark knows of itself: its core, its CPU seconds, its peak of memory.

Only the standard library is used here, so that the peers can use it in an environment of their own.
"""

import argparse
import json
import os
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

CLIENT_CORE = 0
KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one client, as it reports itself: from the first row it asks for to the last answer."""

    rows: int
    seconds: float
    cpu_seconds: float
    peak_mib: float
    accepted: int
    invalid: int = 0

    def as_json(self) -> str:
        return json.dumps(asdict(self))


def measured(line: str) -> Measured:
    """Read what `as_json` has written."""
    return Measured(**json.loads(line))


class NotCounted(Protocol):
    """What the benchmark itself costs inside a client: making the rows."""

    seconds: float
    cpu_seconds: float


@dataclass(slots=True)
class Watch:
    """Begins when it is made."""

    began: float = field(default_factory=time.perf_counter)
    cpu_before: float = field(default_factory=lambda: cpu_seconds())

    def stopped(
        self, rows: int, accepted: int, invalid: int = 0, *, without: NotCounted | None = None
    ) -> Measured:
        """What was measured until now, `without` what was spent on making rows."""
        return Measured(
            rows=rows,
            seconds=time.perf_counter() - self.began - (without.seconds if without else 0),
            cpu_seconds=cpu_seconds() - self.cpu_before - (without.cpu_seconds if without else 0),
            peak_mib=peak_mib(),
            accepted=accepted,
            invalid=invalid,
        )


def client_arguments(description: str | None) -> argparse.Namespace:
    """The arguments of every client. The client stays on its core from here on."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--url", required=True, help="the counting server's address")
    pin_to_core(CLIENT_CORE)
    return parser.parse_args()


def pin_to_core(core: int) -> None:
    """Stay on one core, so that client and server do not take each other's time. Linux only."""
    if sys.platform == "linux" and core in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {core})


def cpu_seconds() -> float:
    """Of this process and of the children it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak_mib() -> float:
    # Not getrusage: after fork and exec it still remembers the peak of the parent.
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / KIB_PER_MIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MIB**2
