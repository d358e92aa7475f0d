"""Dagster forgets runs, windows and whole assets; the journal still says what is done."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from clevertap_import.journal.journal import Journal
from clevertap_import.journal.tables import DONE_WINDOWS, IMPORT_STATE, default_url
from clevertap_import.orchestration.done import undone_ranges
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.partitions import KeyRange
from clevertap_import.orchestration.resources import home
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.scenarios.people import TARGETS
from clevertap_import_tests.testing.workshop import Line, Workshop, by_midnight, dagster_home, days_ago

pytestmark = [
    # What the listing knows of runs it asks of a part of Dagster that will be gone with 2.0.
    pytest.mark.filterwarnings("ignore:.*fetch_planned_materializations.*:DeprecationWarning"),
]

NAME = "signups"
KEY = asset_key(NAME)
TODAY = datetime.combine(days_ago(0), time(), UTC)
DAY = timedelta(days=1)
BEFORE_TODAY = {"start": TODAY - 2 * DAY, "end": TODAY}
"""The windows that had ended when these tests began."""

HOUR_SECONDS = 3_601


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """On disk: runs and events are really removed from files."""
    folder = tmp_path / "home"
    folder.mkdir()
    with dagster_home(folder) as instance:
        yield instance


def delete_runs(instance: dg.DagsterInstance) -> None:
    """As `dagster run delete`, and as whoever tidies up old runs."""
    for run_id in instance.get_run_ids():
        instance.delete_run(run_id)


def wipe(instance: dg.DagsterInstance) -> None:
    """As the UI's Wipe materializations."""
    instance.wipe_assets([KEY])


FORGETTING = {"runs deleted": delete_runs, "asset wiped": wipe}
forgetting = pytest.mark.parametrize("forget", FORGETTING.values(), ids=FORGETTING)


def undone(workshop: Workshop, now: datetime) -> list[KeyRange]:
    config = load_folder(workshop.folder).called(NAME).config
    return undone_ranges(workshop.instance, config, KEY, now)


def run(workshop: Workshop, **options: object) -> Line:
    (line,) = workshop.run(NAME, **options)
    return line


def report_by_hand(workshop: Workshop, day: datetime) -> None:
    """As the UI's Report materialization event."""
    event = dg.AssetMaterialization(KEY, partition=f"{day:%Y-%m-%d}")
    workshop.instance.report_runless_asset_event(event)


def an_hour_passes() -> None:
    """Since the journal was found to be an older copy."""
    earlier = IMPORT_STATE.update().values(doubted_at=IMPORT_STATE.c.doubted_at - HOUR_SECONDS)
    with Journal(default_url(home())) as journal, journal.engine.begin() as connection:
        connection.execute(earlier)


def restored(workshop: Workshop, keep: Callable[[], object]) -> None:
    """`keep` happens while an older journal lies aside, which is put back then."""
    file = home() / "clevertap_import" / "journal.db"
    with Journal(default_url(home())) as journal, journal.engine.connect() as connection:
        connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
    aside = file.with_suffix(".aside")
    aside.write_bytes(file.read_bytes())
    keep()
    for end in ("-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    aside.replace(file)


def someone_more(workshop: Workshop) -> None:
    workshop.add_people([("p2", "Zoë", TODAY)])
    run(workshop, start=TODAY)


@forgetting
def test_windows_that_dagster_has_forgotten_stay_done(
    workshop: Workshop, forget: Callable[[dg.DagsterInstance], None]
) -> None:
    """The newest content of a person stays, and the old row is not even read."""
    workshop.write(NAME, target=TARGETS["profiles"])
    workshop.people([("p1", "old", TODAY - 2 * DAY)])
    run(workshop, **BEFORE_TODAY)
    workshop.people([("p1", "new", TODAY - DAY)])
    workshop.run(NAME, start=(TODAY - DAY))
    workshop.people([("p1", "old", TODAY - 2 * DAY), ("p2", "Zoë", TODAY)])
    forget(workshop.instance)
    line = run(workshop)
    assert (line["status"], line["total_records"]) == ("Success", 1), line["problem"]
    names = {key: found["properties"]["Name"] for key, found in workshop.clevertap.profiles().items()}
    assert names == {"p1": "new", "p2": "Zoë"}


@forgetting
def test_events_whose_digests_are_gone_do_not_stop_an_import_that_dagster_has_forgotten(
    workshop: Workshop, forget: Callable[[dg.DagsterInstance], None]
) -> None:
    from clevertap_import_tests.scenarios.test_retention import let_days_pass

    workshop.write(NAME, target=TARGETS["events"], journal_retention_days=7)
    workshop.people([("p1", "Asha", TODAY - DAY), ("p2", "Zoë", TODAY - 2 * DAY)])
    run(workshop, **BEFORE_TODAY)
    let_days_pass(8)
    workshop.add_people([("p3", "Ravi", TODAY)])
    run(workshop)
    forget(workshop.instance)
    line = run(workshop)
    assert line["status"] == "Success", line["problem"]
    # After a midnight the window of p3 is done, too, and is not read again.
    assert (line["unchanged"], line["successful_syncs"]) in by_midnight((1, 1), (0, 0))
    assert len(workshop.clevertap.events()) == 3


def test_what_an_earlier_version_stored_in_dagster_alone_is_copied_once(workshop: Workshop) -> None:
    workshop.write(NAME, target=TARGETS["events"])
    workshop.people([("p1", "Asha", TODAY - DAY)])
    run(workshop, **BEFORE_TODAY)
    with Journal(default_url(home())) as journal, journal.engine.begin() as connection:
        connection.execute(sa.delete(DONE_WINDOWS))
        connection.execute(sa.update(IMPORT_STATE).values(reports_until=None))
    today = KeyRange(f"{days_ago(0)}", f"{days_ago(0)}")
    assert undone(workshop, TODAY + DAY / 2) == [today]
    run(workshop, start=TODAY - DAY)
    delete_runs(workshop.instance)
    assert undone(workshop, TODAY + DAY / 2) == [today]


def test_a_window_that_is_reported_by_hand_is_done_and_stays_so(workshop: Workshop) -> None:
    workshop.write(NAME, target=TARGETS["events"])
    workshop.people([("p1", "Asha", TODAY), ("p2", "Zoë", TODAY - 2 * DAY)])
    report_by_hand(workshop, TODAY - 2 * DAY)
    line = run(workshop)
    assert (line["status"], line["total_records"]) == ("Success", 1), line["problem"]
    wipe(workshop.instance)
    left = [keys.first for keys in undone(workshop, TODAY + DAY / 2)]
    assert left in by_midnight([f"{days_ago(0)}"], [])


def test_a_report_by_hand_does_not_hide_that_the_journal_is_lost(workshop: Workshop) -> None:
    workshop.write(NAME, target=TARGETS["events"])
    workshop.people([("p1", "Asha", TODAY - DAY), ("p2", "Zoë", TODAY - 2 * DAY)])
    run(workshop)
    for days in (2, 1, 0):
        report_by_hand(workshop, TODAY - days * DAY)
    for file in (home() / "clevertap_import").glob("journal.db*"):
        file.unlink()
    line = run(workshop, full=True)
    assert (line["status"], len(workshop.clevertap.events())) == ("Failed", 2)
    assert "the journal knows nothing of it" in line["problem"]


def test_an_older_journal_is_reported_before_events_are_stored_again(workshop: Workshop) -> None:
    workshop.write(NAME, target=TARGETS["events"])
    workshop.people([("p1", "Asha", TODAY - 2 * DAY)])
    run(workshop)

    def more() -> None:
        workshop.add_people([("p2", "Zoë", TODAY - DAY), ("p3", "Ravi", TODAY)])
        assert run(workshop, full=True)["successful_syncs"] == 3

    restored(workshop, more)
    refused = run(workshop, full=True)
    assert refused["status"] == "Failed"
    assert "2 runs have sent records of 'signups', and the journal knows of 1" in refused["problem"]
    assert "an older copy of it was put back" in refused["problem"]
    assert len(workshop.clevertap.events()) == 3
    # Whoever goes on with it says so once, and sends the windows that are not done alone again.
    forced = run(workshop, start=TODAY, end=datetime.now(UTC), force=True)
    assert (forced["status"], forced["successful_syncs"]) == ("Success", 1), forced["problem"]
    assert run(workshop)["status"] == "Success"
    assert len(workshop.clevertap.events()) == 4


def test_profiles_are_sent_again_if_the_journal_is_an_older_one(workshop: Workshop) -> None:
    """What CleverTap got meanwhile may differ from what the older journal says."""
    workshop.write(NAME, target=TARGETS["profiles"], updated_on=None, start=None)
    workshop.people([("p1", "first", TODAY)])
    run(workshop)

    def more() -> None:
        workshop.people([("p1", "second", TODAY)])
        run(workshop)

    restored(workshop, more)
    workshop.people([("p1", "first", TODAY)])
    line = run(workshop)
    assert (line["status"], line["successful_syncs"], line["unchanged"]) == ("Success", 1, 0), line["problem"]
    assert workshop.clevertap.profiles()["p1"]["properties"]["Name"] == "first"
    assert run(workshop)["unchanged"] == 0, "a request that the copy lacks may still be stored"
    an_hour_passes()
    assert run(workshop)["unchanged"] == 1


@pytest.mark.parametrize("options", [{"limit": 1}, {}], ids=["a few rows", "broken off"])
def test_the_run_after_the_one_that_found_an_older_journal_sends_profiles_again_too(
    workshop: Workshop, options: dict[str, object]
) -> None:
    workshop.write(NAME, target=TARGETS["profiles"], updated_on=None, start=None)
    workshop.people([("p1", "first", TODAY), ("p2", "first", TODAY)])
    run(workshop)

    def more() -> None:
        workshop.people([("p1", "second", TODAY), ("p2", "second", TODAY)])
        run(workshop)

    restored(workshop, more)
    workshop.people([("p1", "first", TODAY), ("p2", "first", TODAY)])
    if not options:
        workshop.clevertap.faults([{"kind": "passcode_rotated", "from_call": 2, "dry_run": False}])
    run(workshop, **options)
    workshop.clevertap.end_faults()
    assert run(workshop)["status"] == "Success"
    names = {found["properties"]["Name"] for found in workshop.clevertap.profiles().values()}
    assert names == {"first"}
    an_hour_passes()
    assert run(workshop)["unchanged"] == 2


def test_an_older_journal_takes_no_profile_back_behind_what_it_knows(workshop: Workshop) -> None:
    workshop.write(NAME, target=TARGETS["profiles"])
    workshop.people([("p1", "new", TODAY - DAY)])
    run(workshop)
    restored(workshop, lambda: someone_more(workshop))
    workshop.people([("p1", "old", TODAY - 2 * DAY)])
    line = workshop.run(NAME, start=TODAY - 2 * DAY, end=TODAY - DAY)[0]
    assert (line["status"], line["superseded"]) == ("Success", 1), line["problem"]
    assert workshop.clevertap.profiles()["p1"]["properties"]["Name"] == "new"


def test_a_few_forced_rows_do_not_make_an_older_journal_the_right_one(workshop: Workshop) -> None:
    workshop.write(NAME, target=TARGETS["events"])
    workshop.people([("p1", "Asha", TODAY)])
    run(workshop)
    restored(workshop, lambda: someone_more(workshop))
    for options in ({"full": True, "limit": 1, "force": True}, {"full": True}):
        refused = run(workshop, **options)
        assert refused["status"] == "Failed"
        assert "an older copy of it was put back" in refused["problem"]
    assert len(workshop.clevertap.events()) == 2


def test_a_journal_that_knows_more_than_dagster_is_the_right_one(workshop: Workshop) -> None:
    workshop.write(NAME, target=TARGETS["events"])
    workshop.people([("p1", "Asha", TODAY)])
    run(workshop)
    delete_runs(workshop.instance)
    assert run(workshop, full=True)["unchanged"] == 1
