"""The command check: everything that is wrong in a folder in one go, with or without Snowflake."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.workshop import (
    Workshop,
    command,
    open_workshop,
    process_environment,
    profiles_target,
)

FILES = 300

Verdicts = dict[str, dict[str, Any]]

WITHOUT_SNOWFLAKE = """
import sys
from clevertap_import.cli.main import main
try:
    main(["check", "--offline"])
except SystemExit as end:
    code = end.code
loaded = [name for name in ("dagster", "snowflake.connector", "dagster_snowflake") if name in sys.modules]
sys.exit(f"loaded {loaded}" if loaded else code)
"""

EVENTS = {"kind": "events", "identity": {"column": "ID"}, "event_name": {"constant": "App  launched"}}

BROKEN: Mapping[str, tuple[dict[str, Any], list[str]]] = {
    "b01": ({"window": "fortnight", "on_null": "drop"}, ["window is 'fortnight'", "on_null is 'drop'"]),
    "b02": ({"target": EVENTS}, ["event name is reserved by CleverTap"]),
    "b03": ({"start": None}, ["'start' is missing"]),
    "b04": ({"unknown": 1}, ["'unknown'"]),
    "b05": ({"target": {"kind": "profiles"}}, ["'identity' or 'clevertap_id' is missing"]),
    "b06": ({"source": {"kind": "sql", "sql": "delete from T"}}, ["The SQL begins with DELETE"]),
    "b07": ({"source": {"kind": "sql", "sql_file": "no.sql"}}, ["no.sql cannot be read"]),
    "b08": (
        {"target": profiles_target(Name="NAMES", City="NAME", Age="UPDATED")},
        ["No column 'NAMES' in the query result. Did you mean 'NAME'?", "No column 'UPDATED'"],
    ),
    "b09": ({"source": {"kind": "table", "table": "TEA"}}, ["TEA", "Check the name"]),
    "b10": (
        {"source": {"kind": "sql", "sql": "select a.ID, b.ID, a.NAME, a.UPDATED_AT from T a, T b"}},
        ["The query returns more than one column 'ID'"],
    ),
}
FOUND_WITHOUT_SNOWFLAKE = {"b01", "b02", "b03", "b04", "b05", "b06", "b07"}


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> Iterator[Workshop]:
    """Ten broken imports, one that is well, and one with a schedule that has notes."""
    with open_workshop(tmp_path_factory.mktemp("check"), local_snowflake, fake_clevertap_process) as shop:
        shop.people([("a", "Asha", datetime.now(UTC))])
        for name, (attributes, _) in BROKEN.items():
            shop.write(name, **attributes)
        shop.write("well")
        at = [{"day": 31, "time": "09:00"}, {"day": "last", "time": "09:00"}]
        shop.write("noted", schedule={"kind": "monthly", "at": at})
        yield shop


def checked(workshop: Workshop, *words: str) -> tuple[int, Verdicts]:
    done = command(workshop, "check", "--json", *words)
    return done.returncode, {each["nickname"]: each for each in json.loads(done.stdout)["imports"]}


def test_every_problem_of_ten_broken_files_is_reported_in_one_go(workshop: Workshop) -> None:
    code, verdicts = checked(workshop)
    assert code == 1
    assert {name for name, each in verdicts.items() if each["ok"]} == {"well", "noted"}
    for name, (_, words) in BROKEN.items():
        path = workshop.folder / name / "defs.yaml"
        problems = verdicts[name]["problems"]
        messages = "\n".join(problem["message"] for problem in problems)
        assert all(word in messages for word in words), (name, messages)
        lines = len(path.read_text().splitlines())
        assert all(problem["file"] == str(path) for problem in problems)
        assert all(1 <= problem["line"] <= lines for problem in problems)


def test_people_read_all_of_it_too(workshop: Workshop) -> None:
    done = command(workshop, "check")
    assert done.returncode == 1
    for name, (_, words) in BROKEN.items():
        path = workshop.folder / name / "defs.yaml"
        assert f"WRONG  {name}  {path}\n" in done.stdout
        assert all(word in done.stdout for word in words)


def test_offline_finds_what_files_alone_can_show(workshop: Workshop) -> None:
    workshop.snowflake.reset_queries()
    code, verdicts = checked(workshop, "--offline")
    assert code == 1
    assert {name for name, each in verdicts.items() if not each["ok"]} == FOUND_WITHOUT_SNOWFLAKE
    received = workshop.snowflake.received()
    assert (received["queries"], received["logins"]) == ([], [])


def test_notes_stand_beside_the_problems(workshop: Workshop) -> None:
    _, verdicts = checked(workshop, "--offline")
    notes = verdicts["noted"]["notes"]
    assert (verdicts["noted"]["ok"], verdicts["noted"]["problems"]) == (True, [])
    assert [(note["key"], note["message"][:24]) for note in verdicts["well"]["notes"]] == [
        ("updated_on", "A row that is committed ")
    ]
    assert all(note.keys() == {"file", "line", "key", "message"} for note in notes)
    assert [note["message"] for note in notes if "skipped" in note["message"]] == [
        "Months without day 31 are skipped. Write last for the last day of every month."
    ]
    path = workshop.folder / "noted" / "defs.yaml"
    assert path.read_text().splitlines()[notes[0]["line"] - 1].strip() == "schedule:"
    done = command(workshop, "check", "--offline")
    assert f"note: {path}:{notes[0]['line']}: schedule: " in done.stdout


def test_snowflakes_line_and_position_are_the_users_own(workshop: Workshop) -> None:
    """The user's SQL is described as it is: with nothing around it that would shift its lines."""
    workshop.snowflake.reset_queries()
    checked(workshop)
    described = [query["text"] for query in workshop.snowflake.received()["queries"]]
    assert "select a.ID, b.ID, a.NAME, a.UPDATED_AT from T a, T b" in described


def test_offline_is_quick_and_loads_neither_dagster_nor_snowflake(workshop: Workshop, tmp_path: Path) -> None:
    template = (workshop.folder / "well" / "defs.yaml").read_text()
    for number in range(FILES):
        path = tmp_path / f"i{number}" / "defs.yaml"
        path.parent.mkdir()
        path.write_text(template.replace("nickname: well", f"nickname: i{number}"))
    environment = process_environment(workshop, CLEVERTAP_IMPORT_DEFS=str(tmp_path))
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_SNOWFLAKE],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    seconds = time.monotonic() - began
    sys.stdout.write(f"check --offline of {FILES} files took {seconds:.2f} s; the goal is about 1 s\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("ok   ") == FILES
