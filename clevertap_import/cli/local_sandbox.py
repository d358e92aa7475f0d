"""The commands' sandbox: a separate process, of which they know only the addresses."""

import errno
import importlib.util
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from clevertap_import.clevertap.client import account_settings
from clevertap_import.cli.printing import say
from clevertap_import.errors import ConfigError, Unfinished
from clevertap_import.project.folder import imports_folder, load_folder
from clevertap_import.sandbox.parent import FLAG
from clevertap_import.sandbox.this_machine import enter_clean, refuse_elsewhere
from clevertap_import.snowflake.session import snowflake_settings

HOME = ".sandbox"
STOP_SECONDS = 60
WRONG_HERE = 2
"""The exit code of a sandbox that must not start in its folder."""

WORKSPACE = """load_from:
  - python_module: {module_name: clevertap_import.definitions, location_name: clevertap_import}
"""


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


def sandbox(port: int, no_ui: bool) -> None:
    """Run the sandbox until Ctrl-C or SIGTERM, with Dagster's UI on `port`."""
    ui_port = None if no_ui else free_port(port)
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
