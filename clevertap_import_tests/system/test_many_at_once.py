"""Several imports of one account at once: never more than 15 requests in flight, and nobody waits for long.

`make crowd` gives the long import its full length.
"""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from clevertap_import.orchestration.dead_runs import UNFINISHED
from clevertap_import_tests.scenarios.people import TARGETS, fill
from clevertap_import_tests.system.test_daemon import LAUNCH
from clevertap_import_tests.testing.dagster_processes import daemon, web_server
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import (
    Workshop,
    days_ago,
    open_workshop,
    process_environment,
    start_command,
)

pytestmark = pytest.mark.slow

LONG_ROWS = int(os.environ.get("LONG_ROWS", "200000"))
SHORT_ROWS = 1000
SHARED_ROWS = 20_000
KILLED_ROWS = 60_000
DAILY_ROWS = 100_000
CAPACITY = 15
BATCH = 1000
LATENCY_SECONDS = 0.15
END_SECONDS = 30
PATIENCE_SECONDS = 240


@pytest.fixture
def workshop(
    tmp_path: Path, local_snowflake: LocalSnowflake, fake_clevertap: FakeCleverTap
) -> Iterator[Workshop]:
    with open_workshop(tmp_path, local_snowflake, fake_clevertap) as shop:
        fake_clevertap.knobs(service_seconds=LATENCY_SECONDS)
        yield shop


def write(workshop: Workshop, nickname: str, rows: int) -> None:
    """An import of the first `rows` people of T, as events of its own name."""
    target = {**TARGETS["events"], "event_name": {"constant": nickname}}
    source = {"kind": "sql", "sql": f"select * from T where substr(ID, 2)::int < {rows}"}
    workshop.write(nickname, target=target, source=source)


def wait_for_uploads(workshop: Workshop, uploads: int) -> dict[str, Any]:
    """The counters as soon as there were `uploads`."""
    clevertap = workshop.clevertap

    def counters() -> dict[str, Any] | None:
        found = clevertap.traffic()
        return found if found["uploads"] >= uploads else None

    return wait_for(f"{uploads} uploads", counters, PATIENCE_SECONDS)


def stored(workshop: Workshop) -> Counter[str]:
    """How many people CleverTap has an event of, by the event's name."""
    found = {(event["name"], event["identity"]) for event in workshop.clevertap.events()}
    return Counter(name for name, _ in found)


def pace(rows: int) -> float:
    """The seconds for each batch of `rows`, one after the other, that let them last for long.

    With 15 in flight, the last of them waits for less than a request may last.
    """
    return PATIENCE_SECONDS / max(1, rows // BATCH)


def has_ended(workshop: Workshop) -> bool:
    """Whether no run is under way."""
    return not workshop.instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))


def assert_never_too_many(workshop: Workshop) -> None:
    counters = workshop.clevertap.counters()
    assert counters["peak_in_flight"] <= CAPACITY
    assert counters["busy_429"] == 0
    assert "429" not in counters["answers"]


def test_three_imports_at_once_one_of_them_killed_never_have_more_than_15_requests_in_flight(
    workshop: Workshop,
) -> None:
    fill(workshop, DAILY_ROWS)
    rows = {"daily": DAILY_ROWS, "first": KILLED_ROWS, "second": SHARED_ROWS}
    for nickname in rows:
        write(workshop, nickname, rows[nickname])
    # Two of them last until the third delivers and one is killed, however slow this machine is.
    # The last request of the one that is killed must end before its slot has rested, which takes 5 seconds.
    paced = {"daily": pace(DAILY_ROWS), "first": pace(2 * KILLED_ROWS)}
    workshop.clevertap.knobs(service_seconds=LATENCY_SECONDS, paced_events=paced)
    environment = process_environment(workshop)
    with web_server(environment) as server, daemon(environment):
        asset = {"path": ["clevertap", "daily"]}
        windows = [f"{days_ago(2 - number)}" for number in range(3)]
        params = {"assetSelection": [asset], "partitionNames": windows, "fromFailure": False, "tags": []}
        assert server.ask(LAUNCH, params=params)["launchPartitionBackfill"]["backfillId"]
        wait_for_uploads(workshop, 3)
        with (
            start_command(workshop, "run", "first") as first,
            start_command(workshop, "run", "second") as second,
        ):
            wait_for("all three to deliver", lambda: len(stored(workshop)) == 3 or None, PATIENCE_SECONDS)
            first.kill()
            assert first.wait(END_SECONDS) == -signal.SIGKILL
            workshop.clevertap.knobs(paced_events={})
            with start_command(workshop, "run", "first") as again:
                assert again.wait(PATIENCE_SECONDS) == 0
            assert second.wait(PATIENCE_SECONDS) == 0
        wait_for("the daemon's run", lambda: has_ended(workshop), PATIENCE_SECONDS)
    assert_never_too_many(workshop)
    assert stored(workshop) == rows


def test_two_processes_on_one_window_at_once_send_everything_once(workshop: Workshop) -> None:
    fill(workshop, SHORT_ROWS)
    write(workshop, "signups", SHORT_ROWS)
    with start_command(workshop, "run", "signups") as one, start_command(workshop, "run", "signups") as other:
        assert [one.wait(PATIENCE_SECONDS), other.wait(PATIENCE_SECONDS)] == [0, 0]
    assert stored(workshop) == {"signups": SHORT_ROWS}
    assert workshop.clevertap.counters()["duplicate_events"] == 0


def test_one_import_alone_keeps_15_requests_in_flight_and_makes_room_for_others_within_seconds(
    workshop: Workshop,
) -> None:
    fill(workshop, LONG_ROWS)
    for nickname, rows in [("long", LONG_ROWS), ("short", SHORT_ROWS), ("tried", SHORT_ROWS)]:
        write(workshop, nickname, rows)
    # Each batch is answered only while 15 are under way: an import that keeps fewer gets no further.
    workshop.clevertap.knobs(paced_events={"long": 0}, paced_in_flight=CAPACITY)
    with start_command(workshop, "run", "long") as long:
        going = wait_for_uploads(workshop, 7 * CAPACITY)
        # What is left of it lasts for as long as others may take, however slow this machine is.
        workshop.clevertap.knobs(
            paced_in_flight=0, paced_events={"long": pace(LONG_ROWS - BATCH * going["uploads"])}
        )
        began = time.monotonic()
        with (
            start_command(workshop, "run", "short") as short,
            start_command(workshop, "dry-run", "tried") as tried,
        ):
            assert [short.wait(PATIENCE_SECONDS), tried.wait(PATIENCE_SECONDS)] == [0, 0]
        seconds = time.monotonic() - began
        assert long.poll() is None, "the long import has ended before the small ones"
        workshop.clevertap.knobs(paced_events={})
        assert long.wait(PATIENCE_SECONDS) == 0
    sys.stdout.write(f"{seconds:.1f} s for the small ones\n")
    assert_never_too_many(workshop)
    assert stored(workshop) == {"long": LONG_ROWS, "short": SHORT_ROWS}
