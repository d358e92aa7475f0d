"""Tables for people as pandas frames, and the lines of `--json` and of printed tables made from them.

pandas is used only for these small tables, never for the rows of an import. It is imported inside functions,
so that help and `import clevertap_import` do not wait for it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from clevertap_import.mapping.rejection_codes import remedy_of

if TYPE_CHECKING:
    import pandas as pd

    from clevertap_import.staging.rejected_rows import RejectedRow

Line = dict[str, Any]

TIME, TEXT, COUNT, NUMBER, FLAG = "datetime64[us, UTC]", "string", "Int64", "Float64", "boolean"
OBJECTS = "object"
"""Lists and objects of JSON, unchanged."""

RUNS = {
    "run_id": TEXT,
    "date_time": TIME,
    "imported_on": TIME,
    "status": TEXT,
    "health": NUMBER,
    "health_state": TEXT,
    "total_records": COUNT,
    "successful_syncs": COUNT,
    "failed_syncs": COUNT,
    "unchanged": COUNT,
    "invalid": COUNT,
    "rejected": COUNT,
    "uncertain": COUNT,
    "superseded": COUNT,
    "blank_values": COUNT,
    "future_events": COUNT,
    "window_start": TIME,
    "window_end": TIME,
    "seconds": NUMBER,
    "records_per_second": NUMBER,
    "query_id": TEXT,
    "changed_windows": COUNT,
    "problem": TEXT,
    "requests": COUNT,
    "throttled_seconds": NUMBER,
    "staging_seconds": NUMBER,
    "sending_seconds": NUMBER,
    "in_flight": COUNT,
}
RUN_DETAILS = {**RUNS, "errors_by_code": OBJECTS}
DAYS = {
    "day": TEXT,
    "runs": COUNT,
    "failed_runs": COUNT,
    "health": NUMBER,
    "health_state": TEXT,
    **dict.fromkeys(("total_records", "successful_syncs", "failed_syncs", "unchanged"), COUNT),
    **dict.fromkeys(("invalid", "rejected", "uncertain", "superseded"), COUNT),
    "seconds": NUMBER,
}
REPORTS = {"nickname": TEXT, **RUNS}
IMPORTS = {
    "nickname": TEXT,
    "title": TEXT,
    "partner": TEXT,
    "status": TEXT,
    "sync_type": TEXT,
    "frequency": TEXT,
    "health": NUMBER,
    "health_state": TEXT,
    "last_run": TIME,
    "datasource": TEXT,
    "created_on": TIME,
    "created_by": TEXT,
    "updated_on": TIME,
    "updated_by": TEXT,
    "problems": OBJECTS,
    "changed_windows": COUNT,
    "notes": OBJECTS,
    "open_rejects": COUNT,
    "new_24h": COUNT,
    "failed_24h": COUNT,
    "late": FLAG,
    "next_run": TIME,
    "bad_since": TIME,
    "why": TEXT,
    "severity": TEXT,
    "streak": COUNT,
    "progress": OBJECTS,
    "muted_until": TIME,
}
VERDICTS = {"nickname": TEXT, "file": TEXT, "ok": FLAG, "problems": OBJECTS, "notes": OBJECTS}
CHECKS = {"name": TEXT, "passed": FLAG, "severity": TEXT, "description": TEXT}
PROBLEMS = {
    "check": TEXT,
    "result": TEXT,
    "column": TEXT,
    "property": TEXT,
    "type": TEXT,
    "code": TEXT,
    "reason": TEXT,
    "rows": COUNT,
    "example_row": COUNT,
}
COLUMNS = {"name": TEXT, "type": TEXT}
OUTCOMES = {"run_id": TEXT, "date_time": TIME, "outcome": TEXT, "code": TEXT, "reason": TEXT}
REJECTIONS = {
    "row_number": COUNT,
    "identity": TEXT,
    "column": TEXT,
    "property": TEXT,
    "code": TEXT,
    "reason": TEXT,
}
REJECTED = {"run_id": TEXT, **REJECTIONS}
CODE = list(REJECTED).index("code")

CHUNK_ROWS = 1000
EXACT_IN_FLOAT = 2**53
INT64 = range(-(2**63), 2**63)


def pandas() -> Any:  # noqa: ANN401 - the module
    """Imported for the first frame: it takes 60 MB, which a run and `import clevertap_import` do not pay."""
    import pandas as module

    return module


def frame_of(lines: Iterable[Mapping[str, Any]], dtypes: Mapping[str, str]) -> "pd.DataFrame":
    """A row for each line; the columns and their dtypes are `dtypes`, also if there is no line."""
    # Computed before the import of pandas: the lines may be runs that start now, and pandas takes memory.
    found = list(lines)
    pd = pandas()
    return pd.DataFrame(
        {name: column([line[name] for line in found], dtype) for name, dtype in dtypes.items()}
    )


def column(values: Sequence[Any], dtype: str) -> "pd.Series[Any]":
    """None becomes the missing value of the dtype. Times are ISO 8601 with their zone."""
    pd = pandas()
    plain = pd.Series(values, dtype=OBJECTS)
    if dtype == TIME:
        return pd.to_datetime(plain, utc=True, format="ISO8601").astype(TIME)
    return plain if dtype == OBJECTS else pd.Series(pd.array(values, dtype=dtype))


def lines_of(frame: "pd.DataFrame") -> list[Line]:
    """The rows as in JSON: missing values as None, times as ISO 8601 in UTC to the second."""
    cells = zip(*(values_of(frame[name]) for name in frame.columns), strict=True)
    return [dict(zip(frame.columns, row, strict=True)) for row in cells]


def values_of(series: "pd.Series[Any]") -> list[Any]:
    if str(series.dtype) == TIME:
        return [None if at is None else at.isoformat(timespec="seconds") for at in without_missing(series)]
    return list(series) if series.dtype == object else without_missing(series)


def without_missing(series: "pd.Series[Any]") -> list[Any]:
    """Python's own values, and None where one is missing."""
    return [
        None if missing else value
        for value, missing in zip(series.astype(object), series.isna(), strict=True)
    ]


def inferred(rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
    """A frame of rows with a user's own columns; the dtype of a column follows from its values.

    Whole numbers beyond 64 bits, lists, objects and mixed values are not converted: their column has objects.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return pandas().DataFrame({name: own_column([row.get(name) for row in rows]) for name in names})


def own_column(values: Sequence[Any]) -> "pd.Series[Any]":
    present = [value for value in values if value is not None]
    kinds = {type(value) for value in present}
    dtype = OBJECTS
    if kinds == {str}:
        dtype = TEXT
    elif kinds == {bool}:
        dtype = FLAG
    elif kinds == {int}:
        dtype = COUNT if all(value in INT64 for value in present) else OBJECTS
    elif kinds == {float} or (
        kinds == {int, float} and all(abs(value) <= EXACT_IN_FLOAT for value in present)
    ):
        dtype = NUMBER
    return column(values, dtype)


@dataclass(frozen=True, slots=True)
class RejectedChunk:
    """Some rejected rows of a run: `run_id`, the reason, then the source's columns as text.

    A source's column that has a name of ours is shown as `code (source)`; `source` has the original names.
    """

    frame: "pd.DataFrame"
    source: tuple[str, ...]

    @property
    def documents(self) -> list[Line]:
        """As in `--json`: with the remedy of the code; the source's columns by their names, in `source`."""
        cells = zip(*(values_of(self.frame.iloc[:, at]) for at in range(self.frame.shape[1])), strict=True)
        return [
            dict(zip(REJECTED, row, strict=False))
            | {"remedy": remedy_of(row[CODE]) or None}
            | {"source": dict(zip(self.source, row[len(REJECTED) :], strict=True))}
            for row in cells
        ]


def rejected_chunks(
    run_id: str, rows: Iterator["RejectedRow"], chunk_rows: int = CHUNK_ROWS
) -> Iterator[RejectedChunk]:
    """For any number of rows, `chunk_rows` of them are in memory at once."""
    while chunk := list(islice(map(own_cells, rows), chunk_rows)):
        source = chunk[0][0]
        yield RejectedChunk(rejected_frame(run_id, source, [cells for _, cells in chunk]), source)


def rejected_table(run_id: str, rows: Iterator["RejectedRow"]) -> "pd.DataFrame":
    """All rows at once."""
    chunks = [chunk.frame for chunk in rejected_chunks(run_id, rows)]
    return pandas().concat(chunks, ignore_index=True) if chunks else rejected_frame(run_id, [], [])


def own_cells(row: "RejectedRow") -> tuple[tuple[str, ...], tuple[Any, ...]]:
    reasons = (getattr(row.rejection, key) for key in REJECTIONS)
    return tuple(row.source), (*reasons, *row.source.values())


def rejected_frame(run_id: str, source: Sequence[str], rows: Sequence[Sequence[Any]]) -> "pd.DataFrame":
    pd = pandas()
    dtypes = [*REJECTED.values(), *(TEXT for _ in source)]
    columns = zip(*((run_id, *row) for row in rows), strict=True) if rows else ([] for _ in dtypes)
    # By number first: two columns may have the same name.
    frame = pd.DataFrame(
        {
            at: column(list(values), dtype)
            for at, (values, dtype) in enumerate(zip(columns, dtypes, strict=True))
        }
    )
    frame.columns = pd.Index(
        [*REJECTED, *(f"{name} (source)" if name in REJECTED else name for name in source)]
    )
    return frame
