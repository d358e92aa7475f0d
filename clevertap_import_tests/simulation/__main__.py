"""Play the scripts of many seeds; shrink those that fail, and write them to files.

python -m clevertap_import_tests.simulation --seeds 2000 --first 1 --keep FOLDER
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clevertap_import_tests.simulation.database import SharedEngine
from clevertap_import_tests.simulation.drawn import drawn
from clevertap_import_tests.simulation.fixes import FIXES
from clevertap_import_tests.simulation.script import read, text
from clevertap_import_tests.simulation.shrink import kind_of, shrunk
from clevertap_import_tests.simulation.simulation import fault_of

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


@contextmanager
def shared_engine() -> Iterator[SharedEngine]:
    """One engine for all simulations of a session. Its file is in memory, where the machine has a place."""
    folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None))
    shared = SharedEngine(folder)
    try:
        yield shared
    finally:
        shared.engine.dispose()
        shutil.rmtree(folder)


def main(arguments: list[str]) -> int:
    """Exit code 1 if a seed failed."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--until-found", action="store_true", help="end at the first kind of fault")
    parser.add_argument("--keep", type=Path, help="a folder for the scripts that were found")
    parser.add_argument("--script", type=Path, help="play this file instead")
    parser.add_argument(
        "--fixes", action="store_true", help="take out each fix, and print the first seed that fails"
    )
    options = parser.parse_args(arguments)
    if options.script:
        return replayed(options.script)
    if options.fixes:
        return faults_without_fixes(range(options.first, options.first + options.seeds))
    found: dict[str, int] = {}
    began = time.process_time()
    with shared_engine() as shared:
        for seed in range(options.first, options.first + options.seeds):
            kind = tried(seed, shared, set(found), options.keep)
            if kind:
                found.setdefault(kind, seed)
            if found and options.until_found:
                break
    seconds = time.process_time() - began
    sys.stdout.write(
        f"{seed - options.first + 1} seeds, {seconds:.0f} s of CPU, {len(found)} kinds of faults\n"
    )
    return 1 if found else 0


def replayed(file: Path) -> int:
    """Play the script in a file."""
    with shared_engine() as shared:
        fault = fault_of(read(file), shared)
    sys.stdout.write(f"{fault or 'Nothing is wrong.'}\n")
    return 1 if fault else 0


def faults_without_fixes(seeds: range) -> int:
    """Print the first seed that fails without each fix. Exit code 1 if a fix has no such seed."""
    missed = 0
    sys.stdout.write("| without this fix | first seed | s of CPU | what it finds |\n|---|---|---|---|\n")
    with shared_engine() as shared:
        for name, fix in FIXES.items():
            began = time.process_time()
            with fix.taken_out():
                found = ((seed, fault_of(drawn(seed), shared)) for seed in seeds)
                seed, fault = next(((seed, fault) for seed, fault in found if fault), ("none", None))
            missed += fault is None
            seconds = time.process_time() - began
            sys.stdout.write(f"| {name} | {seed} | {seconds:.0f} | {kind_of(fault) or ''} |\n")
            sys.stdout.flush()
    return 1 if missed else 0


def tried(seed: int, shared: SharedEngine, known: set[str], keep: Path | None) -> str | None:
    """Play one seed. Shrink and show its script if its kind of fault is not in `known`."""
    script = drawn(seed)
    fault = fault_of(script, shared)
    kind = kind_of(fault)
    if kind is None or kind in known:
        return kind
    short = shrunk(script, lambda candidate: fault_of(candidate, shared))
    words = f"# Seed {seed}: {fault_of(short, shared)}\n{text(short)}"
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()
    if keep:
        (keep / f"seed_{seed}.yaml").write_text(words, encoding="utf-8")
    return kind


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
