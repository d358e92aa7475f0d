"""The benchmarks measure real work: what was sent is what arrived. Nothing is said of speed here."""

import pytest

from .__main__ import Case, table
from .counting_server import counted, counting_server
from .process import Measured, measured
from .rows import NAN_EVERY, ROWS_PER_CHUNK, Rows

ROWS = 5_000


def test_ours_delivers_every_row_but_those_with_nan() -> None:
    result = Case("ours", ROWS).measured()
    assert (result.rows, result.invalid) == (ROWS, ROWS // NAN_EVERY)
    assert result.accepted == result.server_records == ROWS - ROWS // NAN_EVERY


def test_the_plain_script_delivers_every_row() -> None:
    result = Case("plain", ROWS).measured()
    assert (result.rows, result.accepted, result.server_records) == (ROWS, ROWS, ROWS)


def test_a_fresh_server_has_counted_nothing() -> None:
    with counting_server() as url:
        assert counted(url).records == 0


@pytest.mark.parametrize("count", [1, 99, 100, 250])
def test_each_row_has_an_id_of_its_own(count: int) -> None:
    ids = [name for chunk in Rows(count, rows_per_chunk=100) for name in chunk[0].to_pylist()]
    assert len(set(ids)) == len(ids) == count


def test_the_ring_is_all_that_rows_hold() -> None:
    rows = Rows(10 * ROWS_PER_CHUNK)
    assert sum(chunk.num_rows for chunk in rows.ring) == 2 * ROWS_PER_CHUNK


def test_a_result_survives_its_line_of_json() -> None:
    result = Measured(10, 2.0, 0.5, 1.5, 0.1, 64.0, 9, 1, 9)
    assert measured(result.as_json()) == result
    assert '"rows_per_second": 5' in result.as_json()


def test_a_table_lines_up() -> None:
    assert table([("way", "s"), ("a", "12.5")]) == "way     s\na    12.5\n"
