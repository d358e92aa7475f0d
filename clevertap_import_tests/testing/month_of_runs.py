"""A month of runs of many imports in a journal, and the facts of a report about them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clevertap_import.html_report.facts import ReportFacts, codes_frame, first_moment, runs_frame
from clevertap_import.journal.monitoring_tables import RUN_RESULT
from clevertap_import.journal.run_days import failed_by_code, run_days
from clevertap_import.journal.run_results import values_of
from clevertap_import.journal.tables import open_database
from clevertap_import.monitoring.facts import DraftFacts, ImportFacts
from clevertap_import.monitoring.picture import picture
from clevertap_import.orchestration.daemon import Daemon
from clevertap_import.report import Report
from clevertap_import.run_result import NO_REJECTS, Effort, OpenRejects, RunResult
from clevertap_import_tests.testing.builders import profiles_import

NOW = datetime(2026, 11, 27, 7, 3, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> $\\frac{1}{2}$ &amp; \"'"
"""Text that a page must show letter by letter."""

NO_TEXT = "\udc80\u202e\x1b[31m"
"""A file's name may be no UTF-8; other characters reverse what follows, or colour a terminal."""

LONG_NAME = "newsletter_opt_ins_of_all_countries_and_regions_of_the_world"
CODES = (("515", HOSTILE, 340), ("9999", HOSTILE, 12))


def month_of_runs(folder: Path, imports: int, days: int = 30) -> ReportFacts:
    """A run a day of each import, in turn: well, half rejected, failing, without rows; and a draft."""
    names = [LONG_NAME, *(f"import_{number}" for number in range(1, imports))]
    results = {name: [one_run(name, number, day) for day in range(days)] for number, name in enumerate(names)}
    every_day = {"kind": "every", "every": "1 day"}
    facts = [
        ImportFacts(
            profiles_import(
                nickname=name,
                title=HOSTILE,
                created_by="team:data",
                schedule=every_day,
                start="2026-01-01",
            ),
            "Scheduled",
            results[name],
            OpenRejects.of(CODES, NOW - timedelta(days=2)) if number % 4 == 1 else NO_REJECTS,
            NOW - timedelta(days=90),
        )
        for number, name in enumerate(names)
    ]
    draft = DraftFacts(f"draft_{NO_TEXT}", [HOSTILE])
    return report_of(
        folder, [*facts, draft], names, (each for runs in results.values() for each in runs), days
    )


def one_run(name: str, number: int, day: int) -> RunResult:
    began = NOW - timedelta(days=day, minutes=number)
    rows = 1000 + 37 * number + 11 * day
    failed = rows // 2 + 100 if number % 4 == 1 and day < 3 else 0
    rows = 0 if number % 4 == 3 else rows
    is_broken = number % 4 == 2 and day < 4
    return RunResult(
        name,
        f"{number:08}-{day}",
        began,
        began + timedelta(seconds=30 + number),
        "Failed" if is_broken else "Success",
        Report() if is_broken else Report(2 * rows, rows - failed, rows, failed),
        problem=HOSTILE if is_broken else None,
        top_code=CODES[day % 2][0] if failed else None,
        top_reason=HOSTILE if failed else None,
        effort=Effort(rows // 1000 + 1, day, 1.5 * day, 20, 10, 12.5),
    )


def report_of(
    folder: Path,
    facts: Sequence[ImportFacts | DraftFacts],
    names: Sequence[str],
    results: Iterable[RunResult],
    days: int,
) -> ReportFacts:
    engine = open_database(f"sqlite:///{folder / 'journal.db'}")
    since, same = first_moment(NOW, days), {name: name for name in names}
    try:
        with engine.begin() as connection:
            connection.execute(RUN_RESULT.insert(), [values_of(each) for each in results])
        runs, codes = run_days(engine, names, since), failed_by_code(engine, names, since)
    finally:
        engine.dispose()
    configs = {each.config.nickname: each.config for each in facts if isinstance(each, ImportFacts)}
    return ReportFacts(
        NOW,
        days,
        picture(facts, NOW),
        Daemon(True, NOW - timedelta(seconds=20)),
        configs,
        runs_frame(runs, same, since),
        codes_frame(codes, same),
    )
