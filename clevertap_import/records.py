"""The values that pass between packages: records to send, rejections to report."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from html import escape
from urllib.parse import quote, quote_plus

import numpy as np
import pyarrow as pa

MAX_RECORDS_PER_REQUEST = 1000
"""CleverTap's limit for one upload call (Upload User Profiles and Upload Events API pages)."""

MAX_BODY_BYTES = 5_000_000
"""CleverTap publishes no limit for a body; this is well below every size that was seen to work."""

DIGEST_BYTES = 16

SHORTEST_MASKED = 3
"""Values with fewer characters are not masked in CleverTap's texts, which contain words such as "Y/N"."""

WHOLE_REQUEST_WORDS = "malformed request"
"""CleverTap's text for a malformed request. Values that are a part of it are not masked."""

PLAIN = re.compile(r"[A-Za-z0-9_.-]*")
"""A value that JSON, HTML and addresses write unchanged."""

REWRITTEN = re.compile(r"(\+|\$D_)(?=[0-9])")
"""The beginning of phone numbers and dates, which CleverTap drops when it converts them to numbers."""

NUMBER = re.compile(r"(?<![\w.,])[+-]?[0-9](?:[0-9.,_']*[0-9])?(?:[eE][+-]?[0-9]{1,3})?(?!\w)")
"""A number in a text, perhaps in groups of digits or with an exponent."""

RECORD_SCHEMA = pa.schema(
    [
        ("record", pa.binary()),
        ("row_number", pa.int64()),
        ("window", pa.int64()),
        ("digest", pa.binary(DIGEST_BYTES)),
        ("identity_digest", pa.binary(DIGEST_BYTES)),
    ]
)
"""Encoded records in columns: a line of JSON, the 1-based row of the query result, the start of the row's
window in epoch seconds, the digests of the content and (profiles only) of the identity for the journal."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One row that was not imported, and why. `code` is CleverTap's code, or a word of ours.

    `window`: the start of its window, in epoch seconds. `digest`: of an event that became a record, its own.
    """

    row_number: int
    column: str | None
    property: str | None
    code: str
    reason: str
    identity: str | None = None
    window: int = field(default=0, compare=False)
    digest: bytes | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one request, in order, as one Arrow batch of `RECORD_SCHEMA`."""

    number: int
    rows: pa.RecordBatch

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    @property
    def body(self) -> bytes:
        """The JSON to POST. It is built at each call, so that only the sending thread has it in memory."""
        return b'{"d":[' + b",".join(self.rows["record"].to_pylist()) + b"]}"

    @property
    def digests(self) -> bytes:
        """The content digests of all records, in order, 16 bytes each."""
        return packed(self.rows["digest"])

    @property
    def identity_digests(self) -> bytes:
        """The identity digests of all records, 16 bytes each; empty for events."""
        return packed(self.rows["identity_digest"])

    @property
    def window_span(self) -> tuple[int, int]:
        """The first and the last window start of these records, in epoch seconds."""
        windows = self.rows["window"].to_numpy(zero_copy_only=False)
        return int(windows.min()), int(windows.max())

    def window_offsets(self, span: tuple[int, int]) -> bytes | None:
        """The windows as seconds after the first of `span`, 4 bytes each; None if the span is one window."""
        if span[0] == span[1]:
            return None
        windows = self.rows["window"].to_numpy(zero_copy_only=False)
        return bytes((windows - span[0]).astype(np.uint32))

    def row_number(self, index: int) -> int:
        """The row of the query result that became record `index` (0-based)."""
        return int(self.rows["row_number"][index].as_py())

    def window(self, index: int) -> int:
        """The start of the window of record `index`, in epoch seconds."""
        return int(self.rows["window"][index].as_py())

    def event_digest(self, index: int) -> bytes | None:
        """The content digest of record `index`, if it is an event."""
        if not self.rows["identity_digest"].null_count:
            return None
        digest: bytes = self.rows["digest"][index].as_py()
        return digest

    def identity(self, index: int) -> str | None:
        """The identity of record `index`, read from its JSON."""
        record = json.loads(self.rows["record"][index].as_py())
        identity: str | None = record.get("identity") or record.get("objectId")
        return identity

    def without_values(self, index: int, text: str) -> str:
        """`text`, which is about record `index`, with dots in place of the record's values."""
        return masked(text, values_of(self.rows["record"][index].as_py()))

    def without_any_values(self, text: str) -> str:
        """`text`, which is about the whole request, with dots in place of the values of all records."""
        values: set[str] = set()
        for record in self.rows["record"].to_pylist():
            values |= values_of(record)
        # Otherwise nobody could see that the request was malformed.
        return masked(text, {value for value in values if value.lower() not in WHOLE_REQUEST_WORDS})

    def take(self, indices: Sequence[int]) -> "Batch":
        """A batch with only these records."""
        return Batch(self.number, self.rows.take(pa.array(indices, pa.int64())))


def batch_of_one(line: bytes) -> Batch:
    """One encoded record that has no source row."""
    columns = [[line], [1], [0], [bytes(DIGEST_BYTES)], [bytes(DIGEST_BYTES)]]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, RECORD_SCHEMA, strict=True)]
    return Batch(0, pa.RecordBatch.from_arrays(arrays, schema=RECORD_SCHEMA))


def values_of(line: bytes) -> set[str]:
    """The texts and numbers of one encoded record that are a person's data."""
    record = json.loads(line)
    parts = [record.get(key) for key in ("identity", "objectId", "profileData", "evtData")]
    # CleverTap's texts have no blanks at their ends.
    return {value.strip() for value in texts_in(parts)}


def masked(text: str, values: Iterable[str]) -> str:
    """`text` with dots for `values`, in any case, also in the forms that JSON, HTML and addresses use.

    Numbers are also found in other notations.
    """
    words = text.casefold()
    values = set(values)
    forms = {form for value in values for form in forms_of(value) if len(form) >= SHORTEST_MASKED}
    # Longest first, because one value may begin with another.
    for form in sorted((form for form in forms if form.casefold() in words), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "...", text, flags=re.IGNORECASE)
    numbers = {number for value in values if len(value) >= SHORTEST_MASKED for number in numbers_of(value)}
    return NUMBER.sub(lambda found: "..." if readings(found[0]) & numbers else found[0], text)


def numbers_of(value: str) -> set[Decimal]:
    """The number that a value is, without its sign: as it is, and as a machine rounds it."""
    digits = REWRITTEN.sub("", value)
    if not NUMBER.fullmatch(digits):
        return set()
    with suppress(InvalidOperation, ValueError):
        return {abs(Decimal(digits)), abs(Decimal(repr(float(digits))))}
    return set()


def readings(number: str) -> set[Decimal]:
    """The numbers that CleverTap may mean, without signs. A point or a comma may begin the decimals."""
    found = set()
    for groups, point in ((",_'", "."), ("._'", ",")):
        with suppress(InvalidOperation):
            digits = number.translate(dict.fromkeys(map(ord, groups))).replace(point, ".")
            found.add(abs(Decimal(digits)))
    return found


def forms_of(value: str) -> set[str]:
    """The forms of a value in CleverTap's texts."""
    if len(value) < SHORTEST_MASKED:
        return set()
    if PLAIN.fullmatch(value):
        return {value}
    forms = {value, one_line(value), quote(value, "", errors="replace")}
    forms.add(quote_plus(value, errors="replace"))
    for as_letters in (True, False):
        once = json.dumps(value, ensure_ascii=as_letters)[1:-1]
        # Twice, for JSON inside JSON.
        forms |= {once, json.dumps(once, ensure_ascii=as_letters)[1:-1]}
    as_html = escape(value)
    forms |= {as_html, as_html.replace("&#x27;", "&#39;"), escape(value, quote=False)}
    if REWRITTEN.match(value):
        forms.add(REWRITTEN.sub("", value))
    return forms


def one_line(text: str) -> str:
    """`text` on one line, without characters that control a terminal."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def texts_in(cell: object) -> Iterator[str]:
    """Every text and number in a piece of JSON, without keys."""
    if isinstance(cell, dict | list):
        for inner in cell.values() if isinstance(cell, dict) else cell:
            yield from texts_in(inner)
    elif cell is not None:
        yield str(cell)


def without_digests(rows: pa.RecordBatch, mask: np.ndarray) -> pa.RecordBatch:
    """`rows`, in which events in `mask` have an empty digest. Profiles do not change."""
    if not rows["identity_digest"].null_count:
        return rows
    digests = unpacked(bytearray(packed(rows["digest"])))
    digests[mask] = bytes(DIGEST_BYTES)
    column = pa.Array.from_buffers(rows["digest"].type, len(digests), [None, pa.py_buffer(digests.tobytes())])
    return rows.set_column(rows.schema.get_field_index("digest"), rows.schema.field("digest"), column)


def packed(digests: pa.Array) -> bytes:
    """A column of digests as bytes; nulls (events have no identity digest) add nothing."""
    if digests.null_count:
        return b""
    begin = digests.offset * DIGEST_BYTES
    cells: bytes = digests.buffers()[1][begin : begin + len(digests) * DIGEST_BYTES].to_pybytes()
    return cells


def unpacked(digests: bytes | bytearray) -> np.ndarray:
    """Bytes as an array of 16-byte digests that sorts and compares bytewise, without a copy."""
    return np.frombuffer(digests, dtype=f"V{DIGEST_BYTES}")


def sliced(rows: pa.RecordBatch, max_records: int, max_bytes: int) -> Iterator[pa.RecordBatch]:
    """Cut `rows`, in order, into pieces that CleverTap accepts. A record over `max_bytes` is a piece of its
    own."""
    offsets = np.concatenate([[0], np.cumsum(pa.compute.binary_length(rows["record"]).to_numpy())])
    start = 0
    while start < rows.num_rows:
        fitting = int(np.searchsorted(offsets, offsets[start] + max_bytes, side="right")) - 1
        end = min(start + max_records, max(fitting, start + 1))
        yield rows.slice(start, end - start)
        start = end
