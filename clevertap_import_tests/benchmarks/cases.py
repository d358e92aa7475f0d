"""Cases: one way, a number of rows, one latency; run in turns, with the result of each."""

import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

from .counting_server import Counts, counted, counting_server, first_body
from .process import Measured, measured
from .ways import MAX_IN_FLIGHT, RECORDS_PER_REQUEST, Way, environment

Numbers = TypeVar("Numbers", Measured, Counts)


@dataclass(frozen=True, slots=True)
class Result:
    """One run of a case as the client and the server report it; or the medians of several."""

    client: Measured
    server: Counts

    @property
    def rows_per_second(self) -> float:
        """From the first row asked for to the last answer."""
        return self.client.rows / self.client.seconds

    @property
    def cpu_seconds_per_million_rows(self) -> float:
        return self.client.cpu_seconds / self.client.rows * 1_000_000

    @property
    def missing(self) -> int:
        """Records that were to be sent and did not arrive; below zero, those that came once more."""
        return self.client.rows - self.client.invalid - self.server.records


@dataclass(frozen=True, slots=True)
class Case:
    """One way, `rows` rows, one latency."""

    way: Way
    rows: int
    latency_ms: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.way.label}, {self.latency_ms:g} ms, {self.rows:,} rows"

    @property
    def ceiling_rows_per_second(self) -> float:
        """What CleverTap's requests in flight allow at this latency, and no client can pass."""
        return MAX_IN_FLIGHT * RECORDS_PER_REQUEST * 1000 / self.latency_ms

    def measured(
        self, more: Mapping[str, str], on_first_body: Callable[[bytes], object] | None = None
    ) -> Result:
        """Run the client in a process of its own, with `more` variables, against a server of its own."""
        with counting_server(self.latency_ms) as url:
            command = [self.way.python, "-m", f"{__package__}.{self.way.module}"]
            command += ["--rows", str(self.rows), "--url", url]
            done = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, text=True, env=environment(more)
            )
            if on_first_body:
                on_first_body(first_body(url))
            return Result(measured(done.stdout.splitlines()[-1]), counted(url))


@dataclass(frozen=True, slots=True)
class Outcomes:
    """All runs of a case. Empty if the client ended with an error."""

    results: tuple[Result, ...]

    @property
    def median(self) -> Result:
        return Result(
            medians([result.client for result in self.results]),
            medians([result.server for result in self.results]),
        )

    @property
    def verdict(self) -> str:
        """Whether the records that arrived are those that were to be sent, in every run."""
        worst = max((result.missing for result in self.results), key=abs, default=None)
        if worst is None:
            return "FAILED"
        if worst:
            return f"LOST {worst:,}" if worst > 0 else f"DOUBLED {-worst:,}"
        return "all"


def medians(values: Sequence[Numbers]) -> Numbers:
    """The median of each number."""
    kind = type(values[0])
    names = [field.name for field in fields(kind)]
    return kind(**{name: statistics.median(getattr(value, name) for value in values) for name in names})


def in_turns(cases: Iterable[Case], rounds: int, more: Mapping[str, str]) -> dict[Case, Outcomes]:
    """Run all cases, `rounds` times over, so that a busy hour of the machine meets all of them."""
    results: dict[Case, list[Result]] = {case: [] for case in cases}
    failed: set[Case] = set()
    for number in range(1, rounds + 1):
        for case in [case for case in results if case not in failed]:
            sys.stderr.write(f"round {number} of {rounds}: {case.name}\n")
            try:
                results[case].append(case.measured(more))
            except subprocess.CalledProcessError:
                failed.add(case)
    return {case: Outcomes(() if case in failed else tuple(done)) for case, done in results.items()}
