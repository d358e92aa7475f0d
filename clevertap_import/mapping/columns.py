"""One column of a chunk, converted for CleverTap, with its problems."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clevertap_import.config.target import CreatedOn, EventName, PropertyMapping
from clevertap_import.mapping.blanks import blank_cells
from clevertap_import.mapping.json_values import blank_json_cells, scalar_texts
from clevertap_import.mapping.property_types import (
    PROPERTY_TYPES,
    PropertyTypeUnusable,
    ReadOptions,
    arrow_inferred,
    as_text,
    moment_seconds,
    whole_digits,
)
from clevertap_import.mapping.rules import (
    Violation,
    clevertap_id_violations,
    each_once,
    event_name_violations,
    event_time_violations,
    identity_violations,
    normalized,
    nulled,
    plain_digits,
    unicode_violations,
    violation_if_any,
)
from clevertap_import.mapping.system_properties import CHARGED, ITEMS, SystemProperty
from clevertap_import.snowflake.type_compatibility import JSON

WHOLE_JSON = ("list", "items", "groups")
"""Types that parse the JSON of a cell, instead of the text in a JSON string."""


@dataclass(frozen=True, slots=True)
class CellProblem:
    """Cells of one column, in one chunk, that break one rule."""

    column: str | None
    property: str | None
    type: str
    violation: Violation
    is_fatal: bool

    def places(self) -> np.ndarray:
        """The 0-based rows of the chunk that have it."""
        return np.flatnonzero(self.violation.wrong.to_numpy(zero_copy_only=False))


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column in the form that CleverTap accepts. `deletes` marks the rows in which the property is removed;
    `blanks` is the number of cells that were blank and counted as NULL; `is_json` says that the values are
    JSON text, which is written into the record unchanged."""

    values: pa.Array
    problems: tuple[CellProblem, ...] = ()
    deletes: pa.StructArray | None = None
    blanks: int = 0
    is_json: bool = False


def identity_cells(column: str, key: str, cells: pa.Array) -> MappedColumn:
    """Identities, or CleverTap IDs if `key` is objectId. Numbers become plain digits."""
    cells = normalized(cells)
    is_number = pa.types.is_integer(cells.type) or pa.types.is_decimal(cells.type)
    if not is_number and not pa.types.is_string(cells.type):
        raise PropertyTypeUnusable(
            f"A column of type {cells.type} cannot be an identity. Identities are text or whole numbers."
        )
    texts, broken = variant_text(whole_digits(cells) if is_number else cells, None)
    violations = clevertap_id_violations(texts) if key == "objectId" else identity_violations(texts)
    return MappedColumn(texts, fatal(column, key, "string", each_once(broken + violations)))


def event_name_cells(name: EventName, rows: pa.RecordBatch, source_type: str | None) -> MappedColumn:
    if name.column is None:
        return constant_cells(name.constant, rows.num_rows)
    texts, violations = variant_text(normalized(rows[name.column]), source_type)
    names = as_text(texts)
    # A name that is not text is also missing; one reason is enough.
    violations = (
        each_once(violations + event_name_violations(names)) if violations else event_name_violations(names)
    )
    return MappedColumn(names, fatal(name.column, "evtName", "string", violations))


def event_time_cells(
    created_on: CreatedOn, cells: pa.Array, zone: str, source_type: str | None
) -> MappedColumn:
    texts, violations = variant_text(normalized(cells), source_type)
    reading = ReadOptions(created_on.timezone or zone, created_on.format)
    seconds, dated = moment_seconds(texts, reading)
    violations = each_once([*violations, *dated, *event_time_violations(seconds)])
    return MappedColumn(nulled(seconds, violations), fatal(created_on.column, "ts", "date", violations))


@dataclass(frozen=True, slots=True)
class PropertyMapper:
    """How one property is made. `type` None: inferred from the column's Arrow type; `system`: its own
    rules."""

    mapping: PropertyMapping
    reading: ReadOptions
    type: str | None = None
    source_type: str | None = None
    system: SystemProperty | None = None
    blank_is_null: bool = True

    def cells(self, rows: pa.RecordBatch) -> MappedColumn:
        """The values of the property in all `rows`, and what is wrong with them."""
        if self.mapping.column is None:
            value, _ = self.constant()
            return MappedColumn(pa.repeat(value, rows.num_rows), is_json=self.is_json)
        cells = normalized(rows[self.mapping.column])
        type_name = self.type or arrow_inferred(cells.type)
        texts, broken = variant_text(cells, None if type_name in WHOLE_JSON else self.source_type)
        if type_name == "string" and self.mapping.type is None and self.source_type in JSON:
            # Checked in the original cells: there a text that begins with a bracket is in quotes.
            objects = object_violations(cells)
            texts, broken = nulled(texts, objects), broken + objects
        texts, blanks = self.without_blanks(type_name, texts)
        values, wrong = self.encoded(type_name, texts)
        problems = tuple(
            CellProblem(self.mapping.column, self.mapping.property, type_name, violation, is_fatal=False)
            for violation in broken + wrong
        )
        return MappedColumn(values, problems, blanks=blanks, is_json=self.is_json)

    def without_blanks(self, type_name: str, cells: pa.Array) -> tuple[pa.Array, int]:
        """The column with NULL for blank text, and the number of blanks. Custom text properties may be
        blank."""
        is_free_text = type_name == "string" and self.system is None
        if not self.blank_is_null or is_free_text or not pa.types.is_string(cells.type):
            return cells, 0
        is_json = type_name in WHOLE_JSON and self.source_type == "VARIANT"
        blank = blank_json_cells(cells) if is_json else blank_cells(cells)
        if blank is None:
            return cells, 0
        return pc.if_else(blank, pa.scalar(None, cells.type), cells), pc.sum(blank).as_py()

    @property
    def is_json(self) -> bool:
        return self.type is not None and PROPERTY_TYPES[self.type].is_json

    def constant(self) -> tuple[pa.Scalar, list[Violation]]:
        """The value of a constant, by the same rules as a column of it."""
        value = self.mapping.constant
        is_large = isinstance(value, int) and not -(2**63) <= value < 2**63
        # Arrow has no integers of more than 64 bits; as text they are checked like any other.
        cells = pa.array([str(value) if is_large else value])
        type_name = self.type or ("integer" if is_large else arrow_inferred(cells.type))
        values, violations = self.encoded(type_name, cells)
        return values[0], violations

    def encoded(self, type_name: str, cells: pa.Array) -> tuple[pa.Array, list[Violation]]:
        """A column as the property type encodes it, then checked by CleverTap's rules for the property, if
        any."""
        if self.system and self.system.is_yes_or_no and pa.types.is_boolean(cells.type):
            type_name = "boolean"
        values, violations = PROPERTY_TYPES[type_name].encode(cells, self.reading)
        values = self.system.spelt(values) if self.system else values
        ruled = self.system.violations(values) if self.system else []
        return nulled(values, ruled), violations + ruled


def variant_text(cells: pa.Array, source_type: str | None) -> tuple[pa.Array, list[Violation]]:
    """VARIANT cells as the text of their value, DECFLOAT as plain digits, other columns unchanged.

    Invalid text becomes null.
    """
    broken = unicode_violations(cells) if pa.types.is_string(cells.type) else []
    cells = nulled(cells, broken)
    if source_type == "DECFLOAT" and pa.types.is_string(cells.type):
        return pc.replace_substring_regex(plain_digits(cells), r"\.0*\z", ""), broken
    if source_type != "VARIANT":
        return cells, broken
    texts, inner = scalar_texts(cells)
    return texts, broken + inner


def object_violations(cells: pa.StringArray) -> list[Violation]:
    """JSON objects and lists, which are sent as text only if the import says `type: string`."""
    return violation_if_any("not_a_value", pc.match_substring_regex(cells, r"\A\s*[\[{]"))


def only_in_charged(cells: MappedColumn, names: pa.StringArray, plan: PropertyMapper) -> MappedColumn:
    """`Items` where each row names its event: in Charged they must be a list of objects, elsewhere they may
    not."""
    is_charged = pc.fill_null(pc.equal(names, CHARGED), False)
    is_list = plan.is_json
    wrong = pc.and_(pc.is_valid(cells.values), pc.invert(is_charged) if is_list else is_charged)
    violations = violation_if_any("items_elsewhere" if is_list else "not_items", wrong)
    problems = tuple(
        CellProblem(plan.mapping.column, ITEMS.name, plan.type or "", violation, is_fatal=False)
        for violation in violations
    )
    return replace(cells, values=nulled(cells.values, violations), problems=cells.problems + problems)


def deletions(cells: MappedColumn) -> pa.StructArray | None:
    """`{"$delete": 1}` where the value is NULL and valid, for properties that NULL removes.

    JSON null, which a VARIANT or an ARRAY may contain, counts as NULL; a wrong cell removes nothing.
    """
    missing = pc.is_null(cells.values)
    for problem in cells.problems:
        missing = pc.and_not(missing, problem.violation.wrong)
    if not pc.any(missing).as_py():
        return None
    marks = pa.repeat(pa.scalar(1, pa.int8()), len(missing))
    return pa.StructArray.from_arrays([marks], ["$delete"], mask=pc.invert(missing))


def constant_cells(value: object, size: int) -> MappedColumn:
    return MappedColumn(pa.repeat(pa.scalar(value), size))


def fatal(column: str, key: str, type_name: str, violations: list[Violation]) -> tuple[CellProblem, ...]:
    """Problems that reject the row: leaving out the property would not solve them."""
    return tuple(CellProblem(column, key, type_name, violation, is_fatal=True) for violation in violations)
