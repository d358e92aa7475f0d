"""Processes whose network calls are written down: every Python process below one loads a watcher first."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

WATCHER = """
import os, sys

LOG = os.environ["PYTHON_WATCHED_LOG"]

def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        target = arguments[1] if event in ("socket.connect", "socket.sendto") else arguments[0]
        host = target[0] if isinstance(target, tuple) else target
        if isinstance(host, (str, bytes)):
            with open(LOG, "a") as log:
                log.write(f"{event} {host!r}\\n")

sys.addaudithook(watch)
"""
LOCAL = re.compile(r"^socket\.\w+ b?'(127\.0\.0\.1|localhost|::1|/.*)'$")


@dataclass(frozen=True)
class Watch:
    """What a process and its children were seen to call."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        (self.folder / "sitecustomize.py").write_text(WATCHER)
        return {"PYTHONPATH": str(self.folder), "PYTHON_WATCHED_LOG": str(self.folder / "calls.log")}

    @property
    def calls(self) -> set[str]:
        return set((self.folder / "calls.log").read_text().splitlines())

    @property
    def elsewhere(self) -> set[str]:
        return {call for call in self.calls if not LOCAL.match(call)}


def shell_environment() -> dict[str, str]:
    """This shell's, without what belongs to the test run itself."""
    return {key: value for key, value in os.environ.items() if not key.startswith("SNOWFLAKE_")}
