"""Who may force a run: who can start our command, or whoever Dagster lets in, if the environment says so.

Dagster's web server has no login and takes mutations by GET, so any page in an operator's browser can launch
a run with any config and tags. It cannot set anything in the process of the command.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from clevertap_import.errors import ConfigError

ALLOW_VARIABLE = "CLEVERTAP_IMPORT_ALLOW_FORCE"
ALLOWED = "1"

_by_command: ContextVar[bool] = ContextVar("by_command", default=False)


class ForceRefused(ConfigError):
    """A run was to be forced that no command started."""


@contextmanager
def started_by_command() -> Iterator[None]:
    """Runs that are executed within, in this process, were asked for at the command line."""
    token = _by_command.set(True)
    try:
        yield
    finally:
        _by_command.reset(token)


def refuse_foreign_force(nickname: str) -> None:
    """Raises ForceRefused unless the command runs here, or the environment allows all."""
    if _by_command.get() or os.environ.get(ALLOW_VARIABLE) == ALLOWED:
        return
    raise ForceRefused(
        f"A run of {nickname!r} was to be forced that was not started by the command. Nothing was read or"
        " sent. Dagster's web server asks nobody for a login, and a forced run sends again what CleverTap"
        " has."
        f" Run clevertap-import run {nickname} --full --force (or --window START --force); or set"
        f" {ALLOW_VARIABLE}={ALLOWED} where runs execute, if only the right people reach the web server: see"
        " docs/security.md."
    )
