"""The fake CleverTap as an HTTP server: paths, login, framing, limits, slots."""

import gzip
import http.client
import json
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from time import monotonic
from urllib.parse import urlsplit

import pytest
import requests

from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap, event, profile

BUSY = {"status": "fail", "error": "Too many concurrent requests", "code": 429}
MALFORMED = {"status": "fail", "error": "Malformed request", "code": 400}


def until(condition: Callable[[], bool]) -> None:
    """Ask again until it is so; each look is a call, so no pause is needed."""
    deadline = monotonic() + 5
    while not condition():
        assert monotonic() < deadline, "waited five seconds in vain"


class OpenCall:
    """An upload of which the headers are sent, and the body is not."""

    def __init__(self, fake: FakeCleverTap, *records: object) -> None:
        self.body = json.dumps({"d": records}).encode()
        self.connection = http.client.HTTPConnection(urlsplit(fake.url).netloc, timeout=10)
        self.connection.putrequest("POST", "/1/upload")
        for name, value in (fake.headers | {"Content-Length": str(len(self.body))}).items():
            self.connection.putheader(name, value)
        self.connection.endheaders()

    def finish(self) -> None:
        """Send the body."""
        self.connection.send(self.body)

    def status(self) -> int:
        """The status of the answer."""
        with self.connection.getresponse() as answer:
            answer.read()
            return answer.status


@contextmanager
def open_calls(fake: FakeCleverTap, *batches: Sequence[object]) -> Generator[list[OpenCall]]:
    """That many uploads under way at once."""
    with ExitStack() as stack:
        calls = [OpenCall(fake, *records) for records in batches]
        for call in calls:
            stack.callback(call.connection.close)
        until(lambda: fake.counters()["in_flight"] == len(calls))
        yield calls


def test_an_unknown_path_answers_200_with_an_empty_body(fake_clevertap: FakeCleverTap) -> None:
    answer = fake_clevertap.post(b"{}", path="/1/nothing/here")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(("method", "path"), [("GET", "/1/upload"), ("POST", "/1/profile.json")])
def test_a_wrong_method_on_a_known_path_answers_405(
    fake_clevertap: FakeCleverTap, method: str, path: str
) -> None:
    answer = requests.request(method, fake_clevertap.url + path, headers=fake_clevertap.headers, timeout=10)
    assert answer.status_code == 405
    assert answer.json()["status"] == "fail"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"X-CleverTap-Account-Id": "nonsense"}, "12 digit account ID mandatory"),
        ({"X-CleverTap-Account-Id": ""}, "12 digit account ID mandatory"),
        ({"X-CleverTap-Account-Id": "W8W-6WR-884Z"}, "Account ID is not valid"),
        ({"X-CleverTap-Passcode": "wrong"}, "Passcode Invalid"),
        ({"X-CleverTap-Passcode": ""}, "Passcode Invalid"),
    ],
)
def test_a_bad_login_answers_401_before_the_body_is_read(
    fake_clevertap: FakeCleverTap, changed: dict[str, str], error: str
) -> None:
    answer = fake_clevertap.post(b"not JSON", changed)
    assert (answer.status_code, answer.json()) == (401, {"status": "fail", "error": error, "code": 401})


def test_the_login_headers_may_be_written_in_any_case(fake_clevertap: FakeCleverTap) -> None:
    headers = {name.upper(): value for name, value in fake_clevertap.headers.items()}
    body = json.dumps({"d": [profile("a")]})
    assert requests.post(f"{fake_clevertap.url}/1/upload", body, headers=headers, timeout=10).ok


@pytest.mark.parametrize(
    ("host", "status"),
    [("api.clevertap.com", 200), ("eu1.api.clevertap.com", 200), ("in1.api.clevertap.com", 401)],
)
def test_an_account_is_known_only_in_its_region(
    fake_clevertap: FakeCleverTap, host: str, status: int
) -> None:
    answer = fake_clevertap.post(json.dumps({"d": [profile("a")]}).encode(), {"Host": host})
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"] == "Invalid Credentials"


def test_an_account_can_be_moved_to_another_region(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.knobs(account_region="in1")
    assert fake_clevertap.upload(profile("a")).json()["error"] == "Invalid Credentials"


def test_answers_come_as_clevertap_labels_them_with_a_length_and_in_chunks(
    fake_clevertap: FakeCleverTap,
) -> None:
    answers = [fake_clevertap.upload(profile("a")) for _ in range(4)]
    assert {answer.headers["content-type"] for answer in answers} == {"application/json;charset=utf-8"}
    framing = ["Content-Length" in answer.headers for answer in answers]
    assert framing == [True, False, True, False]
    assert ["Transfer-Encoding" in answer.headers for answer in answers] == [False, True, False, True]


def test_the_spaced_style_is_as_recorded(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.knobs(answer_style="spaced")
    answer = fake_clevertap.upload(profile("a"), profile("b"))
    assert answer.text == '{ "status" : "success" , "processed" : 2 , "unprocessed" : [ ]}'


def test_a_compressed_body_is_malformed_by_default(fake_clevertap: FakeCleverTap) -> None:
    body = gzip.compress(json.dumps({"d": [profile("a")]}).encode())
    answer = fake_clevertap.post(body, {"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()) == (400, MALFORMED)
    fake_clevertap.knobs(gzip="accept")
    assert fake_clevertap.post(body, {"Content-Encoding": "gzip"}).json()["processed"] == 1


def test_nothing_in_the_headers_says_when_to_try_again(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "status", "status": 429}])
    names = [name.lower() for name in fake_clevertap.upload(profile("a")).headers]
    assert not [name for name in names if "ratelimit" in name or name == "retry-after"]


NO_JSON = b'{"d":[{"type":"profile","identity":"a","profileData":{"X":%s}}]}'


@pytest.mark.parametrize(
    "body",
    [
        *(b"nonsense", b"[]", b"{}", b'{"d":{}}', b'{"d":[]}', b"\xff"),
        *(NO_JSON % b"NaN", NO_JSON % b"-Infinity", b"[" * 100_000),
        (NO_JSON % b"1").decode().encode("utf-16"),
    ],
)
def test_a_request_without_records_is_malformed(fake_clevertap: FakeCleverTap, body: bytes) -> None:
    answer = fake_clevertap.post(body)
    assert (answer.status_code, answer.json()) == (400, MALFORMED)


def test_more_than_a_thousand_records_are_refused_as_a_whole(fake_clevertap: FakeCleverTap) -> None:
    assert fake_clevertap.upload(*(profile(f"u{n}") for n in range(1000))).json()["processed"] == 1000
    assert fake_clevertap.upload(*(profile(f"v{n}") for n in range(1001))).status_code == 400
    assert len(fake_clevertap.profiles()) == 1000
    assert fake_clevertap.counters()["batches_over_limit"] == 1


def test_a_body_over_ten_megabytes_is_refused_as_a_whole(fake_clevertap: FakeCleverTap) -> None:
    big = json.dumps({"d": [profile("a", Note="x" * 1000)] * 10_400}).encode()
    assert len(big) > 10 * 1024 * 1024
    assert fake_clevertap.post(big).status_code == 413
    assert fake_clevertap.profiles() == {}


def test_the_sixteenth_simultaneous_call_is_refused_at_once(fake_clevertap: FakeCleverTap) -> None:
    with open_calls(fake_clevertap, *([profile(f"u{n}")] for n in range(15))) as calls:
        refused = fake_clevertap.upload(profile("sixteenth"))
        assert (refused.status_code, refused.json()) == (429, BUSY)
        for call in calls:
            call.finish()
        assert [call.status() for call in calls] == [200] * 15
    assert "sixteenth" not in fake_clevertap.profiles()
    assert len(fake_clevertap.profiles()) == 15
    counters = fake_clevertap.counters()
    assert (counters["peak_in_flight"], counters["busy_429"], counters["in_flight"]) == (15, 1, 0)
    assert fake_clevertap.upload(profile("after")).ok


def test_a_call_holds_its_slot_for_the_whole_service_time(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.knobs(service_seconds=60, max_in_flight=1)
    with open_calls(fake_clevertap, [profile("a")]) as [call]:
        call.finish()
        until(lambda: fake_clevertap.counters()["request_bytes"] > 0)
        assert fake_clevertap.upload(profile("b")).status_code == 429
    assert fake_clevertap.profiles() == {}


def test_service_time_grows_with_the_records_of_a_batch(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.knobs(service_seconds_per_record=0.02)
    assert fake_clevertap.upload(profile("a")).elapsed.total_seconds() >= 0.02
    assert fake_clevertap.upload(*[profile("a")] * 20).elapsed.total_seconds() >= 0.4


def test_paced_events_are_served_one_by_one_while_enough_are_under_way(fake_clevertap: FakeCleverTap) -> None:
    """The last of the three would be served once another came; others and dry runs do not wait."""
    fake_clevertap.knobs(paced_events={"Slow": 0}, paced_in_flight=2)
    slow = [event(f"s{number}", "Slow") for number in range(3)]
    with open_calls(fake_clevertap, *([each] for each in slow)) as calls:
        for call in calls:
            call.finish()
        until(lambda: fake_clevertap.counters()["in_flight"] == 1)
        assert len(fake_clevertap.events()) == 2
        assert fake_clevertap.upload(*slow, dry_run=True).ok
        assert fake_clevertap.upload(event("a", "Quick")).ok
        fake_clevertap.knobs(paced_in_flight=0)
        until(lambda: fake_clevertap.counters()["in_flight"] == 0)
    assert len(fake_clevertap.events()) == 4


def test_profiles_and_events_share_one_pool_unless_configured_otherwise(
    fake_clevertap: FakeCleverTap,
) -> None:
    fake_clevertap.knobs(max_in_flight=1)
    with open_calls(fake_clevertap, [profile("a")]):
        assert fake_clevertap.upload(event("a")).status_code == 429
    until(lambda: fake_clevertap.counters()["in_flight"] == 0)
    fake_clevertap.knobs(separate_pools=True, service_seconds=60)
    with open_calls(fake_clevertap, [profile("a")]) as [call]:
        call.finish()
        until(lambda: fake_clevertap.counters()["request_bytes"] > 0)
        fake_clevertap.knobs(service_seconds=0)
        assert fake_clevertap.upload(event("a")).status_code == 200
        assert fake_clevertap.upload(profile("a")).status_code == 429


def test_a_connection_is_stored_until_it_has_carried_n_calls(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.knobs(keep_alive_requests=2)
    url = f"{fake_clevertap.url}/1/upload"
    with requests.Session() as session:
        answers = [
            session.post(url, json={"d": [profile("a")]}, headers=fake_clevertap.headers) for _ in range(4)
        ]
    closing = [answer.headers.get("connection") == "close" for answer in answers]
    assert closing == [False, True, False, True]


def test_concurrent_batches_can_be_applied_in_another_order(fake_clevertap: FakeCleverTap) -> None:
    winners = set()
    for seed in range(8):
        fake_clevertap.knobs(reorder=True, seed=seed)
        with open_calls(fake_clevertap, [profile("a", Plan="first")], [profile("a", Plan="second")]) as calls:
            for call in calls:
                call.finish()
            assert [call.status() for call in calls] == [200, 200]
        winners.add(fake_clevertap.properties("a")["Plan"])
    assert winners == {"first", "second"}


def test_only_three_lookups_may_be_under_way(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "timeout", "on": "profile", "times": 3, "identities": ["held"]}])
    place = urlsplit(fake_clevertap.url).netloc
    with ExitStack() as stack:
        for _ in range(3):
            connection = http.client.HTTPConnection(place, timeout=10)
            stack.callback(connection.close)
            connection.request("GET", "/1/profile.json?identity=held", headers=fake_clevertap.headers)
        until(lambda: fake_clevertap.lookup(identity="other").status_code == 429)
