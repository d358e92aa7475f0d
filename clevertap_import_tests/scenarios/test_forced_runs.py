"""Forced runs and other destinations that break off: the rest is sent by the next run, and sent once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from clevertap_import.journal.journal import Journal
from clevertap_import.journal.tables import DELIVERY, DONE_WINDOWS, SCOPE, default_url
from clevertap_import.orchestration.dry_run import DryRun, dry_run
from clevertap_import.orchestration.forced import ALLOW_VARIABLE, ALLOWED
from clevertap_import.orchestration.names import job_name
from clevertap_import.orchestration.resources import home
from clevertap_import.orchestration.run_history import import_stats
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.scenarios.people import TARGETS, YESTERDAY, fill
from clevertap_import_tests.testing.dagster_internals import InMemoryJob, execute_run_iterator
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap, running_fake_clevertap
from clevertap_import_tests.testing.virtual_time import with_virtual_time
from clevertap_import_tests.testing.workshop import Line, Workshop, days_ago

ROWS = 6000
NAME = "signups"
OTHER_ACCOUNT = "TEST-OTH-ERA-CCT"
TAKEN = 2000
HALF = 500
"""Of a batch."""
REFUSED_LATER = {"kind": "passcode_rotated", "from_call": 4, "dry_run": False}
"""The first call is CleverTap's own dry run."""
BOTH = pytest.mark.parametrize("sends", ["events", "profiles"])


@pytest.fixture(autouse=True)
def people(workshop: Workshop) -> None:
    with_virtual_time(workshop)
    fill(workshop, ROWS)


@pytest.fixture
def elsewhere(workshop: Workshop) -> Iterator[Callable[..., Workshop]]:
    """Starts another CleverTap server, and makes the import's account the one there."""
    with pytest.MonkeyPatch.context() as patch:
        servers = []

        def moved(account_id: str) -> Workshop:
            server = running_fake_clevertap("--account-id", account_id)
            fake = replace(server.__enter__(), account_id=account_id)
            servers.append(server)
            shop = replace(workshop, clevertap=fake, resources={})
            shop.enter_environment(patch)
            with_virtual_time(shop)
            return shop

        yield moved
        for server in servers:
            server.__exit__(None, None, None)


def run(workshop: Workshop, **options: object) -> Line:
    """What the last of the runs that are due says."""
    return workshop.run(NAME, **options)[-1]


def broken_off(workshop: Workshop, **options: object) -> Line:
    """A run that CleverTap stops after two batches by 401."""
    workshop.clevertap.faults([REFUSED_LATER])
    line = run(workshop, **options)
    assert line["status"] == "Failed"
    assert "HTTP 401" in line["problem"]
    assert line["successful_syncs"] == TAKEN
    workshop.clevertap.end_faults()
    return line


def dry(workshop: Workshop) -> DryRun:
    config = load_folder(workshop.folder).called(NAME).config
    return dry_run(workshop.instance, config, rows=None, all_rows=True, notify=lambda words: None)


def stored(clevertap: FakeCleverTap, sends: str) -> tuple[int, int]:
    """How many records CleverTap has, and how many of them twice."""
    if sends == "profiles":
        return len(clevertap.profiles()), 0
    return len(clevertap.events()), clevertap.counters()["duplicate_events"]


@BOTH
def test_a_move_to_another_account_that_breaks_off_is_gone_on_with(
    workshop: Workshop, elsewhere: Callable[..., Workshop], sends: str
) -> None:
    workshop.write(NAME, target=TARGETS[sends])
    assert run(workshop)["successful_syncs"] == ROWS
    there = elsewhere(OTHER_ACCOUNT)
    broken_off(there, full=True, force=True)
    rest = run(there)
    assert (rest["unchanged"], rest["successful_syncs"]) == (TAKEN, ROWS), rest["problem"]
    assert stored(there.clevertap, sends) == (ROWS, 0)
    with pytest.MonkeyPatch.context() as patch:
        workshop.enter_environment(patch)
        back = run(workshop, full=True)
    assert "was delivered to another CleverTap account before" in back["problem"]
    assert stored(workshop.clevertap, sends) == (ROWS, 0)


@BOTH
def test_one_window_that_is_forced_does_not_go_to_another_account(
    workshop: Workshop, elsewhere: Callable[..., Workshop], sends: str
) -> None:
    workshop.write(NAME, target=TARGETS[sends])
    assert run(workshop)["successful_syncs"] == ROWS
    there = elsewhere(OTHER_ACCOUNT)
    for options in ({"start": YESTERDAY}, {"full": True, "limit": 5}):
        refused = run(there, force=True, **options)
        assert refused["status"] == "Failed"
        assert "was delivered to another CleverTap account before" in refused["problem"]
    assert stored(there.clevertap, sends) == (0, 0)
    with pytest.MonkeyPatch.context() as patch:
        workshop.enter_environment(patch)
        assert run(workshop, full=True)["unchanged"] == ROWS


def test_a_dry_run_says_that_the_account_is_another(
    workshop: Workshop, elsewhere: Callable[..., Workshop]
) -> None:
    workshop.write(NAME, target=TARGETS["events"])
    run(workshop)
    assert dry(workshop).passed
    result = dry(elsewhere(OTHER_ACCOUNT))
    (check,) = [check for check in result.checks if check["name"] == "clevertap"]
    assert (result.passed, check["passed"], check["severity"]) == (False, False, "ERROR")
    assert "was delivered to another CleverTap account before" in check["description"]
    assert "--full --force" in check["description"]


@BOTH
def test_the_same_account_at_another_address_has_nothing_of_what_was_delivered(
    workshop: Workshop, elsewhere: Callable[..., Workshop], sends: str
) -> None:
    workshop.write(NAME, target=TARGETS[sends])
    run(workshop)
    there = elsewhere(workshop.clevertap.account_id)
    refused = run(there, full=True)
    assert "to the same account id at another address before" in refused["problem"]
    assert f"{workshop.name.upper()}_API_URL was changed" in refused["problem"]
    assert run(there, full=True, force=True)["successful_syncs"] == ROWS
    assert stored(there.clevertap, sends) == (ROWS, 0)


@BOTH
def test_a_forced_run_that_breaks_off_after_clevertap_was_wiped_is_gone_on_with(
    workshop: Workshop, sends: str
) -> None:
    workshop.write(NAME, target=TARGETS[sends])
    run(workshop, start=YESTERDAY)
    workshop.clevertap.reset()
    broken_off(workshop, start=YESTERDAY, force=True)
    rest = run(workshop)
    assert (rest["unchanged"], rest["successful_syncs"]) == (TAKEN, ROWS)
    assert stored(workshop.clevertap, sends) == (ROWS, 0)
    assert run(workshop, full=True)["unchanged"] == ROWS


def possible_duplicates(workshop: Workshop, line: Line) -> Line:
    """The run of `line` executed again as Dagster does it: for the UI, and for its retries."""
    instance = workshop.instance
    parent = instance.get_run_by_id(line["run_id"])
    assert parent
    job = workshop.definitions().resolve_job_def(job_name(NAME))
    again = instance.create_run_for_job(
        job,
        run_config=parent.run_config,
        tags=parent.tags,
        parent_run_id=parent.run_id,
        root_run_id=parent.root_run_id or parent.run_id,
    )
    list(execute_run_iterator(InMemoryJob(job), again, instance))
    return import_stats(instance, NAME, run_ids=[again.run_id])[0]


@BOTH
def test_a_forced_run_that_is_executed_again_sends_only_the_rest(
    workshop: Workshop, sends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No command executes it again.
    monkeypatch.setenv(ALLOW_VARIABLE, ALLOWED)
    workshop.write(NAME, target=TARGETS[sends])
    run(workshop)
    workshop.clevertap.reset()
    first = broken_off(workshop, full=True, force=True)
    again = possible_duplicates(workshop, first)
    assert (again["unchanged"], again["successful_syncs"]) == (TAKEN, ROWS)
    assert possible_duplicates(workshop, again)["unchanged"] == ROWS
    assert stored(workshop.clevertap, sends) == (ROWS, 0)
    # Forced by a person once more, it is another run.
    assert run(workshop, full=True, force=True)["unchanged"] == 0


def test_events_that_a_forced_run_sent_again_count_once(workshop: Workshop) -> None:
    workshop.write(NAME, target=TARGETS["events"])
    run(workshop)
    run(workshop, full=True, force=True)
    workshop.sql(f"insert into T values ('p1', 'Asha', '{YESTERDAY:%Y-%m-%d %H:%M:%S}')")
    line = run(workshop, full=True)
    assert (line["unchanged"], line["successful_syncs"]) == (ROWS, ROWS + 1)


def test_a_few_rows_that_are_forced_count_once(workshop: Workshop) -> None:
    workshop.write(NAME, target=TARGETS["events"])
    workshop.sql("delete from T where ID <> 'p1'")
    run(workshop)
    assert run(workshop, full=True, force=True, limit=1)["unchanged"] == 0
    workshop.sql(f"insert into T values ('p1', 'Asha', '{YESTERDAY:%Y-%m-%d %H:%M:%S}')")
    assert run(workshop, full=True)["unchanged"] == 1
    assert len(workshop.clevertap.events()) == 3


def test_what_an_older_version_delivered_belongs_to_the_address_of_the_first_run(
    workshop: Workshop, elsewhere: Callable[..., Workshop]
) -> None:
    workshop.write(NAME, target=TARGETS["events"])
    run(workshop)
    with Journal(default_url(home())) as journal, journal.engine.begin() as connection:
        for table in (DELIVERY, SCOPE, DONE_WINDOWS):
            connection.execute(sa.update(table).values(destination=""))
    assert run(workshop, full=True)["unchanged"] == ROWS
    refused = run(elsewhere(workshop.clevertap.account_id), full=True)
    assert "to the same account id at another address before" in refused["problem"]


def as_an_older_version() -> None:
    """The journal's deliveries as those of several windows were before it said which record is of which."""
    with Journal(default_url(home())) as journal, journal.engine.begin() as connection:
        connection.execute(sa.update(DELIVERY).values(window_offsets=None, epoch=0))


def test_a_window_that_is_forced_after_an_upgrade_leaves_its_neighbours_as_they_are(
    workshop: Workshop,
) -> None:
    """The older version sent both windows in one batch; a forced run reads the first as its lookback."""
    fill(workshop, HALF)
    workshop.sql(f"insert into T select ID, 'Bela', '{days_ago(0)} 00:00:00' from T")
    lookback = {"column": "UPDATED_AT", "lookback": "1 day"}
    workshop.write(NAME, target=TARGETS["events"], updated_on=lookback)
    assert run(workshop, full=True)["successful_syncs"] == 2 * HALF
    as_an_older_version()
    forced = run(workshop, start=YESTERDAY + timedelta(days=1), force=True)
    assert (forced["unchanged"], forced["successful_syncs"]) == (HALF, 2 * HALF), forced["problem"]
    assert run(workshop, full=True)["unchanged"] == 2 * HALF
    assert len(workshop.clevertap.events()) == 3 * HALF


def names(workshop: Workshop) -> set[str]:
    return {profile["properties"]["Name"] for profile in workshop.clevertap.profiles().values()}


@pytest.mark.parametrize("force", [False, True], ids=["again", "forced"])
def test_an_old_window_does_not_take_a_person_back_behind_a_newer_content(
    workshop: Workshop, force: bool
) -> None:
    # A table that keeps each version of a person.
    workshop.sql(f"insert into T select ID, 'Bela', '{days_ago(0)} 00:00:00' from T")
    workshop.write(NAME, target=TARGETS["profiles"])
    assert run(workshop, full=True)["superseded"] == ROWS
    old = run(workshop, start=YESTERDAY, force=force)
    assert (old["status"], old["superseded"], old["successful_syncs"]) == ("Success", ROWS, 0)
    assert names(workshop) == {"Bela"}
    # What is not there any more in the newer window is not newer.
    workshop.sql("delete from T where NAME = 'Bela'")
    assert run(workshop, full=True)["successful_syncs"] == ROWS
    assert names(workshop) == {"Asha"}
