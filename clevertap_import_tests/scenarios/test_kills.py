"""kill -9 at drawn moments of an import, which goes on each time until all is there.

With a journal in each kind of database. `make kills` is the full length; the suite has a short one.
"""

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from threading import Event

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from clevertap_import.journal.states import UNANSWERED
from clevertap_import.journal.tables import DELIVERY
from clevertap_import.mapping.column_types import resolve_types
from clevertap_import.mapping.mapper import Mapper
from clevertap_import.orchestration.partitions import grid
from clevertap_import.orchestration.resources import JOURNAL_VARIABLE, open_journal
from clevertap_import.orchestration.run_history import import_stats
from clevertap_import.project.folder import load_folder
from clevertap_import.records import DIGEST_BYTES, packed
from clevertap_import.snowflake.session import open_snowflake, snowflake_settings
from clevertap_import.snowflake.window_query import source_query, window_query
from clevertap_import.staging.stage import window_starts
from clevertap_import.window import Window
from clevertap_import_tests.scenarios.people import TARGETS, fill
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import Line, Workshop, open_workshop, start_command

KILLS = int(os.environ.get("KILLS", "1"))
ROWS = int(os.environ.get("KILL_ROWS", "12000"))
BATCH = 1000
NAME = "signups"
START_SECONDS = 600
"""No measure: so long a machine that is busy with others may take."""

LATENCY = {"service_seconds": 0.05, "service_jitter_seconds": 0.05}
SHARE_OF_EARLY_KILLS = 0.25
LONGEST_STAGING_SECONDS = 1.5
POLL_SECONDS = 0.01


@pytest.fixture
def workshop(
    tmp_path: Path,
    local_snowflake: LocalSnowflake,
    fake_clevertap: FakeCleverTap,
    journal_url: str,
    use_journal: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Workshop]:
    use_journal(journal_url)
    with open_workshop(tmp_path, local_snowflake, fake_clevertap) as shop:
        shop.enter_environment(monkeypatch)
        fill(shop, ROWS)
        fake_clevertap.knobs(**LATENCY)
        yield shop


@dataclass
class Killer:
    """Runs the import again and again, and kills it; `calls`: the uploads that each killed run could make."""

    workshop: Workshop
    dice: Random = field(default_factory=lambda: Random(7))  # noqa: S311
    kills: int = 0
    calls: dict[str, range] = field(default_factory=dict)

    @property
    def uploads(self) -> int:
        return int(self.workshop.clevertap.traffic()["uploads"])

    def kill_one(self, batches_left: int) -> None:
        """Start a run, and kill it while it stages or delivers; or let it end, if it is quicker."""
        before, queries = self.uploads, len(self.workshop.snowflake.queries())
        share = min(1.0, 2 * self.dice.random() / max(1, KILLS - self.kills + 1))
        is_early = self.dice.random() < SHARE_OF_EARLY_KILLS
        pause, never = LONGEST_STAGING_SECONDS * self.dice.random(), Event()
        with start_command(self.workshop, "run", NAME) as process:
            wait_for("the query", lambda: len(self.workshop.snowflake.queries()) > queries, START_SECONDS)
            if is_early:
                never.wait(pause)
            # One upload is CleverTap's own dry run.
            target = 0 if is_early else before + 2 + int(share * batches_left)
            while self.uploads < target and process.poll() is None:
                never.wait(POLL_SECONDS)
            process.kill()
            self.kills += process.wait() == -signal.SIGKILL
        wait_for("CleverTap's rest", lambda: not self.workshop.clevertap.traffic()["in_flight"], 30)
        (run,) = self.workshop.instance.get_runs(limit=1)
        self.calls[run.run_id] = range(before + 1, self.uploads + 1)

    def stats(self) -> dict[str, Line]:
        lines = import_stats(self.workshop.instance, NAME, run_ids=list(self.calls))
        return {line["run_id"]: line for line in lines}

    def run(self) -> Line:
        """One run to its end."""
        (line,) = self.workshop.run(NAME)
        return line


def say(killer: Killer, words: str) -> None:
    """Shown by pytest -s, with the kind of database that the journal is in."""
    kind = make_url(os.environ[JOURNAL_VARIABLE]).get_backend_name()
    sys.stdout.write(f"{kind}, {killer.kills} kills: {words}\n")


def stored(workshop: Workshop) -> Counter[str]:
    """How often CleverTap has the event of each person."""
    return Counter(event["identity"] for event in workshop.clevertap.events())


def doubled(workshop: Workshop, calls: range) -> int:
    """How many events of these calls came again later."""
    first: dict[str, int] = {}
    again = set()
    for event in workshop.clevertap.events():
        if first.setdefault(event["identity"], event["batch"]) != event["batch"]:
            again.add(event["identity"])
    return sum(first[identity] in calls for identity in again)


def test_events_of_an_import_killed_again_and_again_all_arrive_and_only_batches_under_way_come_twice(
    workshop: Workshop,
) -> None:
    workshop.write(NAME, target=TARGETS["events"])
    killer = Killer(workshop)
    # At least two, so that answers are lost of what had been in doubt before.
    while killer.kills < max(2, KILLS):
        killer.kill_one((ROWS - len(stored(workshop))) // BATCH)
    assert killer.run()["status"] == "Success"
    arrived = stored(workshop)
    assert len(arrived) == ROWS
    lines = killer.stats()
    surplus = arrived.total() - ROWS
    by_run = {run_id: doubled(workshop, calls) for run_id, calls in killer.calls.items()}
    uncertain = {run_id: lines[run_id]["uncertain"] for run_id in killer.calls}
    assert [run_id for run_id in by_run if by_run[run_id] > uncertain[run_id]] == []
    assert surplus <= sum(uncertain.values())
    say(killer, f"{ROWS:,} events arrived, {surplus:,} twice, {sum(uncertain.values()):,} uncertain")


def identities(workshop: Workshop) -> dict[bytes, str]:
    """Whose event each digest stands for."""
    config = load_folder(workshop.folder).called(NAME).config
    found: dict[bytes, str] = {}
    window = Window(None, datetime.now(UTC))
    with open_snowflake(snowflake_settings(workshop.name, workshop.environment), "test") as snowflake:
        columns = snowflake.describe(source_query(config))
        mapper = Mapper(config, 0, resolve_types(config, columns))
        for chunk in snowflake.batches(window_query(config, columns, window)):
            records = mapper.map(chunk, window_starts(chunk, grid(config)), 1).records
            names = [json.loads(record)["identity"] for record in records["record"].to_pylist()]
            found |= dict(zip(parts(packed(records["digest"])), names, strict=True))
    return found


def parts(digests: bytes) -> list[bytes]:
    return [digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES)]


def settle_rightly(workshop: Workshop, whose: dict[bytes, str]) -> int:
    """Settle each unanswered batch as a person would who can look it up; returns how many there were."""
    arrived = stored(workshop)
    with open_journal() as opened:
        with opened.engine.connect() as connection:
            rows = connection.execute(sa.select(DELIVERY).where(DELIVERY.c.state.in_(UNANSWERED))).all()
        for row in rows:
            found = {whose[digest] in arrived for digest in parts(row.digests)}
            assert len(found) == 1, "CleverTap takes a batch as a whole, or not at all"
            opened.settle_unanswered(NAME, row.run_id, row.batch_number, arrived=found.pop())
    return len(rows)


def test_withheld_events_of_an_import_killed_again_and_again_never_come_twice_and_all_arrive_once_settled(
    workshop: Workshop,
) -> None:
    workshop.write(NAME, target=TARGETS["events"], uncertain_events="hold")
    whose = identities(workshop)
    killer, settled = Killer(workshop), 0
    while killer.kills < KILLS:
        killer.kill_one((ROWS - len(stored(workshop))) // BATCH)
        # Not each time, so that runs meet what several before them left.
        settled += settle_rightly(workshop, whose) if killer.kills % 3 == 0 else 0
    line = killer.run()
    if line["status"] == "Failed":
        assert f"{line['uncertain']:,} events of {NAME!r} were sent by earlier runs" in line["problem"]
        settled += settle_rightly(workshop, whose)
        line = killer.run()
    assert line["status"] == "Success"
    assert stored(workshop) == Counter(whose.values())
    assert len(whose) == ROWS
    say(killer, f"{ROWS:,} events arrived once, {settled} batches were settled")


def test_profiles_of_an_import_killed_again_and_again_arrive_in_their_last_content(
    workshop: Workshop,
) -> None:
    workshop.write(NAME, target=TARGETS["profiles"])
    killer = Killer(workshop)
    while killer.kills < KILLS:
        delivered = workshop.clevertap.traffic()["records_accepted"]
        killer.kill_one(max(1, (ROWS - delivered) // BATCH))
        # Every seventh person changes between two runs.
        workshop.sql(
            f"update T set NAME = 'v{killer.kills}', UPDATED_AT = '{datetime.now(UTC):%Y-%m-%d %H:%M:%S}'"
            f" where hash(ID) % 7 = {killer.kills % 7}"
        )
    assert killer.run()["status"] == "Success"
    wanted = dict(workshop.sql("select ID, NAME from T"))
    found = workshop.clevertap.profiles()
    assert {identity: profile["properties"].get("Name") for identity, profile in found.items()} == wanted
    say(killer, f"{ROWS:,} profiles are there in their last content")
