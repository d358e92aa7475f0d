"""The results as tables of text."""

from collections.abc import Iterable, Mapping, Sequence

from .cases import Case, Outcomes, Result
from .ways import ARROW

Line = tuple[str, ...]
Outcome = tuple[Case, Outcomes]

HEADINGS = ("way", "rows", "rows/s", "ours : it", "CPU s/1M", "it : ours", "peak MiB", "in flight", "arrived")
CEILING_HEADINGS = (
    "ours",
    "latency",
    "delivery rows/s",
    "of 15 in flight",
    "end to end rows/s",
    "of 15 in flight",
    "server's CPU",
)


def table(lines: Sequence[Line]) -> str:
    """Columns as wide as their widest cell; the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines)
    return "".join("  ".join(line) + "\n" for line in padded)


def at_latency(outcomes: Mapping[Case, Outcomes], latency_ms: float) -> str:
    """All ways at one latency, with ratios to ours from Arrow if that was measured."""
    here = [(case, done) for case, done in outcomes.items() if case.latency_ms == latency_ms]
    ours = next((done.median for case, done in here if case.way.name == ARROW and done.results), None)
    lines = [cells(case, done, ours) for case, done in here]
    return f"{latency_ms:g} ms a request\n{table([HEADINGS, *lines])}"


def cells(case: Case, done: Outcomes, ours: Result | None) -> Line:
    if not done.results:
        return (case.way.label, f"{case.rows:,}", *[""] * (len(HEADINGS) - 3), done.verdict)
    it = done.median
    return (
        case.way.label,
        f"{case.rows:,}",
        f"{it.rows_per_second:,.0f}",
        f"{ours.rows_per_second / it.rows_per_second:.1f}" if ours else "",
        f"{it.cpu_seconds_per_million_rows:.1f}",
        f"{it.cpu_seconds_per_million_rows / ours.cpu_seconds_per_million_rows:.1f}" if ours else "",
        f"{it.client.peak_mib:.0f}",
        f"{it.server.in_flight:.1f}",
        done.verdict,
    )


def against_ceiling(outcomes: Mapping[Case, Outcomes]) -> str:
    """Ours beside what 15 requests in flight allow: the delivery alone, and everything."""
    ours = [(case, done) for case, done in outcomes.items() if case.way.is_ours and done.results]
    return table([CEILING_HEADINGS, *(ceiling_cells(case, done.median) for case, done in ours)])


def ceiling_cells(case: Case, it: Result) -> Line:
    def share(rate: float) -> str:
        return f"{rate / case.ceiling_rows_per_second:.1%}" if case.latency_ms else ""

    return (
        case.way.label,
        f"{case.latency_ms:g} ms",
        f"{it.server.rows_per_second:,.0f}",
        share(it.server.rows_per_second),
        f"{it.rows_per_second:,.0f}",
        share(it.rows_per_second),
        f"{it.server.cpu_seconds / it.server.seconds:.0%}",
    )


def memory(outcomes: Iterable[Outcome]) -> str:
    """Peaks by the number of rows, and how much the last is above the first."""
    done = [(case, all_of.median) for case, all_of in outcomes if all_of.results]
    lines = [
        (f"{case.way.label}, {case.rows:,} rows, peak MiB", f"{it.client.peak_mib:.0f}") for case, it in done
    ]
    growth = done[-1][1].client.peak_mib / done[0][1].client.peak_mib
    return table([*lines, ("growth", f"{growth:.2f}")])
