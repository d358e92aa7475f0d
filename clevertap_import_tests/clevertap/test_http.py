"""Each request ends, for any behaviour of the other side, and uses limited memory."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from clevertap_import.clevertap.client import AccountSettings, CleverTap
from clevertap_import.clevertap.http import BoundedHttp, RequestCut
from clevertap_import.clevertap.outcomes import Accepted, Busy, Outcome, Uncertain
from clevertap_import.project.connection_check import network_step
from clevertap_import_tests.clevertap.test_connections import server_saying
from clevertap_import_tests.testing.builders import profiles
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.waiting import wait_for

BATCH = profiles("u1", "u2", "u3")
ENDLESS = ["drip", "endless_headers", "endless_continue"]


def client(fake: FakeCleverTap, seconds: float = 120) -> CleverTap:
    return CleverTap(AccountSettings(fake.url, fake.account_id, fake.passcode, request_seconds=seconds))


@pytest.mark.parametrize("kind", ENDLESS)
def test_an_upload_ends_at_its_deadline_and_is_uncertain(fake_clevertap: FakeCleverTap, kind: str) -> None:
    fake_clevertap.faults([{"kind": kind}])
    clevertap = client(fake_clevertap, 1)
    assert clevertap.post(BATCH) == Uncertain("no whole answer in 1 seconds")
    assert clevertap.post(BATCH) == Accepted(3)


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_dry_run_and_a_lookup_end_at_their_deadline(fake_clevertap: FakeCleverTap, kind: str) -> None:
    fake_clevertap.faults([{"kind": kind}, {"kind": kind, "on": "profile"}])
    clevertap = client(fake_clevertap, 1)
    assert isinstance(clevertap.dry_run(BATCH), Uncertain)
    assert clevertap.profile("identity", "u1") is None


def test_a_body_that_ends_with_its_connection_is_no_answer_if_we_ended_it() -> None:
    whole = b'{"status":"success","processed":3,"unprocessed":[]}'
    with server_saying(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + whole, stays_open=True) as url:
        clevertap = CleverTap(AccountSettings(url, "A", "P", request_seconds=1))
        assert clevertap.post(BATCH) == Uncertain("no whole answer in 1 seconds")


TAKEN = b'{"status":"success","processed":3,"unprocessed":[]}'
IN_CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(TAKEN), TAKEN)
WITH_LENGTH = b"Content-Length: %d\r\n\r\n%s" % (len(TAKEN), TAKEN)


@pytest.mark.parametrize("rest", [WITH_LENGTH, IN_CHUNKS], ids=["length", "chunks"])
@pytest.mark.parametrize("missing", [0, 9])
def test_an_answer_that_came_whole_counts_after_its_deadline_too(rest: bytes, missing: int) -> None:
    """A process that was stopped for longer goes on so: its answers have come, and its deadlines are over."""
    with server_saying(b"HTTP/1.1 200 OK\r\n" + rest[: len(rest) - missing], stays_open=True) as url:
        http = BoundedHttp(30)

        def end(*_: object, **__: object) -> None:
            http.abandon("the deadline is over")

        def ask() -> tuple[int, bytes]:
            body = {"data": b"]}", "hooks": {"response": end}}
            return http.answer("POST", url, 1_000, **body)

        if not missing:
            assert ask() == (200, TAKEN)
        else:
            with pytest.raises(RequestCut, match="the deadline is over"):
                ask()
        http.session.close()


@pytest.mark.parametrize("kind", ["endless_body", "gzip_bomb"])
def test_no_more_of_an_answer_is_read_than_an_honest_one_can_have(
    fake_clevertap: FakeCleverTap, kind: str
) -> None:
    fake_clevertap.faults([{"kind": kind}, {"kind": kind, "on": "profile"}])
    clevertap = client(fake_clevertap)
    most = 1_000_000 + 3 * len(BATCH.body)
    assert clevertap.post(BATCH) == Uncertain(f"HTTP 200 with an answer of over {most:,} bytes")
    assert clevertap.profile("identity", "u1") is None
    assert clevertap.post(BATCH) == Accepted(3)


def test_the_longest_honest_answer_is_read(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.knobs(answer_style="spaced_2017")
    fake_clevertap.faults([{"kind": "reject", "code": 515, "error": "x" * 900}])
    batch = profiles(*(f'é"\\ü{number:04}' * 100 for number in range(1000)))
    outcome = client(fake_clevertap).post(batch)
    assert isinstance(outcome, Accepted)
    assert len(outcome.problems) == 1000


@contextmanager
def requests_in_flight(fake: FakeCleverTap, clevertap: CleverTap, count: int) -> Iterator[list[Outcome]]:
    """Yields, while they wait for their answers, the list in which their outcomes will be."""
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(count) as senders:
        for _ in range(count):
            senders.submit(lambda: outcomes.append(clevertap.post(BATCH)))
        wait_for("the requests", lambda: fake.traffic()["in_flight"] == count, 30)
        yield outcomes


def test_all_requests_in_flight_are_abandoned_at_once_and_none_leaves_after(
    fake_clevertap: FakeCleverTap,
) -> None:
    fake_clevertap.faults([{"kind": "timeout"}, {"kind": "drip", "times": 2}])
    clevertap = client(fake_clevertap)
    with requests_in_flight(fake_clevertap, clevertap, 3) as outcomes:
        clevertap.abandon()
    assert outcomes == [Uncertain("the delivery was ended")] * 3
    assert clevertap.post(BATCH) == Busy("the delivery was ended", is_answered=False)
    assert fake_clevertap.counters()["uploads"] == 3


def test_requests_leave_no_threads(fake_clevertap: FakeCleverTap) -> None:
    before = threading.active_count()
    clevertap = client(fake_clevertap)
    assert clevertap.post(BATCH) == Accepted(3)
    wait_for("the watch of the request to end", lambda: threading.active_count() <= before, 10)


def test_no_login_of_netrc_is_sent(
    fake_clevertap: FakeCleverTap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password of-ann\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    received: list[bytes] = []
    taken = b'{"status":"success","processed":3,"unprocessed":[]}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(taken)
    with server_saying(answer + taken, received=received) as url:
        assert CleverTap(AccountSettings(url, "A", "P")).post(BATCH) == Accepted(3)
    with server_saying(answer, ends=b"\r\n\r\n", received=received) as url:
        assert network_step(url).ok
    assert len(received) == 2
    assert not [request for request in received if b"authorization" in request.lower()]
