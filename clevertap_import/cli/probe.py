"""The command that tests, on a test project, what CleverTap's pages do not document."""

import os
import sys
from dataclasses import asdict

from clevertap_import.clevertap.client import account_settings
from clevertap_import.clevertap.probe import probed, production_signs
from clevertap_import.cli.conventions import EXIT_FAILED, EXIT_OK, EXIT_USAGE, echo_stderr, stop
from clevertap_import.cli.drawing import print_table
from clevertap_import.cli.printing import print_json
from clevertap_import.journal.locks import open_locks
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.project.folder import imports_folder, load_folder

COLUMNS = ("operation", "result", "code", "message")


def probe(test_project: bool, account: str, wait: int, json_output: bool) -> None:
    settings = account_settings(account, os.environ)
    signs = production_signs(account, settings)
    if signs or not test_project:
        stop(refusal(account, signs), EXIT_USAGE)
    with open_journal() as journal, open_locks(journal.engine) as locks:
        identity, results = probed(settings, locks, wait)
    lines = [asdict(each) for each in results]
    if json_output:
        print_json({"account": account, "identity": identity, "operations": lines})
    else:
        print_table(f"Operations of the API of {account!r}", COLUMNS, lines)
    echo_stderr(
        f"The invented profile {identity!r} stays in the project."
        " Delete it in CleverTap, or reset the project."
    )
    sys.exit(EXIT_FAILED if any(each.result == "unclear" for each in results) else EXIT_OK)


def refusal(account: str, signs: list[str]) -> str:
    """Why nothing is sent, with every sign that the account has real people."""
    if signs:
        return (
            f"Nothing was sent: account {account!r} looks like production, because {' and '.join(signs)}."
            " Name a test project with --account."
        )
    loaded = load_folder(imports_folder(os.environ)).loaded
    users = sorted(each.config.nickname for each in loaded if each.config.account == account)
    used = f" These imports send to it: {', '.join(users)}." if users else ""
    return (
        f"Nothing was sent: a probe writes an invented profile and events into account {account!r}.{used}"
        " If it is a test project, add --test-project."
    )
