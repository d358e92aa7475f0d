"""What a file in `faults/` says: rows, runs with what goes wrong in them, and what must come of it."""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

FOLDER = Path(__file__).with_name("faults")


class Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Run(Said):
    """One run. `sql` comes before it, `while_waiting` at its first wait; `settle` is a person's finding.

    In SQL {yesterday} and {today} stand for moments. Faults end with their run, and spare CleverTap's dry run
    unless they say otherwise.
    """

    settle: Literal["delivered", "lost"] | None = None
    sql: tuple[str, ...] = ()
    knobs: dict[str, Any] = {}
    faults: tuple[dict[str, Any], ...] = ()
    while_waiting: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    waited_seconds: tuple[float, float] = (0, float("inf"))
    status: str = "Success"
    problem: str | None = None
    report: dict[str, int]


class Holds(Said):
    """What CleverTap has in the end; `names` of some profiles, by identity."""

    events: int = 0
    duplicates: int = 0
    profiles: int = 0
    names: dict[str, str] = {}


class Scenario(Said):
    sends: Literal["events", "profiles"]
    rows: int
    attributes: dict[str, Any] = {}
    request_seconds: float = 120
    runs: tuple[Run, ...]
    clevertap: Holds


def read(file: Path) -> Scenario:
    return Scenario.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
