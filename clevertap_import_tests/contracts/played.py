"""What commands print and what Dagster records, found out on small imports that really run."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from clevertap_import.journal.journal import Journal
from clevertap_import.journal.tables import default_url
from clevertap_import_tests.contracts.shape import common, shape_of
from clevertap_import_tests.testing.builders import events
from clevertap_import_tests.testing.workshop import Workshop, days_ago, process_environment, profiles_target

TODAY = datetime.combine(days_ago(0), time())
REFUSAL = {"kind": "reject", "identities": ["refused"], "code": 520, "error": "Age is invalid."}
EVENTS = {
    "kind": "events",
    "identity": {"column": "ID"},
    "event_name": {"constant": "Seen"},
    "created_on": {"column": "UPDATED_AT"},
    "properties": [{"column": "BALANCE", "property": "Balance"}],
}
ANY_SHARE = {"max_rejected_percent": 100}
PROFILES = profiles_target(Email="EMAIL", Balance="BALANCE", Seen="SEEN")

JSON_COMMANDS = (
    "check",
    "test-connection --connection WORKSHOP --account WORKSHOP",
    "preview people",
    "dry-run people",
    "run people orders",
    "run stopped",
    "list",
    "stats people",
    "stats people --run RUN",
    "rejects people",
    "settle unanswered",
    "settle unanswered --identities",
    "retry people",
    "alerts test",
    "probe --test-project --account WORKSHOP --wait 0",
)
"""In this order; WORKSHOP and RUN stand for names of this time."""

PLAIN_COMMANDS = (
    "list",
    "stats people",
    "rejects people --output rejects.csv",
    "dry-run stopped",
    "pause orders",
    "resume orders",
    "stop orders",
    "journal backup copy.db",
    "journal restore copy.db",
    "run nobody",
    "run draft",
    "run people --until 2026-01-01",
    "run people --force",
    "dry-run people --rows 1 --all",
    "stats people --run nonesuch",
    "rejects people --run nonesuch",
    "settle people --as lost --identities",
    "list --status unknown",
    "probe",
    "unknown",
)


def furnish(shop: Workshop) -> None:
    """Imports of profiles and events, one that a check stops, one with lost answers, and a draft."""
    rows = [
        f"('p{number}', 'p{number}@example.com', 1.5, null, '{TODAY - timedelta(hours=6 * number)}')"
        for number in range(4)
    ]
    rows += [
        f"('malformed', 'no address', -12.5, '2026-03-01 04:05:06+05:30', '{TODAY}')",
        f"('refused', 'refused@example.com', 0.1, null, '{TODAY + timedelta(seconds=1)}')",
    ]
    shop.sql(
        "create or replace table T (ID varchar, EMAIL varchar, BALANCE number(9, 2), SEEN timestamp_tz,"
        " UPDATED_AT timestamp_ntz)",
        f"insert into T values {', '.join(rows)}",
    )
    every = {"kind": "every", "every": "6 hours"}
    shop.write("people", target=PROFILES, dry_run=ANY_SHARE, title="People", created_by="a@example.com")
    shop.write("orders", target=EVENTS, schedule=every, dry_run=ANY_SHARE)
    shop.write("stopped", target=PROFILES, dry_run={"max_rejected_percent": 0})
    shop.write("unanswered", target=EVENTS, uncertain_events="hold", schedule={"kind": "change"})
    shop.write("draft", window="fortnight")
    shop.clevertap.faults([REFUSAL])
    window = int((TODAY - timedelta(days=1)).replace(tzinfo=UTC).timestamp())
    with Journal(default_url(Path(shop.instance.root_directory))) as journal:
        journal.begin("unanswered", "aaa-1", events("p0", "p1", window=window, number=3))


class Commands:
    """The commands of a workshop, in a process that stays."""

    def __init__(self, shop: Workshop, process: "subprocess.Popen[str]") -> None:
        self.shop = shop
        self.process = process
        self.run_id = ""
        self.exit_codes: dict[str, int | str] = {}

    def play(self, line: str, *more: str) -> str:
        """Standard output of a line of words."""
        assert self.process.stdin
        assert self.process.stdout
        words = line.replace("WORKSHOP", self.shop.name).replace("RUN", self.run_id).split()
        self.process.stdin.write(json.dumps([*words, *more]) + "\n")
        self.process.stdin.flush()
        done = json.loads(self.process.stdout.readline())
        self.exit_codes[line] = done["exit_code"]
        return str(done["stdout"])

    def document(self, line: str) -> Any:  # noqa: ANN401 - any JSON
        text = self.play(line, "--json")
        assert text, f"{line}: {self.exit_codes[line]}"
        found = json.loads(text)
        if line.startswith("run people"):
            self.run_id = found[0]["run_id"]
        return found


@contextmanager
def commands_of(shop: Workshop) -> Iterator[Commands]:
    command = [sys.executable, str(Path(__file__).with_name("command_process.py"))]
    with subprocess.Popen(
        command,
        env=process_environment(shop),
        cwd=shop.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Commands(shop, process)


def headings(table: str) -> list[str]:
    """What stands above the columns of a printed table."""
    line = next((each for each in table.splitlines() if "┃" in each), "")
    return [word.strip() for word in line.strip("┃").split("┃")]


def commands_played(shop: Workshop) -> dict[str, Any]:
    with commands_of(shop) as commands:
        documents = {line: shape_of(commands.document(line)) for line in JSON_COMMANDS}
        printed = {line: commands.play(line) for line in PLAIN_COMMANDS}
        codes = commands.exit_codes
    csv = (shop.folder / "rejects.csv").read_text()
    return {
        "exit_codes": codes,
        "json": documents,
        "tables": {line: headings(printed[line]) for line in ("list", "stats people")},
        "csv": {"rejects people --output F.csv": csv.splitlines()[0].split(",")},
    }


def named(text: str, shop: Workshop) -> str:
    """`text` with a word in place of what is of this time."""
    for run in shop.instance.get_runs():
        text = text.replace(run.run_id, "<run id>")
    return re.sub(
        r"before-\d{8}T\d{6}Z-[0-9a-f]+$", "before-<time>-<process>", text.replace(shop.name, "<name>")
    )


def metadata_kinds(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The type of each value; of tables also the columns and their types."""

    def kind(value: object) -> Any:  # noqa: ANN401 - a word, or the columns of a table
        if isinstance(value, dg.TableMetadataValue):
            return {column.name: column.type for column in value.schema.columns}
        return type(value).__name__.removesuffix("MetadataValue").lower()

    return {key: kind(value) for key, value in metadata.items()}


def recorded(shop: Workshop) -> dict[str, Any]:
    """The metadata in Dagster's history, and the tags of runs."""
    found: dict[str, list[dict[str, Any]]] = {"materialization": [], "observation": []}
    checks: dict[str, list[dict[str, Any]]] = {}
    tags: set[str] = set()
    for run in shop.instance.get_runs():
        tags |= run.tags.keys()
        for entry in shop.instance.all_logs(run.run_id):
            event = entry.get_dagster_event() if entry.is_dagster_event else None
            if event and event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
                found["materialization"].append(metadata_kinds(event.materialization.metadata))
            elif event and event.event_type == dg.DagsterEventType.ASSET_OBSERVATION:
                found["observation"].append(
                    metadata_kinds(event.asset_observation_data.asset_observation.metadata)
                )
            elif event and event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                evaluation = event.asset_check_evaluation_data
                checks.setdefault(evaluation.check_name, []).append(metadata_kinds(evaluation.metadata))
    return {
        "metadata": {
            **{kind: common(each) for kind, each in found.items()},
            "checks": {name: common(each) for name, each in sorted(checks.items())},
        },
        "run_tags": sorted({tag for tag in tags if not tag.startswith(".dagster/")}),
    }


def files_left(shop: Workshop) -> dict[str, str]:
    """The files of ours below DAGSTER_HOME, with their modes."""
    home = Path(shop.instance.root_directory)
    modes = {
        named(str(path.relative_to(home)), shop): f"{path.stat().st_mode & 0o777:03o}"
        for path in (home / "clevertap_import").rglob("*")
        if not path.name.endswith(("-wal", "-shm"))
    }
    return dict(sorted(modes.items()))
