"""What the journal remembers holds for one grid of windows and one account; a change of either is told."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from clevertap_import_tests.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.workshop import Workshop, days_ago, open_workshop, profiles_target

NOON = datetime.now(UTC).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=12)
EVENTS = {
    "kind": "events",
    "identity": {"column": "ID"},
    "event_name": {"constant": "Seen"},
    "created_on": {"column": "UPDATED_AT"},
    "properties": [{"column": "NAME", "property": "Name"}],
}


@pytest.fixture
def workshop(
    tmp_path: Path,
    local_snowflake: LocalSnowflake,
    fake_clevertap: FakeCleverTap,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Workshop]:
    with open_workshop(tmp_path, local_snowflake, fake_clevertap) as shop:
        for name, value in shop.environment.items():
            monkeypatch.setenv(name, value)
        shop.people([("a", "Asha", NOON), ("b", "Zoë", NOON - timedelta(days=1))])
        yield shop


@pytest.mark.parametrize("change", [{"window": "hour"}, {"start": days_ago(5)}], ids=["window", "start"])
def test_events_are_not_stored_again_after_a_change_of_their_windows(
    workshop: Workshop, change: dict[str, Any]
) -> None:
    workshop.write("seen", target=EVENTS)
    workshop.run("seen")
    workshop.write("seen", target=EVENTS, **change)
    (refused,) = workshop.run("seen", full=True)
    assert refused["status"] == "Failed"
    assert "`window` or `start` was changed" in refused["problem"]
    assert len(workshop.clevertap.events()) == 2
    workshop.write("seen", target=EVENTS)
    assert workshop.run("seen", full=True)[0]["unchanged"] == 2


def test_after_a_full_forced_run_the_new_windows_hold(workshop: Workshop) -> None:
    workshop.write("seen", target=EVENTS)
    workshop.run("seen")
    workshop.write("seen", target=EVENTS, window="hour")
    workshop.run("seen", full=True, force=True)
    assert len(workshop.clevertap.events()) == 4
    assert workshop.run("seen", full=True)[0]["unchanged"] == 2


def test_profiles_may_change_their_windows(workshop: Workshop) -> None:
    workshop.write("people")
    workshop.run("people")
    workshop.write("people", window="hour")
    assert workshop.run("people", full=True)[0]["unchanged"] == 2


@pytest.mark.parametrize("target", [EVENTS, profiles_target(Name="NAME")], ids=["events", "profiles"])
def test_another_account_is_not_taken_for_the_one_that_has_everything(
    workshop: Workshop, target: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.write("moved", target=target)
    workshop.run("moved")
    elsewhere = replace(workshop.clevertap, account_id="TEST-OTH-ERA-CCT")
    other = replace(workshop, clevertap=elsewhere)
    monkeypatch.setenv(f"{workshop.name.upper()}_ACCOUNT_ID", elsewhere.account_id)
    (refused,) = other.run("moved", full=True)
    assert "was delivered to another CleverTap account before" in refused["problem"]


def test_events_that_were_forced_count_once(workshop: Workshop) -> None:
    workshop.write("seen", target=EVENTS)
    workshop.run("seen")
    workshop.run("seen", full=True, force=True)
    workshop.add_people([("a", "Asha", NOON)])
    assert workshop.run("seen", full=True)[0]["unchanged"] == 2
    assert len(workshop.clevertap.events()) == 5


def test_a_lost_journal_is_told_before_events_are_stored_again(workshop: Workshop) -> None:
    workshop.write("seen", target=EVENTS)
    workshop.run("seen")
    for file in Path(workshop.instance.root_directory).glob("clevertap_import/journal.db*"):
        file.unlink()
    (refused,) = workshop.run("seen")
    assert "the journal knows nothing of it" in refused["problem"]
    assert len(workshop.clevertap.events()) == 2
    assert workshop.run("seen", force=True)[0]["status"] == "Success"
    assert workshop.run("seen")[0]["status"] == "Success"


def test_windows_that_were_reported_by_hand_need_no_journal(workshop: Workshop) -> None:
    workshop.write("seen", target=EVENTS)
    key = dg.AssetKey(["clevertap", "seen"])
    workshop.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=f"{days_ago(2)}"))
    assert workshop.run("seen")[0]["status"] == "Success"
