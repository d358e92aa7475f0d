"""The sandbox for commands: a separate process, of which they know only the addresses."""

import errno
import importlib.util
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from clevertap_import.clevertap.client import account_settings
from clevertap_import.clevertap.http import BoundedHttp
from clevertap_import.cli.printing import print_table, say
from clevertap_import.errors import ConfigError, Unfinished
from clevertap_import.project.folder import imports_folder, load_folder
from clevertap_import.sandbox.parent import FLAG
from clevertap_import.sandbox.this_machine import enter_clean, refuse_elsewhere
from clevertap_import.snowflake.session import snowflake_settings

HOME = ".sandbox"
STOP_SECONDS = 60
WRONG_HERE = 2
"""The exit code of a sandbox that must not start in its folder."""

ASK_SECONDS = 30
COUNTERS_BYTES = 1_000_000

WORKSPACE = """load_from:
  - python_module: {module_name: clevertap_import.definitions, location_name: clevertap_import}
"""

Line = dict[str, Any]

RUN = (
    *("status", "health", "total_records", "successful_syncs", "failed_syncs", "unchanged", "invalid"),
    *("rejected", "uncertain", "superseded", "seconds"),
)
COUNTED = ("run_id", "date_time", *RUN)
LISTED = ("nickname", "title", "status", "sync_type", "frequency", "health", "last_run")


class SandboxMissing(ConfigError):
    """The packages of the sandbox are not installed."""


class SandboxFailed(Unfinished):
    """The sandbox did not start, or it ended by itself."""


class SandboxRefused(ConfigError):
    """The sandbox cannot start here; its own message says why."""


class PortTaken(ConfigError):
    """The port cannot be used, or another program uses it."""


def not_started(code: int) -> SandboxRefused | SandboxFailed:
    words = "The sandbox did not start; its own message is above."
    return SandboxRefused(words) if code == WRONG_HERE else SandboxFailed(words)


@contextmanager
def running_sandbox(*, fresh: bool) -> Iterator[dict[str, str]]:
    """The sandbox in `.sandbox`, new or with its old data; yields the environment with its addresses."""
    if importlib.util.find_spec("fakesnow") is None:
        raise SandboxMissing("The sandbox is not installed. Run: pip install 'clevertap_import[sandbox]'")
    home = Path(HOME).resolve()
    enter_clean(os.environ)
    command = [sys.executable, "-m", "clevertap_import.sandbox", FLAG, "--home", str(home)]
    command += ["--fresh"] if fresh else []
    with ended_by_sigterm():
        process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise not_started(process.wait(STOP_SECONDS))
            environment: dict[str, str] = json.loads(line)
            refuse_other_machines(environment)
            yield environment
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def refuse_other_machines(environment: Mapping[str, str]) -> None:
    """Raises ElsewhereRefused if an example would read from or send to any other machine."""
    configs = [each.config for each in load_folder(imports_folder(environment)).loaded]
    for name in sorted({config.connection for config in configs}):
        refuse_elsewhere(f"{name.upper()}_HOST", snowflake_settings(name, environment).host or "")
    for name in sorted({config.account for config in configs}):
        refuse_elsewhere(f"{name.upper()}_API_URL", account_settings(name, environment).url)


def free_port(port: int) -> int:
    """`port`, or any free port for 0. Raises PortTaken: Dagster would silently use another port."""
    try:
        with socket.create_server(("127.0.0.1", port)) as server:
            return int(server.getsockname()[1])
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise PortTaken(f"Port {port} {why}. Choose another with --port, or 0 for any free port.") from None


def serve(ui_port: int | None) -> None:
    """Run the sandbox until Ctrl-C or SIGTERM, with Dagster's UI on `ui_port` if it is given."""
    ui_port = None if ui_port is None else free_port(ui_port)
    try:
        with running_sandbox(fresh=False) as environment:
            say(f"CleverTap  {environment['CLEVERTAP_API_URL']}")
            say(f"Snowflake  http://{environment['SNOWFLAKE_HOST']}:{environment['SNOWFLAKE_PORT']}")
            if ui_port is None:
                exports = (f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
                sys.stdout.write("".join(exports))
                sys.stdout.flush()
                signal.pause()
            else:
                log = Path(HOME).resolve() / "dagster.log"
                say(f"Dagster    http://127.0.0.1:{ui_port} in about ten seconds; its log is {log}")
                sys.stdout.flush()
                run_dagster(ui_port, environment, log)
    except KeyboardInterrupt:
        say("The sandbox stops; its data stays in .sandbox.")


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """In the block SIGTERM acts like Ctrl-C, so that the started processes end in good order."""

    def interrupt(*_: object) -> None:
        # Once: a second signal would interrupt the ending that the first one began.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_dagster(port: int, environment: dict[str, str], log: Path) -> None:
    """Dagster's web server and daemon on the imports of this project, until Ctrl-C. Raises SandboxFailed."""
    workspace = log.with_name("workspace.yaml")
    workspace.write_text(WORKSPACE)
    command = [sys.executable, "-m", "clevertap_import.sandbox.dagster_dev", "--workspace", str(workspace)]
    command += ["--port", str(port), "--host", "127.0.0.1", "--log-level", "warning"]
    # Its own session: otherwise Ctrl-C reaches it too, and a second SIGINT interrupts its ending.
    with log.open("wb") as words:
        process = subprocess.Popen(  # noqa: S603
            command,
            env={**os.environ, **environment},
            # Dagster reads the .env of the folder in which it starts, and prefers it to this environment.
            cwd=log.parent,
            stdin=subprocess.PIPE,
            stdout=words,
            stderr=words,
            start_new_session=True,
        )
    try:
        process.wait()
    finally:
        end_session(process)
    raise SandboxFailed(f"Dagster ended by itself. Its last messages are in {log}.")


def end_session(process: subprocess.Popen[bytes]) -> None:
    """End `dagster dev` with SIGINT, then kill the rest of its session."""
    try:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.terminate()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def demonstrate(run_all: Callable[[], list[Line]]) -> bool:
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
    from clevertap_import.orchestration.instance import open_instance
    from clevertap_import.orchestration.listing import Filters, listing
    from clevertap_import.orchestration.run_history import import_stats

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
