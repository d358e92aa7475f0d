"""A script: what happens to one import, step by step. Each seed makes one; each is a short YAML file."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

Point = Literal["post", "answer", "begin", "commit", "committed"]
"""Where a process can be met: before and after CleverTap gets a request, before a transaction of the journal,
before its commit, and after it."""

Deed = Literal[
    "lost before",
    "lost after",
    "late",
    "partly",
    "429",
    "500 before",
    "500 after",
    "401",
    "malformed",
    "555",
    "reject",
    "unreachable",
    "kill",
    "interrupt",
    "outage",
    "fail",
    "fail after",
    "failover",
]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fault(Model):
    """At the `number`th time (from 1) that the run is at the point, and so many `times` in a row.

    `amount`: seconds of an outage or of a late request; commits that a failover loses.
    """

    at: Point
    number: int
    do: Deed
    times: int = 1
    amount: int = 0


class Run(Model):
    """One process that runs the import. `reexecutes`: it is a re-execution of the run before."""

    force: bool = False
    reexecutes: bool = False
    delay: int = 0
    faults: tuple[Fault, ...] = ()


class Step(Model):
    """`run`: one run, or several at once, whose tasks go on in the order that `schedule` draws.

    `change`, `add`: so many rows of the source get a new content, or are new. `back`: so many get their first
    content again. `wait`: hours. `account`: the import goes to another account. `wipe`: the CleverTap project
    is emptied, and a person forces the next run. `copy`, `put back`: of the journal.
    """

    do: Literal["run", "change", "back", "add", "wait", "account", "wipe", "copy", "put back"]
    runs: tuple[Run, ...] = ()
    schedule: int = 0
    amount: int = 1


class Script(Model):
    """What is imported, and what happens. Afterwards the import is run without a fault until all is well."""

    sends: Literal["profiles", "events"] = "profiles"
    holds: bool = False
    rows: int = 4
    steps: tuple[Step, ...] = Field(())

    @property
    def size(self) -> tuple[int, int]:
        """How much there is to read: what a shrunk script has less of."""
        faults = [fault for step in self.steps for run in step.runs for fault in run.faults]
        numbers = sum(fault.number + fault.times + fault.amount for fault in faults)
        runs = sum(len(step.runs) for step in self.steps)
        others = self.rows + sum(step.amount + bool(step.schedule) for step in self.steps)
        wishes = sum(run.force + run.reexecutes + bool(run.delay) for step in self.steps for run in step.runs)
        return len(self.steps) + runs + len(faults), numbers + others + wishes + self.holds


def read(file: Path) -> Script:
    return Script.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


def text(script: Script) -> str:
    values = script.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=110)
