"""The commands pause, resume and stop: what they print, and with which exit code they end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clevertap_import.cli.main import main
from clevertap_import_tests.testing.dagster_internals import InstigatorStatus
from clevertap_import_tests.testing.workshop import dagster_home, document, profiles_target

LINES = {"kind": "every", "every": "6 hours"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with an import that repeats and a manual one, as the current folder and the Dagster home."""
    for nickname, schedule in (("customers", LINES), ("by_hand", {"kind": "manual"})):
        attributes = {
            "source": {"kind": "table", "table": "T"},
            "target": profiles_target(Name="NAME"),
            "schedule": schedule,
        }
        file = tmp_path / "imports" / f"{nickname}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(document(nickname, attributes))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLEVERTAP_IMPORT_DEFS", "imports")
    with dagster_home(tmp_path):
        yield tmp_path


def said(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def states() -> dict[tuple[str, str], InstigatorStatus]:
    """By the code location and the name of what was switched."""
    from clevertap_import.orchestration.instance import open_instance

    with open_instance() as instance:
        return {
            (each.repository_selector.location_name, each.name): each.status
            for each in instance.all_instigator_state()
        }


def test_a_schedule_is_switched(home: Path) -> None:
    name = ("clevertap_import.definitions", "customers_schedule")
    assert said("pause", "customers").output == "customers is paused.\n"
    assert states() == {name: InstigatorStatus.STOPPED}
    assert said("resume", "customers").output == "customers is resumed: Every 6 hours.\n"
    assert states() == {name: InstigatorStatus.RUNNING}
    assert said("stop", "customers").output == ("customers is stopped. The command resume starts it again.\n")
    assert states() == {name: InstigatorStatus.STOPPED}


def test_the_switch_is_set_where_the_workspace_of_the_folder_says(home: Path) -> None:
    (home / "workspace.yaml").write_text(
        "load_from:\n"
        "  - python_module: {module_name: another, location_name: theirs}\n"
        "  - python_module: {module_name: clevertap_import.definitions, location_name: ours}\n"
    )
    assert said("pause", "customers").exit_code == 0
    assert states() == {("ours", "customers_schedule"): InstigatorStatus.STOPPED}


@pytest.mark.parametrize("word", ["pause", "resume", "stop"])
def test_an_import_without_a_schedule_is_reported_so(home: Path, word: str) -> None:
    done = said(word, "by_hand")
    assert done.exit_code == 2
    assert done.output == (
        "'by_hand' has no schedule to switch: its kind is manual, so it runs only when asked to.\n"
    )
    assert states() == {}


def test_an_import_that_is_not_there_is_reported_so(home: Path) -> None:
    done = said("pause", "costumers")
    assert (done.exit_code, "Did you mean 'customers'?" in done.output) == (2, True)
