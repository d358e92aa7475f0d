"""The plots of the report. Each is drawn twice: for a wide page, and for a phone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from clevertap_import.html_report.days import Columns
from clevertap_import.html_report.svg import COLOUR, box, canvas, fill, inline, rule, write

WIDE, NARROW = 1040, 350

ROW = 20
"""The height of a line of text, and of an import in the plot of health."""

BAR = {"green": ("good", 5), "yellow": ("part", 10), "red": ("bad", 16), "failed": ("failed", 16)}
"""The variable of the colour and the height of each state: the higher, the worse."""

MUTED = COLOUR["muted"]

PANEL = 92
DATE_PIXELS = 62


@dataclass(frozen=True, slots=True)
class Panel:
    """One of the plots above each other: `shown` writes an amount, `colour` is a variable of the page."""

    title: str
    amounts: Sequence[float]
    colour: str
    shown: Callable[[float], str]
    total: str


def both(draw: Callable[[int, int, str], Markup], labels: tuple[int, int]) -> Markup:
    """For both widths. `labels`: how wide the labels at the left are."""
    return draw(WIDE, labels[0], "wide") + draw(NARROW, labels[1], "narrow")


def health_plot(states: Mapping[str, Mapping[int, str]], columns: Columns) -> Markup:
    """`states`: of each import, in the columns in which it had runs. The plot has the mapping's order."""

    def draw(width: int, left: int, kind: str) -> Markup:
        height = ROW * (len(states) + 1) + 4
        figure, axes = canvas(width, height)
        cell = (width - left) / columns.count
        gap = min(2.0, cell / 4)
        letters = left // 7
        shapes: dict[str, list[Path]] = {}
        for number, (nickname, found) in enumerate(states.items()):
            bottom = ROW * (number + 2) - 2
            rule(axes, 0, width, bottom + 1)
            write(axes, 0, bottom - ROW / 2 + 2, cut(nickname, letters))
            for column, state in found.items():
                x = left + column * cell
                for variable, shape in marks(state, x, bottom, cell - gap):
                    shapes.setdefault(variable, []).append(shape)
        for variable, found_shapes in shapes.items():
            fill(axes, found_shapes, variable)
        dates(axes, columns, left, cell, ROW / 2)
        return inline(figure, "Health of each import by day; the tables below say the same in words.", kind)

    return both(draw, (230, 120))


def marks(state: str, x: float, bottom: float, width: float) -> Iterator[tuple[str, Path]]:
    """The shapes of one cell: a bar that is higher the worse it was, with a hole if every run failed."""
    if state not in BAR:
        yield "muted", box(x + width / 2 - 1.5, bottom - 4, 3, 3)
        return
    variable, height = BAR[state]
    yield variable, box(x, bottom - height, width, height)
    if state == "failed":
        hole = min(width / 2, 5)
        yield "paper", box(x + (width - hole) / 2, bottom - height / 2 - 2.5, hole, 5)


def amounts_plot(panels: Sequence[Panel], columns: Columns, label: str) -> Markup:
    """Bars over time, one plot above the other, each with its own scale."""

    def draw(width: int, left: int, kind: str) -> Markup:
        figure, axes = canvas(width, PANEL * len(panels) + ROW)
        cell = (width - left) / columns.count
        for number, panel in enumerate(panels):
            draw_panel(axes, panel, (left, width), PANEL * number, cell)
        dates(axes, columns, left, cell, PANEL * len(panels) + ROW / 2)
        return inline(figure, label, kind)

    return both(draw, (64, 52))


def draw_panel(axes: Axes, panel: Panel, span: tuple[int, int], top: int, cell: float) -> None:
    left, right = span
    room, base = PANEL - 40, top + PANEL - 8
    write(axes, 0, top + 12, panel.title, fontweight="bold")
    write(axes, right, top + 12, panel.total, ha="right", color=MUTED)
    most = max(panel.amounts, default=0)
    ticks = [each for each in MaxNLocator(2, min_n_ticks=2).tick_values(0, most or 1) if each >= 0]
    scale = room / max(ticks[-1], most)
    for tick in ticks if most else ticks[:1]:
        rule(axes, left, right, base - tick * scale)
        write(axes, left - 8, base - tick * scale, panel.shown(tick), ha="right", color=MUTED, fontsize=11)
    gap = min(3.0, cell / 4)
    bars = [
        box(left + column * cell, base - height, cell - gap, height)
        for column, amount in enumerate(panel.amounts)
        # What is there can be seen, however small it is.
        if amount and (height := max(amount * scale, 1.5))
    ]
    fill(axes, bars, panel.colour)


def dates(axes: Axes, columns: Columns, left: float, cell: float, y: float) -> None:
    """A date below some columns, always below the last one."""
    every = ceil(DATE_PIXELS / cell)
    for column in range(columns.count - 1, -1, -every):
        middle = left + (column + 0.5) * cell
        day, last = columns.day(column), column == columns.count - 1
        x, anchor = (left + columns.count * cell, "right") if last else (middle, "center")
        if last or x - DATE_PIXELS / 2 > left:
            write(axes, x, y, f"{day.day} {day:%b}", ha=anchor, color=MUTED, fontsize=11)


def cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def spark(amounts: Sequence[float]) -> str:
    """A line of small bars for a table, as the data of a path 16 pixels high, 4 pixels for each amount."""
    most = max(amounts, default=0)
    if not most:
        return ""
    heights = ((at, max(round(amount / most * 15), 1)) for at, amount in enumerate(amounts) if amount)
    return "".join(f"M{at * 4 + 2} 16v-{height}" for at, height in heights)
