"""The turn of an import is given back when its run ends, however that is: the next run need not wait."""

from pathlib import Path

import pytest

from clevertap_import.journal.import_lock import under_way
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.locks import open_locks
from clevertap_import.journal.tables import default_url
from clevertap_import_tests.testing.canceled_runs import canceled_at_its_first_check
from clevertap_import_tests.testing.full_disk import fill_disk, free_disk
from clevertap_import_tests.testing.workshop import Workshop

RESULTS = ["ASSET_CHECK_EVALUATION", "ASSET_MATERIALIZATION"]


def waiting_or_under_way(home: Path, nickname: str) -> str | None:
    with Journal(default_url(home)) as journal, open_locks(journal.engine) as locks:
        return under_way(locks, nickname)


@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("also", [(), ("STEP_FAILURE",)])
def test_a_result_that_dagster_cannot_store(
    shop: Workshop, home: Path, result: str, also: tuple[str, ...]
) -> None:
    fill_disk(home, result, *also)
    (line,) = shop.run("customers")
    assert (line["status"], waiting_or_under_way(home, "customers")) == ("Failed", None)
    free_disk(home)
    (line,) = shop.run("customers")
    assert line["status"] == "Success", line["problem"]


def test_a_run_that_is_canceled_while_a_result_is_stored(shop: Workshop, home: Path) -> None:
    """Dagster takes the signal where the step is between two of its results."""
    with canceled_at_its_first_check():
        (line,) = shop.run("customers")
    assert (line["status"], waiting_or_under_way(home, "customers")) == ("Canceled", None)
    assert not shop.clevertap.profiles()
    (line,) = shop.run("customers")
    assert line["status"] == "Success", line["problem"]
