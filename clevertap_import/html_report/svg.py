"""Figures of matplotlib as SVG in the page: text stays text, and colours come from the page's style.

matplotlib knows no CSS. It draws with colours that stand for variables of the style, and `inline` writes the
variables in their place. So one picture follows the light and the dark style.
"""

import io
import re
from collections.abc import Iterable
from html import escape
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

VARIABLES = ("ink", "muted", "rule", "good", "part", "bad", "failed", "paper")
COLOUR = {name: f"#{0xAB0000 + number:06x}" for number, name in enumerate(VARIABLES)}
"""What matplotlib draws with, by the name of the variable in the page's style."""

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "path.simplify": False,
}
"""DejaVu Sans comes with matplotlib, and hardly any font of a browser is wider: no text is cut."""

PIXELS = 72
"""In an inch: one point of matplotlib is one pixel of the page."""

UNNEEDED = (
    # It would hold for the whole page.
    re.compile(r"<defs>.*?</defs>", re.DOTALL),
    # The names of two pictures of a page are the same, and nothing refers to them.
    re.compile(r' id="[^"]*"'),
    re.compile(r" font-family: [^;]*;"),
    re.compile(r' transform="rotate\(-0 [^"]*"'),
    re.compile(r"</?g>"),
    re.compile(r"(?<=>)\s+(?=<)"),
)
"""What the page has in its own style, and what only makes it larger."""


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure, and axes over all of it whose units are pixels from its upper left corner."""
    figure = Figure(figsize=(width / PIXELS, height / PIXELS), dpi=PIXELS)
    FigureCanvasSVG(figure)
    figure.patch.set_visible(False)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    return figure, axes


def write(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:  # noqa: ANN401 - matplotlib's
    """Text as it is: a `$` of the YAML begins no formula."""
    plain: dict[str, Any] = {"color": COLOUR["ink"], "fontsize": 12, "va": "center", "parse_math": False}
    axes.text(x, y, text, **plain | style)


def fill(axes: Axes, shapes: Iterable[Path], variable: str) -> None:
    """All shapes as one path: a page with thousands of them stays small."""
    found = list(shapes)
    if found:
        whole = Path.make_compound_path(*found)
        axes.add_patch(PathPatch(whole, facecolor=COLOUR[variable], linewidth=0, clip_on=False))


def box(left: float, top: float, width: float, height: float) -> Path:
    corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path([*corners, corners[0]], codes)


def rule(axes: Axes, left: float, right: float, y: float) -> None:
    fill(axes, [box(left, y, right - left, 1)], "rule")


def inline(figure: Figure, label: str, kind: str) -> Markup:
    """The figure as an element of the page. `label` is for people who cannot see it. `kind`: a CSS class."""
    found = io.StringIO()
    with mpl.rc_context({**STYLE, "svg.hashsalt": label}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(found, format="svg", transparent=True, metadata=nothing)
    picture = found.getvalue()
    picture = re.sub(r' d="[^"]*"', shortened, picture[picture.index("<svg") :])
    for unneeded in UNNEEDED:
        picture = unneeded.sub("", picture)
    for name, colour in COLOUR.items():
        picture = picture.replace(colour, f"var(--{name})")
    body = picture[picture.index(">") + 1 :]
    width, height = (f"{each * PIXELS:g}" for each in figure.get_size_inches())
    head = f'<svg class="{kind}" viewBox="0 0 {width} {height}" width="{width}" role="img"'
    # matplotlib has escaped all text.
    return Markup(f'{head} aria-label="{escape(label)}">{body}')  # noqa: S704


def shortened(path: re.Match[str]) -> str:
    """The same path to a tenth of a pixel, without spaces that say nothing."""
    rounded = re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), path[0])
    return re.sub(r"\s*([MLQCz])\s*", r"\1", rounded)
