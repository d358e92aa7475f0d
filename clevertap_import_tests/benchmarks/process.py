"""What a process of a benchmark knows of itself: its core, its CPU seconds, its peak of memory."""

import argparse
import json
import os
import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

CLIENT_CORE = 0
KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one client. Seconds are without those in which the rows were made."""

    rows: int
    seconds: float
    stage_seconds: float
    deliver_seconds: float
    cpu_seconds: float
    peak_mib: float
    accepted: int
    invalid: int
    server_records: int

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds

    @property
    def cpu_seconds_per_million_rows(self) -> float:
        return self.cpu_seconds / self.rows * 1_000_000

    def as_json(self) -> str:
        rates = {
            "rows_per_second": round(self.rows_per_second),
            "cpu_seconds_per_million_rows": round(self.cpu_seconds_per_million_rows, 3),
        }
        return json.dumps({**asdict(self), **rates})


def measured(line: str) -> Measured:
    """Read what `as_json` has written."""
    values = json.loads(line)
    return Measured(**{name: values[name] for name in Measured.__dataclass_fields__})


def client_arguments(description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--url", required=True, help="the counting server's address")
    return parser.parse_args()


def pin_to_core(core: int) -> None:
    """Stay on one core, so that client and server do not take each other's time. Linux only."""
    if sys.platform == "linux" and core in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {core})


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_mib() -> float:
    # Not getrusage: after fork and exec it still remembers the peak of the parent.
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / KIB_PER_MIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MIB**2
