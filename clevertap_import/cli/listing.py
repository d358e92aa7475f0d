"""The commands list and stats."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from clevertap_import.bounds import duration_of
from clevertap_import.cli.conventions import echo_stderr
from clevertap_import.cli.drawing import (
    CODE_COLUMNS,
    DAY_COLUMNS,
    LIST_COLUMNS,
    SHORT_LIST_COLUMNS,
    STATS_COLUMNS,
    print_remedies,
    print_table,
)
from clevertap_import.cli.printing import print_json
from clevertap_import.frames import Line, lines_of
from clevertap_import.orchestration.daemon import daemon_of
from clevertap_import.orchestration.instance import open_instance
from clevertap_import.orchestration.listing import Filters
from clevertap_import.tables import days_table, imports_table, runs_table

DAYS_SHOWN = "30d"


def list_imports(
    *,
    json_output: bool,
    wide: bool,
    late: bool,
    created_after: datetime | None,
    created_before: datetime | None,
    **words: Any,  # noqa: ANN401 - click's own types
) -> None:
    filters = Filters(
        **words, created_after=day(created_after), created_before=day(created_before), late=late
    )
    lines = lines_of(imports_table(filters, echo_stderr))
    if json_output:
        print_json(lines)
        return
    print_table("Imports", columns_of(lines, wide=wide), lines, folds=not wide)
    for line in lines:
        for problem in line["problems"]:
            echo_stderr(problem)
        for note in line["notes"]:
            echo_stderr(f"{line['nickname']}: {note}")
    echo_stderr(summary(lines))
    with open_instance() as instance:
        echo_stderr(daemon_of(instance, datetime.now(UTC)).sentence)


def columns_of(lines: Sequence[Line], *, wide: bool) -> list[str]:
    """Progress is a column only if a run goes on."""
    columns = LIST_COLUMNS if wide else SHORT_LIST_COLUMNS
    has_progress = any(line["progress"] for line in lines)
    return [column for column in columns if column != "progress" or has_progress]


def summary(lines: Sequence[Line]) -> str:
    """For example `13 imports: 4 unhealthy, 2 with warnings, 1 late, 2 running.`"""
    counts = {
        "unhealthy": sum(line["severity"] in ("critical", "error") for line in lines),
        "with warnings": sum(line["severity"] == "warning" for line in lines),
        "late": sum(bool(line["late"]) for line in lines),
        "running": sum(line["status"] == "Running" for line in lines),
    }
    found = ", ".join(f"{count:,} {words}" for words, count in counts.items() if count) or "all are well"
    return f"{len(lines):,} {'import' if len(lines) == 1 else 'imports'}: {found}."


def day(value: datetime | None) -> date | None:
    return value.date() if value else None


def stats(name: str, run_id: str | None, since: str | None, by: str | None, json_output: bool) -> None:
    start = datetime.now(UTC) - duration_of(since or DAYS_SHOWN) if since or by else None
    lines = lines_of(days_table(name, start) if by and start else runs_table(name, run_id, start))
    if json_output:
        print_json(lines)
        return
    print_table(name, DAY_COLUMNS if by else STATS_COLUMNS, lines)
    if run_id is not None and lines[0]["problem"]:
        echo_stderr(f"{name}: {lines[0]['problem']}")
    if run_id is not None and lines[0]["errors_by_code"]:
        print_table("Rows that failed, by code", CODE_COLUMNS, lines[0]["errors_by_code"])
        print_remedies(each["code"] for each in lines[0]["errors_by_code"])
