"""The benchmarks measure real work: what was sent is what arrived. Nothing is said of speed here."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from .cases import Case, Outcomes, Result
from .clevertap_body import as_json, record
from .counting_server import Counts, counted, counting_server
from .process import Measured, measured
from .rows import NAN_EVERY, ROWS_PER_CHUNK, Rows
from .tables import HEADINGS, against_ceiling, at_latency, memory, table
from .warehouse import warehouse
from .ways import ARROW, WAYS, Way, has_peers

ROWS = 2_000
RUN = Result(Measured(10, 2.0, 0.5, 64.0, 9, 1), Counts(2, 9, 2_000, 0.5, 1.0, 0.1))

needs_peers = pytest.mark.skipif(not has_peers(), reason="no .venv-peers; `make bench` sets it up")


@pytest.fixture(scope="session")
def leading_to_snowflake() -> Iterator[Mapping[str, str]]:
    with warehouse([ROWS]) as variables:
        yield variables


@pytest.mark.parametrize(
    "way",
    [pytest.param(way, marks=needs_peers if way.is_peer else (), id=way.name) for way in WAYS],
)
def test_each_way_delivers_every_row_as_the_same_records(
    way: Way, leading_to_snowflake: Mapping[str, str]
) -> None:
    bodies: list[bytes] = []
    result = Case(way, ROWS).measured(leading_to_snowflake, on_first_body=bodies.append)
    assert Outcomes((result,)).verdict == "all"
    # Ours reports NaN as a wrong cell; the others leave it out.
    assert result.client.invalid == (ROWS // NAN_EVERY if way.is_ours else 0)
    assert result.client.rows == ROWS
    assert result.client.accepted == result.server.records
    expected = expected_records()
    sent = json.loads(bodies[0])["d"]
    assert sent == [expected[one["identity"]] for one in sent]
    assert len(sent) > ROWS // 4


def expected_records() -> dict[str, Any]:
    """The records of all rows by identity, as JSON gives them back."""
    rows = [row for chunk in Rows(ROWS) for row in chunk.to_pylist()]
    records = json.loads(json.dumps([record(row) for row in rows], default=as_json))
    return {one["identity"]: one for one in records}


def test_a_record_has_clevertaps_dates_and_no_nulls() -> None:
    """What all ways are compared with, by a row that a person can read."""
    row = next(iter(Rows(1))).to_pylist()[0] | {
        "CITY": None,
        "SCORE": float("nan"),
        "BALANCE": Decimal("1.50"),
    }
    data = json.loads(json.dumps(record(row), default=as_json))["profileData"]
    assert data["Balance"] == 1.5
    assert not {"City", "Score"} & data.keys()
    assert data["DOB"] == f"$D_{(row['BORN_ON'].toordinal() - 719_163) * 86_400}"


def test_a_fresh_server_has_counted_nothing() -> None:
    with counting_server() as url:
        assert counted(url) == Counts()


def test_requests_in_flight_are_the_time_they_were_open_over_the_time_of_all() -> None:
    assert Counts(seconds=2.0, open_seconds=30.0).in_flight == 15
    assert Counts().in_flight == 0


@pytest.mark.parametrize(
    ("records", "verdict"), [(9, "all"), (7, "LOST 2"), (12, "DOUBLED 3")], ids=["all", "lost", "doubled"]
)
def test_one_run_that_lost_or_doubled_records_is_reported_whatever_the_others_did(
    records: int, verdict: str
) -> None:
    wrong = replace(RUN, server=replace(RUN.server, records=records))
    assert Outcomes((RUN, wrong, RUN)).verdict == verdict


def test_a_way_that_ended_with_an_error_is_reported_in_its_line() -> None:
    case = Case(WAYS[0], 10)
    assert "FAILED" in at_latency({case: Outcomes(())}, 0)


def test_each_table_has_a_cell_for_each_heading() -> None:
    done = {Case(way, 10, latency_ms): Outcomes((RUN,)) for way in WAYS for latency_ms in (0.0, 100.0)}
    lines = at_latency(done, 100.0).splitlines()
    assert lines[1].split()[-1] == HEADINGS[-1]
    assert len(lines) == 2 + len(WAYS)
    assert len(against_ceiling(done).splitlines()) == 1 + sum(2 for way in WAYS if way.is_ours)
    assert "growth" in memory(list(done.items())[:2])


@pytest.mark.parametrize(
    ("name", "latency_ms", "rows"),
    [
        (ARROW, 0, 1_000_000),
        (ARROW, 100, 990_000),
        (ARROW, 1000, 120_000),
        (ARROW, 60_000, 15_000),
        ("plain", 1000, 60_000),
        ("drt", 1000, 4_000),
    ],
)
def test_with_latency_a_case_has_whole_rounds_of_requests_and_few_enough(
    name: str, latency_ms: int, rows: int
) -> None:
    way = next(way for way in WAYS if way.name == name)
    assert way.rows(1_000_000, latency_ms, seconds=8) == rows


@pytest.mark.parametrize("count", [1, 99, 100, 250])
def test_each_row_has_an_id_of_its_own(count: int) -> None:
    ids = [name for chunk in Rows(count, rows_per_chunk=100) for name in chunk[0].to_pylist()]
    assert len(set(ids)) == len(ids) == count


def test_the_ring_is_all_that_rows_hold() -> None:
    rows = Rows(10 * ROWS_PER_CHUNK)
    assert sum(chunk.num_rows for chunk in rows.ring) == 2 * ROWS_PER_CHUNK


def test_a_result_survives_its_line_of_json() -> None:
    assert measured(RUN.client.as_json()) == RUN.client


def test_a_table_lines_up() -> None:
    assert table([("way", "s"), ("a", "12.5")]) == "way     s\na    12.5\n"
