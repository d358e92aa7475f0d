"""The dry run as asset checks: the problems of the staged rows, as tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from clevertap_import.clevertap.server_dry_run import Lookup, ServerDryRunResult
from clevertap_import.config.model import ImportConfig
from clevertap_import.config.target import PropertyMapping
from clevertap_import.errors import CleverTapImportError, ConfigError, RefusedError, SourceError
from clevertap_import.escapes import as_plain
from clevertap_import.mapping.rejection_codes import CODES
from clevertap_import.mapping.system_properties import own_property
from clevertap_import.report import is_over
from clevertap_import.staging.stage import ProblemCount, ProblemKind, StageCounts

DESCRIPTIONS = {
    "query": "The query compiles, and returns every column that the import needs, with a usable type.",
    "identity": "Every row names a person in a way that CleverTap takes.",
    "mapping": "Every value can become what its property type asks for.",
    "limits": "Names and values are within CleverTap's limits.",
    "clevertap": "CleverTap's own dry run takes a sample of the records.",
    "impact": "How many records are new, changed and unchanged, and how many profiles would be created.",
}

COLUMNS = ("result", "column", "property", "type", "code", "reason", "rows", "example_row")

SCHEMA = dg.TableSchema(
    [dg.TableColumn(name, "int" if name in ("rows", "example_row") else "string") for name in COLUMNS]
)


SHOWN_BLANKS = 5
"""The most properties with blank cells that a check names."""

Problems = Sequence[tuple[ProblemKind, ProblemCount]]


@dataclass(frozen=True, slots=True)
class Impact:
    """What a delivery would change. `lookup` is None if no profile was looked up.

    `refused`: why a run that is not forced would deliver no row at all.
    """

    new: int
    changed: int
    unchanged: int
    lookup: Lookup | None
    note: str | None = None
    changed_windows: int = 0
    refused: str | None = None

    @property
    def summary(self) -> str:
        rows = self.new + self.changed + self.unchanged
        text = (
            f"Of {rows:,} rows {self.new:,} are new, {self.changed:,} changed and"
            f" {self.unchanged:,} unchanged since they were last delivered."
        )
        if self.note:
            text += f" {self.note}"
        if self.lookup is None or not self.lookup.total:
            return text
        return (
            f"{text} Of {self.lookup.total:,} profiles looked up in CleverTap {self.lookup.known:,} would be"
            f" updated and {self.lookup.unknown:,} created.{self.unclear}"
        )

    @property
    def unclear(self) -> str:
        """A sentence about look-ups without a clear answer; empty if there are none."""
        found = self.lookup or Lookup()
        lost = found.total - found.known - found.unknown
        return f" For {lost:,} it gave no clear answer." if lost else ""

    @property
    def metadata(self) -> dict[str, int]:
        counts = {"new": self.new, "changed": self.changed, "unchanged": self.unchanged}
        counts |= {"changed_windows": self.changed_windows} if self.changed_windows else {}
        if self.lookup is None:
            return counts
        found = {"would_update": self.lookup.known, "would_create": self.lookup.unknown}
        return {**counts, "looked_up": self.lookup.total, **found}


@dataclass(frozen=True, slots=True)
class Checks:
    """The results of all checks. `error`: why nothing may be sent; None if no check blocks."""

    results: Sequence[dg.AssetCheckResult]
    error: BaseException | None


class ServerDryRunRefused(RefusedError):
    """CleverTap's own dry run refused too many records, or failed; nothing was sent."""


class TooManyInvalid(ConfigError):
    """More rows are invalid than the import admits; nothing was sent."""

    def __init__(self, config: ImportConfig, counts: StageCounts) -> None:
        checked = counts.read - counts.superseded
        admitted = "none" if config.on_invalid == "fail" else f"{config.dry_run.max_rejected_percent:g} %"
        super().__init__(
            f"{counts.invalid:,} of {checked:,} rows are not fit for CleverTap, and"
            f" {config.nickname!r} admits {admitted}. Nothing was sent."
            " The checks say what is wrong where."
        )


def check_specs(key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(name, asset=key, description=text, blocking=name != "impact")
        for name, text in DESCRIPTIONS.items()
    ]


def dry_run_checks(key: dg.AssetKey) -> dg.AssetSelection:
    """The checks that a run makes before it sends anything, and that a dry run consists of."""
    return dg.AssetSelection.checks(*(each.key for each in check_specs(key)))


def checked(
    key: dg.AssetKey, config: ImportConfig, counts: StageCounts, tried: ServerDryRunResult, impact: Impact
) -> Checks:
    """The checks of staged rows."""
    error: CleverTapImportError | None = None
    if blocks(config, counts):
        error = TooManyInvalid(config, counts)
    elif tried.blocks(config):
        error = ServerDryRunRefused(tried.summary)
    return Checks(tuple(dry_run_results(key, config, counts, tried, impact)), error)


def not_staged(key: dg.AssetKey, error: BaseException) -> Checks:
    """The checks if staging failed: the check `query` fails, if the query was the cause."""
    is_of_query = isinstance(error, ConfigError | SourceError)
    return Checks([query_failed(key, str(error))] if is_of_query else [], error)


def query_failed(key: dg.AssetKey, reason: str) -> dg.AssetCheckResult:
    return result(key, "query", [], reason, is_blocking=True)


def dry_run_results(
    key: dg.AssetKey, config: ImportConfig, counts: StageCounts, tried: ServerDryRunResult, impact: Impact
) -> Iterator[dg.AssetCheckResult]:
    """One result for each check. If too many rows are invalid, their checks block the delivery."""
    checked = {"rows_checked": counts.read - counts.superseded}
    times = {"rows_without_updated_on": counts.without_updated_on, "future_rows": counts.future}
    yield result(key, "query", [], query_summary(counts), metadata={**checked, **times})
    blocking = blocks(config, counts)
    for name in ("identity", "mapping", "limits"):
        problems = [
            (fault, tally) for fault, tally in counts.problems.items() if CODES[fault.code].check == name
        ]
        notes, found = value_notes(config, counts) if name == "mapping" else ("", {})
        yield result(
            key,
            name,
            problems,
            summary(problems, counts) + notes,
            is_blocking=blocking and bool(problems),
            metadata={**checked, **found},
        )
    yield result(
        key,
        "clevertap",
        list(tried.problems.items()),
        f"{tried.summary} {impact.refused}" if impact.refused else tried.summary,
        is_blocking=tried.blocks(config) or impact.refused is not None,
        metadata={"rows_checked": tried.rows},
    )
    yield result(key, "impact", [], impact.summary, metadata={**checked, **impact.metadata})


def blocks(config: ImportConfig, counts: StageCounts) -> bool:
    """Whether too many rows are invalid, so that nothing may be sent."""
    checked = counts.read - counts.superseded
    if not counts.invalid:
        return bool(counts.problems) and config.on_invalid == "fail"
    return config.on_invalid == "fail" or is_over(
        counts.invalid, checked, config.dry_run.max_rejected_percent
    )


def query_summary(counts: StageCounts) -> str:
    """Counts rows of the future, because a wrong `format` of Updated On moves all rows there."""
    text = "The query compiles and returns what the import needs."
    if not counts.read:
        text += " It returned no row."
    if counts.future:
        text += (
            f" Rows of which Updated On is in the future: {counts.future:,}; they come with their windows."
        )
    return text


def is_groups(config: ImportConfig, mapping: PropertyMapping) -> bool:
    own = own_property(config.target, mapping.property)
    return own is not None and own.type == "groups"


def deleted_where_blank(config: ImportConfig, counts: StageCounts) -> list[str]:
    """Properties with blank cells that NULL deletes. Subscription groups cannot be deleted."""
    return [
        mapping.property
        for mapping in config.target.properties
        if counts.blanks[mapping.property]
        and (mapping.on_null or config.on_null) == "delete"
        and not is_groups(config, mapping)
    ]


def value_notes(config: ImportConfig, counts: StageCounts) -> tuple[str, dict[str, int]]:
    """A text about valid values that may be unintended, and how many there are."""
    text = ""
    if counts.blanks:
        most = ", ".join(f"{name}: {cells:,}" for name, cells in counts.blanks.most_common(SHOWN_BLANKS))
        more = ", ..." if len(counts.blanks) > SHOWN_BLANKS else ""
        text += f" Blank cells that count as NULL: {counts.blank_values:,} ({most}{more})."
    if deleted := deleted_where_blank(config, counts):
        text += f" They delete the property, by on_null: delete, in {', '.join(deleted[:SHOWN_BLANKS])}."
    if counts.future_events:
        text += (
            f" Events whose time is in the future: {counts.future_events:,}; a wrong format or timezone of"
            " created_on may have put them there."
        )
    return text, {"blank_values": counts.blank_values, "future_events": counts.future_events}


def summary(problems: Problems, counts: StageCounts) -> str:
    checked = counts.read - counts.superseded
    if not problems:
        return f"{checked:,} rows checked, no problem."
    rows = [tally.rows for _, tally in problems]
    if len(rows) == 1:
        where = "one row" if rows[0] == 1 else f"{rows[0]:,} rows"
        return f"{checked:,} rows checked; one kind of problem, in {where}."
    # Not a sum of rows: one row may have several of the problems.
    return f"{checked:,} rows checked; {len(rows):,} kinds of problems, found {sum(rows):,} times."


def result(
    key: dg.AssetKey,
    name: str,
    problems: Problems,
    description: str,
    *,
    is_blocking: bool = False,
    metadata: Mapping[str, int] | None = None,
) -> dg.AssetCheckResult:
    """An error blocks the delivery, a warning does not. `description` has texts of people and servers."""
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=key,
        passed=not problems and not is_blocking,
        severity=dg.AssetCheckSeverity.ERROR if is_blocking else dg.AssetCheckSeverity.WARN,
        description=as_plain(description),
        metadata={**(metadata or {}), **({"problems": problem_table(problems)} if problems else {})},
    )


def reason_with_example(fault: ProblemKind, tally: ProblemCount) -> str:
    example = " of ".join(filter(None, (tally.example_place, tally.example_value)))
    return f"{fault.reason}, such as {example}" if example else fault.reason


def problem_table(problems: Problems) -> dg.TableMetadataValue:
    """Most frequent first. Values are shown only if the import allows it."""
    records = [
        dg.TableRecord(
            {
                "result": "error",
                "column": fault.column or "",
                "property": fault.property or "",
                "type": fault.type,
                "code": fault.code,
                "reason": reason_with_example(fault, tally),
                "rows": tally.rows,
                "example_row": tally.example_row,
            }
        )
        for fault, tally in sorted(problems, key=lambda entry: -entry[1].rows)
    ]
    return dg.MetadataValue.table(records=records, schema=SCHEMA)
