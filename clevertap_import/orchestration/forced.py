"""Who may force a run: people who can start our command, and, if the environment allows it, users of Dagster.

Dagster's web server has no login and accepts mutations by GET, so any page in an operator's browser can
launch a run with any config and tags. Such a page cannot change the process of the command.
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
    """A forced run was not started by the command."""


@contextmanager
def started_by_command() -> Iterator[None]:
    """Runs that this process executes in the block come from the command line."""
    token = _by_command.set(True)
    try:
        yield
    finally:
        _by_command.reset(token)


def refuse_foreign_force(nickname: str) -> None:
    """Raises ForceRefused unless the command started this run, or the environment allows it."""
    if _by_command.get() or os.environ.get(ALLOW_VARIABLE) == ALLOWED:
        return
    raise ForceRefused(
        f"A run of {nickname!r} was to be forced that was not started by the command. Nothing was read or"
        " sent. Dagster's web server has no login, and a forced run sends records again that CleverTap has."
        f" Run clevertap-import run {nickname} --full --force (or --window START --force); or set"
        f" {ALLOW_VARIABLE}={ALLOWED} where runs execute, if only the right people reach the web server: see"
        " docs/security.md."
    )
