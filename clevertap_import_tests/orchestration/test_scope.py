"""The journal is valid for one grid of windows and one account; a change of either is reported."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from clevertap_import_tests.testing.workshop import Workshop, days_ago, profiles_target

NOON = datetime.now(UTC).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=12)
EVENTS = {
    "kind": "events",
    "identity": {"column": "ID"},
    "event_name": {"constant": "Seen"},
    "created_on": {"column": "UPDATED_AT"},
    "properties": [{"column": "NAME", "property": "Name"}],
}


@pytest.fixture(autouse=True)
def people(workshop: Workshop) -> None:
    workshop.people([("a", "Asha", NOON), ("b", "Zoë", NOON - timedelta(days=1))])


@pytest.mark.parametrize("change", [{"window": "hour"}, {"start": days_ago(5)}], ids=["window", "start"])
def test_events_are_not_stored_again_after_a_change_of_their_windows(
    workshop: Workshop, change: dict[str, Any]
) -> None:
    nickname = f"changed_{next(iter(change))}"
    workshop.write(nickname, target=EVENTS)
    workshop.run(nickname)
    workshop.write(nickname, target=EVENTS, **change)
    (refused,) = workshop.run(nickname, full=True)
    assert refused["status"] == "Failed"
    assert "`window` or `start` was changed" in refused["problem"]
    assert len(workshop.clevertap.events()) == 2
    workshop.write(nickname, target=EVENTS)
    assert workshop.run(nickname, full=True)[0]["unchanged"] == 2


def test_after_a_full_forced_run_the_new_windows_hold(workshop: Workshop) -> None:
    workshop.write("resent", target=EVENTS)
    workshop.run("resent")
    workshop.write("resent", target=EVENTS, window="hour")
    workshop.run("resent", full=True, force=True)
    assert len(workshop.clevertap.events()) == 4
    assert workshop.run("resent", full=True)[0]["unchanged"] == 2


def test_profiles_may_change_their_windows(workshop: Workshop) -> None:
    workshop.write("people")
    workshop.run("people")
    workshop.write("people", window="hour")
    assert workshop.run("people", full=True)[0]["unchanged"] == 2


@pytest.mark.parametrize("target", [EVENTS, profiles_target(Name="NAME")], ids=["events", "profiles"])
def test_another_account_is_not_taken_for_the_one_that_has_everything(
    workshop: Workshop, target: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    nickname = f"moved_{target['kind']}"
    workshop.write(nickname, target=target)
    workshop.run(nickname)
    elsewhere = replace(workshop.clevertap, account_id="TEST-OTH-ERA-CCT")
    other = replace(workshop, clevertap=elsewhere)
    monkeypatch.setenv(f"{workshop.name.upper()}_ACCOUNT_ID", elsewhere.account_id)
    (refused,) = other.run(nickname, full=True)
    assert "was delivered to another CleverTap account before" in refused["problem"]


def test_events_that_were_forced_count_once(workshop: Workshop) -> None:
    workshop.write("forced", target=EVENTS)
    workshop.run("forced")
    workshop.run("forced", full=True, force=True)
    workshop.add_people([("a", "Asha", NOON)])
    assert workshop.run("forced", full=True)[0]["unchanged"] == 2
    assert len(workshop.clevertap.events()) == 5


def test_a_lost_journal_is_reported_before_events_are_stored_again(workshop: Workshop) -> None:
    workshop.write("forgotten", target=EVENTS)
    workshop.run("forgotten")
    for file in Path(workshop.instance.root_directory).glob("clevertap_import/journal.db*"):
        file.unlink()
    (refused,) = workshop.run("forgotten")
    assert "the journal knows nothing of it" in refused["problem"]
    assert "--window START --until END --force" in refused["problem"]
    assert len(workshop.clevertap.events()) == 2
    forced = workshop.run("forgotten", force=True)[0]
    assert forced["status"] == "Success", forced["problem"]
    assert workshop.run("forgotten")[0]["status"] == "Success"


def test_windows_that_were_reported_by_hand_need_no_journal(workshop: Workshop) -> None:
    workshop.write("reported", target=EVENTS)
    key = dg.AssetKey(["clevertap", "reported"])
    workshop.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=f"{days_ago(2)}"))
    assert workshop.run("reported")[0]["status"] == "Success"
