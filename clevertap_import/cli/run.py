"""The commands that run imports in this process: run and retry."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from clevertap_import.bounds import vague_force
from clevertap_import.cli.conventions import EXIT_FAILED, EXIT_OK, echo_stderr, spelled_with_value
from clevertap_import.cli.drawing import STATS_COLUMNS, print_table, progress_bars
from clevertap_import.cli.printing import print_json, say
from clevertap_import.config.model import ImportConfig
from clevertap_import.frames import REPORTS, frame_of, lines_of
from clevertap_import.orchestration.changed_definitions import counts_for_commands
from clevertap_import.orchestration.code_location import folder_definitions
from clevertap_import.orchestration.instance import open_instance
from clevertap_import.orchestration.notes import changed_note, no_rows_note
from clevertap_import.orchestration.retry_rejected import retried
from clevertap_import.orchestration.runs import RunRange, until_canceled
from clevertap_import.project.folder import imports_folder
from clevertap_import.selection import runnable_imports
from clevertap_import.tables import run_table


def run(names: tuple[str, ...], json_output: bool, **options: Any) -> None:  # noqa: ANN401 - click's own types
    configs = runnable_imports(names)
    is_vague = options["force"] and not options["full"] and not options["start"]
    if is_vague and (problem := vague_force(configs, spelled_with_value)):
        raise click.UsageError(problem)
    with progress_bars():
        lines = lines_of(run_table(configs, RunRange(**options), echo_stderr))
    report_runs(configs, lines, "Every window is done; there is nothing to import.", json_output=json_output)
    sys.exit(EXIT_OK if all(line["status"] == "Success" for line in lines) else EXIT_FAILED)


def retry(name: str, json_output: bool) -> None:
    (config,) = runnable_imports([name])
    definitions = folder_definitions(imports_folder(os.environ))
    with open_instance() as instance, progress_bars():
        found = frame_of(until_canceled(retried(instance, definitions, config, echo_stderr)), REPORTS)
    lines = lines_of(found)
    nothing = f"No rejected row of {name!r} is open; there is nothing to retry."
    report_runs([config], lines, nothing, json_output=json_output)
    sys.exit(EXIT_OK if all(line["status"] == "Success" for line in lines) else EXIT_FAILED)


def report_runs(
    configs: Sequence[ImportConfig], lines: Sequence[Mapping[str, Any]], nothing: str, *, json_output: bool
) -> None:
    """Print a line for each run, the reasons of failed runs, and notes about the imports.

    Without a run, print the text `nothing` for people.
    """
    if json_output:
        print_json(lines)
    elif lines:
        print_table("Runs", ("nickname", *STATS_COLUMNS), lines)
    else:
        say(nothing)
    for line in lines:
        if line["problem"]:
            echo_stderr(f"{line['nickname']}: {line['problem']}")
    failed = {line["nickname"] for line in lines if line["problem"]}
    for words in notes_of([config for config in configs if config.nickname not in failed], lines):
        echo_stderr(words)


def notes_of(configs: Sequence[ImportConfig], lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Notes about runs that succeeded, and about their imports."""
    changed = counts_for_commands(configs, echo_stderr)
    for config in configs:
        own = [line for line in lines if line["nickname"] == config.nickname]
        notes = [*(no_rows_note(config, line) for line in own)]
        notes.append(changed_note(config, changed.get(config.nickname, 0)))
        yield from (f"{config.nickname}: {note}" for note in notes if note)
