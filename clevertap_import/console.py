"""What the commands print: tables and bars for people, one JSON document for programs."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

Line = Mapping[str, Any]

LIST_COLUMNS = (
    *("nickname", "title", "partner", "status", "sync_type", "frequency", "health", "last_run", "datasource"),
    *("created_on", "created_by", "updated_on", "updated_by"),
)
STATS_COLUMNS = (
    *("run_id", "date_time", "imported_on", "status", "health", "total_records", "successful_syncs"),
    *("failed_syncs", "unchanged", "invalid", "rejected", "uncertain", "superseded", "window_start"),
    *("window_end", "seconds", "records_per_second", "query_id"),
)
COLORS = {"green": "green", "yellow": "yellow", "red": "red", "failed": "red"}


def heading(column: str) -> str:
    """`date_time` is shown as Date & Time, as CleverTap writes it; the others in words."""
    return "Date & Time" if column == "date_time" else column.replace("_", " ").title()


def print_json(document: object) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_table(title: str, columns: Sequence[str], lines: Sequence[Line]) -> None:
    """One row a line. On a terminal it fits the width; elsewhere no cell is cut."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=sum(widest(column, lines) + 3 for column in columns) + 1)
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        is_number = any(isinstance(line[column], int | float) for line in lines)
        table.add_column(heading(column), justify="right" if is_number else "left", overflow="fold")
    for line in lines:
        table.add_row(*(cell(line, column) for column in columns))
    console.print(table)


def widest(column: str, lines: Sequence[Line]) -> int:
    return (
        max(len(heading(column)), *(len(plain(line, column)) for line in lines))
        if lines
        else len(heading(column))
    )


def cell(line: Line, column: str) -> str:
    color = COLORS.get(str(line.get("health_state"))) if column == "health" else None
    return f"[{color}]{plain(line, column)}[/{color}]" if color else plain(line, column)


def plain(line: Line, column: str) -> str:
    """A value as text: numbers with separators, health with its sign or its word."""
    value = line[column]
    if column == "health":
        return f"{value:g} %" if value is not None else str(line["health_state"])
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


class Bars(logging.Handler):
    """Draws the steps that runs report; one bar for each thing that an import does."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress
        self.tasks: dict[tuple[str, str], TaskID] = {}

    def emit(self, record: logging.LogRecord) -> None:
        step = record.progress  # type: ignore[attr-defined]
        key = (step.import_name, step.doing)
        if key not in self.tasks:
            self.tasks[key] = self.progress.add_task(
                f"{step.import_name}: rows {step.doing}", total=step.total
            )
        self.progress.update(self.tasks[key], completed=step.done, total=step.total or step.done)


@contextmanager
def progress_bars() -> Iterator[None]:
    """Bars on standard error while runs go on, if that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    listeners = logging.getLogger("clevertap_import.progress")
    with Progress(*columns, console=console, transient=True) as progress:
        bars = Bars(progress)
        listeners.addHandler(bars)
        listeners.setLevel(logging.INFO)
        try:
            yield
        finally:
            listeners.removeHandler(bars)
