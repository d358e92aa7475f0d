"""The runs of an import, summed by day."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, date, timedelta
from itertools import groupby

from clevertap_import.report import Report
from clevertap_import.run_result import RunResult


@dataclass(frozen=True, slots=True)
class Day:
    """The runs that began on a day in UTC. `report`: the sums of their counts; `took`: of their times."""

    day: date
    runs: int
    failed_runs: int
    report: Report
    took: timedelta


def days_of(results: Iterable[RunResult]) -> list[Day]:
    """The days with runs, the newest first."""
    ordered = sorted(results, key=day_of, reverse=True)
    return [summed(day, list(found)) for day, found in groupby(ordered, day_of)]


def day_of(result: RunResult) -> date:
    return result.began_at.astimezone(UTC).date()


def summed(day: date, results: list[RunResult]) -> Day:
    names = [each.name for each in fields(Report)]
    counts = {name: sum(getattr(each.report, name) for each in results) for name in names}
    failed = sum(each.status == "Failed" for each in results)
    took = sum((each.ended_at - each.began_at for each in results if each.ended_at), timedelta())
    return Day(day, len(results), failed, Report(**counts), took)
