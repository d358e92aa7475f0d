"""Makes a script as short as possible that still breaks the same rule."""

import re
from collections.abc import Callable, Iterator

from clevertap_import_tests.simulation.script import Fault, Run, Script, Step

MOST_TRIES = 600


def shrunk(script: Script, fault_of: Callable[[Script], str | None]) -> Script:
    """The smallest script that is left after leaving things out and lowering numbers, one at a time."""
    kind, tries = kind_of(fault_of(script)), 0
    while True:
        for candidate in smaller(script):
            tries += 1
            if tries > MOST_TRIES:
                return script
            if kind_of(fault_of(candidate)) == kind:
                script = candidate
                break
        else:
            return script


def kind_of(fault: str | None) -> str | None:
    """The kind of a fault: its text without numbers and names."""
    return re.split(r"[:{]", re.sub(r"\d+", "N", fault))[0] if fault else None


def smaller(script: Script) -> Iterator[Script]:
    """All scripts that lack one thing of `script`, the largest cuts first."""
    for number, step in enumerate(script.steps):
        for others in ((), *((less,) for less in smaller_steps(step))):
            steps = (*script.steps[:number], *others, *script.steps[number + 1 :])
            yield script.model_copy(update={"steps": steps})
    for rows in lower(script.rows, 1):
        yield script.model_copy(update={"rows": rows})
    if script.holds:
        yield script.model_copy(update={"holds": False})


def smaller_steps(step: Step) -> Iterator[Step]:
    for number, run in enumerate(step.runs):
        if len(step.runs) > 1:
            yield step.model_copy(update={"runs": (*step.runs[:number], *step.runs[number + 1 :])})
        for less in smaller_runs(run):
            runs = (*step.runs[:number], less, *step.runs[number + 1 :])
            yield step.model_copy(update={"runs": runs})
    if step.schedule:
        yield step.model_copy(update={"schedule": 0})
    for amount in lower(step.amount, 1):
        yield step.model_copy(update={"amount": amount})


def smaller_runs(run: Run) -> Iterator[Run]:
    for number, fault in enumerate(run.faults):
        for others in ((), *((less,) for less in smaller_faults(fault))):
            yield run.model_copy(
                update={"faults": (*run.faults[:number], *others, *run.faults[number + 1 :])}
            )
    for field, usual in (("force", False), ("reexecutes", False), ("delay", 0)):
        if getattr(run, field) != usual:
            yield run.model_copy(update={field: usual})


def smaller_faults(fault: Fault) -> Iterator[Fault]:
    for name, least in (("times", 1), ("number", 1), ("amount", 0)):
        for value in lower(getattr(fault, name), least):
            yield fault.model_copy(update={name: value})


def lower(value: int, least: int) -> list[int]:
    """Lower values to try, the lowest first."""
    return sorted({least, (least + value) // 2, value - 1} & set(range(least, value)))
