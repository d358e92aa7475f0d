"""The commands as processes: what they print, and with which exit code they end."""

import json
import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from clevertap_import.frames import DAYS
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.workshop import (
    Line,
    Workshop,
    command,
    daily_windows,
    days_of_today,
    fresh_command,
    open_workshop,
    profiles_target,
)

LIST_KEYS = {
    *("nickname", "title", "partner", "status", "sync_type", "frequency", "health", "health_state"),
    *("last_run", "datasource", "created_on", "created_by", "updated_on", "updated_by", "problems"),
    *("changed_windows", "notes", "open_rejects", "new_24h", "failed_24h", "late", "next_run", "bad_since"),
    *("why", "severity", "streak", "progress", "muted_until"),
}
STATS_KEYS = {
    *("run_id", "date_time", "imported_on", "status", "health", "health_state", "total_records"),
    *("successful_syncs", "failed_syncs", "unchanged", "invalid", "rejected", "uncertain", "superseded"),
    *("window_start", "window_end", "seconds", "records_per_second", "query_id", "changed_windows"),
    *("blank_values", "future_events", "problem", "requests", "in_flight"),
    *("throttled_seconds", "staging_seconds", "sending_seconds"),
}
PROBLEM_KEYS = {"file", "line", "key", "message"}


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> Iterator[Workshop]:
    """Imports: customers, which runs; a draft; one that names a column that is not there."""
    fake_clevertap_process.reset()
    with open_workshop(tmp_path_factory.mktemp("cli"), local_snowflake, fake_clevertap_process) as shop:
        shop.write("customers", title="Customers", created_by="growth@example.com")
        shop.write("draft", window="fortnight")
        shop.write("column", target=profiles_target(Name="NAMES"))
        shop.write("table", source={"kind": "table", "table": "TEA"})
        shop.people([("a", "Asha", datetime.now(UTC)), ("b", "Zoë", datetime.now(UTC))])
        yield shop


@pytest.fixture(scope="module")
def first_run(workshop: Workshop) -> Line:
    """The line that `run customers --json` printed."""
    done = fresh_command(workshop, "run", "customers", "--json")
    assert done.returncode == 0
    starts = tuple(f"customers: imports {len(windows)} windows, " for windows in daily_windows(2))
    assert done.stderr.startswith(starts)
    (line,) = json.loads(done.stdout)
    return dict(line)


def document(done: Any) -> Any:  # noqa: ANN401 - any JSON
    """Standard output, which holds one JSON document and nothing else."""
    return json.loads(done.stdout)


def test_help_lists_the_commands_and_is_quick(workshop: Workshop) -> None:
    began = time.monotonic()
    done = fresh_command(workshop, "--help")
    sys.stdout.write(f"--help took {time.monotonic() - began:.2f} s; the goal is 0.5 s\n")
    assert done.returncode == 0
    assert all(f"\n  {name} " in done.stdout for name in ("check", "demo", "list", "run", "sandbox", "stats"))


def test_the_sandbox_takes_no_port_that_is_in_use(workshop: Workshop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = command(workshop, "sandbox", "--port", str(port))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Port {port} is in use. Choose another with --port, or 0 for any free port.\n"


def test_run_imports_and_prints_a_line_for_each_run(workshop: Workshop, first_run: Line) -> None:
    assert first_run.keys() == STATS_KEYS | {"nickname", "problem"}
    assert (first_run["nickname"], first_run["status"], first_run["problem"]) == (
        "customers",
        "Success",
        None,
    )
    assert (first_run["total_records"], first_run["successful_syncs"]) == (2, 2)
    assert (first_run["health"], first_run["health_state"]) == (100, "green")
    assert datetime.fromisoformat(first_run["date_time"]).utcoffset() is not None
    assert workshop.clevertap.properties("a") == {"Name": "Asha"}


def test_stats_print_a_line_for_each_run(workshop: Workshop, first_run: Line) -> None:
    done = command(workshop, "stats", "customers", "--json")
    lines = document(done)
    assert done.returncode == 0
    assert all(line.keys() == STATS_KEYS for line in lines)
    assert {key: first_run[key] for key in STATS_KEYS} in lines
    assert document(command(workshop, "stats", "customers", "--since", "1h", "--json")) == lines
    days = document(command(workshop, "stats", "customers", "--by", "day", "--json"))
    assert 1 <= len(days) <= len(days_of_today())
    assert all(day.keys() == DAYS.keys() for day in days)
    assert sum(day["runs"] for day in days) == len(lines)
    assert sum(day["total_records"] for day in days) == sum(line["total_records"] for line in lines)
    table = command(workshop, "stats", "customers")
    assert table.returncode == 0
    assert "Date & Time" in table.stdout
    assert first_run["run_id"] in table.stdout


def test_stats_of_one_run_count_its_codes(workshop: Workshop) -> None:
    workshop.sql("create or replace table LONG (ID varchar, NAME varchar, UPDATED_AT timestamp_ntz)")
    workshop.sql("insert into LONG values ('a', 'Asha', current_timestamp), (null, 'Bo', current_timestamp)")
    workshop.write("codes", source={"kind": "table", "table": "LONG"}, dry_run={"max_rejected_percent": 100})
    try:
        (line,) = document(command(workshop, "run", "codes", "--json"))
        done = command(workshop, "stats", "codes", "--run", line["run_id"][:8], "--json")
        table = command(workshop, "stats", "codes", "--run", line["run_id"])
    finally:
        (workshop.folder / "codes" / "defs.yaml").unlink()
    (details,) = document(done)
    assert {key: details[key] for key in STATS_KEYS} == {key: line[key] for key in STATS_KEYS}
    (by_code,) = details["errors_by_code"]
    assert by_code.keys() == {"code", "reason", "rows", "remedy"}
    assert f"{by_code['code']}: {by_code['remedy']}" in table.stderr
    assert by_code["rows"] == 1
    assert by_code["reason"] in table.stdout


@pytest.mark.parametrize("home", ["relative", "/nowhere/at/all"])
def test_a_home_that_dagster_refuses_ends_with_two(workshop: Workshop, home: str) -> None:
    done = command(workshop, "list", DAGSTER_HOME=home)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f'Dagster cannot start in its DAGSTER_HOME. $DAGSTER_HOME "{home}"')


def test_a_file_of_variables_that_is_not_text_ends_with_two(workshop: Workshop) -> None:
    file = workshop.folder / ".env"
    file.write_bytes(b"A=\xff")
    try:
        done = command(workshop, "list")
    finally:
        file.unlink()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{file} is not UTF-8 text. Save it as UTF-8.\n"


@pytest.mark.parametrize("words", [("run", "customers"), ("dry-run", "customers"), ("retry", "customers")])
def test_an_environment_without_the_account_ends_with_two_and_no_run(
    workshop: Workshop, first_run: Line, words: tuple[str, ...]
) -> None:
    name = f"{workshop.name.upper()}_PASSCODE"
    before = workshop.instance.get_runs_count()
    done = command(workshop, *words, "--json", **{name: ""})
    assert (done.returncode, done.stdout) == (2, "")
    assert f"needs {name} in the environment" in done.stderr
    assert workshop.instance.get_runs_count() == before


def test_list_shows_every_import_drafts_included(workshop: Workshop, first_run: Line) -> None:
    done = command(workshop, "list", "--json")
    lines = {line["nickname"]: line for line in document(done)}
    assert (done.returncode, list(lines)) == (0, ["draft", "column", "customers", "table"])
    assert all(line.keys() == LIST_KEYS for line in lines.values())
    columns = ("title", "partner", "status", "sync_type", "frequency", "health", "health_state", "created_by")
    assert [lines["customers"][key] for key in columns] == [
        *("Customers", "Snowflake", "Ready", "profiles", "Manually Trigger", 100, "green"),
        "growth@example.com",
    ]
    assert (lines["column"]["health"], lines["column"]["health_state"]) == (None, "none")
    draft = lines["draft"]
    assert (draft["status"], draft["health"], draft["health_state"]) == ("Draft", None, "none")
    assert "window is 'fortnight'" in draft["problems"][0]


def test_list_filters_and_prints_a_table(workshop: Workshop) -> None:
    done = fresh_command(workshop, "list", "--status", "draft")
    assert done.returncode == 0
    assert "draft" in done.stdout
    assert "customers" not in done.stdout
    assert "Allowed: hour, day, 30 minutes, 15 minutes" in done.stderr


def test_an_unknown_name_suggests_the_nearest(workshop: Workshop) -> None:
    done = command(workshop, "run", "customer")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No import is called 'customer'. Did you mean 'customers'?" in done.stderr


def test_a_draft_is_not_run_and_says_why(workshop: Workshop) -> None:
    done = command(workshop, "run", "draft", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    path = workshop.folder / "draft" / "defs.yaml"
    line = 1 + path.read_text().splitlines().index("  window: fortnight")
    assert f"'draft' is a draft:\n{path}:{line}: window: window is 'fortnight'" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run",), "Missing argument"),
        (("sandbox", "--port", "99999"), "99999 is not in the range 0<=x<=65535"),
        (("run", "customers", "--until", "2026-11-01"), "--until goes with --window"),
        (("run", "customers", "--window", "soon"), "'soon' is not a moment"),
        (("list", "--window", "day"), "No such option"),
        (("list", "--watch", "--json"), "--watch and --json exclude each other."),
        (("list", "--watch"), "--watch shows the listing on a terminal."),
        (("stats", "customers", "--since", "soon"), "'soon' is not a duration up to a year."),
        (("stats", "customers", "--run", "a", "--by", "day"), "--run excludes --since and --by."),
        (("list", "--status", "Readdy"), "Did you mean 'Ready'? Allowed: Running, Scheduled, Ready"),
        (("list", "--health", "grey"), "health is 'grey'."),
        (("list", "--sync-type", "people"), "sync-type is 'people'. Allowed: profiles, events."),
        (("list", "--frequency", "daily"), "Allowed: Repeat Intervals, Custom Schedule, Manually Trigger"),
        (("stats", "customers", "--run", "no"), "No runs of 'customers' have an id that begins with 'no'"),
        (("run", "customers", "--window", "1999-01-01"), "'customers' has no window from 1999-01-01 00:00"),
    ],
)
def test_a_wrong_command_ends_with_two(workshop: Workshop, words: tuple[str, ...], message: str) -> None:
    done = command(workshop, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_one_run_that_fails_ends_with_one_and_the_others_are_run(workshop: Workshop, first_run: Line) -> None:
    """All windows are read again, and what CleverTap has is not sent again."""
    done = command(workshop, "run", "column", "customers", "--full", "--json")
    column, customers = document(done)
    assert (done.returncode, column["status"], column["health_state"]) == (1, "Failed", "failed")
    assert "No column 'NAMES'" in column["problem"]
    assert f"column: {column['problem']}" in done.stderr
    assert (customers["status"], customers["successful_syncs"], customers["unchanged"]) == ("Success", 2, 2)
    shown = command(workshop, "stats", "column", "--run", column["run_id"], "--json")
    assert document(shown)[0]["problem"] == column["problem"]


def test_check_reports_file_and_line_of_what_is_not_in_snowflake(workshop: Workshop) -> None:
    done = command(workshop, "check", "--json")
    verdicts = {each["nickname"]: each for each in document(done)["imports"]}
    assert done.returncode == 1
    assert all(each.keys() == {"nickname", "file", "ok", "problems", "notes"} for each in verdicts.values())
    assert {name: each["ok"] for name, each in verdicts.items()} == {
        "customers": True,
        "draft": False,
        "column": False,
        "table": False,
    }
    (column,), (table,) = verdicts["column"]["problems"], verdicts["table"]["problems"]
    path = workshop.folder / "column" / "defs.yaml"
    assert column.keys() == PROBLEM_KEYS
    assert (column["file"], column["key"]) == (str(path), "target.properties[0].column")
    assert path.read_text().splitlines()[column["line"] - 1].strip() == "- column: NAMES"
    assert "Did you mean 'NAME'?" in column["message"]
    path = workshop.folder / "table" / "defs.yaml"
    assert path.read_text().splitlines()[table["line"] - 1].strip() == "source:"
    assert "TEA" in table["message"]


def test_check_reports_a_refused_login_without_the_password(workshop: Workshop) -> None:
    done = command(workshop, "check", **{f"{workshop.name.upper()}_PASSWORD": "not-the-password"})
    assert done.returncode == 1
    path = workshop.folder / "customers" / "defs.yaml"
    line = 1 + path.read_text().splitlines().index(f"  connection: {workshop.name}")
    assert f"WRONG  customers  {path}\n" in done.stdout
    assert f"{path}:{line}: connection: Snowflake refused to log in: " in done.stdout
    assert "not-the-password" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--force"], "--window START, with --until END for several; or --full for all of them."),
        (["--force", "--limit", "3"], "--force alone would send only the windows of customers"),
        (
            ["--window", "2026-11-20", "--until", "2026-11-10"],
            "--until is 2026-11-10 00:00, before --window, 2026-11-20 00:00.",
        ),
        (["--until", "2026-11-10"], "--until goes with --window."),
    ],
)
def test_options_of_a_run_that_contradict_its_purpose_are_usage_errors(
    workshop: Workshop, words: list[str], message: str
) -> None:
    before = workshop.clevertap.counters()["uploads"]
    done = command(workshop, "run", "customers", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in " ".join(done.stderr.split())
    assert workshop.clevertap.counters()["uploads"] == before


def test_a_full_import_is_forced_without_windows(workshop: Workshop) -> None:
    workshop.write("whole", updated_on=None, start=None)
    try:
        assert command(workshop, "run", "whole").returncode == 0
        (line,) = document(command(workshop, "run", "whole", "--force", "--json"))
    finally:
        (workshop.folder / "whole" / "defs.yaml").unlink()
    assert (line["status"], line["unchanged"]) == ("Success", 0)
