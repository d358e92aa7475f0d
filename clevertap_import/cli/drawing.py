"""Tables and progress bars for people."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.box import HORIZONTALS
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from clevertap_import.cli.printing import printable, say
from clevertap_import.cli.spinner import end_spinner
from clevertap_import.escapes import escaped
from clevertap_import.mapping.rejection_codes import remedy_of

Line = Mapping[str, Any]

LIST_COLUMNS = (
    *("nickname", "title", "partner", "status", "sync_type", "frequency", "health", "last_run", "datasource"),
    *("created_on", "created_by", "updated_on", "updated_by"),
    *("progress", "new_24h", "failed_24h", "open_rejects", "streak", "bad_since", "next", "why"),
)
SHORT_LIST_COLUMNS = ("nickname", "status", "progress", "health", "new_24h", "open_rejects", "next", "why")
"""What a person looks at every morning; `progress` only while a run goes on."""

STATS_COLUMNS = (
    *("run_id", "date_time", "imported_on", "status", "health", "total_records", "successful_syncs"),
    *("failed_syncs", "unchanged", "invalid", "rejected", "uncertain", "superseded", "window_start"),
    *("window_end", "seconds", "records_per_second", "query_id"),
)
DAY_COLUMNS = ("day", "runs", "failed_runs", "health", "total_records", "failed_syncs", "seconds")
CODE_COLUMNS = ("code", "reason", "rows")
PROBLEM_COLUMNS = ("result", "column", "property", "type", "code", "reason", "rows", "example_row")
HEALTH_COLORS = {"green": "green", "yellow": "yellow", "red": "red", "failed": "red"}
STATUS_COLORS = {"Draft": "red", "Failed": "red", "Success": "green", "Running": "cyan"}
STATUS_COLORS |= dict.fromkeys(("Paused", "Stopped", "Canceled"), "yellow")
SEVERITY_COLORS = {"critical": "red", "error": "red", "warning": "yellow"}
OUTCOME_COLORS = {"accepted": "green", "unchanged": "green", "rejected": "red", "invalid": "red"}
OUTCOME_COLORS |= dict.fromkeys(("uncertain", "not_sent"), "yellow")
LEAST_WIDTH = 40
"""Of the last column of a folded table, whose cells are sentences."""


def heading(column: str) -> str:
    """`date_time` is shown as Date & Time, as in CleverTap; the others as words."""
    return "Date & Time" if column == "date_time" else column.replace("_", " ").title()


@dataclass(frozen=True, slots=True)
class Shown:
    """A table and the sentences below it."""

    title: str
    columns: Sequence[str]
    lines: Sequence[Line]
    below: Sequence[str] = ()


def screen_of(shown: Shown, width: int) -> RenderableType:
    """A table that folds, and the sentences below it."""
    heads, cells, is_number = cells_of(shown.columns, shown.lines)
    table = folded(escaped(shown.title), heads, cells, is_number, width)
    return Group(table, *(Text(escaped(words)) for words in shown.below))


def cells_of(
    columns: Sequence[str], lines: Sequence[Line]
) -> tuple[list[Text], list[list[Text]], list[bool]]:
    """The heads, the cells, and whether each column has numbers."""
    cells = [
        [Text(escaped(plain(line, column)), style=style(line, column)) for column in columns]
        for line in lines
    ]
    is_number = [any(isinstance(line.get(column), int | float) for line in lines) for column in columns]
    return [Text(heading(column)) for column in columns], cells, is_number


def print_table(title: str, columns: Sequence[str], lines: Sequence[Line], *, folds: bool = False) -> None:
    """One row a line; on a narrow terminal, one value a line, or `folds` long cells. No cell is cut."""
    draw(title, *cells_of(columns, lines), folds=folds)


def print_remedies(codes: Iterable[str]) -> None:
    """What to do about each of these codes, below their table."""
    for code in dict.fromkeys(codes):
        if remedy := remedy_of(code):
            say(f"{code}: {remedy}", err=True)


def print_rows(title: str, rows: Sequence[Line]) -> None:
    """Rows of the user, letter by letter; characters that cannot be printed are escaped."""
    columns = list(rows[0])
    cells = [[Text(printable(row[column])) for column in columns] for row in rows]
    draw(title, [Text(printable(column)) for column in columns], cells, [False] * len(columns))


def draw(
    title: str, heads: list[Text], cells: list[list[Text]], is_number: list[bool], *, folds: bool = False
) -> None:
    end_spinner()
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=width_of(heads, cells))
    if folds:
        console.print(folded(escaped(title), heads, cells, is_number, console.width))
    elif width_of(heads, cells) <= console.width:
        console.print(table_of(escaped(title), heads, cells, is_number))
    elif width_of(narrow(heads), cells) <= console.width:
        console.print(table_of(escaped(title), heads, cells, is_number, is_narrow=True))
    else:
        draw_upright(console, escaped(title), heads, cells)


def narrow(heads: Sequence[Text]) -> list[Text]:
    """The longest word of each head, if each has a line for each word."""
    return [Text(max(head.plain.split(" "), key=len)) for head in heads]


def width_of(heads: Sequence[Text], cells: Sequence[Sequence[Text]]) -> int:
    """Of a table in which no cell is folded."""
    widths: list[int] = [max(cell.cell_len for cell in each) for each in zip(heads, *cells, strict=True)]
    return sum(widths) + 3 * len(heads) + 1


def folded(
    title: str, heads: list[Text], cells: list[list[Text]], is_number: list[bool], width: int
) -> RenderableType:
    """A table; if there is no room for its last column, the sentences of that column are below the table."""
    if width_of(heads, cells) <= width:
        return table_of(title, heads, cells, is_number)
    if width_of(narrow(heads[:-1]), [row[:-1] for row in cells]) + LEAST_WIDTH + 3 <= width:
        return table_of(title, heads, cells, is_number, is_narrow=True)
    table = table_of(title, heads[:-1], [row[:-1] for row in cells], is_number[:-1], is_narrow=True)
    return Group(table, *(Text.assemble(row[0], ": ", row[-1]) for row in cells if row[-1].plain))


def table_of(
    title: str, heads: list[Text], cells: list[list[Text]], is_number: list[bool], *, is_narrow: bool = False
) -> Table:
    """`is_narrow`: heads have a line for each word, and only the first and the last column are folded."""
    table = Table(title=Text(title), title_justify="left", title_style="bold")
    last = len(heads) - 1
    for place, (head, is_right) in enumerate(zip(heads, is_number, strict=True)):
        is_fixed = is_narrow and place not in (0, last)
        table.add_column(
            Text(head.plain.replace(" ", "\n")) if is_narrow else head,
            justify="right" if is_right else "left",
            overflow="fold",
            no_wrap=is_fixed,
        )
    for row in cells:
        table.add_row(*row)
    return table


def draw_upright(console: Console, title: str, heads: list[Text], cells: list[list[Text]]) -> None:
    """A block of lines for each row: the name of a column, and its value."""
    console.print(Text(title, style="bold"))
    for row in cells:
        block = Table(box=HORIZONTALS, show_header=False)
        block.add_column(no_wrap=True)
        block.add_column(overflow="fold")
        for head, cell in zip(heads, row, strict=True):
            block.add_row(head, cell)
        console.print(block)


def style(line: Line, column: str) -> str:
    """The color of a verdict. It says nothing that the text does not say."""
    match column:
        case "health":
            return HEALTH_COLORS.get(str(line.get("health_state")), "")
        case "status":
            return STATUS_COLORS.get(str(line[column]), "")
        case "outcome":
            return OUTCOME_COLORS.get(str(line[column]), "")
        case "why":
            return SEVERITY_COLORS.get(str(line["severity"]), "")
        case "next":
            return "red" if line["late"] else ""
        case "open_rejects":
            return "yellow" if line[column] else ""
    return ""


def plain(line: Line, column: str) -> str:
    """A value as text: numbers with separators, health with its sign or its word."""
    if column == "next":
        return "late" if line["late"] else short_time(line["next_run"])
    value = line[column]
    if column == "progress":
        return progress_text(value)
    if column == "health":
        is_percent = value is not None and line["health_state"] != "failed"
        return f"{value:g} %" if is_percent else str(line["health_state"])
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def short_time(text: str | None) -> str:
    """An ISO 8601 time to the minute, without the year of today; it is in UTC."""
    words = text[:16].replace("T", " ") if text else ""
    return words.removeprefix(f"{datetime.now(UTC):%Y-}")


def progress_text(progress: Line | None) -> str:
    """For example `send 45 %`."""
    if progress is None:
        return ""
    phase, done, total = progress["phase"], progress["done"], progress["total"]
    if total:
        return f"{phase} {100 * done // total} %"
    return f"{phase} {done:,}" if done else str(phase)


class Bars(logging.Handler):
    """Draws the progress that runs report; one bar for each phase of an import."""

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
    """Bars on standard error during runs, if standard error is a terminal."""
    end_spinner()
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
