"""Which process one is, so that others can tell whether it lives; nobody can tell it of another machine.

A name and a number are not enough: machines and containers may share names, and numbers are given again.
"""

import os
import socket
from pathlib import Path

PROC = Path("/proc")

START_FIELD = 19
"""In /proc/PID/stat, counted from the one after the command, which is in brackets: when the process began."""

UNTOLD = "untold"
"""In place of a machine whose /proc shows processes only (systemd's `ProcSubset=pid`)."""


def own_process() -> str:
    """As `host:pid:machine-start`; without the last where the system does not tell it."""
    start = start_of(os.getpid())
    known = f":{machine() or UNTOLD}-{start}" if start else ""
    return f"{socket.gethostname()}:{os.getpid()}{known}"


def machine() -> str | None:
    """This boot of this machine, and the namespace that its process numbers are of; None if untold."""
    try:
        boot = (PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
    except OSError:
        return None
    return f"{boot.replace('-', '')}.{(PROC / 'self' / 'ns' / 'pid').readlink().name.strip('pid:[]')}"


def lives(process: str) -> bool | None:
    """Whether this process, as `own_process` says it, is there; None if that cannot be told from here."""
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
    """When it began, in the system's own count; None if it is not there, has ended, or is not told."""
    try:
        words = (PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    has_ended = words[0] in ("Z", "X")
    return None if has_ended else words[START_FIELD]


def is_hidden(process: int) -> bool:
    """Whether it is there, but another user's, which /proc does not show us (`hidepid`)."""
    return exists(process) and not os.access(PROC / str(process) / "stat", os.R_OK)


def exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
