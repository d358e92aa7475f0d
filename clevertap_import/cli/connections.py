"""The command test-connection."""

import os
import sys
from typing import Any

from clevertap_import.cli.conventions import EXIT_FAILED, EXIT_OK
from clevertap_import.cli.printing import print_json, say_verdict
from clevertap_import.journal.locks import open_locks
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.project.connection_check import clevertap_verdict, snowflake_verdict
from clevertap_import.project.folder import imports_folder, load_folder

Line = dict[str, Any]


def test_connection(connection: str | None, account: str | None, json_output: bool) -> None:
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
    configs = [each.config for each in load_folder(imports_folder(os.environ)).loaded]
    connections = sorted({config.connection for config in configs}) or ["snowflake"]
    return connections, sorted({config.account for config in configs}) or ["clevertap"]


def print_connections(results: list[Line]) -> None:
    for result in results:
        say_verdict(f" {result['name']}  {result['kind']}", ok=result["ok"])
        for step in result["steps"]:
            say_verdict(f" {step['step']}: {step['message']}", ok=step["ok"], indent=7)
