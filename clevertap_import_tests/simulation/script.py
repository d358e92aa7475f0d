"""A script: the runs and faults of one import, step by step. Each seed gives one. Files hold them as YAML."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

Point = Literal["post", "answer", "begin", "commit", "committed"]
"""Where a fault can hit a process: before and after CleverTap gets a request, before a transaction of the
journal, before its commit, and after the commit."""

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
    """It comes when the run reaches the point for the `number`th time (from 1), `times` times in a row.

    `amount`: seconds of an outage or of a late request; commits that a failover loses.
    """

    at: Point
    number: int
    do: Deed
    times: int = 1
    amount: int = 0


class Run(Model):
    """One process that runs the import. `reexecutes`: it executes the previous run again."""

    force: bool = False
    reexecutes: bool = False
    delay: int = 0
    faults: tuple[Fault, ...] = ()


class Step(Model):
    """`run`: one run, or several at once; `schedule` draws the order in which their tasks go on.

    `amount` is a number of rows or hours. `change`: rows of the source get a new content. `back`: rows get
    their first content again. `add`: rows are new. `wait`: hours pass. `account`: the import goes to another
    account. `wipe`: a person empties the CleverTap project, and forces the next run. `copy`: a person copies
    the journal. `put back`: a person restores that copy.
    """

    do: Literal["run", "change", "back", "add", "wait", "account", "wipe", "copy", "put back"]
    runs: tuple[Run, ...] = ()
    schedule: int = 0
    amount: int = 1


class Script(Model):
    """The import and its steps. After them the import runs without faults until all is well."""

    sends: Literal["profiles", "events"] = "profiles"
    holds: bool = False
    rows: int = 4
    steps: tuple[Step, ...] = Field(())

    @property
    def size(self) -> tuple[int, int]:
        """How much there is to read. Shrinking makes it less."""
        faults = [fault for step in self.steps for run in step.runs for fault in run.faults]
        numbers = sum(fault.number + fault.times + fault.amount for fault in faults)
        runs = sum(len(step.runs) for step in self.steps)
        others = self.rows + sum(step.amount + bool(step.schedule) for step in self.steps)
        options = sum(
            run.force + run.reexecutes + bool(run.delay) for step in self.steps for run in step.runs
        )
        return len(self.steps) + runs + len(faults), numbers + others + options + self.holds


def read(file: Path) -> Script:
    return Script.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


def text(script: Script) -> str:
    values = script.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=110)
