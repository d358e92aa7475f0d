"""The faults that the fake CleverTap gives on demand, as a real `requests` client meets them."""

from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

import pytest
import requests

from clevertap_import_tests.sandbox.test_fake_clevertap_transport import open_calls
from clevertap_import_tests.testing.fixtures_clevertap import (
    FakeCleverTap,
    event,
    profile,
    running_fake_clevertap,
)


def statuses(fake: FakeCleverTap, calls: int) -> list[int]:
    """The HTTP statuses of that many uploads, one after the other."""
    return [fake.upload(profile("a", Visits={"$incr": 1})).status_code for _ in range(calls)]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, "Too many concurrent requests"),
        (500, "An unknown error occurred"),
        (503, "Service unavailable, please try again later"),
    ],
)
@pytest.mark.parametrize("applied", [False, True])
def test_a_status_comes_before_or_after_the_batch_is_taken(
    fake_clevertap: FakeCleverTap, status: int, error: str, applied: bool
) -> None:
    fake_clevertap.faults([{"kind": "status", "status": status, "applied": applied}])
    answer = fake_clevertap.upload(event("a"))
    assert (answer.status_code, answer.json()) == (status, {"status": "fail", "error": error, "code": status})
    assert len(fake_clevertap.events()) == applied
    assert statuses(fake_clevertap, 1) == [200]


@pytest.mark.parametrize("applied", [True, False])
def test_a_reset_breaks_the_connection(fake_clevertap: FakeCleverTap, applied: bool) -> None:
    fake_clevertap.faults([{"kind": "reset", "applied": applied}])
    with pytest.raises(requests.ConnectionError, match="ConnectionResetError"):
        fake_clevertap.upload(event("a"))
    assert len(fake_clevertap.events()) == applied
    assert fake_clevertap.counters()["in_flight"] == 0


def test_a_timeout_takes_the_batch_and_never_answers(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "timeout"}])
    with pytest.raises(requests.ReadTimeout):
        fake_clevertap.post(
            b'{"d":[{"type":"event","identity":"a","evtName":"E","evtData":{}}]}', timeout_seconds=1
        )
    assert len(fake_clevertap.events()) == 1


def test_a_slow_answer_comes_after_the_client_may_have_given_up(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "slow", "seconds": 0.3}])
    assert fake_clevertap.upload(event("a")).elapsed.total_seconds() >= 0.3
    fake_clevertap.faults([{"kind": "slow", "seconds": 60}])
    with pytest.raises(requests.ReadTimeout):
        fake_clevertap.post(b'{"d":[{}]}', timeout_seconds=0.2)


def test_an_answer_may_be_cut_short_after_the_batch_is_taken(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "truncated"}])
    answer = fake_clevertap.upload(event("a"))
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert len(fake_clevertap.events()) == 1


@pytest.mark.parametrize(
    ("kind", "status", "start"),
    [
        ("html", 502, "<html>"),
        ("empty", 200, ""),
        ("malformed", 400, '{"status":"fail","error":"Malformed request"'),
    ],
)
def test_an_answer_may_be_none_of_clevertaps_or_spurious(
    fake_clevertap: FakeCleverTap, kind: str, status: int, start: str
) -> None:
    fake_clevertap.faults([{"kind": kind}])
    answer = fake_clevertap.upload(profile("a"))
    assert answer.status_code == status
    assert answer.text[: len(start) or None] == start
    assert fake_clevertap.profiles() == {}
    assert fake_clevertap.upload(profile("a")).status_code == 200


def test_chosen_records_are_refused_on_their_first_try_only(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "reject", "code": 555, "identities": ["b"], "attempts": 1}])
    first = fake_clevertap.upload(profile("a"), profile("b"), profile("c")).json()
    assert (first["status"], first["processed"]) == ("partial", 2)
    assert [(entry["code"], entry["record"]["identity"]) for entry in first["unprocessed"]] == [(555, "b")]
    assert first["unprocessed"][0]["error"].endswith("Skipped record number : 2")
    assert fake_clevertap.upload(profile("b")).json()["status"] == "success"


def test_chosen_records_can_be_refused_always_with_any_words(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "reject", "code": 599, "error": "No. ", "identities": ["b"]}])
    for _ in range(3):
        [entry] = fake_clevertap.upload(profile("b")).json()["unprocessed"]
        assert (entry["code"], entry["error"]) == (599, "No. Skipped record number : 1")


def test_the_passcode_can_be_rotated_in_the_middle_of_a_run(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "passcode_rotated", "from_call": 3}])
    assert statuses(fake_clevertap, 5) == [200, 200, 401, 401, 401]
    assert fake_clevertap.properties("a") == {"Visits": 2}


def test_faults_are_given_in_the_order_asked_for_or_by_call_number(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "status", "status": 500, "call": 5}, {"kind": "status", "status": 429}])
    fake_clevertap.faults([{"kind": "status", "status": 503, "times": 2}])
    assert statuses(fake_clevertap, 6) == [429, 503, 503, 200, 500, 200]


def test_a_fault_can_be_meant_for_the_batch_of_one_user(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "status", "status": 500, "identities": ["b"], "times": None}])
    assert statuses(fake_clevertap, 2) == [200, 200]
    assert [fake_clevertap.upload(profile("a"), profile("b")).status_code for _ in range(2)] == [500, 500]


def test_a_share_of_calls_is_drawn_the_same_each_time(fake_clevertap: FakeCleverTap) -> None:
    runs = []
    for seed in (1, 1, 2):
        fake_clevertap.reset()
        fake_clevertap.knobs(seed=seed)
        fake_clevertap.faults([{"kind": "status", "status": 503, "times": None, "share": 0.5}])
        runs.append(statuses(fake_clevertap, 20))
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {200, 503}


def test_lookups_have_faults_of_their_own(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "status", "status": 429, "on": "profile"}])
    assert fake_clevertap.upload(profile("a")).status_code == 200
    assert [fake_clevertap.lookup(identity="a").status_code for _ in range(2)] == [429, 200]


def test_the_counters_add_up(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "status", "status": 503, "call": 2}])
    fake_clevertap.upload(profile("a"), profile("b", Age="x"), event("a", ts=0))
    fake_clevertap.upload(profile("a"))
    fake_clevertap.post(b"nonsense")
    fake_clevertap.lookup(identity="a")
    counters: dict[str, Any] = fake_clevertap.counters()
    assert counters.pop("request_bytes") > 200
    # One at a time, so both are the same.
    assert counters.pop("request_seconds") == pytest.approx(counters.pop("busy_seconds"))
    assert counters == {
        "calls": 4,
        "uploads": 3,
        "dry_runs": 0,
        "in_flight": 0,
        "peak_in_flight": 1,
        "busy_429": 0,
        "batches_over_limit": 0,
        "same_identity_overlaps": 0,
        "records_accepted": 1,
        "records_refused": {"520": 1, "525": 1},
        "answers": {"200": 2, "400": 1, "503": 1},
        "duplicate_events": 0,
        "duplicates_per_event_key": {},
    }


def test_one_user_in_two_calls_under_way_at_once_is_an_overlap(fake_clevertap: FakeCleverTap) -> None:
    batches = [[profile("a"), profile("b")], [profile("b"), event("a")], [profile("c")]]
    with open_calls(fake_clevertap, *batches) as calls:
        for call in calls:
            call.finish()
            assert call.status() == 200
    assert fake_clevertap.counters()["same_identity_overlaps"] == 2


def test_the_fake_is_faster_than_clevertap_could_be() -> None:
    # Time on the processor, not on the clock: other tests may run beside this one. The start counts in it.
    batch = [
        profile(f"u{n}", Name=f"N {n}", City="Sofia", Age=n, Score=1.5, Joined="$D_5") for n in range(1000)
    ]
    before = getrusage(RUSAGE_CHILDREN)
    with running_fake_clevertap() as fake:
        for _ in range(30):
            assert fake.upload(*batch).json()["processed"] == 1000
    after = getrusage(RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert 30 * 1000 / seconds > 15_000


def test_a_fault_may_leave_dry_runs_alone(fake_clevertap: FakeCleverTap) -> None:
    fake_clevertap.faults([{"kind": "status", "dry_run": False}, {"kind": "reject", "dry_run": False}])
    assert fake_clevertap.upload(event("a"), dry_run=True).json()["processed"] == 1
    assert fake_clevertap.upload(event("a")).status_code == 500
    assert fake_clevertap.upload(event("a"), dry_run=True).json()["processed"] == 1
    assert fake_clevertap.upload(event("a")).json()["processed"] == 0
