"""What the report shows: the states of all imports, and their runs of some days as pandas frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import dagster as dg
import pandas as pd

from clevertap_import.config.model import ImportConfig
from clevertap_import.journal.run_days import SUMS, Line, failed_by_code, run_days
from clevertap_import.journal.tables import JournalUnavailable
from clevertap_import.monitoring.picture import ImportState
from clevertap_import.orchestration.daemon import Daemon, daemon_of
from clevertap_import.orchestration.import_states import import_states
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.project.folder import Imports

KEYS = ("nickname", "day", "status", "is_limited")
AMOUNTS = ("runs", "seconds", "longest", *SUMS)
CODES = ("nickname", "code", "reason", "rows")


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """All times are UTC.

    `since`: midnight of the first of `days` days; the last one is today. `runs`: a line for each import, day
    and kind of end, with the columns KEYS and AMOUNTS; `day` counts from `since`. `codes`: a line for each
    import, code and reason, with the columns CODES.
    """

    as_of: datetime
    days: int
    states: Sequence[ImportState]
    daemon: Daemon
    configs: Mapping[str, ImportConfig]
    runs: pd.DataFrame
    codes: pd.DataFrame
    journal_problem: str | None = None

    @property
    def since(self) -> datetime:
        return first_moment(self.as_of, self.days)


def first_moment(as_of: datetime, days: int) -> datetime:
    return datetime.combine(as_of.date(), time(), UTC) - timedelta(days=days - 1)


def report_facts(instance: dg.DagsterInstance, imports: Imports, days: int, as_of: datetime) -> ReportFacts:
    """If the journal cannot be read, the states say so, and there are no runs."""
    configs = {each.config.nickname: each.config for each in imports.loaded}
    nicknames = {old: name for name, config in configs.items() for old in config.nicknames}
    runs, codes, problem = lines_of_journal(list(nicknames), first_moment(as_of, days))
    return ReportFacts(
        as_of,
        days,
        import_states(instance, imports, as_of),
        daemon_of(instance, as_of),
        configs,
        runs_frame(runs, nicknames, first_moment(as_of, days)),
        codes_frame(codes, nicknames),
        problem,
    )


def lines_of_journal(names: Sequence[str], since: datetime) -> tuple[list[Line], list[Line], str | None]:
    """The runs by day, the failed rows by code, and why there are none."""
    try:
        with open_journal() as journal:
            return run_days(journal.engine, names, since), failed_by_code(journal.engine, names, since), None
    except JournalUnavailable as error:
        return [], [], str(error)


def runs_frame(lines: Sequence[Line], nicknames: Mapping[str, str], since: datetime) -> pd.DataFrame:
    """The runs under an old nickname count for the import of today."""
    frame = pd.DataFrame(lines, columns=["import_name", *KEYS[1:], *AMOUNTS])
    frame["day"] = frame["day"].astype(int) - (since - datetime(1970, 1, 1, tzinfo=UTC)).days
    frame = frame.astype(dict.fromkeys(AMOUNTS, float) | {"is_limited": bool})
    return frame.assign(nickname=frame.pop("import_name").map(nicknames))


def codes_frame(lines: Sequence[Line], nicknames: Mapping[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(lines, columns=["import_name", "top_code", "top_reason", "runs", "rows"])
    frame = frame.rename(columns={"top_code": "code", "top_reason": "reason"}).astype({"rows": float})
    return frame.assign(nickname=frame.pop("import_name").map(nicknames))
