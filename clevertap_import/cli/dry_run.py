"""The command dry-run."""

import sys

from clevertap_import.cli.conventions import EXIT_FAILED, EXIT_OK, echo_stderr
from clevertap_import.cli.drawing import PROBLEM_COLUMNS, print_table, progress_bars
from clevertap_import.cli.printing import print_json, say
from clevertap_import.orchestration.resources import home
from clevertap_import.selection import runnable_imports
from clevertap_import.staging.rejected_rows import rejects_path
from clevertap_import.tables import DryRunResult, dry_run_result


def dry_run(name: str, rows: int | None, all_rows: bool, json_output: bool) -> None:
    (config,) = runnable_imports([name])
    with progress_bars():
        result = dry_run_result(config, rows, echo_stderr, all_rows=all_rows)
    if json_output:
        print_json(result.document)
    else:
        print_dry_run(result)
    if result.problem:
        echo_stderr(f"{name}: {result.problem}")
    if rejects_path(home(), name, result.run_id, is_dry_run=True).exists():
        echo_stderr(f"The rejected rows: clevertap-import rejects {name} --run {result.run_id}")
    sys.exit(EXIT_OK if result.passed else EXIT_FAILED)


def print_dry_run(result: DryRunResult) -> None:
    checks = list(result.check_lines())
    for check in checks:
        state = "ok     " if check["passed"] else "ERROR  " if check["severity"] == "ERROR" else "warning"
        say(f"{state}  {check['name']}: {check['description']}")
    for check in checks:
        if check["problems"]:
            print_table(f"Problems of {check['name']}", PROBLEM_COLUMNS, check["problems"])
    outcome = "a run would send rows" if result.passed else "a run would send nothing"
    if result.passed and not result.rows:
        outcome = "the query returns no row, so there is nothing to send"
    say(f"{result.rows:,} rows checked; {outcome}.")
