"""The sandbox stays on this machine: which variables it starts with, and which addresses it may speak to."""

from collections.abc import Mapping, MutableMapping
from urllib.parse import urlsplit

from clevertap_import.errors import ConfigError
from clevertap_import.this_machine import is_this_machine

KEPT = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP"),
    *("TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "VIRTUAL_ENV"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT"),
)
"""What a program needs to run and to print. No login, no proxy, no home of a tool is among them."""

KEPT_PREFIXES = ("LC_", "PYTHON")
"""Languages, and how Python itself was started: it runs already, and its children must find the same code."""

ALWAYS = {"SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true"}
"""The connector would ask the hosts of three clouds where it runs."""


class ElsewhereRefused(ConfigError):
    """An address of another machine, where only the sandbox's own servers may be meant."""


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a demo or sandbox may know: named here, as anything else could lead elsewhere."""
    kept = {
        name: value for name, value in environment.items() if name in KEPT or name.startswith(KEPT_PREFIXES)
    }
    return {**kept, **ALWAYS}


def enter_clean(environment: MutableMapping[str, str], **more: str) -> None:
    """Leave in `environment`, which children inherit, only what a sandbox may know, and `more`."""
    clean = clean_environment(environment)
    environment.clear()
    environment.update(clean, **more)


def refuse_elsewhere(name: str, address: str) -> None:
    """Raises ElsewhereRefused if `address`, a host or a URL that the variable `name` gives, is elsewhere."""
    host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
    if not is_this_machine(host):
        raise ElsewhereRefused(
            f"{name} leads to {host or 'no host'!r}. The sandbox speaks only to this machine (127.0.0.1)."
        )
