"""Private keys of every form, and what is said of those that cannot be used: never any of the key."""

import base64
import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from clevertap_import.errors import ConfigError
from clevertap_import.snowflake.private_key import with_readable_key
from clevertap_import.snowflake.session import SnowflakeSettings, open_snowflake
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake

PASSPHRASE = "a passphrase of ours"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def written(
    encoding: serialization.Encoding = serialization.Encoding.PEM,
    *,
    passphrase: str | None = None,
    form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8,
) -> bytes:
    lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        lock = serialization.BestAvailableEncryption(passphrase.encode())
    return KEY.private_bytes(encoding, form, lock)


DER = serialization.Encoding.DER
PLAIN = written().decode()
LOCKED = written(passphrase=PASSPHRASE).decode()
DER_TEXT = base64.b64encode(written(DER)).decode()


def settings(**secrets: str) -> SnowflakeSettings:
    return SnowflakeSettings("sandbox", "SANDBOX", **secrets)


@pytest.mark.parametrize(
    ("key", "passphrase"),
    [
        (PLAIN, ""),
        (LOCKED, PASSPHRASE),
        (written(form=serialization.PrivateFormat.TraditionalOpenSSL).decode(), ""),
        (base64.b64encode(PLAIN.encode()).decode(), ""),
        (base64.b64encode(LOCKED.encode()).decode(), PASSPHRASE),
        (DER_TEXT, ""),
        ("\n".join(PLAIN.splitlines()[1:-1]), ""),
        (PLAIN.replace("\n", "\\n"), ""),
        (PLAIN.replace("\n", "\\r\\n"), ""),
        (PLAIN.replace("\n", "\\\\n"), ""),
        ("\\n".join(PLAIN.splitlines()[1:-1]), ""),
        (PLAIN.replace("\n", "\r\n"), ""),
        (f'"{PLAIN}"', ""),
        (PLAIN.replace("\n", " "), ""),
        (LOCKED.replace("\n", "\\n"), PASSPHRASE),
        (LOCKED.replace("\n", ""), PASSPHRASE),
        (base64.b64encode(written(DER, passphrase=PASSPHRASE)).decode(), PASSPHRASE),
    ],
)
def test_a_key_is_read_in_every_form_from_a_variable_or_a_file(
    tmp_path: Path, key: str, passphrase: str
) -> None:
    file = tmp_path / "key.p8"
    file.write_text(key)
    expected = settings(private_key=PLAIN)
    for given in (settings(private_key=key), settings(private_key_path=str(file), private_key="")):
        locked = SnowflakeSettings(
            "sandbox", "SANDBOX", given.private_key, given.private_key_path, passphrase or None
        )
        assert with_readable_key(locked) == expected


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_a_file_of_bytes_is_read(tmp_path: Path, passphrase: str) -> None:
    file = tmp_path / "key.der"
    file.write_bytes(written(DER, passphrase=passphrase or None))
    given = SnowflakeSettings(
        "sandbox", "SANDBOX", private_key_path=str(file), private_key_passphrase=passphrase or None
    )
    assert with_readable_key(given) == settings(private_key=PLAIN)


def test_a_locked_file_of_bytes_without_its_passphrase_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "key.der"
    file.write_bytes(written(DER, passphrase=PASSPHRASE))
    with pytest.raises(ConfigError, match="is encrypted, so give its passphrase"):
        with_readable_key(settings(private_key_path=str(file)))


def test_a_password_is_left_as_it_is() -> None:
    assert with_readable_key(settings(password="p")) == settings(password="p")


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        ({"private_key": LOCKED}, "is encrypted, so give its passphrase"),
        ({"private_key": PLAIN, "private_key_passphrase": "x"}, "is not encrypted, so give no passphrase"),
        (
            {"private_key": LOCKED, "private_key_passphrase": "x"},
            "the passphrase is wrong, or it is not a key",
        ),
        (
            {"private_key": PLAIN[:400]},
            "it is not a key. A key is PEM text with its line breaks, or base64 of",
        ),
        ({"private_key": "/home/me/key.p8"}, "it is not a key"),
        ({"private_key": "schl\u00fcssel"}, "it is not a key"),
        (
            {"private_key_path": "/no/such/file"},
            "private key /no/such/file cannot be read: no such file or dir",
        ),
        ({"private_key_path": "/"}, "private key / cannot be read: is a directory"),
        ({"private_key_path": "a\0b"}, "cannot be read: valueerror"),
        ({"private_key_path": PLAIN}, "PRIVATE_KEY_PATH does not name a file. Its value looks like a key"),
        ({"private_key_path": DER_TEXT}, "PRIVATE_KEY_PATH does not name a file. Its value looks like a key"),
    ],
)
def test_an_error_of_a_key_shows_no_part_of_it(secrets: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught, open_snowflake(settings(**secrets), "tag"):
        pass
    assert message in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    assert not [line for line in (*PLAIN.splitlines()[1:], *LOCKED.splitlines()[1:]) if line[:20] in shown]


def test_a_locked_key_in_a_file_logs_in(local_snowflake: LocalSnowflake, tmp_path: Path) -> None:
    file = tmp_path / "key.p8"
    file.write_text(LOCKED)
    login = SnowflakeSettings(
        *("sandbox", "SANDBOX"),
        private_key_path=str(file),
        private_key_passphrase=PASSPHRASE,
        host=local_snowflake.host,
        port=str(local_snowflake.port),
        protocol="http",
    )
    with open_snowflake(login, "tag") as snowflake:
        assert [batch.to_pylist() for batch in snowflake.batches("select 1 as X")] == [[{"X": 1}]]
