"""The page: what the template shows, from the facts of the report."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import jinja2
from markupsafe import Markup

from clevertap_import.escapes import escaped
from clevertap_import.html_report import words
from clevertap_import.html_report.days import Columns, accepted_by_import, by_column, health_by_import
from clevertap_import.html_report.facts import ReportFacts
from clevertap_import.html_report.plots import Panel, amounts_plot, health_plot, spark
from clevertap_import.html_report.tables import Amounts, amounts_by_import, code_lines, highest
from clevertap_import.mapping.rejection_codes import remedy_of
from clevertap_import.monitoring.picture import ImportState, numbers
from clevertap_import.orchestration.health import Health
from clevertap_import.result_sentence import result_sentence

STRIP = 40
"""How many imports are in one plot of health; all but the first plot are folded."""


def page(facts: ReportFacts) -> str:
    """The whole page as HTML. Every text of an import, of Snowflake and of CleverTap is shown as it is."""
    loader = jinja2.PackageLoader("clevertap_import.html_report", "templates")
    engine = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    engine.filters |= {
        name: getattr(words, name) for name in ("count", "cut", "moment", "percent", "seconds")
    }
    return escaped(engine.get_template("report.html").render(content(facts))) + "\n"


def content(facts: ReportFacts) -> dict[str, Any]:
    columns, amounts = Columns.of(facts), amounts_by_import(facts)
    return {
        "facts": facts,
        "until": facts.since + timedelta(days=facts.days - 1),
        "is_well": Health(list(facts.states), facts.daemon).is_ok,
        "verdict": verdict(facts.states),
        "totals": totals(facts.states),
        "troubled": [each for each in facts.states if each.concerns],
        "state_words": words.STATES,
        "health_plots": health_plots(facts, columns),
        "rows_plot": rows_plot(facts, columns),
        "cost_plot": cost_plot(facts, columns),
        "codes": code_lines(facts),
        "cost": highest(amounts.values(), "snowflake_seconds", "requests"),
        "cost_of_all": sums(amounts),
        "slowest": highest(amounts.values(), "longest"),
        "trends": {name: spark(found) for name, found in accepted_by_import(facts, columns).items()},
        "columns": columns,
        "amounts": amounts,
        "numbers": {state.nickname: at for at, state in enumerate(facts.states)},
        "sentence": result_sentence,
        "remedy_of": remedy_of,
        "age": lambda moment: words.age(moment, facts.as_of),
        "short": lambda moment: words.short_moment(moment, facts.as_of),
        "share": share,
    }


def verdict(states: Sequence[ImportState]) -> str:
    well = sum(not each.concerns for each in states)
    warned = sum(each.is_ok for each in states) - well
    return words.verdict(well, warned, len(states))


def totals(states: Sequence[ImportState]) -> list[tuple[str, int, bool]]:
    """What the head of the page counts: words, number, and whether that many are bad."""
    found = numbers(states)
    heads = [
        ("new rows accepted in 24 h", "new_24h", False),
        ("rows failed in 24 h", "failed_24h", True),
        ("rejected rows open", "open_rejects", True),
        ("imports late", "late", True),
        ("imports running", "running", False),
    ]
    return [(text, found[name], is_bad and found[name] > 0) for text, name, is_bad in heads]


def health_plots(facts: ReportFacts, columns: Columns) -> list[Markup]:
    """The worst imports first; those without any run of these days have no row."""
    found = health_by_import(facts, columns)
    known = {each.nickname: found[each.nickname] for each in facts.states if each.nickname in found}
    names = list(known)
    return [
        health_plot({name: known[name] for name in names[at : at + STRIP]}, columns)
        for at in range(0, len(names), STRIP)
    ]


def rows_plot(facts: ReportFacts, columns: Columns) -> Markup:
    sums = by_column(facts, columns)
    panels = [
        panel("Accepted", sums["accepted"], "good"),
        panel("Unchanged", sums["unchanged"], "muted"),
        panel("Failed", sums["failed"], "bad"),
    ]
    return amounts_plot(panels, columns, "Rows of all imports by day: accepted, unchanged and failed.")


def cost_plot(facts: ReportFacts, columns: Columns) -> Markup:
    sums = by_column(facts, columns)
    panels = [
        panel("Snowflake", sums["snowflake_seconds"], "good", is_time=True),
        panel("Requests to CleverTap", sums["requests"], "good"),
        panel("Throttled", sums["throttled_seconds"], "part", is_time=True),
    ]
    return amounts_plot(panels, columns, "Cost of all imports by day: Snowflake, requests, throttled time.")


def panel(title: str, amounts: Any, colour: str, *, is_time: bool = False) -> Panel:  # noqa: ANN401 - a Series
    if not is_time:
        return Panel(title, list(amounts), colour, words.short_count, f"{words.count(amounts.sum())} in all")
    unit, name = words.time_unit(amounts.max())
    total = f"{words.seconds(amounts.sum())} in all"
    return Panel(title, list(amounts / unit), colour, lambda value: f"{value:g} {name}", total)


def sums(amounts: Mapping[str, Amounts]) -> Amounts:
    found: Amounts = {}
    for line in amounts.values():
        for name, value in line.items():
            if name != "nickname":
                found[name] = found.get(name, 0) + value
    return found


def share(value: float, most: float) -> str:
    """How long a bar in a table is, in percent of the longest one."""
    return f"{max(100 * value / most, 1) if value and most else 0:.1f}"
