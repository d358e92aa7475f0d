"""One column of a chunk made ready for CleverTap, with what is wrong in it."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clevertap_import.pure.json_cells import scalar_texts
from clevertap_import.pure.property_types import (
    PROPERTY_TYPES,
    PropertyTypeUnusable,
    Reading,
    arrow_inferred,
    as_text,
    moment_seconds,
    plain,
    without,
)
from clevertap_import.pure.rules import (
    Finding,
    clevertap_id_findings,
    event_name_findings,
    event_time_findings,
    identity_findings,
)
from clevertap_import.pure.system_properties import SystemProperty
from clevertap_import.pure.target import CreatedOn, EventName, PropertyMapping


@dataclass(frozen=True, slots=True)
class Problem:
    """Cells of one column, in one chunk, that break one rule."""

    column: str | None
    property: str | None
    type: str
    finding: Finding
    is_fatal: bool

    def places(self) -> np.ndarray:
        """The 0-based rows of the chunk that have it."""
        return np.flatnonzero(self.finding.wrong.to_numpy(zero_copy_only=False))


@dataclass(frozen=True, slots=True)
class Cells:
    """A column as CleverTap takes it. `deletes` marks the rows in which the property is to be removed."""

    values: pa.Array
    problems: tuple[Problem, ...] = ()
    deletes: pa.StructArray | None = None


def identity_cells(column: str, key: str, cells: pa.Array) -> Cells:
    """Identities, or CleverTap IDs if `key` is objectId. Numbers become plain digits."""
    cells = plain(cells)
    is_number = pa.types.is_integer(cells.type) or pa.types.is_decimal(cells.type)
    if not is_number and not pa.types.is_string(cells.type):
        raise PropertyTypeUnusable(
            f"A column of type {cells.type} cannot be an identity. Identities are text or whole numbers."
        )
    texts = pc.replace_substring_regex(as_text(cells), r"\.0*\z", "") if is_number else cells
    findings = clevertap_id_findings(texts) if key == "objectId" else identity_findings(texts)
    return Cells(texts, fatal(column, key, "string", findings))


def event_name_cells(name: EventName, rows: pa.RecordBatch, source_type: str | None) -> Cells:
    if name.column is None:
        return constant_cells(name.constant, rows.num_rows)
    texts, findings = unwrapped(plain(rows[name.column]), source_type)
    names = as_text(texts)
    return Cells(names, fatal(name.column, "evtName", "string", findings + event_name_findings(names)))


def event_time_cells(created_on: CreatedOn, cells: pa.Array, zone: str, source_type: str | None) -> Cells:
    texts, findings = unwrapped(plain(cells), source_type)
    reading = Reading(created_on.timezone or zone, created_on.format)
    seconds, dated = moment_seconds(texts, reading)
    # A text that is no date has no time either; one reason is enough.
    findings = findings + dated or event_time_findings(seconds)
    return Cells(without(seconds, findings), fatal(created_on.column, "ts", "date", findings))


@dataclass(frozen=True, slots=True)
class PropertyPlan:
    """How one property is made. `type` None: as the column's Arrow type suggests; `system`: its own rules."""

    mapping: PropertyMapping
    reading: Reading
    type: str | None = None
    source_type: str | None = None
    system: SystemProperty | None = None

    def cells(self, rows: pa.RecordBatch) -> Cells:
        """The values of the property in all `rows`, and what is wrong with them."""
        if self.mapping.column is None:
            value, _ = self.constant()
            return Cells(pa.repeat(value, rows.num_rows))
        cells = plain(rows[self.mapping.column])
        type_name = self.type or arrow_inferred(cells.type)
        texts, broken = (cells, []) if type_name == "list" else unwrapped(cells, self.source_type)
        values, wrong = self.encoded(type_name, without(texts, broken))
        problems = tuple(
            Problem(self.mapping.column, self.mapping.property, type_name, finding, is_fatal=False)
            for finding in broken + wrong
        )
        return Cells(values, problems)

    def constant(self) -> tuple[pa.Scalar, list[Finding]]:
        """The value of a constant, by the same rules as a column of it."""
        cells = pa.array([self.mapping.constant])
        values, findings = self.encoded(self.type or arrow_inferred(cells.type), cells)
        return values[0], findings

    def encoded(self, type_name: str, cells: pa.Array) -> tuple[pa.Array, list[Finding]]:
        """A column as the type makes it, then judged by the rules of the property if CleverTap has some."""
        values, findings = PROPERTY_TYPES[type_name].encode(cells, self.reading)
        ruled = self.system.findings(values) if self.system else []
        return without(values, ruled), findings + ruled


def unwrapped(cells: pa.Array, source_type: str | None) -> tuple[pa.Array, list[Finding]]:
    """VARIANT cells as the text of what they hold; other columns as they are."""
    return scalar_texts(cells) if source_type == "VARIANT" else (cells, [])


def deletions(cells: pa.Array) -> pa.StructArray | None:
    """`{"$delete": 1}` where a cell is NULL, for properties that NULL removes; None if no cell is."""
    if not cells.null_count:
        return None
    marks = pa.repeat(pa.scalar(1, pa.int8()), len(cells))
    return pa.StructArray.from_arrays([marks], ["$delete"], mask=pc.is_valid(cells))


def constant_cells(value: object, size: int) -> Cells:
    return Cells(pa.repeat(pa.scalar(value), size))


def fatal(column: str, key: str, type_name: str, findings: list[Finding]) -> tuple[Problem, ...]:
    """Problems that no policy can mend by leaving a property out."""
    return tuple(Problem(column, key, type_name, finding, is_fatal=True) for finding in findings)
