"""The dry run as asset checks: what the stage found, as tables of problems."""

from collections.abc import Iterator, Sequence

import dagster as dg

from clevertap_import.io.stage import Fault, StageCounts, Tally
from clevertap_import.pure.config import ImportConfig
from clevertap_import.pure.rules import CODES

DESCRIPTIONS = {
    "query": "The query compiles, and returns every column that the import needs, with a usable type.",
    "identity": "Every row names a person in a way that CleverTap takes.",
    "mapping": "Every value can become what its property type asks for.",
    "limits": "Names and values are within CleverTap's limits.",
}

COLUMNS = ("result", "column", "property", "type", "code", "reason", "rows", "example_row")

SCHEMA = dg.TableSchema(
    [dg.TableColumn(name, "int" if name in ("rows", "example_row") else "string") for name in COLUMNS]
)


def check_specs(key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(name, asset=key, description=text, blocking=True)
        for name, text in DESCRIPTIONS.items()
    ]


def query_passed(key: dg.AssetKey) -> dg.AssetCheckResult:
    return result(
        key,
        "query",
        [],
        "The query compiles and returns every column that the import needs.",
        is_blocking=False,
    )


def query_failed(key: dg.AssetKey, reason: str) -> dg.AssetCheckResult:
    return result(key, "query", [], reason, is_blocking=True)


def stage_results(
    key: dg.AssetKey, config: ImportConfig, counts: StageCounts
) -> Iterator[dg.AssetCheckResult]:
    """One result for each check that looks at rows. Too many wrong rows make them block the delivery."""
    blocking = blocks(config, counts)
    for name in list(DESCRIPTIONS)[1:]:
        problems = [
            (fault, tally) for fault, tally in counts.tallies.items() if CODES[fault.code].check == name
        ]
        yield result(key, name, problems, summary(problems, counts), is_blocking=blocking and bool(problems))


def blocks(config: ImportConfig, counts: StageCounts) -> bool:
    """Whether so many rows are wrong that nothing may be sent."""
    checked = counts.read - counts.superseded
    if not counts.invalid:
        return False
    return config.on_invalid == "fail" or 100 * counts.invalid > config.dry_run.max_rejected_percent * checked


def summary(problems: Sequence[tuple[Fault, Tally]], counts: StageCounts) -> str:
    checked = counts.read - counts.superseded
    if not problems:
        return f"{checked:,} rows checked, no problem."
    kinds = "one kind of problem" if len(problems) == 1 else f"{len(problems):,} kinds of problems"
    return f"{checked:,} rows checked, {kinds}; {counts.invalid:,} rows are not imported."


def result(
    key: dg.AssetKey,
    name: str,
    problems: Sequence[tuple[Fault, Tally]],
    description: str,
    *,
    is_blocking: bool,
) -> dg.AssetCheckResult:
    """An error blocks the delivery, a warning does not."""
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=key,
        passed=not problems and not is_blocking,
        severity=dg.AssetCheckSeverity.ERROR if is_blocking else dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={"problems": problem_table(problems)} if problems else {},
    )


def problem_table(problems: Sequence[tuple[Fault, Tally]]) -> dg.TableMetadataValue:
    records = [
        dg.TableRecord(
            {
                "result": "error",
                "column": fault.column or "",
                "property": fault.property or "",
                "type": fault.type,
                "code": fault.code,
                "reason": fault.reason,
                "rows": tally.rows,
                "example_row": tally.example_row,
            }
        )
        for fault, tally in sorted(problems, key=lambda entry: -entry[1].rows)
    ]
    return dg.MetadataValue.table(records=records, schema=SCHEMA)
