"""The commands that send nothing: check, test-connection, preview and dry-run."""

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from clevertap_import.cli.conventions import EXIT_FAILED, EXIT_OK, as_json, echo_stderr, exit_on_error
from clevertap_import.selection import runnable_imports

if TYPE_CHECKING:
    from clevertap_import.tables import DryRunResult, PreviewRows

Line = dict[str, Any]


@click.command()
@click.option("--offline", is_flag=True, help="Check only the files, without Snowflake: for a Git hook.")
@as_json
@exit_on_error
def check(offline: bool, json_output: bool) -> None:
    """Check all imports: YAML, login, query, columns and new nicknames. Runs no query."""
    from clevertap_import.cli.printing import print_json
    from clevertap_import.frames import lines_of
    from clevertap_import.tables import check_table

    results = lines_of(check_table(echo_stderr, offline=offline))
    if json_output:
        print_json({"imports": results})
    else:
        print_check(results)
    sys.exit(EXIT_OK if all(result["ok"] for result in results) else EXIT_FAILED)


def print_check(results: list[Line]) -> None:
    from clevertap_import.cli.printing import say

    for result in results:
        say(f"{word(ok=result['ok'])}  {result['nickname']}  {result['file']}")
        for problem in result["problems"]:
            say(f"       {placed(problem)}")
        for note in result["notes"]:
            say(f"       note: {placed(note)}")


def placed(problem: Line) -> str:
    place = f"{problem['file']}:{problem['line']}"
    return ": ".join(part for part in (place, problem["key"], problem["message"]) if part)


def word(*, ok: bool) -> str:
    return "ok   " if ok else "WRONG"


@click.command("test-connection")
@click.option("--connection", metavar="NAME", help="This Snowflake connection.")
@click.option("--account", metavar="NAME", help="This CleverTap account.")
@as_json
@exit_on_error
def test_connection(connection: str | None, account: str | None, json_output: bool) -> None:
    """Test the logins step by step: the named ones, or those of all imports. Stores nothing."""
    from clevertap_import.cli.printing import print_json
    from clevertap_import.journal.locks import open_locks
    from clevertap_import.orchestration.resources import open_journal
    from clevertap_import.project.connection_check import clevertap_verdict, snowflake_verdict

    connections, accounts = named_or_used(connection, account)
    results = [snowflake_verdict(name, os.environ) for name in connections]
    if accounts:
        with open_journal() as journal, open_locks(journal.engine) as locks:
            results += [clevertap_verdict(name, os.environ, locks) for name in accounts]
    if json_output:
        print_json({"connections": results})
    else:
        print_connections(results)
    sys.exit(EXIT_OK if all(result["ok"] for result in results) else EXIT_FAILED)


def named_or_used(connection: str | None, account: str | None) -> tuple[list[str], list[str]]:
    """The named ones; without a name, those that the imports use; without imports, the default names."""
    if connection or account:
        return [connection] if connection else [], [account] if account else []
    from clevertap_import.project.folder import imports_folder, load_folder

    configs = [each.config for each in load_folder(imports_folder(os.environ)).loaded]
    connections = sorted({config.connection for config in configs}) or ["snowflake"]
    return connections, sorted({config.account for config in configs}) or ["clevertap"]


def print_connections(results: list[Line]) -> None:
    from clevertap_import.cli.printing import say

    for result in results:
        say(f"{word(ok=result['ok'])}  {result['name']}  {result['kind']}")
        for step in result["steps"]:
            say(f"       {word(ok=step['ok'])}  {step['step']}: {step['message']}")


@click.command()
@click.argument("name")
@click.option(
    "--rows", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The most rows to show."
)
@as_json
@exit_on_error
def preview(name: str, rows: int, json_output: bool) -> None:
    """Show a few rows of the import NAME, their column types, and the records that are made of them."""
    from clevertap_import.cli.printing import print_json
    from clevertap_import.tables import preview_rows

    found = preview_rows(name, rows)
    if json_output:
        print_json(found.document)
    else:
        print_preview(found)
    for rejection in found.rejections:
        where = " -> ".join(part for part in (rejection["column"], rejection["property"]) if part)
        why = f"{rejection['code']}, {rejection['reason']}"
        echo_stderr(f"Row {rejection['row_number']} is not sent: {where}: {why}.")


def print_preview(found: "PreviewRows") -> None:
    from clevertap_import.cli.printing import print_rows, print_table, record_text, say

    document = found.document
    print_table("Columns", ("name", "type"), document["columns"])
    if document["rows"]:
        print_rows("Rows", document["rows"])
    say("Records" if document["records"] else "No record can be made of these rows.")
    for record in document["records"]:
        say(record_text(record))


@click.command("dry-run")
@click.argument("name")
@click.option(
    "--rows",
    type=click.IntRange(1, 1_000_000),
    help="Number of random rows; default: the import's sample_rows.",
)
@click.option("--all", "all_rows", is_flag=True, help="Every row.")
@as_json
@exit_on_error
def dry_run(name: str, rows: int | None, all_rows: bool, json_output: bool) -> None:
    """Make the checks of a run on rows of NAME. Sends nothing. Ends with 1 if the checks would stop a run."""
    if rows and all_rows:
        raise click.UsageError("--rows and --all exclude each other.")
    from clevertap_import.cli.printing import print_json, progress_bars
    from clevertap_import.orchestration.resources import home
    from clevertap_import.staging.rejected_rows import rejects_path
    from clevertap_import.tables import dry_run_result

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


def print_dry_run(result: "DryRunResult") -> None:
    from clevertap_import.cli.printing import PROBLEM_COLUMNS, print_table, say

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
