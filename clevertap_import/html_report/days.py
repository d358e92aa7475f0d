"""The runs of a report by day: how healthy each import was, and how many rows and seconds there were."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from clevertap_import.html_report.facts import AMOUNTS, ReportFacts
from clevertap_import.report import Report, health_state

MOST_COLUMNS = 62
"""A plot with more columns would show one of less than six pixels; longer spans have several days in each."""

FAILED = ("invalid", "rejected", "uncertain")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a plot over time: `count` of them with `step` days each, the last one ends today."""

    first: datetime
    count: int
    step: int

    @staticmethod
    def of(facts: ReportFacts) -> "Columns":
        step = -(-facts.days // MOST_COLUMNS)
        count = -(-facts.days // step)
        return Columns(facts.as_of - timedelta(days=count * step - 1), count, step)

    def day(self, column: int) -> datetime:
        """The last day of a column."""
        return self.first + timedelta(days=(column + 1) * self.step - 1)

    def of_days(self, days: pd.Series, facts: ReportFacts) -> pd.Series:
        """The column of each day that counts from the beginning of the report."""
        return (days + self.count * self.step - facts.days) // self.step


def by_column(facts: ReportFacts, columns: Columns) -> pd.DataFrame:
    """The sums of all imports in each column; `failed` are the rows that failed."""
    runs = facts.runs.assign(column=columns.of_days(facts.runs["day"], facts))
    sums = runs.groupby("column")[list(AMOUNTS)].sum().reindex(range(columns.count), fill_value=0.0)
    return sums.assign(failed=sums[list(FAILED)].sum(axis=1))


def accepted_by_import(facts: ReportFacts, columns: Columns) -> dict[str, list[float]]:
    """How many rows of each import CleverTap took in each column."""
    runs = facts.runs.assign(column=columns.of_days(facts.runs["day"], facts))
    table = runs.pivot_table(index="nickname", columns="column", values="accepted", aggfunc="sum")
    table = table.reindex(columns=range(columns.count)).fillna(0.0)
    return dict(zip(table.index, table.to_numpy().tolist(), strict=True))


def health_by_import(facts: ReportFacts, columns: Columns) -> dict[str, dict[int, str]]:
    """The state of each import in the columns in which it had runs."""
    runs = facts.runs[facts.runs["status"].isin(("Success", "Failed")) & ~facts.runs["is_limited"]]
    runs = runs.assign(
        column=columns.of_days(runs["day"], facts),
        ended_well=runs["runs"].where(runs["status"] == "Success", 0.0),
        broken=runs["runs"].where(runs["status"] == "Failed", 0.0),
    )
    kinds = ["ended_well", "broken", "accepted", "unchanged", *FAILED]
    sums = runs.groupby(["nickname", "column"])[kinds].sum().astype(int)
    found: dict[str, dict[int, str]] = {}
    for (nickname, column), *counts in sums.itertuples(name=None):
        found.setdefault(nickname, {})[column] = state_of(*counts)
    return found


def state_of(ended_well: int, broken: int, accepted: int, unchanged: int, *failed: int) -> str:
    """The state of a column, by its new rows as the health of 24 hours. Any run that failed is a fault."""
    if not ended_well:
        return "failed"
    rows = accepted + sum(failed)
    report = Report(rows, accepted, 0, *failed) if rows else Report(unchanged, 0, unchanged)
    word = health_state(report.health_percent)
    return "yellow" if broken and word in ("green", "no_data") else word
