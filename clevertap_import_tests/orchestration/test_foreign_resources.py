"""Runs whose configuration says where an account, a connection or the journal is, as a web page may write."""

from datetime import UTC, datetime
from typing import Any

import pytest

from clevertap_import.orchestration.names import job_name
from clevertap_import.orchestration.resources import account_key, connection_key
from clevertap_import_tests.testing.workshop import Workshop, profiles_target

NOWHERE = "127.0.0.1:9"


def foreign(shop: Workshop) -> dict[str, dict[str, Any]]:
    """By the key of a resource: what is new is named, and what is left out is the environment's own."""
    host, port = NOWHERE.split(":")
    return {
        account_key(shop.name): {"name": shop.name, "api_url": f"http://{NOWHERE}"},
        connection_key(shop.name): {"name": shop.name, "host": host, "port": port, "protocol": "http"},
        "journal": {"url": f"sqlite:///{shop.folder / 'other.db'}"},
    }


@pytest.mark.parametrize("which", [0, 1, 2], ids=["account", "connection", "journal"])
def test_a_run_that_brings_a_resource_reads_and_sends_nothing(workshop: Workshop, which: int) -> None:
    workshop.people([("ann", "Ann", datetime.now(UTC))])
    workshop.write(workshop.name, target=profiles_target(Name="NAME"), updated_on=None, start=None)
    key, config = list(foreign(workshop).items())[which]
    job = workshop.definitions().resolve_job_def(job_name(workshop.name))
    workshop.snowflake.reset_queries()
    result = job.execute_in_process(
        {"resources": {key: {"config": config}}}, instance=workshop.instance, raise_on_error=False
    )
    assert not result.success
    assert f"settings of its own for {key}. Nothing was read or sent" in str(result.all_events)
    assert workshop.snowflake.queries() == []
    assert workshop.clevertap.counters()["records_accepted"] == 0
