"""What an import is, in Markdown, for people who have never seen its YAML: its asset's description."""

import re
from collections.abc import Iterable, Iterator

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.schedule import After, Manual
from clevertap_import.config.target import ColumnOrConstant, EventsTarget
from clevertap_import.escapes import as_plain, escaped
from clevertap_import.orchestration.freshness import longest_age
from clevertap_import.project.git_history import FileHistory

MOST_PROPERTIES = 100
MOST_LINES = 500
MOST_CHARS = 20_000
MOST_CELL_CHARS = 120
"""Limits of what is shown; the YAML has the rest."""

TICKS = re.compile("`+")


def description_of(config: ImportConfig, history: FileHistory | None = None) -> str:
    """`history`: of the YAML file, if Git knows it."""
    parts = [
        *(as_plain(text) for text in (config.title, config.description) if text),
        *source_of(config),
        target_of(config),
        *mapping_of(config),
        listed(facts_of(config, history)),
        commands_of(config),
    ]
    return "\n\n".join(parts)


def source_of(config: ImportConfig) -> Iterator[str]:
    source = config.source
    where = f"**Source** (Snowflake connection {plain(config.connection)})"
    if source.kind == "table":
        yield f"{where}: {plain(source.table)}"
    else:
        yield f"{where}:"
        yield code_block("sql", source.text)


def target_of(config: ImportConfig) -> str:
    target = config.target
    kind, key = "User profiles", "identity" if target.identity else "CleverTap ID"
    if isinstance(target, EventsTarget):
        created_on = target.created_on
        when = f"at {plain(created_on.column)}" if created_on else "at the time of the run"
        kind = f"Events {origin_of(target.event_name)} {when}"
    return (
        f"**Target** (CleverTap account {plain(config.account)}): {kind}, by {key} from"
        f" {plain(target.identity_column)}"
    )


def mapping_of(config: ImportConfig) -> Iterator[str]:
    mappings = config.target.properties
    if not mappings:
        return
    rows = [
        f"| {origin_of(each)} | {plain(each.property)} | {each.type or ''} |"
        for each in mappings[:MOST_PROPERTIES]
    ]
    yield "\n".join(["| column | property | type |", "|---|---|---|", *rows])
    if len(mappings) > MOST_PROPERTIES:
        yield f"and {len(mappings) - MOST_PROPERTIES:,} more properties."


def facts_of(config: ImportConfig, history: FileHistory | None) -> Iterator[str]:
    yield f"**Schedule**: {schedule_of(config)}"
    if config.updated_on:
        lookback = f", lookback {config.updated_on.lookback}" if config.updated_on.lookback else ""
        yield (
            f"**Windows**: {config.window}, by {plain(config.updated_on.column)}, from"
            f" {config.start}{lookback}. A run reads only rows that are new or changed."
        )
    else:
        yield "**Windows**: none. Each run reads all rows, and sends those that are new or changed."
    yield f"**Expected**: {expected_of(config)}"
    if config.created_by:
        yield f"**Owner**: {plain(config.created_by)}"
    if history and history.commit:
        by = f" by {plain(history.updated_by)}" if history.updated_by else ""
        yield f"**Last change**: {plain(history.updated_on)}{by}, commit {plain(history.commit)}"


def schedule_of(config: ImportConfig) -> str:
    schedule = config.schedule
    words = plain(schedule.summary)
    if isinstance(schedule, Manual | After) or not schedule.crons():
        return words
    return f"{words} (clock of {plain(schedule.timezone)})"


def expected_of(config: ImportConfig) -> str:
    found = [f"health of {config.expect.health:g} %"]
    if age := longest_age(config):
        found.append(f"a successful run within {hours(age.total_seconds())}")
    if config.expect.rows.min:
        found.append(f"at least {config.expect.rows.min:,} rows in a run")
    return ", ".join(found)


def hours(seconds: float) -> str:
    return f"{seconds / 3600:g} hours" if seconds >= 3600 else f"{seconds / 60:g} minutes"


def commands_of(config: ImportConfig) -> str:
    name = config.nickname
    lines = [
        f"clevertap-import stats {name}      # the last runs",
        f"clevertap-import rejects {name}    # rows that were not imported, and why",
        f"clevertap-import preview {name}    # some rows, and the records that they become",
        f"clevertap-import dry-run {name}    # check a sample, and send nothing",
    ]
    return code_block("bash", "\n".join(lines))


def origin_of(given: ColumnOrConstant) -> str:
    """The column, or the constant."""
    return plain(given.column) if given.column else f"constant {plain(str(given.constant))}"


def plain(text: str) -> str:
    """`text` on one line of bounded length, letter by letter."""
    line = " ".join(escaped(text).split())
    return as_plain(line if len(line) <= MOST_CELL_CHARS else f"{line[:MOST_CELL_CHARS]}...")


def listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def code_block(language: str, text: str) -> str:
    """`text` of bounded length in a fence that it cannot end."""
    lines = escaped(text).strip("\n").splitlines()
    shown = "\n".join(lines[:MOST_LINES])[:MOST_CHARS]
    if shown != "\n".join(lines):
        shown += "\n... (the YAML has the rest)"
    fence = "`" * max(3, *(len(ticks) + 1 for ticks in TICKS.findall(shown)), 3)
    return f"{fence}{language}\n{shown}\n{fence}"
