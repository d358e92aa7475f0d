"""Which part of a connection works and which does not, step by step, without any effect."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from clevertap_import.io.clevertap import CONNECT_SECONDS, CleverTap, account_settings
from clevertap_import.io.snowflake import Snowflake, SnowflakeSettings, open_snowflake, snowflake_settings
from clevertap_import.pure.errors import CleverTapImportError, ConfigError, WarehouseUnavailable
from clevertap_import.pure.outcome import Accepted, Busy, Refused, Uncertain
from clevertap_import.pure.records import RECORD_SCHEMA, Batch

HTTPS_PORT = 443
PROBE = b'{"identity":"clevertap-import-connection-test","type":"profile","profileData":{}}'
"""A record that is valid; sent as a dry run, which stores nothing (CleverTap's dryRun=1)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a connection: whether it works, and what to know or to do."""

    step: str
    ok: bool
    message: str


Verdict = dict[str, Any]


def verdict(name: str, kind: str, steps: Iterator[Step]) -> Verdict:
    """`{name, kind, ok, steps: [{step, ok, message}]}`; steps end with the first that others depend on."""
    made = list(steps)
    return {
        "name": name,
        "kind": kind,
        "ok": all(step.ok for step in made),
        "steps": [asdict(step) for step in made],
    }


def snowflake_steps(name: str, environment: Mapping[str, str]) -> Iterator[Step]:
    try:
        settings = snowflake_settings(name, environment)
    except ConfigError as error:
        yield Step("settings", False, str(error))
        return
    yield Step("settings", True, f"The environment describes connection {name!r}.")
    try:
        with open_snowflake(settings, "clevertap_import:test_connection") as snowflake:
            yield Step("network", True, f"{settings.host or settings.account} answers.")
            yield Step("authentication", True, f"{settings.user} is logged in.")
            yield from session_steps(snowflake, settings)
    except WarehouseUnavailable as error:
        yield Step("network", False, str(error))
    except CleverTapImportError as error:
        yield Step("network", True, f"{settings.host or settings.account} answers.")
        yield Step("authentication", False, str(error))


def session_steps(snowflake: Snowflake, settings: SnowflakeSettings) -> Iterator[Step]:
    """Whether each object that the settings name can be used by the role."""
    for kind in ("role", "warehouse", "database", "schema"):
        wanted = getattr(settings, kind)
        if wanted is None:
            yield Step(kind, True, f"None is named; the user's default {kind} holds.")
            continue
        try:
            snowflake.use(kind, wanted)
            yield Step(kind, True, f"{wanted} can be used.")
        except CleverTapImportError as error:
            yield Step(kind, False, f"{error} Check its name, and that the role has USAGE on it.")


def clevertap_steps(name: str, environment: Mapping[str, str]) -> Iterator[Step]:
    try:
        settings = account_settings(name, environment)
    except ConfigError as error:
        yield Step("settings", False, str(error))
        return
    yield Step("settings", True, f"The environment describes account {name!r}.")
    reached = network_step(settings.url)
    yield reached
    if reached.ok:
        yield credentials_step(CleverTap(settings))


def network_step(url: str) -> Step:
    address = urlsplit(url)
    host = address.hostname or ""
    try:
        socket.create_connection((host, address.port or HTTPS_PORT), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        return Step("network", False, f"{host} cannot be reached: {error.strerror or type(error).__name__}.")
    return Step("network", True, f"{host} can be reached.")


def credentials_step(clevertap: CleverTap) -> Step:
    """A dry run of one record: it passes only if account id, passcode and region go together."""
    columns = [[PROBE], [1], [0], [bytes(16)], [bytes(16)]]
    rows = pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, RECORD_SCHEMA, strict=True)],
        schema=RECORD_SCHEMA,
    )
    name = "credentials and region"
    match clevertap.try_out(Batch(0, rows)):
        case Accepted():
            return Step(name, True, "CleverTap takes the account id and the passcode in this region.")
        case Refused(status=status, reason=reason):
            return Step(
                name,
                False,
                f"CleverTap answered HTTP {status}: {reason}. Check account id, passcode and region.",
            )
        case Busy(reason=reason) | Uncertain(reason=reason):
            return Step(name, False, f"CleverTap gave no clear answer: {reason}. Try again later.")
