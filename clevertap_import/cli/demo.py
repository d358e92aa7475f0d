"""The command demo: the examples in a new sandbox, and whether CleverTap counts as the runs do."""

import json
import os
import subprocess
import sys
from typing import Any

from clevertap_import.clevertap.http import BoundedHttp
from clevertap_import.cli.conventions import EXIT_FAILED, EXIT_OK, echo_stderr
from clevertap_import.cli.drawing import print_table, progress_bars
from clevertap_import.cli.local_sandbox import running_sandbox
from clevertap_import.cli.printing import say
from clevertap_import.frames import lines_of
from clevertap_import.orchestration.instance import open_instance
from clevertap_import.orchestration.listing import Filters, listing
from clevertap_import.orchestration.run_history import import_stats
from clevertap_import.orchestration.runs import RunRange
from clevertap_import.project.folder import imports_folder, load_folder
from clevertap_import.selection import all_imports
from clevertap_import.tables import run_table

ASK_SECONDS = 30
COUNTERS_BYTES = 1_000_000

Line = dict[str, Any]

RUN = (
    *("status", "health", "total_records", "successful_syncs", "failed_syncs", "unchanged", "invalid"),
    *("rejected", "uncertain", "superseded", "seconds"),
)
COUNTED = ("run_id", "date_time", *RUN)
LISTED = ("nickname", "title", "status", "sync_type", "frequency", "health", "last_run")


def demo() -> None:
    sys.exit(EXIT_OK if demonstrate() else EXIT_FAILED)


def demonstrate() -> bool:
    """Run all imports, change some rows, run them again; whether CleverTap has what the runs report."""
    with running_sandbox(fresh=True) as environment:
        os.environ.update(environment)
        say("First run: all rows.")
        first = run_all()
        show_runs("First run", first)
        change_rows()
        say("Rows were changed in Snowflake. Second run: only new and changed rows.")
        second = run_all()
        show_runs("Second run", second)
        show_listing()
        return is_well(first, second, counters(environment["CLEVERTAP_API_URL"]))


def change_rows() -> None:
    """Change some customers and add some events and orders, like one day of a shop."""
    command = [sys.executable, "-m", "clevertap_import.sandbox.shop", "change"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - fixed words


def counters(url: str) -> Line:
    """The local CleverTap's own counters."""
    _, content = BoundedHttp(ASK_SECONDS).answer("GET", f"{url}/_fake/counters", COUNTERS_BYTES)
    found: Line = json.loads(content)
    return found


def show_runs(title: str, lines: list[Line]) -> None:
    print_table(title, ("nickname", *RUN), lines)
    for line in lines:
        if line["problem"]:
            say(f"{line['nickname']}: {line['problem']}", err=True)


def show_listing() -> None:
    """The listing, and the stats of each import in it."""
    folder = imports_folder(os.environ)
    with open_instance() as instance:
        lines = listing(instance, load_folder(folder), folder, Filters())
        print_table("Imports", LISTED, lines)
        for line in lines:
            name = line["nickname"]
            print_table(f"Stats of {name}", COUNTED, import_stats(instance, name))


def is_well(first: list[Line], second: list[Line], counted: Line) -> bool:
    """Whether every run succeeded, and the local CleverTap counted the same as the runs."""
    runs = first + second
    finished = bool(first) and all(line["status"] == "Success" for line in runs)
    accepted = sum(line["successful_syncs"] - line["unchanged"] for line in runs)
    rejected = sum(line["rejected"] for line in runs)
    agrees = counted["records_accepted"] == accepted and sum(counted["records_refused"].values()) == rejected
    say(
        f"CleverTap counted {counted['records_accepted']:,} records accepted and"
        f" {sum(counted['records_refused'].values()):,} refused;"
        f" the runs report {accepted:,} and {rejected:,}."
    )
    return finished and agrees and any(line["successful_syncs"] > line["unchanged"] for line in second)


def run_all() -> list[Line]:
    configs = [each.config for each in all_imports().loaded]
    with progress_bars():
        return lines_of(run_table(configs, RunRange(), echo_stderr))
