"""What a person may ask for, and what is said where there is nothing to have."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from clevertap_import.errors import ConfigError
from clevertap_import.orchestration.runs import RunRange, selected_ranges
from clevertap_import_tests.testing.builders import profiles_import

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize("window", ["day", "15 minutes"])
def test_a_window_of_an_import_that_starts_in_the_future_is_refused_in_words(
    instance: dg.DagsterInstance, window: str
) -> None:
    config = profiles_import(updated_on={"column": "U"}, start="2027-03-02", window=window)
    for options in (RunRange(start=NOW), RunRange(start=NOW, end=datetime(2028, 1, 1, tzinfo=UTC))):
        with pytest.raises(ConfigError) as caught:
            selected_ranges(instance, config, options, NOW)
        assert str(caught.value) == (
            f"{config.nickname!r} has no windows yet: its start, 2027-03-02, is in the future."
            " Run it from then on, or set an earlier start in its YAML."
        )
    assert selected_ranges(instance, config, RunRange(full=True), NOW) == []
    assert selected_ranges(instance, config, RunRange(), NOW) == []


def test_a_full_import_has_no_window_to_choose(instance: dg.DagsterInstance) -> None:
    config = profiles_import(updated_on=None, start=None)
    with pytest.raises(ConfigError, match=r"no updated_on, so it has no windows.*Leave --window"):
        selected_ranges(instance, config, RunRange(start=NOW), NOW)
