"""Benchmarks: python -m clevertap_import_tests.benchmarks [--quick] [--rows N] [--rounds N] [--latency-ms N]

Everything is measured in rounds that take turns, and the medians are printed. On a machine that others use,
believe the ratios and the CPU seconds before the rates.
"""

import argparse
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from .counting_server import ceiling_rows_per_second, counting_server
from .encoding import encoding
from .process import Measured, measured
from .rows import PROPERTIES

PLAIN_SHARE = 5
MEMORY_SHARES = (1, 2, 4)
RECORD_BYTES = 290
RECORDS_PER_REQUEST = 1000

Line = tuple[str, ...]
HEADINGS = ("way", "rows", "seconds", "rows/s", "CPU s/1M rows", "stage s", "deliver s", "peak MiB")


@dataclass(frozen=True, slots=True)
class Case:
    """One client, `rows` rows, one latency."""

    client: str
    rows: int
    latency_ms: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.client}, {self.latency_ms:g} ms"

    def measured(self) -> Measured:
        """Run the client in a process of its own, against a server of its own; the counts must agree."""
        with counting_server(self.latency_ms) as url:
            command = [sys.executable, "-m", f"{__package__}.{self.client}"]
            command += ["--rows", str(self.rows), "--url", url]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        result = measured(done.stdout)
        if not result.rows - result.invalid == result.accepted == result.server_records:
            raise RuntimeError(f"The counts of {self.name} do not agree: {result}")
        return result


def medians(results: Sequence[Measured]) -> Measured:
    """The median of each figure; the counts are the same in all."""
    values = {
        field.name: statistics.median(getattr(result, field.name) for result in results)
        for field in fields(Measured)
    }
    return Measured(**values)


def measured_in_turns(cases: Iterable[Case], rounds: int) -> dict[Case, Measured]:
    results: dict[Case, list[Measured]] = {case: [] for case in cases}
    for _ in range(rounds):
        for case, done in results.items():
            done.append(case.measured())
    return {case: medians(done) for case, done in results.items()}


def cells(case: Case, result: Measured) -> Line:
    return (
        case.name,
        f"{result.rows:,.0f}",
        f"{result.seconds:.2f}",
        f"{result.rows_per_second:,.0f}",
        f"{result.cpu_seconds_per_million_rows:.2f}",
        f"{result.stage_seconds:.2f}",
        f"{result.deliver_seconds:.2f}",
        f"{result.peak_mib:.0f}",
    )


def ratio_lines(ours: Measured, plain: Measured, memory: Sequence[Measured]) -> list[Line]:
    rate = ours.rows_per_second / plain.rows_per_second
    cpu = plain.cpu_seconds_per_million_rows / ours.cpu_seconds_per_million_rows
    growth = memory[-1].peak_mib / memory[0].peak_mib
    return [
        ("rows/s, ours : plain", f"{rate:.1f}"),
        ("CPU s, plain : ours", f"{cpu:.1f}"),
        (f"peak MiB, {memory[-1].rows:,} : {memory[0].rows:,} rows", f"{growth:.2f}"),
    ]


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


def table(lines: Sequence[Line]) -> str:
    """Columns as wide as their widest cell; the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines)
    return "".join("  ".join(line) + "\n" for line in padded)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description="Benchmarks.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of a run (default: 1,000,000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each case runs (default: 3)")
    parser.add_argument("--latency-ms", type=float, help="also measure with this latency of a request")
    parser.add_argument("--quick", action="store_true", help="100,000 rows, one round")
    given = parser.parse_args()
    if given.quick:
        given.rows, given.rounds = 100_000, 1
    return given


def main() -> None:
    given = arguments()
    ours, plain = Case("ours", given.rows), Case("plain", given.rows // PLAIN_SHARE)
    memory = [Case("ours", given.rows * share) for share in MEMORY_SHARES]
    late = [Case("ours", given.rows, given.latency_ms)] if given.latency_ms else []
    results = measured_in_turns((ours, plain, *late), given.rounds)
    results |= measured_in_turns(memory[1:], 1)
    lines = [HEADINGS, *(cells(case, result) for case, result in results.items())]
    ratios = ratio_lines(results[ours], results[plain], [results[case] for case in memory])
    sys.stdout.write(f"{table(lines)}\n{table(ratios)}\n{table(machine_lines())}")


if __name__ == "__main__":
    main()
