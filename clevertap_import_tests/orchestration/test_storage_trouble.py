"""Dagster's own storage full, read-only, locked, broken or gone: one line, and nothing is sent twice."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from clevertap_import.errors import ConfigError
from clevertap_import.orchestration.instance import open_instance
from clevertap_import.orchestration.storage_trouble import StorageUnavailable, storage_trouble
from clevertap_import_tests.testing.full_disk import PEOPLE, fill_disk, free_disk
from clevertap_import_tests.testing.workshop import DAGSTER_YAML, Workshop, command

FULL = "Dagster's storage cannot be used: database or disk is full. It is in DAGSTER_HOME"


def test_a_disk_that_is_full_before_a_run_sends_nothing(shop: Workshop, home: Path) -> None:
    fill_disk(home, "ASSET_MATERIALIZATION_PLANNED")
    with pytest.raises(StorageUnavailable, match=FULL):
        shop.run("customers")
    assert not shop.clevertap.profiles()
    free_disk(home)
    assert successful(shop) == (PEOPLE, 0)


def test_a_disk_that_is_full_after_the_delivery_fails_the_run_and_nothing_is_sent_again(
    shop: Workshop, home: Path
) -> None:
    fill_disk(home, "ASSET_MATERIALIZATION")
    done = command(shop, "run", "customers")
    assert done.returncode == 1
    assert f"customers: {FULL}" in done.stderr
    assert "Traceback" not in done.stderr
    assert "INSERT" not in done.stderr
    assert len(shop.clevertap.profiles()) == PEOPLE
    free_disk(home)
    assert successful(shop) == (PEOPLE, PEOPLE)


def successful(shop: Workshop) -> tuple[int, int]:
    """What a run of all windows that ends well counts as successful, and as unchanged among that."""
    (line,) = shop.run("customers", full=True)
    assert line["status"] == "Success", line["problem"]
    return line["successful_syncs"], line["unchanged"]


def test_a_storage_that_is_no_database_is_one_line_of_a_command(shop: Workshop, home: Path) -> None:
    (home / "history" / "runs.db").write_bytes(b"no database at all" * 100)
    done = command(shop, "list")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Dagster's storage cannot be used: file is not a database. It is in DAGSTER_HOME, or where its"
        " dagster.yaml says. Repair it, and run again: the journal has the delivered records, and they"
        " are not sent twice.\n"
    )


def test_a_home_in_which_nothing_can_be_made_is_reported(home: Path) -> None:
    (home / "history").write_text("a file where Dagster wants a folder")
    with pytest.raises(StorageUnavailable, match=r"cannot be used: .*File exists"):
        open_instance()


def test_a_storage_whose_package_is_not_installed_is_reported(home: Path) -> None:
    custom = "storage: {custom: {module: dagster_nowhere, class: Storage, config: {}}}\n"
    (home / "dagster.yaml").write_text(DAGSTER_YAML + custom)
    with pytest.raises(
        ConfigError, match=r"^Dagster cannot start in its DAGSTER_HOME. Couldn't import module dagster_now"
    ):
        open_instance()


@pytest.mark.parametrize("words", ["database is locked", "attempt to write a readonly database"])
def test_what_a_database_says_is_reported_wherever_it_was_raised(words: str) -> None:
    try:
        try:
            raise OperationalError("insert into t values (?)", ("a value",), sqlite3.OperationalError(words))
        except OperationalError as error:
            raise RuntimeError("a step failed") from error
    except RuntimeError as error:
        trouble = storage_trouble(error)
    assert str(trouble).startswith(f"Dagster's storage cannot be used: {words}. ")
    assert "value" not in str(trouble)


def test_other_errors_are_no_trouble_of_the_storage() -> None:
    assert storage_trouble(ValueError("x")) is None
