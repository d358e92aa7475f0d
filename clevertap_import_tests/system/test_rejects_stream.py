"""However many rows were rejected, `rejects` holds few of them in memory."""

import json
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clevertap_import.cli.printing import print_json, print_json_rows
from clevertap_import.cli.rejects import MAX_SHOWN_CHARS, MAX_SHOWN_ROWS, print_rejects
from clevertap_import.records import Rejection
from clevertap_import.staging.rejected_rows import RejectedRow, StoredRejects

STORED = StoredRejects("run", False, Path("run.csv"), datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "rows", [[], [{"a": 1}], [{"a": "x\ny", "b": {"c": [None, "é\u2028\x85"]}}, {}, {"a": 2}]]
)
def test_rows_are_printed_as_the_list_of_them(rows: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    print_json(rows)
    whole = capsys.readouterr().out
    print_json_rows(iter(rows))
    assert capsys.readouterr().out == whole


def test_a_row_is_printed_before_the_next_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    def rows() -> Iterator[dict[str, int]]:
        for number in range(3):
            yield {"number": number}
            assert f'"number": {number}' in capsys.readouterr().out

    print_json_rows(rows())


class Source(dict[str, str | None]):
    """The columns of a row, whose end can be seen."""

    __hash__ = object.__hash__  # type: ignore[assignment]


def test_rows_beyond_the_table_are_counted_and_let_go(capsys: pytest.CaptureFixture[str]) -> None:
    alive: weakref.WeakSet[Source] = weakref.WeakSet()

    def rows() -> Iterator[RejectedRow]:
        for number in range(MAX_SHOWN_ROWS + 500):
            source = Source(ID=str(number))
            alive.add(source)
            yield RejectedRow(Rejection(number, "ID", None, "515", "no"), None, source)
            assert len(alive) <= 3

    print_rejects(STORED, rows())
    assert "500 more rows; --output or --json shows all." in capsys.readouterr().err


def test_a_cell_that_is_a_whole_document_is_shown_in_part(capsys: pytest.CaptureFixture[str]) -> None:
    text = "x" * 16_000
    print_rejects(STORED, iter([RejectedRow(Rejection(1, "ID", None, "515", "no"), None, {"ID": text})]))
    shown = capsys.readouterr().out
    assert "x" * MAX_SHOWN_CHARS + "... (16,000 characters; --output or --json shows all)" in shown
    assert "x" * (MAX_SHOWN_CHARS + 1) not in shown
    assert json.dumps(text) not in shown
