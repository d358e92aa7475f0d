"""The sandbox: a local Snowflake with a seeded shop and a local CleverTap, until told to end.

    python -m clevertap_import.sandbox --home .sandbox

When both are ready it prints one line of JSON: the environment by which imports find them.
"""

import argparse
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import snowflake.connector

from clevertap_import.io.import_files import FOLDER_VARIABLE
from clevertap_import.sandbox import EXAMPLES
from clevertap_import.sandbox.shop import seed

CREDENTIALS = {
    "SNOWFLAKE_ACCOUNT": "sandbox",
    "SNOWFLAKE_USER": "SANDBOX",
    "SNOWFLAKE_PASSWORD": "sandbox-password",
    "SNOWFLAKE_DATABASE": "SHOP",
    "SNOWFLAKE_SCHEMA": "PUBLIC",
    "CLEVERTAP_ACCOUNT_ID": "TEST-SHO-PSA-NDX",
    "CLEVERTAP_PASSCODE": "sandbox-passcode",
}

DAGSTER_YAML = """\
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

STOP_SECONDS = 20


@contextmanager
def server(module: str, *arguments: str) -> Iterator[dict[str, str]]:
    """A server in a process of its own; yields the address that it prints, and ends it in good order."""
    command = [sys.executable, "-m", f"clevertap_import.sandbox.{module}", *arguments]
    # A session of its own: Ctrl-C in the terminal must reach the sandbox, which then ends its servers.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)  # noqa: S603
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise SystemExit(f"{module} did not start; its own words are above.")
        yield json.loads(line)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def environment(home: Path, snowflake: Mapping[str, str], clevertap: Mapping[str, str]) -> dict[str, str]:
    return {
        **CREDENTIALS,
        **{f"SNOWFLAKE_{key.upper()}": str(value) for key, value in snowflake.items()},
        "CLEVERTAP_API_URL": clevertap["url"],
        FOLDER_VARIABLE: str(EXAMPLES),
        "DAGSTER_HOME": str(home / "dagster"),
    }


def prepared(home: Path) -> Path:
    """The sandbox's folder, with a Dagster home in it."""
    (home / "dagster").mkdir(parents=True, exist_ok=True)
    (home / "dagster" / "dagster.yaml").write_text(DAGSTER_YAML)
    return home


def seeded(variables: Mapping[str, str]) -> None:
    """Fill the shop; `variables` say where its Snowflake is."""
    keys = ("account", "user", "password", "host", "port", "protocol")
    arguments = {key: variables[f"SNOWFLAKE_{key.upper()}"] for key in keys}
    with snowflake.connector.connect(**arguments) as connection:
        seed(connection, datetime.now(UTC))


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="where all data of the sandbox is kept")
    home = prepared(parser.parse_args().home.resolve())
    is_new = not (home / "snowflake").exists()
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    with (
        server("snowflake_server", "--data", str(home / "snowflake")) as snowflake_address,
        server("clevertap_server", "--state", str(home / "clevertap.json")) as clevertap_address,
    ):
        variables = environment(home, snowflake_address, clevertap_address)
        if is_new:
            seeded(variables)
        sys.stdout.write(json.dumps(variables) + "\n")
        sys.stdout.flush()
        ended.wait()


if __name__ == "__main__":
    main()
