"""SIGTERM or Ctrl-C to a run in each phase: the phase would last for ever, and the run ends.

`pytest -s` shows after how many seconds, and the machine's load.
"""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import cycle
from pathlib import Path

import pytest
import sqlalchemy as sa

from clevertap_import.clevertap.account_limiter import upload_limiter
from clevertap_import.clevertap.client import account_settings
from clevertap_import.journal.import_lock import import_lock
from clevertap_import.journal.locks import open_locks
from clevertap_import.journal.tables import PARTICIPANT
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.run_history import import_stats
from clevertap_import_tests.scenarios.people import TARGETS, fill
from clevertap_import_tests.scenarios.test_faults import report_of_run
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.forked_commands import Started
from clevertap_import_tests.testing.locked_journal import lock_tables
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import Line, Workshop, open_workshop, start_command

pytestmark = pytest.mark.slow

NAME = "signups"
ROWS = 6_000
SECONDS = 600
"""No measure: so long a machine that is busy with others may take."""

FOR_EVER = 10 * SECONDS

Begun = Callable[[], bool]
"""Whether the phase is under way."""

Phase = Callable[[Workshop], AbstractContextManager[Begun]]


@pytest.fixture
def workshop(
    tmp_path: Path,
    local_snowflake: LocalSnowflake,
    fake_clevertap: FakeCleverTap,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Workshop]:
    with open_workshop(tmp_path, local_snowflake, fake_clevertap) as shop:
        shop.enter_environment(monkeypatch)
        fill(shop, ROWS)
        shop.write(NAME, target=TARGETS["events"])
        yield shop


def drips(part: str, *, describe: bool = False, is_running: bool = False) -> Phase:
    """Snowflake's answer comes a byte now and then, without end.

    `is_running`: the query is under way. It would go on in Snowflake, and cost, if the run did not abort it.
    """

    @contextmanager
    def phase(workshop: Workshop) -> Iterator[Begun]:
        workshop.snowflake.reset_queries()

        def asked() -> list[str]:
            queries = workshop.snowflake.received()["queries"]
            these = [each for each in queries if "from T" in each["text"]]
            return [each["request_id"] for each in these if each["describe_only"] == describe]

        with workshop.snowflake.answering({"match": "from T", "describe": describe, "drips": part}):
            yield lambda: bool(asked())
        if is_running:
            assert workshop.snowflake.received()["aborted"] == asked()

    return phase


@contextmanager
def waits_for_another_run(workshop: Workshop) -> Iterator[Begun]:
    with open_journal() as journal, open_locks(journal.engine) as locks, import_lock(locks, NAME, "another"):
        yield lambda: waits(journal.engine, f"import {NAME}")


def waits(engine: sa.Engine, resource: str) -> bool:
    """Whether a second one stands in the line for what this test holds."""
    with engine.connect() as connection:
        those = sa.select(sa.func.count()).where(PARTICIPANT.c.resource.startswith(resource))
        return int(connection.scalar(those) or 0) > 1


@contextmanager
def waits_for_a_slot(workshop: Workshop) -> Iterator[Begun]:
    settings = account_settings(workshop.name, workshop.environment)
    with open_journal() as journal, open_locks(journal.engine) as locks, ExitStack() as stack:
        limiter = stack.enter_context(upload_limiter(locks, settings, settings.max_in_flight, "another"))
        for _ in range(settings.max_in_flight):
            stack.enter_context(limiter.limiter.one())
        yield lambda: waits(journal.engine, "uploads")


def answers(kind: str, *, dry_run: bool = False, status: int = 500) -> Phase:
    """CleverTap answers so to all requests of a kind."""

    @contextmanager
    def phase(workshop: Workshop) -> Iterator[Begun]:
        fault = {"kind": kind, "dry_run": dry_run, "status": status, "times": None, "seconds": FOR_EVER}
        workshop.clevertap.faults([fault])
        # The first is CleverTap's own dry run.
        yield lambda: bool(workshop.clevertap.traffic()["uploads"] > (0 if dry_run else 1))
        workshop.clevertap.end_faults()

    return phase


PHASES: dict[str, Phase] = {
    "Snowflake describes the query": drips("answer", describe=True),
    "Snowflake runs the query": drips("answer", is_running=True),
    "a part of the result drips": drips("chunk"),
    "another run has the import lock": waits_for_another_run,
    "no slot is free": waits_for_a_slot,
    "no answer to the dry run": answers("timeout", dry_run=True),
    "429 to the dry run": answers("status", status=429, dry_run=True),
    "no answer": answers("timeout"),
    "an answer drips": answers("drip"),
    "100 Continue without end": answers("endless_continue"),
    "nothing but 500": answers("status"),
    "nothing but 429": answers("status", status=429),
}

SIGNALS = dict(zip(PHASES, cycle([signal.SIGTERM, signal.SIGINT]), strict=False))
"""By turns: what a run does is the same after both."""


def ended(process: Started, number: signal.Signals, phase: str) -> str:
    """What it says, after it was asked to end."""
    requested = time.monotonic()
    process.send_signal(number)
    try:
        said, _ = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    seconds = time.monotonic() - requested
    sys.stdout.write(f"{phase}, {number.name}: {seconds:.1f} s, load {os.getloadavg()[0]:.0f}\n")
    return said


@pytest.mark.parametrize("phase", PHASES)
def test_a_run_that_is_asked_to_end_does_so_whatever_it_is_at(workshop: Workshop, phase: str) -> None:
    with PHASES[phase](workshop) as has_begun, start_command(workshop, "run", NAME) as process:
        wait_for(phase, has_begun, SECONDS)
        said = ended(process, SIGNALS[phase], phase)
    assert_canceled(workshop, process, said)


def test_a_run_that_is_asked_to_end_does_so_though_its_journal_is_locked(
    workshop: Workshop, journal_url: str, use_journal: Callable[[str], None]
) -> None:
    use_journal(journal_url)
    with answers("timeout")(workshop) as has_begun, start_command(workshop, "run", NAME) as process:
        wait_for("the delivery", has_begun, SECONDS)
        with open_journal() as journal, journal.engine.connect() as other:
            lock_tables(other)
            said = ended(process, signal.SIGTERM, f"{journal.engine.dialect.name} is locked")
            other.rollback()
    assert_canceled(workshop, process, said)


def assert_canceled(workshop: Workshop, process: Started, said: str) -> None:
    """And what it says of its rows is in the journal; the next run sends the rest."""
    assert "It was canceled. What CleverTap took is in the journal" in said
    (run,) = workshop.instance.get_runs()
    (line,) = import_stats(workshop.instance, NAME, run_ids=[run.run_id])
    assert (process.returncode, line["status"]) == (1, "Canceled")
    with open_journal() as journal:
        assert journal.of_run(run.run_id) == (line["successful_syncs"], line["uncertain"])
    assert_the_rest_is_sent(workshop, line)


def assert_the_rest_is_sent(workshop: Workshop, *lines: Line) -> None:
    """By the next run: nothing is lost, and what is there twice is counted."""
    (rest,) = workshop.run(NAME)
    assert rest["status"] == "Success", rest["problem"]
    stored = Counter(event["identity"] for event in workshop.clevertap.events())
    ((rows,),) = workshop.sql("select count(*) from T")
    assert len(stored) == rows
    counted = [report_of_run(workshop, NAME, each)["possible_duplicates"] or 0 for each in (*lines, rest)]
    assert stored.total() - rows <= sum(counted)
