"""The functions for Python, as a notebook calls them: against the local servers, and beside the commands."""

import importlib
import json
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest

import clevertap_import as ct
from clevertap_import import frames
from clevertap_import.errors import ConfigError
from clevertap_import_tests.contracts.played import furnish
from clevertap_import_tests.repository.test_docs import GUIDE, blocks
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.workshop import (
    Workshop,
    command,
    days_ago,
    open_workshop,
    process_environment,
)

FUNCTIONS = [
    "check",
    "dry_run",
    "imports",
    "preview",
    "rejected_rows",
    "run",
    "runs",
    "trace",
    "write_report",
]
HEAVY = ("pandas", "dagster", "snowflake.connector", "pyarrow", "matplotlib", "jinja2", "opentelemetry")


# Dagster deprecates it, and has no other way to the runs that were planned.
pytestmark = pytest.mark.filterwarnings("ignore:.*fetch_planned_materializations.*:DeprecationWarning")


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> Iterator[Workshop]:
    """The imports of the contract, and this process in their environment."""
    fake_clevertap_process.reset()
    with (
        open_workshop(tmp_path_factory.mktemp("api"), local_snowflake, fake_clevertap_process) as shop,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in process_environment(shop).items():
            patch.setenv(name, value)
        furnish(shop)
        yield shop


@pytest.fixture(scope="module")
def report(workshop: Workshop) -> Any:  # noqa: ANN401 - a frame
    return ct.run("people")


def dtypes(frame: Any) -> dict[str, str]:  # noqa: ANN401 - a frame
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def test_the_door_is_what_it_says() -> None:
    public = {name for name in dir(ct) if name[0] != "_" and not isinstance(getattr(ct, name), ModuleType)}
    assert set(ct.__all__) == public
    assert {name for name in public if not isinstance(getattr(ct, name), type)} == set(FUNCTIONS)
    assert all(callable(getattr(ct, name)) and getattr(ct, name).__doc__ for name in FUNCTIONS)


def test_no_module_takes_the_name_of_a_function() -> None:
    """Python would put it in the place of the function when it is imported."""
    assert {each.name for each in pkgutil.iter_modules(ct.__path__)} & set(FUNCTIONS) == set()
    importlib.import_module("clevertap_import.project.folder")
    assert callable(ct.imports)


@pytest.mark.parametrize(
    "statement",
    [
        "import clevertap_import",
        "from clevertap_import.cli.main import main; main(['--help'], standalone_mode=False)",
    ],
)
def test_neither_help_nor_the_door_imports_what_is_heavy(statement: str) -> None:
    program = f"{statement}\nimport sys; print(sorted(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_run_returns_a_row_for_each_run_and_prints_nothing(
    workshop: Workshop,
    capfd: pytest.CaptureFixture[str],
    report: Any,  # noqa: ANN401
) -> None:
    assert dtypes(report) == frames.REPORTS
    assert report[["nickname", "status", "invalid", "rejected"]].to_dict("records") == [
        {"nickname": "people", "status": "Success", "invalid": 1, "rejected": 1}
    ]
    assert report["date_time"][0].tzinfo is not None
    assert capfd.readouterr().out == ""


def test_runs_are_those_of_the_command(workshop: Workshop, report: Any) -> None:  # noqa: ANN401
    found = ct.runs("people")
    assert dtypes(found) == frames.RUNS
    assert frames.lines_of(found) == json.loads(command(workshop, "stats", "people", "--json").stdout)
    one = ct.runs("people", report["run_id"][0][:8])
    assert dtypes(one) == frames.RUN_DETAILS
    assert sum(each["rows"] for each in one["errors_by_code"][0]) == 2


def test_imports_are_listed_and_filtered(workshop: Workshop, report: Any) -> None:  # noqa: ANN401
    found = ct.imports()
    assert dtypes(found) == frames.IMPORTS
    assert list(found["nickname"]) == ["draft", "people", "unanswered", "orders", "stopped"], "worst first"
    assert list(ct.imports(status="draft", created_after=datetime.now(UTC))["nickname"]) == ["draft"]
    assert list(ct.imports(sync_type="events", created_before=days_ago(400))["nickname"]) == []


def test_check_says_what_is_wrong(workshop: Workshop) -> None:
    found = ct.check(offline=True)
    assert dtypes(found) == frames.VERDICTS
    assert list(found[~found["ok"]]["nickname"]) == ["draft"]
    assert found["problems"][0][0]["key"] == "window"


def test_preview_shows_rows_and_records(workshop: Workshop) -> None:
    found = ct.preview("people", rows=6)
    assert (len(found.rows), len(found.records), len(found.rejections)) == (6, 5, 1)
    assert dtypes(found.rows)["BALANCE"] == "Float64"
    assert dtypes(found.columns) == frames.COLUMNS
    assert dtypes(found.rejections) == frames.REJECTIONS


def test_a_dry_run_says_what_a_run_would_meet(workshop: Workshop) -> None:
    found = ct.dry_run("stopped", all_rows=True)
    assert (found.passed, found.rows) == (False, 6)
    assert dtypes(found.checks) == frames.CHECKS
    assert dtypes(found.problems) == frames.PROBLEMS
    assert "515" in set(found.problems["code"])


def test_rejected_rows_have_the_columns_of_the_source(workshop: Workshop, report: Any) -> None:  # noqa: ANN401
    found = ct.rejected_rows("people")
    assert list(found["code"]) == ["515", "520"]
    assert list(found["ID"]) == ["malformed", "refused"]
    assert list(found.columns)[: len(frames.REJECTED)] == list(frames.REJECTED)
    assert len(ct.rejected_rows("people", limit=1)) == 1
    assert dtypes(ct.rejected_rows("unanswered")) == frames.REJECTED


def test_a_trace_is_what_the_command_prints(workshop: Workshop, report: Any) -> None:  # noqa: ANN401
    found = ct.trace("people", "malformed")
    done = command(workshop, "trace", "people", "--identity", "malformed", "--json")
    printed = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(printed) == {"identity", "row", "record", "rows", "outcomes"}
    assert (found.identity, found.row, found.record) == ("malformed", printed["row"], printed["record"])
    assert frames.lines_of(found.outcomes) == printed["outcomes"]
    assert [line["outcome"] for line in printed["outcomes"]] == ["invalid", "rejected"]
    assert dtypes(found.outcomes) == frames.OUTCOMES

    shown = command(workshop, "trace", "people", "--identity", "malformed")
    assert "What became of it" in shown.stdout
    for wrong, message in ((" ", "The identity is blank."), ("a\udcff", "The text is not UTF-8.")):
        refused = command(workshop, "trace", "people", "--identity", wrong)
        assert (refused.returncode, refused.stdout, message in refused.stderr) == (2, "", True)
    nobody = command(workshop, "trace", "people", "--identity", "nobody")
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "has no row with the identity nobody" in nobody.stderr


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ct.run("nobody"), "nobody"),
        (lambda: ct.run("draft"), "draft"),
        (lambda: ct.run("people", until="2026-01-01"), "until goes with window."),
        (lambda: ct.run("people", window=days_ago(1), full=True), "full and window exclude each other."),
        (lambda: ct.run("people", window="soon"), "'soon' is not a moment."),
        (lambda: ct.run("people", force=True), "force alone would send only the windows of people"),
        (lambda: ct.run("people", limit=0), "limit is 0. It must be 1 or more."),
        (lambda: ct.preview("people", rows=20_000), "rows is 20,000. It must be from 1 to 10,000."),
        (lambda: ct.dry_run("people", rows=5, all_rows=True), "rows and all_rows exclude each other."),
        (lambda: ct.imports(status="asleep"), "asleep"),
        (lambda: ct.runs("people", "nonesuch"), "nonesuch"),
        (lambda: ct.rejected_rows("people", "nonesuch"), "nonesuch"),
    ],
)
def test_what_a_command_refuses_with_2_is_an_error_of_configuration(
    workshop: Workshop,
    call: Callable[[], object],
    words: str,
) -> None:
    with pytest.raises(ConfigError) as raised:
        call()
    assert words in str(raised.value)


def test_the_guides_example_runs(workshop: Workshop, report: Any) -> None:  # noqa: ANN401
    (shown,) = [text for text in blocks(GUIDE, "python") if "clevertap_import as ct" in text]
    names: dict[str, Any] = {}
    exec(shown.replace('"customers"', '"people"'), names)  # noqa: S102 - the text of our own guide
    assert names["report"]["status"].tolist() == ["Success"]
    assert len(names["worst"]) > 0
