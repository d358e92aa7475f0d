"""`demo` and `sandbox` beside a filled .env: they know the examples and their own servers alone."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clevertap_import.config.asset_keys import IMPORT_CENTER
from clevertap_import_tests.testing.dagster_processes import WebServer
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.watched import Watch, shell_environment
from clevertap_import_tests.testing.workshop import document, profiles_target

DEMO_SECONDS = 400
UI_SECONDS = 400
END_SECONDS = 60
ASSETS = "query { assetNodes { assetKey { path } } }"
ELSEWHERE = "192.0.2.1"  # an address that is given to nobody
EXAMPLES = {"customers", "product_events", "order_totals"}

FILLED = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"), f"http://{ELSEWHERE}:3128"),
    **{f"{name}_ACCOUNT": "org-real" for name in ("SNOWFLAKE", "ANALYTICS")},
    **{f"{name}_USER": "IMPORTER" for name in ("SNOWFLAKE", "ANALYTICS")},
    **{f"{name}_HOST": ELSEWHERE for name in ("SNOWFLAKE", "ANALYTICS")},
    **{f"{name}_PRIVATE_KEY_PATH": "/nowhere/key.p8" for name in ("SNOWFLAKE", "ANALYTICS")},
    **{f"{name}_API_URL": f"http://{ELSEWHERE}" for name in ("CLEVERTAP", "EMEA")},
    **{f"{name}_ACCOUNT_ID": "REAL-ACC-OUN" for name in ("CLEVERTAP", "EMEA")},
    **{f"{name}_PASSCODE": "real-passcode" for name in ("CLEVERTAP", "EMEA")},
    "SNOWFLAKE_ROLE": "IMPORTER",
    "CLEVERTAP_IMPORT_JOURNAL_URL": f"postgresql+psycopg://u:p@{ELSEWHERE}/journal",
    "DAGSTER_HOME": "/nowhere/dagster",
    "PYTHONPATH": "/nowhere/python",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with an import to a named account, and a .env that is filled in."""
    folder = tmp_path / "imports" / "emea_customers"
    folder.mkdir(parents=True)
    attributes = {
        "connection": "analytics",
        "account": "emea",
        "source": {"kind": "table", "table": "SHOP.PUBLIC.CUSTOMERS"},
        "target": profiles_target(Name="NAME"),
    }
    (folder / "defs.yaml").write_text(document("emea_customers", attributes))
    variables = FILLED | {"CLEVERTAP_IMPORT_DEFS": str(tmp_path / "imports")}
    (tmp_path / ".env").write_text("".join(f"{key}={value}\n" for key, value in variables.items()))
    return tmp_path


@pytest.fixture
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    return Watch(tmp_path_factory.mktemp("watch"))


@pytest.mark.slow
def test_the_demo_reaches_no_address_but_this_machine(project: Path, watch: Watch) -> None:
    """The variables are in .env and, as after `export $(cat .env)`, in the shell."""
    done = subprocess.run(
        [sys.executable, "-m", "clevertap_import", "demo"],
        env=shell_environment() | FILLED | watch.environment,
        cwd=project,
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS,
        check=False,
    )
    assert watch.elsewhere == set()
    assert any("127.0.0.1" in call for call in watch.calls)
    assert done.returncode == 0, done.stderr
    assert all(f"Stats of {name}" in done.stdout for name in EXAMPLES)
    assert "emea_customers" not in done.stdout


@contextmanager
def sandbox(folder: Path, environment: dict[str, str]) -> Iterator[WebServer]:
    """`clevertap-import sandbox` in `folder`, until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "clevertap_import", "sandbox", "--port", "0"],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        try:
            address = next(line for line in iter(process.stdout.readline, "") if line.startswith("Dagster "))
            yield WebServer(address.split()[1], folder / ".sandbox" / "dagster.log")
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(END_SECONDS) == 0


@pytest.mark.slow
def test_the_sandbox_shows_the_examples_alone(project: Path, watch: Watch) -> None:
    with sandbox(project, shell_environment() | watch.environment) as server:
        wait_for("the web server", server.is_up, UI_SECONDS)
        nodes = server.ask(ASSETS)["assetNodes"]
        words = run_again(project, "sandbox", "--port", "0"), run_again(project, "demo")
    paths = {tuple(node["assetKey"]["path"]) for node in nodes}
    assert {path[1] for path in paths if path[0] == "clevertap"} == EXAMPLES | {IMPORT_CENTER}
    assert watch.elsewhere == set()
    for done in words:
        assert done.returncode == 2
        assert f"Another sandbox or demo uses {project}/.sandbox (processes " in done.stderr
        assert "Traceback" not in done.stderr


def run_again(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clevertap_import", *words],
        env=shell_environment(),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=END_SECONDS,
        check=False,
    )
