"""The tables of the report: codes of errors, cost, the slowest imports, and all of them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from clevertap_import.html_report.days import FAILED
from clevertap_import.html_report.facts import AMOUNTS, ReportFacts
from clevertap_import.mapping.rejection_codes import CODES, remedy_of

Amounts = dict[str, Any]

MOST_LINES = 12
"""Of cost and of the slowest: what matters is at the top, and all imports have their own section."""


@dataclass(slots=True)
class CodeLine:
    """An error code: the rows of the days that failed in runs whose top code it was, and those still open."""

    code: str
    reason: str = ""
    rows: int = 0
    open_rows: int = 0
    nicknames: set[str] = field(default_factory=set)

    @property
    def remedy(self) -> str:
        return remedy_of(self.code)


def code_lines(facts: ReportFacts) -> list[CodeLine]:
    """The most frequent first."""
    found: dict[str, CodeLine] = {}
    reasons: defaultdict[str, dict[str, float]] = defaultdict(dict)
    known = [
        *((code, reason, int(rows), 0, name) for name, code, reason, rows in codes_of(facts.codes)),
        *(
            (code, reason, 0, rows, state.nickname)
            for state in facts.states
            for code, reason, rows in state.open_rejects.codes
        ),
    ]
    for code, reason, rows, open_rows, name in known:
        line = found.setdefault(code, CodeLine(code))
        line.rows += rows
        line.open_rows += open_rows
        line.nicknames.add(name)
        reasons[code][reason] = reasons[code].get(reason, 0) + rows + open_rows
    for code, line in found.items():
        ours = CODES.get(code)
        line.reason = ours.reason if ours else max(reasons[code], key=lambda each: reasons[code][each])
    return sorted(found.values(), key=lambda each: (-each.rows - each.open_rows, each.code))


def codes_of(codes: pd.DataFrame) -> list[tuple[str, str, str, float]]:
    return list(codes[["nickname", "code", "reason", "rows"]].itertuples(index=False, name=None))


def amounts_by_import(facts: ReportFacts) -> dict[str, Amounts]:
    """The sums of each import that had runs: AMOUNTS, and `failed` rows. `longest` is that of one run."""
    how = dict.fromkeys(AMOUNTS, "sum") | {"longest": "max"}
    sums = facts.runs.groupby("nickname").agg(how)
    sums = sums.assign(failed=sums[list(FAILED)].sum(axis=1))
    return {name: {"nickname": name, **line} for name, line in sums.to_dict("index").items()}


def highest(amounts: Iterable[Amounts], *by: str) -> list[Amounts]:
    """Those with the highest values; among the same value, those with the higher next one."""
    found = [each for each in amounts if any(each[name] for name in by)]
    return sorted(found, key=lambda each: (*(-each[name] for name in by), each["nickname"]))[:MOST_LINES]
