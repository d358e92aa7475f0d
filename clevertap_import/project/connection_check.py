"""Tests the parts of a connection step by step, and changes nothing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, assert_never
from urllib.parse import urlsplit

import requests

from clevertap_import.clevertap.account_limiter import upload_limiter
from clevertap_import.clevertap.client import CleverTap, account_settings
from clevertap_import.clevertap.http import BoundedHttp, RequestCut
from clevertap_import.clevertap.outcomes import Accepted, Busy, NothingTaken, Outcome, Refused, Uncertain
from clevertap_import.clevertap.server_dry_run import PROBE
from clevertap_import.errors import CleverTapImportError, ConfigError
from clevertap_import.journal.locks import NamedLocks
from clevertap_import.records import Batch, batch_of_one
from clevertap_import.snowflake.session import SnowflakeSettings, open_snowflake, snowflake_settings

if TYPE_CHECKING:
    from clevertap_import.snowflake.open_session import Snowflake

NETWORK_SECONDS = 10.0


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


def snowflake_verdict(name: str, environment: Mapping[str, str]) -> Verdict:
    return verdict(name, "snowflake", snowflake_steps(name, environment))


def clevertap_verdict(name: str, environment: Mapping[str, str], locks: NamedLocks) -> Verdict:
    return verdict(name, "clevertap", clevertap_steps(name, environment, locks))


def snowflake_steps(name: str, environment: Mapping[str, str]) -> Iterator[Step]:
    try:
        settings = snowflake_settings(name, environment)
    except ConfigError as error:
        yield Step("settings", False, str(error))
        return
    yield Step("settings", True, f"The environment describes connection {name!r}.")
    reached = network_step(snowflake_url(settings))
    yield reached
    if reached.ok:
        yield from login_steps(settings)


def login_steps(settings: SnowflakeSettings) -> Iterator[Step]:
    # Logged in without them: otherwise a wrong role would look like a wrong password.
    bare = replace(settings, role=None, warehouse=None, database=None, schema=None)
    try:
        with open_snowflake(bare, "clevertap_import:test_connection") as snowflake:
            yield Step("authentication", True, f"{settings.user} is logged in.")
            yield from session_steps(snowflake, settings)
    except CleverTapImportError as error:
        yield Step("authentication", False, str(error))


def session_steps(snowflake: "Snowflake", settings: SnowflakeSettings) -> Iterator[Step]:
    """Whether each object that the settings name can be used by the role."""
    for kind in ("role", "warehouse", "database", "schema"):
        wanted = getattr(settings, kind)
        if wanted is None:
            yield Step(kind, True, f"None is named; the user's default {kind} is used, if there is one.")
            continue
        try:
            snowflake.use(kind, wanted)
            yield Step(kind, True, f"{wanted} can be used.")
        except CleverTapImportError as error:
            yield Step(kind, False, str(error))


def clevertap_steps(name: str, environment: Mapping[str, str], locks: NamedLocks) -> Iterator[Step]:
    try:
        settings = account_settings(name, environment)
    except ConfigError as error:
        yield Step("settings", False, str(error))
        return
    yield Step("settings", True, f"The environment describes account {name!r}.")
    reached = network_step(settings.url)
    yield reached
    if reached.ok:
        with upload_limiter(locks, settings, 1, "A connection test") as limiter:
            yield credentials_step(limiter.upload(CleverTap(settings).dry_run))


def snowflake_url(settings: SnowflakeSettings) -> str:
    host = settings.host or f"{settings.account}.snowflakecomputing.com"
    port = f":{settings.port}" if settings.port else ""
    return f"{settings.protocol or 'https'}://{host}{port}"


def network_step(url: str) -> Step:
    """Any answer is a success. It uses HTTP and not a socket, so that a proxy is used if there is one."""
    host = urlsplit(url).netloc
    try:
        BoundedHttp(NETWORK_SECONDS).answer("HEAD", url, 0)
    except requests.exceptions.SSLError:
        return Step("network", False, f"{host} shows a certificate that this machine does not trust.")
    except (requests.RequestException, RequestCut) as error:
        reason = f"{host} cannot be reached ({type(error).__name__})."
        return Step("network", False, f"{reason} Check the address, the firewall and the proxy.")
    return Step("network", True, f"{host} answers.")


def credentials_step(dry_run: Callable[[Batch], Outcome]) -> Step:
    """A dry run of one record: it passes only if account id, passcode and region fit together."""
    name = "credentials and region"
    match dry_run(batch_of_one(PROBE)):
        case Accepted():
            return Step(name, True, "CleverTap accepts the account id and the passcode in this region.")
        case Refused(status=status, reason=reason):
            return Step(
                name,
                False,
                f"CleverTap answered HTTP {status}: {reason}. Check account id, passcode and region.",
            )
        case Busy(reason=reason) | NothingTaken(reason=reason) | Uncertain(reason=reason):
            return Step(name, False, f"CleverTap gave no clear answer: {reason}. Try again later.")
        case outcome:
            assert_never(outcome)
