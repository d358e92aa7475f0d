"""The simulation itself: seeds that find nothing, scripts that once found a fault, and one for each fix."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from clevertap_import_tests.simulation.__main__ import shared_engine
from clevertap_import_tests.simulation.database import SharedEngine
from clevertap_import_tests.simulation.drawn import drawn
from clevertap_import_tests.simulation.fixes import FIXES
from clevertap_import_tests.simulation.script import Fault, Script, read, text
from clevertap_import_tests.simulation.shrink import shrunk
from clevertap_import_tests.simulation.simulation import Simulation, fault_of

HERE = Path(__file__).parent
SCRIPTS = sorted((HERE / "scripts").glob("*.yaml"))
SEEDS = 120


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedEngine]:
    with shared_engine() as shared:
        yield shared


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
def test_a_script_that_once_found_something_finds_nothing(file: Path, shared: SharedEngine) -> None:
    assert fault_of(read(file), shared) is None


def test_no_seed_finds_anything(shared: SharedEngine) -> None:
    found = {seed: fault_of(drawn(seed), shared) for seed in range(1, SEEDS + 1)}
    assert {seed: fault for seed, fault in found.items() if fault} == {}


def played(script: Script, shared: SharedEngine) -> tuple[float, list[dict[str, int]], list[str]]:
    simulation = Simulation(script, shared)
    simulation.play()
    points = [{str(point): count for point, count in run.process.reached.items()} for run in simulation.runs]
    return simulation.scheduler.now, points, [repr(run.error) for run in simulation.runs]


@pytest.mark.parametrize("seed", [2, 3])
def test_the_same_seed_plays_the_same(seed: int, shared: SharedEngine) -> None:
    assert drawn(seed) == drawn(seed)
    assert played(drawn(seed), shared) == played(drawn(seed), shared)


def test_nothing_of_an_earlier_simulation_is_known(shared: SharedEngine) -> None:
    """Otherwise a new journal at the address of an old one gets no events of new connections."""
    script = read(HERE / "scripts" / "failover_after_the_last_commit.yaml")
    fault_of(script, shared)
    earlier = list(shared.listeners)[shared.own_listeners :]
    Simulation(script, shared)
    assert earlier
    assert not any(sa.event.contains(shared.engine, "connect", listener) for listener in earlier)


def test_a_script_is_the_same_after_it_was_stored_in_a_file(tmp_path: Path) -> None:
    for seed in range(50):
        (tmp_path / "stored.yaml").write_text(text(drawn(seed)))
        assert read(tmp_path / "stored.yaml") == drawn(seed)


def test_a_script_shrinks_to_what_is_needed() -> None:
    def fault(script: Script) -> str | None:
        deeds = [each.do for step in script.steps for run in step.runs for each in run.faults]
        return f"broken with {script.rows}" if "kill" in deeds and "add" in kinds(script) else None

    short = shrunk(next(script for script in map(drawn, range(1000)) if fault(script)), fault)
    assert sorted(kinds(short)) == ["add", "run"]
    (killed,) = [run.faults for step in short.steps for run in step.runs]
    assert killed == (Fault(at=killed[0].at, number=1, do="kill"),)
    assert (short.rows, sum(step.amount for step in short.steps)) == (1, 2)


def kinds(script: Script) -> list[str]:
    return [step.do for step in script.steps]


@pytest.mark.parametrize("name", FIXES)
def test_without_a_fix_its_script_finds_the_fault_again(name: str, shared: SharedEngine) -> None:
    script = read(HERE / "scripts" / f"{FIXES[name].script}.yaml")
    with FIXES[name].taken_out():
        assert fault_of(script, shared)
    assert fault_of(script, shared) is None
