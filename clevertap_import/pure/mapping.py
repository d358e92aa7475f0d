"""From rows to records, a column at a time: no Python object is made for a cell that is well.

A chunk of rows comes in as Arrow columns. Each rule answers with a mask of wrong cells; wrong rows leave; the
rest becomes one nested table, which is written as JSON in one go and cut at its line ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import arro3.io
import numpy as np
import pyarrow as pa
from xxhash import xxh3_128_digest

from .config import ImportConfig
from .property_types import (
    PROPERTY_TYPES,
    PropertyTypeUnusable,
    epoch_seconds,
    inferred,
    plain,
    whole_digits,
    without,
)
from .records import RECORD_SCHEMA, Rejection
from .rules import Finding, event_name_findings, event_time_findings, identity_findings, value_findings
from .target import EventsTarget, ProfilesTarget, PropertyMapping


@dataclass(frozen=True, slots=True)
class Problem:
    """Cells of one column, in one chunk, that break one rule. `places` are 0-based rows of the chunk."""

    column: str | None
    property: str | None
    type: str
    finding: Finding
    is_fatal: bool

    def places(self) -> np.ndarray:
        return np.flatnonzero(self.finding.wrong.to_numpy(zero_copy_only=False))


@dataclass(frozen=True, slots=True)
class Cells:
    """One column made ready for CleverTap, and what was wrong with it."""

    values: pa.Array
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapped:
    """A chunk after mapping: each of its rows is in `records` or in `rejections`, never in both."""

    records: pa.RecordBatch
    rejections: tuple[Rejection, ...]
    problems: tuple[Problem, ...]
    first_row: int


class Mapper:
    """Maps the chunks of one run. `run_seconds` is the time of the run, for events without their own."""

    def __init__(self, config: ImportConfig, run_seconds: int) -> None:
        self.config = config
        self.run_seconds = run_seconds
        self.zone = config.updated_on.timezone if config.updated_on else "UTC"

    def map(self, rows: pa.RecordBatch, windows: np.ndarray, first_row: int) -> Mapped:
        """`windows` are the starts of the rows' windows in epoch seconds; `first_row` numbers the first."""
        identities = self.identity(rows)
        head, body = self.fields(rows, identities)
        properties = self.properties(rows)
        problems = tuple(
            p for cells in (identities, *head.values(), *properties.values()) for p in cells.problems
        )
        wrong = wrong_rows(problems, rows.num_rows, self.config.on_invalid == "skip_property")
        kept = np.flatnonzero(~wrong)
        lines = self.encode(head, body, properties, kept if wrong.any() else None, rows.num_rows)
        records = self.records(lines, kept, windows, identities.values, first_row)
        return Mapped(records, rejections(problems, identities.values, wrong, first_row), problems, first_row)

    def identity(self, rows: pa.RecordBatch) -> Cells:
        name = self.config.identity_column
        values = identity_text(plain(rows[name]))
        return Cells(values, fatal(name, self.identity_key, "string", identity_findings(values)))

    @property
    def identity_key(self) -> str:
        """The key that names the person: `identity`, or `objectId` for a CleverTap ID (upload API pages)."""
        return "identity" if self.config.target.identity else "objectId"

    def fields(self, rows: pa.RecordBatch, identities: Cells) -> tuple[dict[str, Cells], str]:
        """The fields of a record before its properties, in order, and the key that holds the properties."""
        target = self.config.target
        size = rows.num_rows
        if isinstance(target, ProfilesTarget):
            return {
                self.identity_key: Cells(identities.values),
                "type": constant("profile", size),
            }, "profileData"
        return {
            "ts": self.event_time(target, rows),
            self.identity_key: Cells(identities.values),
            "type": constant("event", size),
            "evtName": event_name(target, rows),
        }, "evtData"

    def event_time(self, target: EventsTarget, rows: pa.RecordBatch) -> Cells:
        if target.created_on is None:
            return Cells(pa.repeat(pa.scalar(self.run_seconds, pa.int64()), rows.num_rows))
        name = target.created_on.column
        seconds = epoch_seconds(plain(rows[name]), target.created_on.timezone or self.zone)
        findings = event_time_findings(seconds)
        return Cells(without(seconds, findings), fatal(name, "ts", "date", findings))

    def properties(self, rows: pa.RecordBatch) -> dict[str, Cells]:
        return {
            mapping.property: property_cells(mapping, rows, mapping.timezone or self.zone)
            for mapping in self.config.target.properties
        }

    def encode(
        self,
        head: dict[str, Cells],
        body: str,
        properties: dict[str, Cells],
        kept: np.ndarray | None,
        size: int,
    ) -> list[bytes]:
        """One line of JSON for each kept row, or for all rows if `kept` is None."""
        names, values = list(properties), [cells.values for cells in properties.values()]
        # A row without properties needs its empty object: `profileData` and `evtData` are mandatory.
        data = pa.StructArray.from_arrays(values, names) if names else pa.array([{}] * size, pa.struct([]))
        table = pa.table([*(cells.values for cells in head.values()), data], [*head, body])
        if kept is not None:
            table = table.take(pa.array(kept))
        out = BytesIO()
        arro3.io.write_ndjson(table, out)
        return out.getvalue().split(b"\n")[:-1] if table.num_rows else []

    def records(
        self,
        lines: list[bytes],
        kept: np.ndarray,
        windows: np.ndarray,
        identities: pa.StringArray,
        first_row: int,
    ) -> pa.RecordBatch:
        starts = windows[kept]
        if isinstance(self.config.target, ProfilesTarget):
            digests = list(map(xxh3_128_digest, lines))
            names = identities.take(pa.array(kept)).cast(pa.binary()).to_pylist()
            identity_digests = list(map(xxh3_128_digest, names))
        else:
            digests = event_digests(lines, starts, self.timeless_bytes)
            identity_digests = []
        columns = [
            pa.array(lines, pa.binary()),
            pa.array(kept + first_row, pa.int64()),
            pa.array(starts, pa.int64()),
            pa.array(digests, RECORD_SCHEMA.field("digest").type),
            pa.array(identity_digests or pa.nulls(len(lines)), RECORD_SCHEMA.field("identity_digest").type),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=RECORD_SCHEMA)

    @property
    def timeless_bytes(self) -> int:
        """How many leading bytes of an event say the time of the run only: a rerun makes no new event."""
        target = self.config.target
        if isinstance(target, ProfilesTarget) or target.created_on is not None:
            return 0
        return len(f'{{"ts":{self.run_seconds},')


def event_digests(lines: list[bytes], windows: np.ndarray, skip: int) -> list[bytes]:
    """Digests of events, seeded with their window: equal content in another window is another event."""
    if skip:
        lines = [line[skip:] for line in lines]
    return list(map(xxh3_128_digest, lines, windows.tolist()))


def identity_text(cells: pa.Array) -> pa.StringArray:
    """Identities as text: whole numbers as plain digits."""
    if pa.types.is_decimal(cells.type):
        return whole_digits(cells)
    if pa.types.is_string(cells.type) or pa.types.is_integer(cells.type):
        return cells.cast(pa.string())
    raise PropertyTypeUnusable(
        f"A column of type {cells.type} cannot be an identity. Identities are text or whole numbers."
    )


def event_name(target: EventsTarget, rows: pa.RecordBatch) -> Cells:
    if target.event_name.column is None:
        return constant(target.event_name.constant, rows.num_rows)
    names = plain(rows[target.event_name.column]).cast(pa.string())
    return Cells(names, fatal(target.event_name.column, "evtName", "string", event_name_findings(names)))


def property_cells(mapping: PropertyMapping, rows: pa.RecordBatch, zone: str) -> Cells:
    if mapping.column is None:
        return constant(mapping.constant, rows.num_rows)
    cells = plain(rows[mapping.column])
    type_name = mapping.type or inferred(cells.type)
    values, findings = PROPERTY_TYPES[type_name].encode(cells, zone)
    limits = value_findings(values)
    problems = tuple(
        Problem(mapping.column, mapping.property, type_name, finding, is_fatal=False)
        for finding in findings + limits
    )
    return Cells(without(values, limits), problems)


def constant(value: object, size: int) -> Cells:
    return Cells(pa.repeat(pa.scalar(value), size))


def fatal(column: str, key: str, type_name: str, findings: list[Finding]) -> tuple[Problem, ...]:
    """Problems that no policy can mend by leaving the property out."""
    return tuple(Problem(column, key, type_name, finding, is_fatal=True) for finding in findings)


def wrong_rows(problems: Sequence[Problem], size: int, fatal_only: bool) -> np.ndarray:
    """A mask of the rows that cannot be sent."""
    wrong = np.zeros(size, dtype=bool)
    for problem in problems:
        if problem.is_fatal or not fatal_only:
            wrong |= problem.finding.wrong.to_numpy(zero_copy_only=False)
    return wrong


def rejections(
    problems: Sequence[Problem], identities: pa.StringArray, wrong: np.ndarray, first_row: int
) -> tuple[Rejection, ...]:
    """One rejection for each wrong row, with the first of its problems, in the order of the rows."""
    first: dict[int, Problem] = {}
    for problem in problems:
        for place in problem.places().tolist():
            if wrong[place]:
                first.setdefault(place, problem)
    return tuple(
        Rejection(
            first_row + place,
            problem.column,
            problem.property,
            problem.finding.code,
            problem.finding.reason,
            identities[place].as_py(),
        )
        for place, problem in sorted(first.items())
    )
