"""The sandbox speaks to this machine alone, and says in a line why it does not start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.cli.local_sandbox import free_port, refuse_other_machines
from clevertap_import.sandbox import EXAMPLES
from clevertap_import.sandbox.folder_lock import FolderInUse, folder_lock
from clevertap_import.sandbox.this_machine import (
    ALLOWED,
    ALLOWED_PREFIXES,
    ElsewhereRefused,
    clean_environment,
    refuse_elsewhere,
)
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake, running_snowflake

SHOP_SECONDS = 60
HERE = {
    "CLEVERTAP_IMPORT_DEFS": str(EXAMPLES),
    "SNOWFLAKE_ACCOUNT": "a",
    "SNOWFLAKE_USER": "u",
    "SNOWFLAKE_PASSWORD": "p",
    "SNOWFLAKE_HOST": "127.0.0.1",
    "CLEVERTAP_ACCOUNT_ID": "A",
    "CLEVERTAP_PASSCODE": "p",
    "CLEVERTAP_API_URL": "http://127.0.0.1:8000",
}


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.0.0.9", "localhost", "[::1]", "http://127.0.0.1:80/x", "https://u:p@localhost"],
)
def test_this_machine_is_known(address: str) -> None:
    refuse_elsewhere("X", address)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            "192.0.2.1",
            "10.0.0.1",
            "api.clevertap.com",
            "https://127.0.0.1@api.clevertap.com",
            "127.0.0.1.nip.io",
        ),
        *("localhost.example.com", "http://", "https://eu1.api.clevertap.com/?127.0.0.1", "[2001:db8::1]"),
    ],
)
def test_every_other_address_is_refused(address: str) -> None:
    with pytest.raises(ElsewhereRefused, match=r"^X leads to .* connects only to this machine"):
        refuse_elsewhere("X", address)


@given(st.dictionaries(st.from_regex("[A-Z][A-Z_]{0,20}", fullmatch=True), st.text()))
def test_a_clean_environment_has_no_word_that_is_not_listed(environment: dict[str, str]) -> None:
    environment |= {
        "EMEA_API_URL": "x",
        "HTTPS_PROXY": "x",
        "DAGSTER_HOME": "x",
        "SNOWFLAKE_HOST": "x",
        "PATH": "p",
    }
    found = clean_environment(environment)
    assert found.pop("SNOWFLAKE_DISABLE_PLATFORM_DETECTION") == "true"
    assert all(name in ALLOWED or name.startswith(ALLOWED_PREFIXES) for name in found)
    assert found["PATH"] == "p"
    assert not {"EMEA_API_URL", "HTTPS_PROXY", "DAGSTER_HOME", "SNOWFLAKE_HOST"} & found.keys()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"CLEVERTAP_API_URL": "https://api.clevertap.com"}, "CLEVERTAP_API_URL"),
        ({"CLEVERTAP_API_URL": "", "CLEVERTAP_REGION": "in1"}, "CLEVERTAP_API_URL"),
        ({"SNOWFLAKE_HOST": "org.snowflakecomputing.com"}, "SNOWFLAKE_HOST"),
        ({"SNOWFLAKE_HOST": ""}, "SNOWFLAKE_HOST"),
    ],
)
def test_examples_that_would_reach_another_machine_are_not_run(changes: dict[str, str], named: str) -> None:
    refuse_other_machines(HERE)
    with pytest.raises(ElsewhereRefused, match=f"^{named} leads to"):
        refuse_other_machines(HERE | changes)


def shop(action: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clevertap_import.sandbox.shop", action],
        env=clean_environment(os.environ) | environment,
        capture_output=True,
        text=True,
        timeout=SHOP_SECONDS,
        check=False,
    )


def test_the_shop_writes_to_no_other_machine(tmp_path: Path) -> None:
    """Also not by way of a proxy."""
    # A server of its own: other tests make a shop in the one that they share.
    with running_snowflake(tmp_path / "snowflake") as snowflake:
        variables = snowflake.environment()
        done = shop("seed", variables | {"SNOWFLAKE_HOST": "org.snowflakecomputing.com"})
        proxied = shop("change", variables | {"HTTP_PROXY": "http://192.0.2.1:3128"})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("SNOWFLAKE_HOST leads to 'org.snowflakecomputing.com'.")
    # It came to the local Snowflake, which has no such table.
    assert proxied.returncode == 1
    assert "SHOP" in proxied.stderr


def test_a_shop_without_a_sandbox_says_how_to_start_one() -> None:
    done = shop("change", {"SNOWFLAKE_USER": "u"})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "SNOWFLAKE_ACCOUNT, SNOWFLAKE_PASSWORD, SNOWFLAKE_HOST, SNOWFLAKE_PORT, SNOWFLAKE_PROTOCOL: not set."
        " Start the sandbox with clevertap-import sandbox --no-ui, and copy the export lines that it"
        " prints.\n"
    )


def test_a_shop_whose_sandbox_has_ended_says_so(local_snowflake: LocalSnowflake) -> None:
    done = shop("change", local_snowflake.environment() | {"SNOWFLAKE_PORT": str(free_port(0))})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The local Snowflake refused. Check that the sandbox still runs. ")


def test_a_folder_takes_one_sandbox_at_a_time(tmp_path: Path) -> None:
    with (
        folder_lock(tmp_path),
        pytest.raises(FolderInUse, match=f"processes {os.getpid()}"),
        folder_lock(tmp_path),
    ):
        pass
    with folder_lock(tmp_path):
        pass


@pytest.mark.parametrize("kill", [False, True], ids=["ended", "killed"])
def test_a_local_snowflake_leaves_no_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill: bool
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with running_snowflake(tmp_path / "data", kill=kill) as server:
        server.create_database()
    assert list(temporary.iterdir()) == []
