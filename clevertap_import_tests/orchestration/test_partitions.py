"""Windows as partitions: which exist, which are not done, and how they are put together for runs."""

import itertools
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.config.model import ImportConfig
from clevertap_import.orchestration.done import Done, undone_ranges
from clevertap_import.orchestration.partitions import (
    KEY_FORMATS,
    KeyRange,
    grid,
    key_ranges,
    partitions_def,
    range_tags,
    read_moments,
)
from clevertap_import.window import GRIDS
from clevertap_import_tests.testing.builders import profiles_import
from clevertap_import_tests.testing.workshop import dagster_home

KEYS = [f"{number:02d}" for number in range(24)]
ASSET = dg.AssetKey(["clevertap", "import_under_test"])


def windowed(window: str, start: str = "2026-11-01") -> ImportConfig:
    return profiles_import(updated_on={"column": "UPDATED_AT"}, start=start, window=window)


def partitions(window: str, start: str = "2026-11-01") -> dg.TimeWindowPartitionsDefinition:
    found = partitions_def(windowed(window, start))
    assert found
    return found


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_full_import_has_no_windows() -> None:
    assert partitions_def(profiles_import()) is None


def test_the_window_in_progress_is_the_last() -> None:
    keys = partitions("hour").get_partition_keys(current_time=moment("2026-11-01T02:30"))
    assert list(keys) == ["2026-11-01-00:00", "2026-11-01-01:00", "2026-11-01-02:00"]


@pytest.mark.parametrize("window", GRIDS)
def test_windows_of_the_partitions_are_those_of_the_grid(window: str) -> None:
    config, definition = windowed(window), partitions(window)
    for key in definition.get_partition_keys(current_time=moment("2026-11-03T07:10")):
        span = definition.time_window_for_partition_key(key)
        assert span.end - span.start == GRIDS[window]
        assert grid(config).floor(span.start) == span.start
        assert grid(config).floor(span.end - timedelta(seconds=1)) == span.start


def test_windows_follow_each_other_without_a_gap_over_a_change_of_clocks() -> None:
    definition = partitions("15 minutes", "2026-03-28")
    keys = definition.get_partition_keys(current_time=moment("2026-03-30T00:00"))
    spans = [definition.time_window_for_partition_key(key) for key in keys]
    assert len(spans) == 2 * 96 + 1
    assert all(before.end == after.start for before, after in itertools.pairwise(spans))


def test_keys_of_different_grids_are_never_the_same() -> None:
    now = moment("2026-11-04T00:00")
    sets = [set(partitions(window).get_partition_keys(current_time=now)) for window in KEY_FORMATS]
    assert [len(keys) for keys in sets] == [4, 73, 145, 289]
    assert not any(one & other for one, other in itertools.combinations(sets, 2))


def test_a_window_is_done_when_it_was_read_after_its_end() -> None:
    config, definition = windowed("day"), partitions("day")
    keys = ["2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04"]
    ends = {key: definition.time_window_for_partition_key(key).end.timestamp() for key in keys}
    read = {
        "2026-11-01": ends["2026-11-01"],
        "2026-11-02": ends["2026-11-02"] - 1,
        "2026-11-04": ends["2026-11-04"] + 1,
    }
    assert list(Done(moments=read).places(config, keys)) == [True, False, False, True]


def materialize(instance: dg.DagsterInstance, key: str) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(ASSET, partition=key))


def test_undone_windows_come_from_dagsters_history(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Never run, failed, run while in progress and ended since: each is not done, each gap is a range."""
    # A day that ends at least half a day after what is materialized here.
    today = (datetime.now(UTC) + timedelta(hours=12)).replace(hour=0, minute=0, second=0, microsecond=0)
    config = windowed("day", (today - timedelta(days=6)).date().isoformat())
    keys = [f"{today - timedelta(days=6 - number):%Y-%m-%d}" for number in range(9)]
    with dagster_home(tmp_path_factory.mktemp("home")) as instance:
        assert undone_ranges(instance, config, ASSET, today) == [KeyRange(keys[0], keys[6])]
        for key in (keys[0], keys[2], keys[3], keys[6]):
            materialize(instance, key)
        assert sorted(read_moments(instance, ASSET)) == [keys[0], keys[2], keys[3], keys[6]]
        # The day after tomorrow: today was materialized before its end, so it is read again.
        later = today + timedelta(days=2)
        assert undone_ranges(instance, config, ASSET, later) == [
            KeyRange(keys[1], keys[1]),
            KeyRange(keys[4], keys[8]),
        ]


def test_the_last_materialization_of_a_window_counts(tmp_path_factory: pytest.TempPathFactory) -> None:
    with dagster_home(tmp_path_factory.mktemp("home")) as instance:
        materialize(instance, "2026-11-01")
        first = read_moments(instance, ASSET)["2026-11-01"]
        materialize(instance, "2026-11-01")
        assert read_moments(instance, ASSET)["2026-11-01"] > first


def test_a_range_is_reported_to_dagster_by_its_first_and_last_key() -> None:
    assert range_tags(KeyRange("a", "b")) == {
        "dagster/asset_partition_range_start": "a",
        "dagster/asset_partition_range_end": "b",
    }


@given(st.sets(st.sampled_from(KEYS)))
def test_ranges_cover_exactly_the_wanted_keys(wanted: set[str]) -> None:
    ranges = key_ranges(KEYS, wanted)
    spans = [(KEYS.index(each.first), KEYS.index(each.last)) for each in ranges]
    covered = [key for first, last in spans for key in KEYS[first : last + 1]]
    assert covered == sorted(wanted)
    # Two ranges that touch would be two runs where one does.
    assert all(after[0] - before[1] > 1 for before, after in itertools.pairwise(spans))
