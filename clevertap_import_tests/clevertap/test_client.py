"""One POST, one outcome: through a local CleverTap, and through sockets that misbehave."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NameResolutionError
from urllib3.exceptions import SSLError as PoolSSLError

from clevertap_import.clevertap.client import REGION_HOSTS, AccountSettings, CleverTap, account_settings
from clevertap_import.clevertap.outcomes import (
    Accepted,
    Busy,
    NothingTaken,
    RecordProblem,
    Refused,
    Uncertain,
)
from clevertap_import.errors import ConfigError
from clevertap_import_tests.testing.builders import profiles
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap

BATCH = profiles("u1", "u2", "u3")


def client(fake: FakeCleverTap) -> CleverTap:
    return CleverTap(AccountSettings(fake.url, fake.account_id, fake.passcode))


def client_of(url: str, adapter: HTTPAdapter | None = None) -> CleverTap:
    """A client of any server; `adapter` is how requests reaches it."""
    clevertap = CleverTap(AccountSettings(url, "ACC-OUN-TID", "passcode"))
    if adapter:
        clevertap._http.session.mount(url, adapter)
    return clevertap


@pytest.mark.parametrize("style", ["compact", "spaced", "spaced_2017"])
def test_what_clevertap_takes_is_accepted_in_every_style_of_answer(
    fake_clevertap: FakeCleverTap, style: str
) -> None:
    fake_clevertap.knobs(answer_style=style)
    assert client(fake_clevertap).post(BATCH) == Accepted(3)
    assert fake_clevertap.profiles().keys() == {"u1", "u2", "u3"}


def test_one_bad_record_does_not_fail_the_batch(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "reject", "identities": ["u2"], "code": 515, "error": "Bad Email."}])
    assert client(fake_clevertap).post(BATCH) == Accepted(2, (RecordProblem(1, "515", "Bad Email."),))
    assert fake_clevertap.profiles().keys() == {"u1", "u3"}


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "status", "status": 429}, Busy("Too many concurrent requests")),
        ({"kind": "status", "status": 401}, Refused(401, "Passcode Invalid")),
        ({"kind": "malformed"}, Refused(400, "Malformed request")),
        ({"kind": "status", "status": 500}, Uncertain("HTTP 500")),
        ({"kind": "status", "status": 503}, Uncertain("HTTP 503")),
        ({"kind": "html"}, Uncertain("HTTP 502")),
        ({"kind": "empty"}, Uncertain("HTTP 200 without a readable body")),
        ({"kind": "reset"}, Uncertain("ConnectionError")),
    ],
    ids=lambda given: f"{given['kind']} {given.get('status', '')}" if isinstance(given, dict) else "",
)
def test_each_failure_of_a_request_has_its_outcome(
    fake_clevertap: FakeCleverTap, fault: dict[str, Any], outcome: object
) -> None:
    fake_clevertap.faults([fault])
    clevertap = client(fake_clevertap)
    assert clevertap.post(BATCH) == outcome
    assert clevertap.post(BATCH) == Accepted(3)


def test_an_answer_cut_short_is_uncertain_though_the_batch_was_taken(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "truncated"}])
    assert isinstance(client(fake_clevertap).post(BATCH), Uncertain)
    assert len(fake_clevertap.profiles()) == 3


class Impatient(HTTPAdapter):
    """Waits much less long than we do."""

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401
        return super().send(*args, **kwargs | {"timeout": (1, 0.1)})


def test_an_answer_that_does_not_come_in_time_is_uncertain(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "slow", "seconds": 1}])
    clevertap = client(fake_clevertap)
    clevertap._http.session.mount(fake_clevertap.url, Impatient())
    # requests says ConnectionError where the headers came in time and the body did not.
    assert clevertap.post(BATCH) in (Uncertain("ReadTimeout"), Uncertain("ConnectionError"))


@pytest.mark.parametrize("wrong", ["account_id", "passcode"])
def test_wrong_credentials_are_refused_and_never_shown(fake_clevertap: FakeCleverTap, wrong: str) -> None:
    right = AccountSettings(fake_clevertap.url, fake_clevertap.account_id, fake_clevertap.passcode)
    settings = replace(right, **{wrong: "WRO-NGW-RONG"})  # type: ignore[arg-type]
    outcome = CleverTap(settings).post(BATCH)
    assert isinstance(outcome, Refused)
    assert outcome.status == 401
    assert "WRO-NGW-RONG" not in f"{outcome!r} {settings!r} {settings}"


def family(root: type[requests.RequestException]) -> Iterator[type[requests.RequestException]]:
    yield root
    for child in root.__subclasses__():
        yield from family(child)


class Raising(HTTPAdapter):
    """Raises `error` in place of sending."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401
        raise self.error


UNUSABLE_PROXY = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)


@pytest.mark.parametrize("kind", sorted(set(family(requests.RequestException)), key=str))
def test_every_exception_of_requests_is_an_outcome_and_by_default_uncertain(
    kind: type[requests.RequestException],
) -> None:
    arguments = ("", "", 0) if issubclass(kind, requests.JSONDecodeError) else ()
    clevertap = client_of("http://127.0.0.1:1", Raising(kind(*arguments)))
    if issubclass(kind, UNUSABLE_PROXY):
        assert clevertap.post(BATCH) == Busy(kind.__name__, is_answered=False)
    else:
        assert clevertap.post(BATCH) == Uncertain(kind.__name__)


POOL: Any = None


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectTimeout(MaxRetryError(POOL, "/", ConnectTimeoutError())),
        requests.ConnectionError(
            MaxRetryError(POOL, "/", NameResolutionError("host", POOL, socket.gaierror()))
        ),
        requests.exceptions.SSLError(
            MaxRetryError(POOL, "/", PoolSSLError(ssl.SSLCertVerificationError("self-signed")))
        ),
    ],
    ids=["connect timeout", "unknown host", "certificate"],
)
def test_what_fails_before_the_request_is_sent_is_busy(error: requests.RequestException) -> None:
    outcome = client_of("http://127.0.0.1:1", Raising(error)).post(BATCH)
    assert outcome == Busy(type(error).__name__, is_answered=False)


ENVIRONMENT = {"CLEVERTAP_ACCOUNT_ID": "ACC-OUN-TID", "CLEVERTAP_PASSCODE": "secret-1"}


@pytest.mark.parametrize("region", REGION_HOSTS)
def test_a_region_is_a_host(region: str) -> None:
    settings = account_settings("clevertap", ENVIRONMENT | {"CLEVERTAP_REGION": region})
    assert settings == AccountSettings(REGION_HOSTS[region], "ACC-OUN-TID", "secret-1", 15)


def test_a_name_in_capitals_is_the_prefix_and_a_url_takes_the_place_of_the_region() -> None:
    environment = {
        "EMEA_ACCOUNT_ID": "A",
        "EMEA_PASSCODE": "P",
        "EMEA_API_URL": "http://localhost:1/",
        "EMEA_REGION": "nowhere",
        "EMEA_MAX_IN_FLIGHT": "3",
    }
    assert account_settings("emea", environment) == AccountSettings("http://localhost:1", "A", "P", 3)


def test_without_a_region_the_account_is_in_europe() -> None:
    assert account_settings("clevertap", ENVIRONMENT).url == REGION_HOSTS["eu1"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"CLEVERTAP_PASSCODE": ""}, "CleverTap account 'clevertap' needs CLEVERTAP_PASSCODE in the env"),
        (
            {"CLEVERTAP_REGION": "in2"},
            "CLEVERTAP_REGION is 'in2'. Did you mean 'in1'? CleverTap's regions are ",
        ),
        (
            {"CLEVERTAP_MAX_IN_FLIGHT": "16"},
            "CLEVERTAP_MAX_IN_FLIGHT is '16'. It must be a whole number from 1 to 15.",
        ),
        (
            {"CLEVERTAP_MAX_IN_FLIGHT": "0"},
            "CLEVERTAP_MAX_IN_FLIGHT is '0'. It must be a whole number from 1 to 15.",
        ),
        (
            {"CLEVERTAP_MAX_IN_FLIGHT": "٣"},
            "CLEVERTAP_MAX_IN_FLIGHT is '٣'. It must be a whole number from 1 to 15.",
        ),
        (
            {"CLEVERTAP_API_URL": "localhost:1"},
            "CLEVERTAP_API_URL is 'localhost:1'. It must begin with https:// and name a host.",
        ),
        (
            {"CLEVERTAP_API_URL": "https:///1/upload"},
            "CLEVERTAP_API_URL is 'https:///1/upload'. It must begin with https:// and name a host.",
        ),
        (
            {"CLEVERTAP_API_URL": "https://ann:secret-2@clevertap.example.com"},
            "CLEVERTAP_API_URL contains a login. Write only the address, such as https://HOST.",
        ),
        (
            {"CLEVERTAP_PASSCODE": "secret-2\n"},
            "CLEVERTAP_PASSCODE has a line break, a space or a letter that",
        ),
        (
            {"CLEVERTAP_ACCOUNT_ID": "secret-2€"},
            "CLEVERTAP_ACCOUNT_ID has a line break, a space or a letter",
        ),
    ],
)
def test_an_environment_that_cannot_work_is_reported_without_secrets(
    changes: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        account_settings("clevertap", ENVIRONMENT | changes)
    assert str(caught.value).startswith(message)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://[::1",
            "https://host:99999",
            "https://host:ten",
            "https://ex\u2100mple.com",
            "https://two hosts",
        ),
        *(
            "https://host?a=b",
            "https://host/#part",
            "https://host/1?dryRun=1",
            " https://host",
            "https://a..b",
        ),
        *("https://.", "https://" + 70 * "a", "https://host\n", "http://127.0.0.1\\.example.com"),
    ],
)
def test_an_address_that_cannot_be_asked_is_reported_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        account_settings("clevertap", ENVIRONMENT | {"CLEVERTAP_API_URL": url})
    assert str(caught.value).startswith(
        f"CLEVERTAP_API_URL is {url!r}. It must begin with https:// and name a"
    )


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(ConfigError, match="needs CLEVERTAP_ACCOUNT_ID and CLEVERTAP_PASSCODE in the env"):
        account_settings("clevertap", {})


@pytest.mark.parametrize(
    "url",
    ["http://api.clevertap.com", "http://10.0.0.7:80", "http://0.0.0.0:1", "http://localhost.example.com"],
)
def test_http_to_another_machine_is_refused(url: str) -> None:
    with pytest.raises(
        ConfigError,
        match=r"is 'http.*: the passcode and all rows would .* Write https://\. http:// is allowed only to",
    ):
        account_settings("clevertap", ENVIRONMENT | {"CLEVERTAP_API_URL": url})


@pytest.mark.parametrize(
    "url", ["http://localhost:8", "http://127.0.0.9", "http://[::1]:8", "https://10.0.0.7:80"]
)
def test_http_to_this_machine_and_https_to_any_are_taken(url: str) -> None:
    assert account_settings("clevertap", ENVIRONMENT | {"CLEVERTAP_API_URL": url}).url == url


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 403}, {"kind": "nothing_taken"}], ids=lambda fault: fault["kind"]
)
def test_the_words_on_a_whole_request_come_without_values_of_rows(
    fake_clevertap: FakeCleverTap, fault: dict[str, Any]
) -> None:
    fake_clevertap.faults([{**fault, "error": "No", "echoes": True}])
    outcome = client(fake_clevertap).post(BATCH)
    assert isinstance(outcome, Refused | NothingTaken)
    record = '{"type":"profile","identity":"u1","profileData":{"City":"..."}}'
    assert outcome.reason.endswith(f"No: {record}")
