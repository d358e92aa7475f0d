"""The command trace."""

import sys

from clevertap_import.cli.conventions import EXIT_FAILED, EXIT_OK, echo_stderr
from clevertap_import.cli.drawing import print_rows, print_table
from clevertap_import.cli.printing import print_json, printable
from clevertap_import.orchestration.trace import Trace
from clevertap_import.project.traced_rows import MOST_ROWS
from clevertap_import.tables import trace_of

COLUMNS = ("date_time", "run_id", "outcome", "code", "reason")


def trace(name: str, identity: str, json_output: bool) -> None:
    found = trace_of(name, identity)
    if json_output:
        print_json(found.document)
    else:
        show(name, found)
    if not found.is_known:
        echo_stderr(f"{name!r} has no row with the identity {printable(identity)}; nothing is known of it.")
    sys.exit(EXIT_OK if found.is_known else EXIT_FAILED)


def show(name: str, found: Trace) -> None:
    if found.row is not None:
        count = f"the newest of {found.rows:,} rows" if found.rows > 1 else "the row"
        if found.rows == MOST_ROWS:
            count = f"the newest row; only the newest {MOST_ROWS} were looked at"
        print_rows(f"{name}: {count} of {found.identity}", [found.row])
    elif found.is_known:
        echo_stderr(f"{name!r} has no row with the identity {printable(found.identity)} now.")
    if found.record is not None:
        print_rows("The record of it", [fields_of(found.record)])
    if found.outcomes:
        print_table("What became of it", COLUMNS, found.outcomes)


def fields_of(record: dict[str, object]) -> dict[str, object]:
    """The record as one line of a table: the properties beside the other fields."""
    plain = {key: value for key, value in record.items() if not isinstance(value, dict)}
    properties = (value for value in record.values() if isinstance(value, dict))
    return {**plain, **{key: value for each in properties for key, value in each.items()}}
