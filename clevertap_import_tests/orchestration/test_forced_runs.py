"""Forced runs: by the command, by anybody else, and by anybody else where the environment allows it."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from clevertap_import.orchestration.forced import ALLOW_VARIABLE
from clevertap_import.orchestration.names import job_name, op_name
from clevertap_import_tests.testing.workshop import Workshop, profiles_target


@pytest.fixture
def shop(workshop: Workshop) -> Workshop:
    """An import without windows, called as the workshop, that has run once."""
    workshop.people([("ann", "Ann", datetime.now(UTC))])
    workshop.write(workshop.name, target=profiles_target(Name="NAME"), updated_on=None, start=None)
    assert workshop.run(workshop.name)[0]["successful_syncs"] == 1
    workshop.snowflake.reset_queries()
    return workshop


def launched(shop: Workshop, **tags: str) -> dg.ExecuteInProcessResult:
    """A forced run as Dagster launches it, with the config that a page can give."""
    config = {"ops": {op_name(shop.name): {"config": {"force": True}}}}
    job = shop.definitions().resolve_job_def(job_name(shop.name))
    return job.execute_in_process(config, instance=shop.instance, tags=tags, raise_on_error=False)


def test_a_forced_run_that_no_command_started_reads_and_sends_nothing(shop: Workshop) -> None:
    earlier = shop.instance.get_runs()[0].tags
    result = launched(
        shop, **{name: value for name, value in earlier.items() if name.startswith("clevertap")}
    )
    assert not result.success
    words = str(result.all_events)
    assert "was to be forced that was not started by the command" in words
    assert f"set {ALLOW_VARIABLE}=1 where runs execute" in words
    assert [text for text in shop.snowflake.queries() if "from T" in text] == []
    assert shop.clevertap.counters()["records_accepted"] == 1


@pytest.mark.parametrize(("value", "accepted"), [("1", 2), ("", 1), ("0", 1), ("yes", 1)])
def test_the_environment_of_the_run_may_allow_it(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, value: str, accepted: int
) -> None:
    monkeypatch.setenv(ALLOW_VARIABLE, value)
    assert launched(shop).success == (accepted == 2)
    assert shop.clevertap.counters()["records_accepted"] == accepted


def test_after_a_forced_run_of_the_command_others_of_this_process_are_still_refused(shop: Workshop) -> None:
    assert shop.run(shop.name, force=True)[0]["successful_syncs"] == 1
    assert shop.clevertap.counters()["records_accepted"] == 2
    assert not launched(shop).success
    assert shop.clevertap.counters()["records_accepted"] == 2


def test_a_forced_run_of_the_command_that_is_executed_again_is_refused(shop: Workshop) -> None:
    """As the UI's button does it: with the config and the tags of the first run, and its id."""
    (line,) = shop.run(shop.name, force=True)
    first = shop.instance.get_run_by_id(line["run_id"])
    assert first
    tags = {**first.tags, "dagster/parent_run_id": first.run_id, "dagster/root_run_id": first.run_id}
    job = shop.definitions().resolve_job_def(job_name(shop.name))
    again = job.execute_in_process(first.run_config, instance=shop.instance, tags=tags, raise_on_error=False)
    assert not again.success
    assert "was to be forced that was not started by the command" in str(again.all_events)
    assert shop.clevertap.counters()["records_accepted"] == 2
