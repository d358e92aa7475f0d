"""The commands check and preview. They do not need Dagster, unless check asks the journal."""

import sys
from typing import Any

from clevertap_import.check_tables import PreviewRows, check_table, preview_rows
from clevertap_import.cli.conventions import EXIT_FAILED, EXIT_OK, echo_stderr
from clevertap_import.cli.drawing import print_rows, print_table
from clevertap_import.cli.printing import print_json, record_text, say, say_verdict
from clevertap_import.frames import lines_of

Line = dict[str, Any]


def check(offline: bool, json_output: bool) -> None:
    results = lines_of(check_table(echo_stderr, offline=offline))
    if json_output:
        print_json({"imports": results})
    else:
        print_check(results)
    sys.exit(EXIT_OK if all(result["ok"] for result in results) else EXIT_FAILED)


def print_check(results: list[Line]) -> None:
    for result in results:
        say_verdict(f" {result['nickname']}  {result['file']}", ok=result["ok"])
        for problem in result["problems"]:
            say(f"       {placed(problem)}")
        for note in result["notes"]:
            say(f"       note: {placed(note)}")


def placed(problem: Line) -> str:
    place = f"{problem['file']}:{problem['line']}"
    return ": ".join(part for part in (place, problem["key"], problem["message"]) if part)


def preview(name: str, rows: int, json_output: bool) -> None:
    found = preview_rows(name, rows)
    if json_output:
        print_json(found.document)
    else:
        print_preview(found)
    for rejection in found.rejections:
        where = " -> ".join(part for part in (rejection["column"], rejection["property"]) if part)
        why = f"{rejection['code']}, {rejection['reason']}"
        echo_stderr(f"Row {rejection['row_number']} is not sent: {where}: {why}.")


def print_preview(found: PreviewRows) -> None:
    document = found.document
    print_table("Columns", ("name", "type"), document["columns"])
    if document["rows"]:
        print_rows("Rows", document["rows"])
    say("Records" if document["records"] else "No record can be made of these rows.")
    for record in document["records"]:
        say(record_text(record))
