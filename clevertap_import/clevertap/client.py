"""CleverTap's upload API: one call, one outcome. This file does not retry and does not log."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProxyError, SSLError

from clevertap_import.clevertap.answers import read_answer, read_lookup, read_profile
from clevertap_import.clevertap.http import BoundedHttp, RequestCut
from clevertap_import.clevertap.outcomes import Busy, Outcome, Uncertain
from clevertap_import.config.env_files import check_one_source, here
from clevertap_import.errors import ConfigError, did_you_mean
from clevertap_import.records import Batch
from clevertap_import.this_machine import is_this_machine

REGION_HOSTS = {
    "eu1": "https://api.clevertap.com",
    "in1": "https://in1.api.clevertap.com",
    "sg1": "https://sg1.api.clevertap.com",
    "us1": "https://us1.api.clevertap.com",
    "aps3": "https://aps3.api.clevertap.com",
    "mec1": "https://mec1.api.clevertap.com",
}
"""CleverTap's region table (Common API Components page)."""

MAX_LOOKUPS_IN_FLIGHT = 3
"""The most profile look-ups in flight that CleverTap allows for one account (API Request Limit page)."""

MAX_IN_FLIGHT = 15
"""The most requests in flight that CleverTap allows for one account (API Request Limit page)."""

REQUEST_SECONDS = 120.0
"""The time limit for a whole request: to connect, to send, to receive the answer. CleverTap publishes no
limit, and says that a request may take seconds; its clients wait 40 to 60 for each read."""

ANSWER_BYTES = 1_000_000
"""For an answer, without the records that it repeats: 1,000 texts of 1,000 bytes, or one profile."""

BYTES_WHEN_ESCAPED = 3
"""For each byte of a record that CleverTap repeats: letters of two or three bytes may become \\uXXXX."""

ADDRESS = re.compile(
    r"https?://(?P<host>[\w.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?:/[\w.~%/-]*)?", re.IGNORECASE
)

NO_TUNNEL = "Tunnel connection failed"
"""Python's text if a proxy opens no connection to CleverTap; the error has no class of its own."""


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """The address and the credentials of an account."""

    url: str
    account_id: str = field(repr=False)
    passcode: str = field(repr=False)
    max_in_flight: int = MAX_IN_FLIGHT
    request_seconds: float = REQUEST_SECONDS


def account_settings(name: str, environment: Mapping[str, str]) -> AccountSettings:
    """The account called `name`, from the variables that begin with its name in capitals."""
    prefix = name.upper()
    missing = [
        f"{prefix}_{key}" for key in ("ACCOUNT_ID", "PASSCODE") if not environment.get(f"{prefix}_{key}")
    ]
    if missing:
        raise ConfigError(f"CleverTap account {name!r} needs {' and '.join(missing)} in the environment.")
    region = environment.get(f"{prefix}_REGION") or "eu1"
    url = environment.get(f"{prefix}_API_URL")
    if not url and region not in REGION_HOSTS:
        hint = did_you_mean(region, REGION_HOSTS)
        raise ConfigError(
            f"{prefix}_REGION is {region!r}.{hint} CleverTap's regions are {', '.join(REGION_HOSTS)}."
        )
    if url:
        check_url(f"{prefix}_API_URL", url)
    check_one_source(environment, (f"{prefix}_API_URL", f"{prefix}_REGION"), (f"{prefix}_PASSCODE",), here())
    return AccountSettings(
        (url or REGION_HOSTS[region]).rstrip("/"),
        header_value(f"{prefix}_ACCOUNT_ID", environment),
        header_value(f"{prefix}_PASSCODE", environment),
        in_flight(f"{prefix}_MAX_IN_FLIGHT", environment),
    )


def check_url(variable: str, url: str) -> None:
    """Raises ConfigError if the passcode must not be sent to `url`."""
    if "@" in url:
        raise ConfigError(f"{variable} contains a login. Write only the address, such as https://HOST.")
    if not is_address(url):
        raise ConfigError(
            f"{variable} is {url!r}. It must begin with https:// and name a host. A port and a path may"
            " follow: https://HOST:PORT/PATH."
        )
    found = urlsplit(url)
    if found.scheme == "http" and not is_this_machine(found.hostname or ""):
        raise ConfigError(
            f"{variable} is {url!r}: the passcode and all rows would cross the network unencrypted. Write"
            " https://. http:// is allowed only to this machine (localhost, 127.0.0.1)."
        )


def is_address(url: str) -> bool:
    """Whether a request to `url` is possible. Otherwise each batch would fail as if it had been sent."""
    found = ADDRESS.fullmatch(url)
    if not found or int(found["port"] or 443) >= 1 << 16:
        return False
    try:
        # As sockets read a host name: no part of it is empty or too long.
        found["host"].encode("idna")
    except UnicodeError:
        return False
    return True


def header_value(variable: str, environment: Mapping[str, str]) -> str:
    """A secret for an HTTP header. It is checked here: later, the error would look like a lost answer."""
    text = environment[variable]
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(
            f"{variable} has a line break, a space or a letter that no HTTP header can contain."
        )
    return text


def in_flight(variable: str, environment: Mapping[str, str]) -> int:
    text = environment.get(variable) or str(MAX_IN_FLIGHT)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_IN_FLIGHT:
        raise ConfigError(f"{variable} is {text!r}. It must be a whole number from 1 to {MAX_IN_FLIGHT}.")
    return int(text)


class CleverTap:
    """One account. Any number of threads may post; each has its own session."""

    def __init__(self, settings: AccountSettings) -> None:
        self.settings = settings
        headers = {
            "X-CleverTap-Account-Id": settings.account_id,
            "X-CleverTap-Passcode": settings.passcode,
            "Content-Type": "application/json",
        }
        self._http = BoundedHttp(settings.request_seconds, headers)

    def abandon(self) -> None:
        """End all requests in flight: they are Uncertain. Later requests are Busy, and are not sent."""
        self._http.abandon("the delivery was ended")

    def post(self, batch: Batch) -> Outcome:
        """Send `batch` once."""
        return self._upload("/1/upload", batch)

    def dry_run(self, batch: Batch) -> Outcome:
        """CleverTap's outcome for `batch` without storing it (dryRun=1, as in CleverTap's clients)."""
        return self._upload("/1/upload?dryRun=1", batch)

    def profile_exists(self, key: str, value: str) -> bool | None:
        """Whether CleverTap has a profile with this `identity` or `objectId`; None if the answer is
        unclear."""
        answer = self._looked_up(key, value)
        return None if answer is None else read_lookup(*answer)

    def profile(self, key: str, value: str) -> dict[str, Any] | None:
        """A profile as CleverTap returns it; None if there is none, or the answer is unclear."""
        answer = self._looked_up(key, value)
        return None if answer is None else read_profile(*answer)

    def _looked_up(self, key: str, value: str) -> tuple[int, bytes] | None:
        url = f"{self.settings.url}/1/profile.json"
        try:
            return self._http.answer("GET", url, ANSWER_BYTES, params={key: value})
        except (requests.RequestException, RequestCut):
            return None

    def _upload(self, path: str, batch: Batch) -> Outcome:
        body = batch.body
        most_bytes = ANSWER_BYTES + BYTES_WHEN_ESCAPED * len(body)
        try:
            answer = self._http.answer("POST", f"{self.settings.url}{path}", most_bytes, data=body)
        except RequestCut as cut:
            reason = str(cut)
            return Busy(reason, is_answered=False) if cut.never_left else Uncertain(reason)
        except requests.RequestException as error:
            reason = type(error).__name__
            return Busy(reason, is_answered=False) if never_left(error) else Uncertain(reason)
        return read_answer(len(batch), *answer, batch.without_any_values)


def never_left(error: requests.RequestException) -> bool:
    """Whether no byte of the request can have reached CleverTap: the connection was never made.

    A reused connection that breaks before the first byte of an answer does not count: CleverTap may have
    closed it as idle, or have stored the batch and crashed. Both look the same from here, so the outcome is
    Uncertain. (urllib3 notices a connection that was closed before the request, and opens another.)
    """
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        # The proxy's address is invalid: our own was checked before.
        return True
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    if isinstance(reason, ProxyError):
        # urllib3 raises this also if a proxy forwards the request and then hangs up: only the cause differs.
        reason = reason.original_error
        if str(reason).startswith(NO_TUNNEL):
            return True
    if isinstance(reason, NewConnectionError | ConnectTimeoutError):
        return True
    return isinstance(reason, SSLError) and isinstance(reason.args[0], ssl.SSLCertVerificationError)
