"""The sandbox stays on this machine: its environment variables, and the addresses that it may use."""

from collections.abc import Mapping, MutableMapping
from urllib.parse import urlsplit

from clevertap_import.errors import ConfigError
from clevertap_import.this_machine import is_this_machine

ALLOWED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP"),
    *("TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "VIRTUAL_ENV"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT"),
)
"""The variables that a program needs to run and to print: no logins, no proxies, no homes of tools."""

ALLOWED_PREFIXES = ("LC_", "PYTHON")
"""Languages, and how Python itself was started: child processes must find the same code."""

ALWAYS = {"SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true"}
"""Without it the connector asks the metadata hosts of three clouds."""


class ElsewhereRefused(ConfigError):
    """An address of another machine, where only the sandbox's own servers are allowed."""


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a demo or sandbox may have: listed here, as any other could lead elsewhere."""
    allowed = {
        name: value
        for name, value in environment.items()
        if name in ALLOWED or name.startswith(ALLOWED_PREFIXES)
    }
    return {**allowed, **ALWAYS}


def enter_clean(environment: MutableMapping[str, str], **more: str) -> None:
    """Remove from `environment`, which children inherit, all other variables, and add `more`."""
    clean = clean_environment(environment)
    environment.clear()
    environment.update(clean, **more)


def refuse_elsewhere(name: str, address: str) -> None:
    """Raises ElsewhereRefused if `address`, a host or a URL of the variable `name`, is elsewhere."""
    host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
    if not is_this_machine(host):
        raise ElsewhereRefused(
            f"{name} leads to {host or 'no host'!r}. The sandbox connects only to this machine (127.0.0.1)."
        )
