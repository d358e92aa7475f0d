"""The identity of a process, so that other processes of the same machine can check whether it is alive.

Host name and process number are not enough: machines and containers may share names, and numbers are reused.
"""

import os
import socket
from pathlib import Path

PROC = Path("/proc")

START_FIELD = 19
"""The start time of a process in /proc/PID/stat, counted from the field after the command in brackets."""

UNKNOWN_MACHINE = "untold"
"""In place of a machine whose /proc shows only processes (systemd's `ProcSubset=pid`)."""


def own_process() -> str:
    """As `host:pid:machine-start`; without the last part if the system does not show it."""
    start = start_of(os.getpid())
    known = f":{machine() or UNKNOWN_MACHINE}-{start}" if start else ""
    return f"{socket.gethostname()}:{os.getpid()}{known}"


def machine() -> str | None:
    """This boot of this machine, and the namespace of its process numbers; None if unknown."""
    try:
        boot = (PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
    except OSError:
        return None
    return f"{boot.replace('-', '')}.{(PROC / 'self' / 'ns' / 'pid').readlink().name.strip('pid:[]')}"


def lives(process: str) -> bool | None:
    """Whether this process, named by `own_process`, is alive; None if that cannot be checked from here."""
    host, _, rest = process.partition(":")
    number, _, known = rest.partition(":")
    if host != socket.gethostname() or not number.isdecimal():
        return None
    if not known:
        return exists(int(number))
    where, _, start = known.rpartition("-")
    if where != machine():
        return None
    found = start_of(int(number))
    return None if found is None and is_hidden(int(number)) else found == start


def start_of(process: int) -> str | None:
    """The start time of a process, in the system's ticks; None if it does not exist or is hidden."""
    try:
        words = (PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    has_ended = words[0] in ("Z", "X")
    return None if has_ended else words[START_FIELD]


def is_hidden(process: int) -> bool:
    """Whether the process exists, but /proc hides it because it belongs to another user (`hidepid`)."""
    return exists(process) and not os.access(PROC / str(process) / "stat", os.R_OK)


def exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
