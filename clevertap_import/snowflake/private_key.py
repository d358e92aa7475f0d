"""The private key of a Snowflake connection: PEM, DER, base64 of one of these, or a file that has one."""

import base64
import re
from contextlib import suppress
from dataclasses import replace
from os.path import expanduser
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from clevertap_import.errors import ConfigError
from clevertap_import.snowflake.session import SnowflakeSettings

PEM_MARK = b"-----BEGIN"
PEM = re.compile(rb"(-----BEGIN [A-Z ]+-----)(.*?)(-----END [A-Z ]+-----)", re.DOTALL)
WRITTEN_BREAK = re.compile(rb"(?:\\+r)?\\+n|\\+r")
"""A line break as the two characters backslash and n, common in variables; the backslash may be doubled."""

MAX_SHOWN_CHARS = 100
"""The most characters of a path. Even the shortest key is longer, without PEM's first and last line."""

UNREADABLE = (
    "The Snowflake private key cannot be read: {}. A key is PEM text with its line breaks, or base64 of PEM"
    " or DER; the path of its file belongs in PRIVATE_KEY_PATH."
)


def with_readable_key(settings: SnowflakeSettings) -> SnowflakeSettings:
    """`settings` with the key as PEM without a passphrase, if there is one. Raises ConfigError."""
    if settings.private_key:
        key = settings.private_key.encode()
    elif settings.private_key_path:
        key = contents(settings.private_key_path)
    else:
        return settings
    return replace(
        settings,
        private_key=as_pem(key, settings.private_key_passphrase),
        private_key_path=None,
        private_key_passphrase=None,
    )


def contents(path: str) -> bytes:
    try:
        return Path(expanduser(path)).read_bytes()
    except (OSError, ValueError) as error:
        if len(path) > MAX_SHOWN_CHARS:
            raise ConfigError(
                "PRIVATE_KEY_PATH does not name a file. Its value looks like a key: set PRIVATE_KEY instead."
            ) from None
        reason = (getattr(error, "strerror", None) or type(error).__name__).lower()
        raise ConfigError(f"The Snowflake private key {path} cannot be read: {reason}.") from None


def as_pem(key: bytes, passphrase: str | None) -> str:
    """The unencrypted key. Messages of other libraries are not shown: they may contain parts of the key."""
    password = passphrase.encode() if passphrase else None
    try:
        loaded = load_key(key, password)
    except TypeError:
        # cryptography raises TypeError only if a passphrase is missing, or given for an unencrypted key.
        without = "not encrypted, so give no" if password else "encrypted, so give its"
        raise ConfigError(f"The Snowflake private key is {without} passphrase.") from None
    except (ValueError, UnsupportedAlgorithm):
        reason = "the passphrase is wrong, or it is not a key" if password else "it is not a key"
        raise ConfigError(UNREADABLE.format(reason)) from None
    return loaded.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def load_key(key: bytes, password: bytes | None) -> PrivateKeyTypes:
    """The key, from any of the formats. Raises the exceptions of cryptography."""
    if PEM_MARK not in key:
        # A binary file; text cannot be DER.
        with suppress(ValueError):
            return serialization.load_der_private_key(key, password)
        key = base64.b64decode(WRITTEN_BREAK.sub(b"\n", key))
    if PEM_MARK not in key:
        return serialization.load_der_private_key(key, password)
    return serialization.load_pem_private_key(with_line_breaks(key), password)


def with_line_breaks(pem: bytes) -> bytes:
    """PEM with its line breaks: a variable may have it on one line, or with each break as \\n."""
    text = WRITTEN_BREAK.sub(b"\n", pem)
    found = PEM.search(text)
    if found is None or b"\n" in found[2].strip():
        return text
    return b"\n".join((found[1], b"".join(found[2].split()), found[3], b""))
