"""The simulation itself: seeds that find nothing, scripts that once did, and what each mend is for."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import pytest

from clevertap_import_tests.simulation.__main__ import shared_engine
from clevertap_import_tests.simulation.database import SharedEngine
from clevertap_import_tests.simulation.drawn import drawn
from clevertap_import_tests.simulation.script import Fault, Script, read, text
from clevertap_import_tests.simulation.shrink import shrunk
from clevertap_import_tests.simulation.simulation import Simulation, fault_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCRIPTS = sorted((HERE / "scripts").glob("*.yaml"))
MENDS = sorted((HERE / "mends").glob("*.patch"))
SEEDS = 120
PROCESS_SECONDS = 300

LEFT_OUT = {
    *("outage", "fail", "fail after", "interrupt"),
    *("late", "lost after", "500 after", "partly"),
}
"""What seeds still find something with: `make simulate` plays it too, and shows what it finds."""


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedEngine]:
    with shared_engine() as shared:
        yield shared


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
def test_a_script_that_once_found_something_finds_nothing(file: Path, shared: SharedEngine) -> None:
    assert fault_of(read(file), shared) is None


def is_played(script: Script) -> bool:
    runs = [run for step in script.steps for run in step.runs]
    deeds = {fault.do for run in runs for fault in run.faults} | {step.do for step in script.steps}
    return not deeds & LEFT_OUT and not any(run.force or run.reexecutes for run in runs)


def test_no_seed_finds_anything(shared: SharedEngine) -> None:
    seeds = islice((seed for seed in count(1) if is_played(drawn(seed))), SEEDS)
    found = {seed: fault_of(drawn(seed), shared) for seed in seeds}
    assert {seed: fault for seed, fault in found.items() if fault} == {}
    assert len(found) == SEEDS


def played(script: Script, shared: SharedEngine) -> tuple[float, list[dict[str, int]], list[str]]:
    simulation = Simulation(script, shared)
    simulation.play()
    points = [{str(point): count for point, count in run.process.reached.items()} for run in simulation.runs]
    return simulation.scheduler.now, points, [repr(run.error) for run in simulation.runs]


@pytest.mark.parametrize("seed", [2, 3])
def test_the_same_seed_plays_the_same(seed: int, shared: SharedEngine) -> None:
    assert drawn(seed) == drawn(seed)
    assert played(drawn(seed), shared) == played(drawn(seed), shared)


def test_a_script_is_the_same_after_it_was_kept_in_a_file(tmp_path: Path) -> None:
    for seed in range(50):
        (tmp_path / "kept.yaml").write_text(text(drawn(seed)))
        assert read(tmp_path / "kept.yaml") == drawn(seed)


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


@pytest.mark.slow
@pytest.mark.parametrize("mend", MENDS, ids=lambda file: file.stem)
def test_without_its_mend_the_script_finds_the_fault_again(mend: Path, tmp_path: Path) -> None:
    for package in ("clevertap_import", "clevertap_import_tests"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["patch", "-p1", "-i", mend], cwd=tmp_path, check=True, capture_output=True)
    script = HERE / "scripts" / f"{mend.stem}.yaml"
    ended = subprocess.run(
        [sys.executable, "-m", "clevertap_import_tests.simulation", "--script", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PROCESS_SECONDS,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (1, "")
