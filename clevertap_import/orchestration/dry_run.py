"""A dry run started from a command: the checks of one import alone, recorded in Dagster's history."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.escapes import as_written
from clevertap_import.orchestration.assets import import_asset
from clevertap_import.orchestration.changed_definitions import counts_for_commands
from clevertap_import.orchestration.checks import COLUMNS, DESCRIPTIONS, dry_run_checks
from clevertap_import.orchestration.dead_runs import process_tags
from clevertap_import.orchestration.interrupts import is_interrupted
from clevertap_import.orchestration.names import asset_key, op_name
from clevertap_import.orchestration.notes import changed_note
from clevertap_import.orchestration.resources import (
    JOURNAL_KEY,
    account_key,
    clevertap_account,
    connection_key,
    journal_database,
    snowflake_connection,
)
from clevertap_import.orchestration.run_history import failure
from clevertap_import.orchestration.runs import QUIET, fail_dead_runs

DRY_RUN_TAG = "clevertap/dry_run"

NOTES = ("blank_values", "future_events")
"""Counts of the check `mapping` that a person should see."""

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DryRun:
    """The results of the checks. `problem`: why the run failed; None if it did not."""

    nickname: str
    rows: int
    checks: list[Line]
    problem: str | None
    run_id: str
    remarks: list[str]
    notes: Mapping[str, int] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether a delivery would be allowed; warnings do not stop one."""
        stopped = any(check["severity"] == "ERROR" and not check["passed"] for check in self.checks)
        return self.problem is None and not stopped

    @property
    def document(self) -> Line:
        summary = {"nickname": self.nickname, "passed": self.passed, "rows": self.rows}
        return {**summary, **self.notes, "checks": self.checks, "notes": self.remarks}


def dry_run(
    instance: dg.DagsterInstance,
    config: ImportConfig,
    *,
    rows: int | None,
    all_rows: bool,
    notify: Callable[[str], None],
    imports: frozenset[str] | None = None,
) -> DryRun:
    """Check `rows` random rows (None: the import's `sample_rows`), or all rows. Nothing is sent.

    `imports`: the nicknames of all imports.
    """
    fail_dead_runs(instance, config, notify)
    key = asset_key(config.nickname)
    options: dict[str, Any] = {"all_rows": all_rows, **({"sample_rows": rows} if rows is not None else {})}
    result = dg.materialize(
        [import_asset(config, {}, imports)],
        selection=dry_run_checks(key),
        resources=resources_of(config),
        run_config={**QUIET, "ops": {op_name(config.nickname): {"config": options}}},
        instance=instance,
        tags={**process_tags(), DRY_RUN_TAG: config.nickname},
        raise_on_error=False,
    )
    if any(map(is_interrupted, result.all_events)):
        raise KeyboardInterrupt
    found = {each.check_name: each for each in result.get_asset_check_evaluations()}
    changed = counts_for_commands([config], notify) if "impact" in found else {}
    note = changed_note(config, changed.get(config.nickname, 0))
    return DryRun(
        config.nickname,
        rows=max((counted(each, "rows_checked") for each in found.values()), default=0),
        checks=[check_line(found[name]) for name in DESCRIPTIONS if name in found],
        problem=None if result.success else failure(result.all_events) or "The run failed.",
        run_id=result.run_id,
        notes={name: counted(found.get("mapping"), name) for name in NOTES},
        remarks=[note] if note else [],
    )


def resources_of(config: ImportConfig) -> dict[str, object]:
    return {
        connection_key(config.connection): snowflake_connection(config.connection),
        account_key(config.account): clevertap_account(config.account),
        JOURNAL_KEY: journal_database(),
    }


def counted(evaluation: dg.AssetCheckEvaluation | None, name: str) -> int:
    value = evaluation.metadata.get(name) if evaluation else None
    return value.value or 0 if isinstance(value, dg.IntMetadataValue) else 0


def check_line(evaluation: dg.AssetCheckEvaluation) -> Line:
    """One check as the command prints it. Empty cells of its problems are null."""
    table = evaluation.metadata.get("problems")
    records = table.records if isinstance(table, dg.TableMetadataValue) else []
    return {
        "name": evaluation.check_name,
        "passed": evaluation.passed,
        "severity": evaluation.severity.value,
        "description": as_written(evaluation.description or ""),
        "problems": [
            {column: record.data[column] if record.data[column] != "" else None for column in COLUMNS}
            for record in records
        ],
    }
