"""The command settle: what became of batches that CleverTap did not answer."""

import os
from typing import Any

from clevertap_import.cli.conventions import echo_stderr
from clevertap_import.cli.drawing import print_table
from clevertap_import.cli.printing import print_json, printable
from clevertap_import.config.model import ImportConfig
from clevertap_import.orchestration.unanswered import (
    batches_with_people,
    settle_batches,
    shown_batches,
    unanswered_batches,
)
from clevertap_import.selection import imports_named, runnable_imports

COLUMNS = ("run_id", "batch_number", "records", "sent_at", "window_start", "window_end")
SHOWN_IDENTITIES = 10

Line = dict[str, Any]


def settle(
    name: str,
    run_id: str | None,
    batch_number: int | None,
    with_people: bool,
    found: str | None,
    json_output: bool,
) -> None:
    (config,) = runnable_imports([name]) if with_people else imports_named([name])
    lines = (
        settled(config, run_id, batch_number, found)
        if found
        else shown(config, run_id, batch_number, with_people=with_people)
    )
    if json_output:
        print_json(lines)
    elif lines:
        columns = (*COLUMNS, "identities", "not_found") if with_people else COLUMNS
        print_table(f"{name}: sent, answer unknown", columns, [sampled(line) for line in lines])
    if not lines:
        echo_stderr(f"{name!r} has nothing to settle.")
    elif found:
        echo_stderr(f"{sum(line['records'] for line in lines):,} records of {name!r} count as {found} now.")


def sampled(line: Line) -> Line:
    """A line for people, with some of its identities, one below the other."""
    names = line.get("identities", [])
    left = len(names) - SHOWN_IDENTITIES
    more = [f"({left:,} more: --json)"] if left > 0 else []
    return {**line, "identities": "\n".join([*map(printable, names[:SHOWN_IDENTITIES]), *more])}


def shown(
    config: ImportConfig, run_id: str | None, batch_number: int | None, *, with_people: bool
) -> list[Line]:
    if with_people:
        return batches_with_people(config, run_id or "", batch_number, os.environ)
    return unanswered_batches(config, run_id or "", batch_number)


def settled(config: ImportConfig, run_id: str | None, batch_number: int | None, found: str) -> list[Line]:
    """The batches that were settled: those of the named run; without one, those that were shown last."""
    if run_id:
        lines, newer = unanswered_batches(config, run_id, batch_number), 0
    else:
        lines, newer = shown_batches(config, batch_number)
    settle_batches(config, lines, arrived=found == "delivered")
    if newer:
        echo_stderr(f"{newer:,} batches are newer than the last list that you saw; they were not settled.")
    return lines
