"""Frames and the JSON made of them: dtypes, missing values, the columns of a user's own."""

from typing import Any

import pytest

from clevertap_import.frames import (
    EXACT_IN_FLOAT,
    IMPORTS,
    RUNS,
    frame_of,
    inferred,
    lines_of,
    rejected_chunks,
    values_of,
)
from clevertap_import.records import Rejection
from clevertap_import.staging.rejected_rows import RejectedRow

DTYPES = {
    "at": "datetime64[us, UTC]",
    "text": "string",
    "count": "Int64",
    "share": "Float64",
    "ok": "boolean",
}
LINES: list[dict[str, Any]] = [
    {"at": "2026-11-01T09:30:00+00:00", "text": "a", "count": 2**62 + 1, "share": 66.66, "ok": True},
    dict.fromkeys(DTYPES),
    {"at": "0001-01-01T00:00:00+00:00", "text": "", "count": 0, "share": 100.0, "ok": False},
]


def test_lines_come_back_as_they_were_with_pythons_own_types() -> None:
    back = lines_of(frame_of(LINES, DTYPES))
    assert back == LINES
    assert [[type(value) for value in line.values()] for line in back] == [
        [type(value) for value in line.values()] for line in LINES
    ]


@pytest.mark.parametrize("dtypes", [DTYPES, RUNS, IMPORTS])
def test_a_frame_has_its_dtypes_however_few_values_there_are(dtypes: dict[str, str]) -> None:
    for lines in ([], [dict.fromkeys(dtypes)]):
        assert {name: str(dtype) for name, dtype in frame_of(lines, dtypes).dtypes.items()} == dtypes


def test_times_of_any_zone_become_utc() -> None:
    frame = frame_of([{"at": "2026-11-01T09:30:00+05:30"}], {"at": DTYPES["at"]})
    assert lines_of(frame) == [{"at": "2026-11-01T04:00:00+00:00"}]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, None], "Int64"),
        ([1, 1.5], "Float64"),
        ([EXACT_IN_FLOAT + 1, 1.5], "object"),
        ([2**64], "object"),
        ([True, None], "boolean"),
        ([True, 1], "object"),
        (["a", None], "string"),
        (["a", 1], "object"),
        ([{"a": 1}, [1]], "object"),
        ([None], "object"),
    ],
    ids=str,
)
def test_the_dtype_of_a_users_column_loses_no_value(values: list[Any], dtype: str) -> None:
    frame = inferred([{"A": value} for value in values])
    assert str(frame["A"].dtype) == dtype
    assert values_of(frame["A"]) == values


def test_rejected_rows_come_in_chunks_and_keep_names_that_are_ours() -> None:
    rows = [
        RejectedRow(Rejection(number, "code", None, "515", "no", None), None, {"code": "x", "NOTE": None})
        for number in range(5)
    ]
    chunks = list(rejected_chunks("run", iter(rows), 2))
    assert [len(chunk.frame) for chunk in chunks] == [2, 2, 1]
    assert list(chunks[0].frame.columns)[-3:] == ["reason", "code (source)", "NOTE"]
    assert [each["row_number"] for chunk in chunks for each in chunk.documents] == [0, 1, 2, 3, 4]
    assert chunks[0].documents[0] == {
        "run_id": "run",
        "row_number": 0,
        "identity": None,
        "column": "code",
        "property": None,
        "code": "515",
        "reason": "no",
        "remedy": "Correct the address in the source.",
        "source": {"code": "x", "NOTE": None},
    }
