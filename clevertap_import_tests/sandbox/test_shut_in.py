"""The local Snowflake and its user's files: who may log in, and what a query reaches."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from snowflake.connector.cursor import SnowflakeCursor
from snowflake.connector.errors import Error

from clevertap_import.sandbox.secrets_file import NAME, read_secrets, sandbox_secrets
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap, running_fake_clevertap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake, running_snowflake
from clevertap_import_tests.testing.waiting import wait_for

START_SECONDS = 240


@pytest.fixture
def private(tmp_path: Path) -> Path:
    file = tmp_path / "private.csv"
    file.write_text("secret,word\n1,2\n")
    return file


@pytest.fixture
def cursor(local_snowflake: LocalSnowflake, fresh_database: str) -> Iterator[SnowflakeCursor]:
    """Of a session with a database: without one, queries are refused for that."""
    with (
        local_snowflake.connect(database=fresh_database, schema="PUBLIC") as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("create table T (A varchar, B varchar)")
        yield cursor


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_text('{file}')",
        "select * from read_blob('{file}')",
        "select * from read_csv('{file}')",
        "select * from '{file}'",
        "copy into T from '{file}'",
    ],
)
def test_no_query_reaches_a_file_elsewhere(cursor: SnowflakeCursor, private: Path, query: str) -> None:
    with pytest.raises(Error) as caught:
        cursor.execute(query.format(file=private)).fetchall()
    assert "secret" not in str(caught.value)
    assert cursor.execute("select count(*) from T").fetchall() == [(0,)]


@pytest.mark.parametrize("setting", ["enable_external_access = true", "allowed_directories = ['/']"])
def test_no_session_opens_it_again(cursor: SnowflakeCursor, private: Path, setting: str) -> None:
    # What is not Snowflake's, fakesnow may also take without doing anything.
    with suppress(Error):
        cursor.execute(f"set global {setting}")
    with pytest.raises(Error):
        cursor.execute(f"select * from read_text('{private}')").fetchall()


def test_secrets_are_made_once_for_their_owner_alone_and_differ(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for home in (one, other):
        home.mkdir()
    made = sandbox_secrets(one)
    assert sandbox_secrets(one) == made == read_secrets(one / NAME)
    assert len({made.password, made.passcode, sandbox_secrets(other).password}) == 3
    assert (one / NAME).stat().st_mode & 0o777 == 0o600
    assert made.password not in repr(made)


def any_key() -> bytes:
    """That anybody can make."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def test_the_servers_take_the_secrets_of_their_file_and_no_others(tmp_path: Path) -> None:
    made = sandbox_secrets(tmp_path)
    with running_snowflake(tmp_path / "data", "--secrets", str(tmp_path / NAME)) as snowflake:
        with pytest.raises(Error, match="Incorrect username or password"):
            snowflake.connect()
        with pytest.raises(Error, match="JWT token is invalid"):
            snowflake.connect(password=None, private_key=any_key(), authenticator="SNOWFLAKE_JWT")
        snowflake.connect(password=made.password).close()
    with running_fake_clevertap("--secrets", str(tmp_path / NAME)) as clevertap:
        assert clevertap.upload().status_code == 401
        mine = FakeCleverTap(clevertap.url, clevertap.pid, passcode=made.passcode)
        assert mine.upload().status_code != 401
        mine.close()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str], int]]:
    home = tmp_path / "sandbox"
    command = [sys.executable, "-m", "clevertap_import.sandbox", "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield home, json.loads(process.stdout.readline()), process.pid
        finally:
            process.terminate()


@pytest.mark.slow
def test_a_sandbox_shows_its_secrets_in_no_command_line(sandbox: tuple[Path, dict[str, str], int]) -> None:
    home, variables, pid = sandbox
    made = read_secrets(home / NAME)
    assert (variables["SNOWFLAKE_PASSWORD"], variables["CLEVERTAP_PASSCODE"]) == (
        made.password,
        made.passcode,
    )
    assert home.stat().st_mode & 0o777 == 0o700
    tree = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    assert len(tree) == 3
    lines = [Path(f"/proc/{each}/cmdline").read_text() for each in tree]
    assert not [line for line in lines if made.password in line or made.passcode in line]
    wait_for("CleverTap", lambda: requests.get(variables["CLEVERTAP_API_URL"], timeout=10).ok, START_SECONDS)
