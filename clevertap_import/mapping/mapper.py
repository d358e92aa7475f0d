"""Maps rows to records, a column at a time: no Python object is made for a valid cell.

A chunk of rows comes in as Arrow columns. Each rule returns a mask of wrong cells, and wrong rows are
removed. The other rows become one nested table, which is written as JSON in one call and split into lines
without a copy.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO

import arro3.io
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_128_digest

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.target import EventsTarget, ProfilesTarget, PropertyMapping
from clevertap_import.mapping.columns import (
    CellProblem,
    MappedColumn,
    PropertyMapper,
    constant_cells,
    deletions,
    event_name_cells,
    event_time_cells,
    identity_cells,
    only_in_charged,
)
from clevertap_import.mapping.objects import in_one_order
from clevertap_import.mapping.property_types import ReadOptions
from clevertap_import.mapping.system_properties import ITEMS, own_property
from clevertap_import.records import DIGEST_BYTES, RECORD_SCHEMA, Rejection

NEWLINE = ord("\n")
BODY_END = b"}}\n"
EMPTY_BODY = b"{}}\n"
"""The end of a line: it closes the properties and the record, and adds a newline."""

CLOCK_SECONDS = 120
"""How far clocks may differ before an event is in the future: CleverTap's live campaigns allow as much
(Events Object page)."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A chunk after mapping: each of its rows is in `records` or in `rejections`, never in both.

    `blank_values`: for each property with blanks, how many cells were blank and counted as NULL.
    `future_events`: how many of the rows have an event time later than the run.
    """

    records: pa.RecordBatch
    rejections: tuple[Rejection, ...]
    problems: tuple[CellProblem, ...]
    first_row: int
    blank_values: Mapping[str, int] = field(default_factory=dict)
    future_events: int = 0


@dataclass(frozen=True, slots=True)
class ColumnTypes:
    """What is known of the columns before a row is read: their Snowflake types by the names that the import
    uses, and the property types. Types that are missing follow from the Arrow type of the column."""

    source_types: Mapping[str, str] = field(default_factory=dict)
    property_types: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lines:
    """Records as they are sent, and their `contents`, by which the journal recognises them."""

    sent: pa.BinaryArray
    contents: pa.BinaryArray

    def filter(self, mask: pa.BooleanArray) -> "Lines":
        sent = self.sent.filter(mask)
        return Lines(sent, sent if self.contents is self.sent else self.contents.filter(mask))


class Mapper:
    """Maps the chunks of one run. `run_seconds` is the time of the run, for events without their own."""

    def __init__(self, config: ImportConfig, run_seconds: int, plan: ColumnTypes | None = None) -> None:
        self.config = config
        self.run_seconds = run_seconds
        self.plan = plan or ColumnTypes()
        self.zone = zone_of(config)
        self.property_plans = [
            property_plan(config, mapping, self.plan) for mapping in config.target.properties
        ]

    def map(self, rows: pa.RecordBatch, windows: np.ndarray, first_row: int) -> Mapped:
        """`windows` are the starts of the rows' windows in epoch seconds; `first_row` is the number of the
        first."""
        identities = identity_cells(
            self.config.identity_column, self.identity_key, rows[self.config.identity_column]
        )
        head, body = self.fields(rows, identities)
        properties = self.properties(rows, head)
        problems = tuple(
            p for cells in (identities, *head.values(), *properties.values()) for p in cells.problems
        )
        wrong = wrong_rows(problems, rows.num_rows, self.config.on_invalid == "skip_property")
        valid = np.flatnonzero(~wrong)
        lines = encode(head, body, properties, rows.num_rows)
        if wrong.any():
            # After the encoding, because removing lines costs less than removing rows of a table.
            lines = lines.filter(pa.array(~wrong))
        records = self.records(lines, valid, windows, identities.values, first_row)
        rejected = rejections(problems, identities.values, wrong, windows, first_row)
        blanks = {name: cells.blanks for name, cells in properties.items() if cells.blanks}
        return Mapped(records, rejected, problems, first_row, blanks, self.future_events(head))

    @property
    def identity_key(self) -> str:
        """The key that names the person: `identity`, or `objectId` for a CleverTap ID (upload API pages)."""
        return "identity" if self.config.target.identity else "objectId"

    def fields(self, rows: pa.RecordBatch, identities: MappedColumn) -> tuple[dict[str, MappedColumn], str]:
        """The fields of a record before its properties, in order, and the key of the properties."""
        target = self.config.target
        size = rows.num_rows
        names = {self.identity_key: MappedColumn(identities.values)}
        if isinstance(target, ProfilesTarget):
            return {**names, "type": constant_cells("profile", size)}, "profileData"
        # The time comes first, so that a digest can leave it out: see timeless_bytes.
        return {
            "ts": self.event_time(target, rows),
            **names,
            "type": constant_cells("event", size),
            "evtName": event_name_cells(target.event_name, rows, self.source_type(target.event_name.column)),
        }, "evtData"

    def source_type(self, column: str | None) -> str | None:
        return self.plan.source_types.get(column) if column else None

    def event_time(self, target: EventsTarget, rows: pa.RecordBatch) -> MappedColumn:
        created_on = target.created_on
        if created_on is None:
            return constant_cells(self.run_seconds, rows.num_rows)
        return event_time_cells(
            created_on, rows[created_on.column], self.zone, self.source_type(created_on.column)
        )

    def future_events(self, head: Mapping[str, MappedColumn]) -> int:
        if "ts" not in head:
            return 0
        is_ahead = pc.greater(head["ts"].values, self.run_seconds + CLOCK_SECONDS)
        return pc.sum(is_ahead).as_py() or 0

    def properties(self, rows: pa.RecordBatch, head: Mapping[str, MappedColumn]) -> dict[str, MappedColumn]:
        made = {plan.mapping.property: self.with_deletes(plan, rows) for plan in self.property_plans}
        target = self.config.target
        if ITEMS.name in made and isinstance(target, EventsTarget) and target.event_name.column:
            plan = next(each for each in self.property_plans if each.mapping.property == ITEMS.name)
            made[ITEMS.name] = only_in_charged(made[ITEMS.name], head["evtName"].values, plan)
        return made

    def with_deletes(self, plan: PropertyMapper, rows: pa.RecordBatch) -> MappedColumn:
        cells = plan.cells(rows)
        mapping = plan.mapping
        # Subscription groups are not a property that could be removed: they list changes.
        if mapping.column is None or cells.is_json or (mapping.on_null or self.config.on_null) == "skip":
            return cells
        return replace(cells, deletes=deletions(cells))

    def records(
        self,
        lines: Lines,
        valid: np.ndarray,
        windows: np.ndarray,
        identities: pa.StringArray,
        first_row: int,
    ) -> pa.RecordBatch:
        starts = windows[valid]
        if isinstance(self.config.target, ProfilesTarget):
            digests = digest_array(map(xxh3_128_digest, views(lines.contents)))
            names = identities.take(pa.array(valid)).cast(pa.binary()).to_pylist()
            identity_digests = digest_array(map(xxh3_128_digest, names))
        else:
            digests = event_digests(lines.contents, starts, self.timeless_bytes)
            identity_digests = pa.nulls(len(digests), digests.type)
        columns = [
            lines.sent,
            pa.array(valid + first_row, pa.int64()),
            pa.array(starts, pa.int64()),
            digests,
            identity_digests,
        ]
        return pa.RecordBatch.from_arrays(columns, schema=RECORD_SCHEMA)

    @property
    def timeless_bytes(self) -> int:
        """How many leading bytes of an event contain only the time of the run: a second run makes no new
        event."""
        target = self.config.target
        if isinstance(target, ProfilesTarget) or target.created_on is not None:
            return 0
        return len(f'{{"ts":{self.run_seconds},')


def zone_of(config: ImportConfig) -> str:
    """The zone for moments without a zone, if the import names no other."""
    return config.updated_on.timezone if config.updated_on else "UTC"


def property_plan(config: ImportConfig, mapping: PropertyMapping, plan: ColumnTypes) -> PropertyMapper:
    system = own_property(config.target, mapping.property)
    return PropertyMapper(
        mapping,
        ReadOptions(mapping.timezone or zone_of(config), mapping.format, mapping.operation or "set"),
        mapping.type or (system and system.type) or plan.property_types.get(mapping.property),
        plan.source_types.get(mapping.column) if mapping.column else None,
        system,
        blank_is_null=(mapping.on_blank or config.on_blank) == "as_null",
    )


def encode(
    head: Mapping[str, MappedColumn], body: str, properties: Mapping[str, MappedColumn], size: int
) -> Lines:
    """One line of JSON for each row. A wrong cell is null here, so its row has a line too, without it."""
    typed = {name: cells for name, cells in properties.items() if not cells.is_json}
    table = pa.table([*(cells.values for cells in head.values()), nested(typed, size)], [*head, body])
    out = BytesIO()
    arro3.io.write_ndjson(table, out)
    lines = Lines(plain := lines_of(out.getvalue()), plain)
    for name, cells in properties.items():
        if cells.is_json:
            lines = with_objects(lines, name, cells.values)
    return lines


def with_objects(lines: Lines, name: str, values: pa.StringArray) -> Lines:
    """`lines` with one more property of JSON text. Snowflake may aggregate a list in another order at each
    query; for the journal the event is the same."""
    sent = with_json(lines.sent, name, values)
    ordered = in_one_order(values)
    if ordered is values and lines.contents is lines.sent:
        return Lines(sent, sent)
    return Lines(sent, with_json(lines.contents, name, ordered))


def with_json(lines: pa.BinaryArray, name: str, values: pa.StringArray) -> pa.BinaryArray:
    """`lines` with one more property, whose values are JSON already; a null value adds nothing."""
    if values.null_count == len(values):
        return lines
    given = pc.is_valid(values)
    # Only a body without properties ends like this: in all others a value comes before the brackets.
    is_first = pc.ends_with(lines, EMPTY_BODY)
    key = json.dumps(name, ensure_ascii=False).encode()
    begun = pc.if_else(is_first, pa.scalar(key + b":"), pa.scalar(b"," + key + b":"))
    longer = pc.binary_join_element_wise(
        pc.binary_slice(lines, 0, -len(BODY_END)), begun, values.cast(pa.binary()), BODY_END, b""
    )
    return pc.if_else(given, longer, lines)


def lines_of(text: bytes) -> pa.BinaryArray:
    """The lines of `text`, each with its newline, which JSON ignores; so no line is copied."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == NEWLINE) + 1
    # Cast by Arrow, which refuses numbers beyond 32 bits.
    offsets = pa.array(np.concatenate([[0], ends]), pa.int64()).cast(pa.int32()).buffers()[1]
    return pa.Array.from_buffers(pa.binary(), len(ends), [None, offsets, pa.py_buffer(text)])


def views(lines: pa.BinaryArray) -> Iterator[memoryview]:
    """The bytes of each line, without copying them."""
    _, offsets, text = lines.buffers()
    places = np.frombuffer(offsets, np.int32)[lines.offset :][: len(lines) + 1].tolist()
    return map(memoryview(text).__getitem__, map(slice, places, places[1:]))


def nested(properties: Mapping[str, MappedColumn], size: int) -> pa.StructArray:
    """The properties as one column of objects. JSON leaves nulls out. So if a value and a deletion have the
    same name, exactly one of them is written."""
    names: list[str] = []
    values: list[pa.Array] = []
    for name, cells in properties.items():
        names.append(name)
        values.append(cells.values)
        if cells.deletes is not None:
            names.append(name)
            values.append(cells.deletes)
    # A row without properties needs its empty object: `profileData` and `evtData` are mandatory.
    return pa.StructArray.from_arrays(values, names) if names else pa.array([{}] * size, pa.struct([]))


def event_digests(lines: pa.BinaryArray, windows: np.ndarray, skip: int) -> pa.FixedSizeBinaryArray:
    """Digests of events, seeded with their window: equal content in another window is another event."""
    contents = (line[skip:] for line in views(lines)) if skip else views(lines)
    return digest_array(map(xxh3_128_digest, contents, windows.tolist()))


def digest_array(digests: Iterable[bytes]) -> pa.FixedSizeBinaryArray:
    packed = b"".join(digests)
    kind = RECORD_SCHEMA.field("digest").type
    return pa.Array.from_buffers(kind, len(packed) // DIGEST_BYTES, [None, pa.py_buffer(packed)])


def wrong_rows(problems: Sequence[CellProblem], size: int, fatal_only: bool) -> np.ndarray:
    """A mask of the rows that cannot be sent."""
    wrong = np.zeros(size, dtype=bool)
    for problem in problems:
        if problem.is_fatal or not fatal_only:
            wrong |= problem.violation.wrong.to_numpy(zero_copy_only=False)
    return wrong


def rejections(
    problems: Sequence[CellProblem],
    identities: pa.StringArray,
    wrong: np.ndarray,
    windows: np.ndarray,
    first_row: int,
) -> tuple[Rejection, ...]:
    """One rejection for each wrong row, with the first of its problems, in the order of the rows."""
    first: dict[int, CellProblem] = {}
    for problem in problems:
        for place in problem.places().tolist():
            if wrong[place]:
                first.setdefault(place, problem)
    return tuple(
        Rejection(
            first_row + place,
            problem.column,
            problem.property,
            problem.violation.code,
            problem.violation.reason,
            identities[place].as_py(),
            int(windows[place]),
        )
        for place, problem in sorted(first.items())
    )
