"""The settings of a Snowflake connection, and its session, which is opened in `open_session.py`."""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clevertap_import.config.env_files import check_one_source, here
from clevertap_import.errors import ConfigError
from clevertap_import.this_machine import is_this_machine

if TYPE_CHECKING:
    from clevertap_import.snowflake.open_session import Snowflake

SECRET_KEYS = ("private_key", "private_key_path", "private_key_passphrase", "password")
ADDRESS_KEYS = ("host", "port", "protocol")
"""Placeholder for the account if a host is set: the connector then never uses the account's own host."""

OPTIONAL_KEYS = (*SECRET_KEYS, "role", "warehouse", "database", "schema", *ADDRESS_KEYS)
NETWORK_SECONDS = 600
"""How long one request may last without a usable answer, over all its attempts."""

ACCOUNT = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
HOST = re.compile(r"(?:https?://)?([\w.-]+)\.snowflakecomputing\.(com|cn|mil)(?::443)?(?:[/#?].*)?", re.I)
SNOWSIGHT = re.compile(r"(?:https?://)?app\.snowflake\.(com|cn)/([\w.-]+)/([\w-]+)(?:[/#?].*)?", re.I)


@dataclass(frozen=True, slots=True)
class SnowflakeSettings:
    """A connection: server, user and secret. Exactly one secret is used; a key goes before a password."""

    account: str
    user: str
    private_key: str | None = field(default=None, repr=False)
    private_key_path: str | None = field(default=None, repr=False)
    private_key_passphrase: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    role: str | None = None
    warehouse: str | None = None
    database: str | None = None
    schema: str | None = None
    host: str | None = None
    port: str | None = None
    protocol: str | None = None


def snowflake_settings(name: str, environment: Mapping[str, str]) -> SnowflakeSettings:
    """The connection called `name`, from the variables that begin with its name in capitals."""
    prefix = name.upper()
    given = {
        key: environment[f"{prefix}_{key.upper()}"]
        for key in OPTIONAL_KEYS
        if environment.get(f"{prefix}_{key.upper()}")
    }
    missing = [f"{prefix}_{key}" for key in ("ACCOUNT", "USER") if not environment.get(f"{prefix}_{key}")]
    if not {"private_key", "private_key_path", "password"} & given.keys():
        missing.append(f"{prefix}_PRIVATE_KEY_PATH (or {prefix}_PRIVATE_KEY, or {prefix}_PASSWORD)")
    if missing:
        raise ConfigError(f"Snowflake connection {name!r} needs {' and '.join(missing)} in the environment.")
    account, host = account_and_host(f"{prefix}_ACCOUNT", environment[f"{prefix}_ACCOUNT"])
    if host:
        given.setdefault("host", host)
    check_server(prefix, given)
    addresses, secrets = ([f"{prefix}_{key.upper()}" for key in keys] for keys in (ADDRESS_KEYS, SECRET_KEYS))
    check_one_source(environment, addresses, secrets, here())
    return SnowflakeSettings(account, environment[f"{prefix}_USER"], **given)


def check_server(prefix: str, given: Mapping[str, str]) -> None:
    """Raises ConfigError for an invalid host, port or protocol. The connector's error would be unclear."""
    host = given.get("host", "localhost")
    if not re.fullmatch(r"[\w.-]+|\[[0-9A-Fa-f:]+\]", host):
        raise ConfigError(f"{prefix}_HOST is {host!r}. Write only the name or address of a host.")
    port, protocol = given.get("port", "443"), given.get("protocol", "https")
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 1 << 16:
        raise ConfigError(f"{prefix}_PORT is {port!r}. Write a number from 1 to 65535.")
    if protocol not in ("http", "https"):
        raise ConfigError(f"{prefix}_PROTOCOL is {protocol!r}. Write https, or leave it out.")
    if protocol == "http" and not is_this_machine(given.get("host", "")):
        raise ConfigError(
            f"{prefix}_PROTOCOL is 'http': the login and all rows would cross the network unencrypted. Write"
            f" https, or leave it out. http is allowed only with a {prefix}_HOST on this machine (localhost,"
            " 127.0.0.1)."
        )


def account_and_host(variable: str, text: str) -> tuple[str, str | None]:
    """The account identifier, and the host name if the connector cannot derive it (any host outside `.com`).

    `variable` is the environment variable that has `text`. Raises ConfigError if `text` is not an account.
    """
    written = text.strip()
    if found := SNOWSIGHT.fullmatch(written):
        domain, group, name = found.groups()
        # An older form has the region after the dot; the name of an organization has no hyphen and no dot.
        account = f"{name}.{group}" if re.search("[.-]", group) else f"{group}-{name}"
    elif found := HOST.fullmatch(written):
        account, domain = found.groups()
    elif ACCOUNT.fullmatch(written):
        return written, None
    else:
        raise ConfigError(
            f"{variable} is {text!r}, which is not an account. Write its identifier, such as myorg-myaccount"
            " or xy12345.eu-central-1, or the URL of the account."
        )
    host = f"{account.replace('_', '-')}.snowflakecomputing.{domain}".lower()
    return account, None if domain.lower() == "com" else host


def run_tag(nickname: str, run_id: str) -> str:
    """The tag of the queries of a run: by it people find what the run cost, in Snowflake's QUERY_HISTORY."""
    return f"clevertap_import:{nickname}:{run_id}"


def open_snowflake(
    settings: SnowflakeSettings, query_tag: str, retry_seconds: float = NETWORK_SECONDS
) -> AbstractContextManager["Snowflake"]:
    """Log in, and log out in any case.

    A request without a usable answer is retried for `retry_seconds`.

    Raises ConfigError, SourceLoginRefused, SessionUnusable or WarehouseUnavailable.
    """
    # The connector takes 3 CPU seconds and 200 MB, and most processes read no rows.
    from clevertap_import.snowflake.open_session import opened

    return opened(settings, query_tag, retry_seconds)
