"""The commands list and stats."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import click
from rich.console import Console
from rich.live import Live

from clevertap_import.bounds import duration_of
from clevertap_import.cli.conventions import echo_stderr
from clevertap_import.cli.drawing import (
    CODE_COLUMNS,
    DAY_COLUMNS,
    LIST_COLUMNS,
    SHORT_LIST_COLUMNS,
    STATS_COLUMNS,
    Shown,
    print_remedies,
    print_table,
    screen_of,
)
from clevertap_import.cli.printing import print_json
from clevertap_import.cli.spinner import end_spinner
from clevertap_import.frames import Line, lines_of
from clevertap_import.orchestration.daemon import daemon_of
from clevertap_import.orchestration.instance import open_instance
from clevertap_import.orchestration.listing import Filters
from clevertap_import.tables import days_table, imports_table, runs_table

DAYS_SHOWN = "30d"
WATCH_SECONDS = 5.0


def list_imports(
    *,
    json_output: bool,
    wide: bool,
    watch: bool,
    late: bool,
    created_after: datetime | None,
    created_before: datetime | None,
    **words: Any,  # noqa: ANN401 - click's own types
) -> None:
    filters = Filters(
        **words, created_after=day(created_after), created_before=day(created_before), late=late
    )
    if watch:
        watch_listing(lambda: listing_now(filters, wide=wide), Console(highlight=False))
        return
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
    echo_stderr(daemon_sentence())


def daemon_sentence() -> str:
    with open_instance() as instance:
        return daemon_of(instance, datetime.now(UTC)).sentence


def listing_now(filters: Filters, *, wide: bool) -> Shown:
    """What `list` prints, as of now."""
    lines = lines_of(imports_table(filters, lambda words: None))
    title = f"Imports as of {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return Shown(title, columns_of(lines, wide=wide), lines, [summary(lines), daemon_sentence()])


def watch_listing(
    read: Callable[[], Shown], console: Console, pause: Callable[[float], None] = time.sleep
) -> None:
    """Show what `read` returns, every WATCH_SECONDS, until Ctrl-C."""
    if not console.is_terminal:
        raise click.UsageError("--watch shows the listing on a terminal. Leave it out here.")
    end_spinner()
    with suppress(KeyboardInterrupt), Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(screen_of(read(), console.width), refresh=True)
            pause(WATCH_SECONDS)


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
