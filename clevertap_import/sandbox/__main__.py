"""The sandbox: a local Snowflake with a seeded shop and a local CleverTap, until a signal ends it.

    python -m clevertap_import.sandbox --home .sandbox

When both are ready it prints one line of JSON: the environment variables for the imports. It ends with code 2
if another sandbox uses the folder.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from snowflake.connector.errors import Error

from clevertap_import.project.folder import FOLDER_VARIABLE
from clevertap_import.sandbox import EXAMPLES
from clevertap_import.sandbox.folder_lock import NAME, FolderInUse, folder_lock, note
from clevertap_import.sandbox.parent import FLAG, HELP, end_with_parent, terminate
from clevertap_import.sandbox.secrets_file import NAME as SECRETS
from clevertap_import.sandbox.secrets_file import sandbox_secrets
from clevertap_import.sandbox.shop.tables import connect, seed
from clevertap_import.sandbox.this_machine import enter_clean
from clevertap_import.snowflake.session import OPTIONAL_KEYS

NOTHING_ELSE = {
    **{f"SNOWFLAKE_{key.upper()}": "" for key in OPTIONAL_KEYS},
    **dict.fromkeys(("CLEVERTAP_REGION", "CLEVERTAP_MAX_IN_FLIGHT", "CLEVERTAP_IMPORT_JOURNAL_URL"), ""),
    "CLEVERTAP_IMPORT_JOURNAL_KEY": "",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}
"""Variables that a shell or a .env may also set. They are set empty here, so that no .env can fill them."""

NAMES = {
    "SNOWFLAKE_ACCOUNT": "sandbox",
    "SNOWFLAKE_USER": "SANDBOX",
    "SNOWFLAKE_DATABASE": "SHOP",
    "SNOWFLAKE_SCHEMA": "PUBLIC",
    "CLEVERTAP_ACCOUNT_ID": "TEST-SHO-PSA-NDX",
}

DAGSTER_YAML = """\
storage:
  custom:
    module: clevertap_import.orchestration.event_storage
    class: BatchingSqliteStorage
    config:
      base_dir: {env: DAGSTER_HOME}
concurrency:
  pools:
    default_limit: 1
    granularity: op
run_monitoring:
  enabled: true
  free_slots_after_run_end_seconds: 60
telemetry:
  enabled: false
nux:
  enabled: false
"""

EXIT_USAGE = 2
"""The exit code of a sandbox that cannot start in its folder."""

WHY = "The reason is above. If the disk is not full, delete the sandbox's folder to start again."

PORT = "clevertap.port"
STOP_SECONDS = 20
SEEDING = "seeding"
"""A file that exists while the shop is filled: after a kill it shows that the shop is not complete."""


@contextmanager
def server(lock: int, kind: str, *arguments: str) -> Iterator[dict[str, str]]:
    """A server in its own process; yields the address that it prints, and ends the process properly.

    `kind`: snowflake or clevertap. The process keeps the folder's `lock` while it lives, which is not long
    after the sandbox was killed.
    """
    command = [sys.executable, "-m", f"clevertap_import.sandbox.{kind}.server", FLAG, *arguments]
    # A session of its own: Ctrl-C in the terminal must reach only the sandbox, which then ends its servers.
    process = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        pass_fds=[lock],
    )
    note(lock, process.pid)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise SystemExit(f"{kind}_server did not start. {WHY}")
        yield json.loads(line)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def environment(home: Path, snowflake: Mapping[str, str], clevertap: Mapping[str, str]) -> dict[str, str]:
    return {
        **NOTHING_ELSE,
        **NAMES,
        "SNOWFLAKE_PASSWORD": sandbox_secrets(home).password,
        "CLEVERTAP_PASSCODE": sandbox_secrets(home).passcode,
        **{f"SNOWFLAKE_{key.upper()}": str(value) for key, value in snowflake.items()},
        "CLEVERTAP_API_URL": clevertap["url"],
        FOLDER_VARIABLE: str(EXAMPLES),
        "DAGSTER_HOME": str(home / "dagster"),
    }


def prepared(home: Path) -> Path:
    """The sandbox's folder, with a Dagster home in it."""
    sandbox_secrets(home)
    (home / "dagster").mkdir(parents=True, exist_ok=True)
    (home / "dagster" / "dagster.yaml").write_text(DAGSTER_YAML)
    return home


def seeded(variables: Mapping[str, str]) -> None:
    """Fill the shop; `variables` have the address of its Snowflake."""
    try:
        with connect(variables) as connection:
            seed(connection, datetime.now(UTC))
    except Error:
        raise SystemExit(f"The shop could not be filled. {WHY}") from None


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the folder for all data of the sandbox")
    parser.add_argument("--fresh", action="store_true", help="delete the data of earlier starts")
    parser.add_argument(FLAG, action="store_true", help=HELP)
    options = parser.parse_args()
    if options.with_parent:
        end_with_parent(terminate)
    enter_clean(os.environ)
    home = options.home.resolve()
    try:
        with folder_lock(home) as lock:
            if options.fresh or (home / SEEDING).exists():
                (home / SEEDING).touch()
                forget(home)
            serve(prepared(home), lock)
    except FolderInUse as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_USAGE)
    except OSError as error:
        sys.stderr.write(
            f"The sandbox cannot store its data in {home}: {error.strerror or error}."
            " Free some space or correct the folder, or use another folder.\n"
        )
        sys.exit(EXIT_USAGE)


def clevertap_options(home: Path) -> list[str]:
    """Options for its data, and for the port of the last start, if that is free."""
    stored_port = (home / PORT).read_text() if (home / PORT).exists() else "0"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(stored_port)))
        except OSError:
            stored_port = "0"
    return ["--state", str(home / "clevertap.json"), "--port", stored_port]


def forget(home: Path) -> None:
    """Remove the contents of the folder, except the lock, which is in use, and the mark of a shop to fill."""
    for path in home.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name not in (NAME, SEEDING):
            path.unlink()


def serve(home: Path, lock: int) -> None:
    """Run both servers until a signal comes; a new shop is filled."""
    if not (home / "snowflake").exists():
        (home / SEEDING).touch()
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    secret = ("--secrets", str(home / SECRETS))
    with (
        server(lock, "snowflake", "--data", str(home / "snowflake"), *secret) as snowflake,
        server(lock, "clevertap", *clevertap_options(home), *secret) as clevertap,
    ):
        # An import stores its destination: after the next start the server must have the same address.
        (home / PORT).write_text(str(urlsplit(clevertap["url"]).port))
        variables = environment(home, snowflake, clevertap)
        if (home / SEEDING).exists():
            seeded(variables)
            (home / SEEDING).unlink()
        sys.stdout.write(json.dumps(variables) + "\n")
        sys.stdout.flush()
        ended.wait()


if __name__ == "__main__":
    main()
