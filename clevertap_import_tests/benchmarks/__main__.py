"""Benchmarks: python -m clevertap_import_tests.benchmarks [--quick] [--ways W...] [--latency-ms N...] ...

Everything is measured in rounds that take turns, and the medians are printed. On a machine that others use,
believe the ratios and the CPU seconds before the rates.
"""

import argparse
import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence

from .cases import Case, in_turns
from .counting_server import ceiling_rows_per_second, counting_server
from .encoding import encoding
from .rows import PROPERTIES
from .tables import Line, against_ceiling, at_latency, memory, table
from .ways import ARROW, RECORDS_PER_REQUEST, SNOWFLAKE, WAYS, Way, has_peers

MEMORY_SHARES = (1, 4)
RECORD_BYTES = 290
NO_PEERS = "Without dlt, drt and orjson: there is no .venv-peers. `make bench` sets it up if it can.\n"


def chosen(names: Sequence[str]) -> list[Way]:
    """The ways called `names` that can run here; says so if the peers cannot."""
    ways = [way for way in WAYS if way.name in names]
    if has_peers() or not any(way.is_peer for way in ways):
        return ways
    sys.stdout.write(NO_PEERS)
    return [way for way in ways if not way.is_peer]


@contextlib.contextmanager
def variables(cases: Sequence[Case]) -> Iterator[Mapping[str, str]]:
    """What the clients need in their environment: the local Snowflake, if a case reads from it."""
    counts = sorted({case.rows for case in cases if case.way.name == SNOWFLAKE})
    if not counts:
        yield {}
        return
    from .warehouse import warehouse

    with warehouse(counts) as leading_there:
        yield leading_there


def machine_lines() -> list[Line]:
    """What does not depend on a run: the server's own ceiling, and the cost of mapping."""
    body = b'{"d":[' + b",".join([b'{"profileData"'.ljust(RECORD_BYTES)] * RECORDS_PER_REQUEST) + b"]}"
    with counting_server() as url:
        ceiling = ceiling_rows_per_second(url, body)
    cost = encoding()
    return [
        ("counting server alone, rows/s", f"{ceiling:,.0f}"),
        ("properties", f"{len(PROPERTIES)}"),
        ("JSON, bytes/record", f"{cost.record_bytes:.0f}"),
        ("mapping + checks + encoding, CPU us/row", f"{cost.mapped_us:.2f}"),
        ("bare JSON writer, CPU us/row", f"{cost.written_us:.2f}"),
        ("mapping + checks + encoding : bare writer", f"{cost.ratio:.2f}"),
    ]


def arguments() -> argparse.Namespace:
    names = [way.name for way in WAYS]
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description="Benchmarks.")
    parser.add_argument(
        "--ways", nargs="+", choices=names, default=names, metavar="WAY", help=", ".join(names)
    )
    parser.add_argument(
        "--latency-ms", nargs="+", type=float, default=[0.0, 100.0, 1000.0], metavar="N", help="of a request"
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="of ours; slower ways get a share")
    parser.add_argument(
        "--seconds", type=float, default=12, help="no more rows than CleverTap takes in these"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each case runs")
    parser.add_argument("--quick", action="store_true", help="100,000 rows, 4 seconds, one round")
    given = parser.parse_args()
    if given.quick:
        given.rows, given.seconds, given.rounds = 100_000, 4, 1
    return given


def main() -> None:
    given = arguments()
    ways = chosen(given.ways)
    cases = [
        Case(way, way.rows(given.rows, latency_ms, given.seconds), latency_ms)
        for latency_ms in given.latency_ms
        for way in ways
    ]
    arrow = next(way for way in WAYS if way.name == ARROW)
    growing = [Case(arrow, given.rows * share) for share in MEMORY_SHARES]
    with variables(cases) as more:
        outcomes = in_turns(cases, given.rounds, more)
    more_rows = in_turns([case for case in growing if case not in outcomes], 1, {})
    for latency_ms in given.latency_ms:
        sys.stdout.write(at_latency(outcomes, latency_ms) + "\n")
    sys.stdout.write(against_ceiling(outcomes) + "\n")
    sys.stdout.write(memory([(case, (outcomes | more_rows)[case]) for case in growing]) + "\n")
    sys.stdout.write(table(machine_lines()))
    wrong = [
        case.name
        for case, done in (outcomes | more_rows).items()
        if case.way.is_ours and done.verdict != "all"
    ]
    if wrong:
        raise SystemExit(f"Not all of ours arrived once: {'; '.join(wrong)}.")


if __name__ == "__main__":
    main()
