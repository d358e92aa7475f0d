"""No secret is left anywhere: not in Dagster's home, not in what is printed, not in metadata or a repr."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from clevertap_import.orchestration.resources import CleverTapAccount, JournalDatabase, SnowflakeConnection
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.workshop import Workshop, command, open_workshop

PASSPHRASE = "correct-horse-battery-staple"
WRONG_PASSWORD = "a-password-that-is-refused"
WRONG_PASSCODE = "a-passcode-that-is-refused"


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An RSA key of this test's own, locked with PASSPHRASE."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    locked = BestAvailableEncryption(PASSPHRASE.encode())
    path = tmp_path_factory.mktemp("keys") / "rsa_key.p8"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    return path


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    local_snowflake: LocalSnowflake,
    fake_clevertap_process: FakeCleverTap,
) -> Iterator[Workshop]:
    fake_clevertap_process.reset()
    with open_workshop(tmp_path_factory.mktemp("secrets"), local_snowflake, fake_clevertap_process) as shop:
        shop.write("customers")
        shop.people([("a", "Asha", datetime.now(UTC)), ("null", "Nobody", datetime.now(UTC))])
        shop.write("lenient", dry_run={"max_rejected_percent": 100})
        yield shop


@pytest.fixture(scope="module")
def outputs(workshop: Workshop, key_file: Path) -> dict[str, str]:
    """All that was printed by runs that end well, and by runs of each kind of refusal."""
    prefix = workshop.name.upper()
    key = {
        f"{prefix}_PASSWORD": "",
        f"{prefix}_PRIVATE_KEY": key_file.read_text(),
        f"{prefix}_PRIVATE_KEY_PASSPHRASE": PASSPHRASE,
    }
    path = {**key, f"{prefix}_PRIVATE_KEY": "", f"{prefix}_PRIVATE_KEY_PATH": str(key_file)}
    done = {
        "by key": command(workshop, "run", "lenient", "--json", **key),
        "wrong passphrase": command(
            workshop,
            "run",
            "lenient",
            "--json",
            **key | {f"{prefix}_PRIVATE_KEY_PASSPHRASE": "wrong-passphrase"},
        ),
        "refused login": command(
            workshop, "run", "lenient", "--json", **{f"{prefix}_PASSWORD": WRONG_PASSWORD}
        ),
        "refused passcode, by key file": command(
            workshop,
            "run",
            "lenient",
            "--full",
            "--force",
            "--json",
            **path | {f"{prefix}_PASSCODE": WRONG_PASSCODE},
        ),
    }
    codes = {name: each.returncode for name, each in done.items()}
    assert codes == {
        "by key": 0,
        "wrong passphrase": 1,
        "refused login": 1,
        "refused passcode, by key file": 1,
    }, {name: each.stderr for name, each in done.items()}
    return {name: each.stdout + each.stderr for name, each in done.items()}


@pytest.fixture(scope="module")
def secrets(workshop: Workshop, key_file: Path) -> dict[str, str]:
    """Each in a form in which it would be found; of the key one line from its middle."""
    return {
        "passcode": workshop.clevertap.passcode,
        "password": workshop.environment[f"{workshop.name.upper()}_PASSWORD"],
        "refused password": WRONG_PASSWORD,
        "refused passcode": WRONG_PASSCODE,
        "passphrase": PASSPHRASE,
        "wrong passphrase": "wrong-passphrase",
        "private key": key_file.read_text().splitlines()[5],
    }


def test_a_key_pair_opens_snowflake(workshop: Workshop, outputs: dict[str, str]) -> None:
    assert workshop.clevertap.properties("a") == {"Name": "Asha"}
    assert '"status": "Success"' in outputs["by key"]
    # It read Snowflake with the key from the file before CleverTap refused it.
    assert '"query_id": null' not in outputs["refused passcode, by key file"]


def test_refusals_are_reported_in_our_words(outputs: dict[str, str]) -> None:
    assert "The Snowflake private key cannot be read" in outputs["wrong passphrase"]
    assert "Snowflake refused to log in: " in outputs["refused login"]
    assert "CleverTap answered HTTP 401" in outputs["refused passcode, by key file"]


def test_no_secret_is_printed(outputs: dict[str, str], secrets: dict[str, str]) -> None:
    found = [
        (run, name) for run, text in outputs.items() for name, secret in secrets.items() if secret in text
    ]
    assert found == []


def test_no_secret_is_in_a_file_of_dagsters_home(
    workshop: Workshop, outputs: dict[str, str], secrets: dict[str, str]
) -> None:
    """Its databases, the logs of the runs, the journal, the rejected rows."""
    home = Path(workshop.instance.root_directory)
    contents = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    names = {path.name for path in contents}
    assert {"journal.db", "runs.db"} <= names
    assert any(path.suffix == ".csv" for path in contents)
    # The search can find something: the runs' own words are there.
    assert any(b"CleverTap answered HTTP 401" in content for content in contents.values())
    found = [
        (path, name)
        for path, content in contents.items()
        for name, secret in secrets.items()
        if secret.encode() in content
    ]
    assert found == []


def test_no_resource_shows_a_secret_of_its_own() -> None:
    secret = "never-to-be-seen"
    source = SnowflakeConnection(
        name="snowflake",
        account="acme",
        user="LOADER",
        private_key=secret,
        private_key_path=secret,
        private_key_passphrase=secret,
        password=secret,
    )
    target = CleverTapAccount(name="clevertap", account_id="ACCOUNT", passcode=secret)
    journal = JournalDatabase(url=f"postgresql://loader:{secret}@db/journal")
    for resource in (source, target, journal):
        assert secret not in repr(resource)
        assert secret not in str(resource)
    assert secret not in repr(source.settings())
    assert secret not in repr(target.settings())
