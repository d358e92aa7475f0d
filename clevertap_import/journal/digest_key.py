"""The key that encrypts the digests in the journal's database: without it, nobody can test a guess.

In memory digests are plain. A column of the type `Digests` encrypts on writing and decrypts on reading, each
16 bytes separately: equal digests stay equal, and the order and the number of bytes stay the same.
"""

import hashlib
import hmac
import logging
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from clevertap_import.errors import ConfigError
from clevertap_import.private_files import FILE, make_private_folder, name_once, tighten

KEY_VARIABLE = "CLEVERTAP_IMPORT_JOURNAL_KEY"
KEY_FILE = "journal.key"
KEY_BYTES = 32
KEY_TEXT = re.compile(rf"[0-9A-Fa-f]{{{2 * KEY_BYTES}}}")
CHECKED = b"the key of a clevertap_import journal"
HOW_TO_MAKE = f"openssl rand -hex {KEY_BYTES}"

logger = logging.getLogger(__name__)


class JournalKeyWrong(ConfigError):
    """The key of the journal is missing, belongs to another journal, or cannot be read."""


class DigestCipher:
    """AES on single blocks: a permutation of digests that only the key can reverse."""

    def __init__(self, key: bytes) -> None:
        # A digest is one block, and equal digests must stay equal. That is the reason for ECB here.
        self.aes = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305
        self.check = hmac.digest(key, CHECKED, hashlib.sha256).hex()

    def hidden(self, digests: bytes) -> bytes:
        encryptor = self.aes.encryptor()
        return encryptor.update(digests) + encryptor.finalize()

    def plain(self, hidden: bytes) -> bytes:
        decryptor = self.aes.decryptor()
        return decryptor.update(hidden) + decryptor.finalize()


CIPHERS: WeakKeyDictionary[sa.Dialect, DigestCipher] = WeakKeyDictionary()
"""By the dialect of an engine: each engine has its own, and a column type gets nothing more of the engine."""


class Digests(sa.TypeDecorator[bytes]):
    """16 bytes for each record, encrypted in the database. `journal/tables.py` gives each engine its key."""

    impl = sa.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: sa.Dialect) -> bytes | None:
        return None if value is None else CIPHERS[dialect].hidden(value)

    def process_result_value(self, value: bytes | None, dialect: sa.Dialect) -> bytes | None:
        return None if value is None else CIPHERS[dialect].plain(value)


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where the key of a journal is: in the environment variable or, without that, in a file.

    `is_shared`: the database is on a server, and other machines may use it.
    """

    text: str | None
    file: Path | None
    is_shared: bool

    def found(self) -> DigestCipher | None:
        """The key, if there is one. Raises JournalKeyWrong if it is not a valid key."""
        if self.text:
            return cipher_of(self.text, KEY_VARIABLE)
        if self.file is None or not self.file.exists():
            return None
        tighten(self.file, FILE)
        return cipher_of(self.file.read_text("ascii", "replace"), str(self.file))

    def made(self) -> DigestCipher:
        """The key; makes one in the file if there is none. If several processes try, only one makes it."""
        if there := self.found():
            return there
        if self.file is None:
            raise JournalKeyWrong(f"The journal needs a key. Set {KEY_VARIABLE}. {to_make_one()}")
        make_private_folder(self.file.parent)
        write_once(self.file, secrets.token_hex(KEY_BYTES) + "\n")
        if self.is_shared:
            logger.warning(
                "A key for the journal's digests was made in %s. Store a copy of it: without the key the"
                " journal cannot be read. On every other machine and in containers set %s to the text of this"
                " file.",
                *(self.file, KEY_VARIABLE),
            )
        return self.made()

    def matching(self, check: str) -> DigestCipher:
        """The key whose check value is in the journal. Raises JournalKeyWrong if there is no such key."""
        cipher = self.found()
        if cipher and hmac.compare_digest(cipher.check, check):
            return cipher
        places = [KEY_VARIABLE] if self.text or not self.file else [str(self.file), KEY_VARIABLE]
        missing = f"its key is not in {' or '.join(places)}"
        wrong = f"{places[0]} is the key of another journal" if cipher else missing
        elsewhere = (
            f" If another machine made it, set {KEY_VARIABLE} here to the text of its"
            f" clevertap_import/{KEY_FILE} below DAGSTER_HOME."
            if self.is_shared
            else f" It was in {KEY_FILE} beside the journal, or in {KEY_VARIABLE}: put it back."
        )
        raise JournalKeyWrong(
            f"The journal's digests cannot be read: {wrong}. Nothing was read or sent.{elsewhere}"
            " If it is lost for good, the journal is too: see 'The key of the journal' in docs/security.md."
        )


def to_make_one() -> str:
    return f"To make one: {HOW_TO_MAKE}"


def key_place(url: sa.URL, folder: Path | None, environment: Mapping[str, str]) -> KeyPlace:
    """`folder`: where the key file is if the journal is not a file. Otherwise it is beside the journal."""
    file = sqlite_file(url)
    folder = file.resolve().parent if file else folder
    is_shared = url.get_backend_name() != "sqlite"
    return KeyPlace(environment.get(KEY_VARIABLE), folder / KEY_FILE if folder else None, is_shared)


def sqlite_file(url: sa.URL) -> Path | None:
    """The file of a SQLite database; None for one in memory, and for other databases."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    is_uri = url.database.startswith("file:") and "uri" in url.query
    name = unquote(urlsplit(url.database).path) if is_uri else url.database
    return None if name in ("", ":memory:") else Path(name)


def sqlite_url(file: Path) -> sa.URL:
    """With the letters that mean something in an address, as it has them in its text."""
    return sa.URL.create("sqlite", database=str(file))


def cipher_of(text: str, where: str) -> DigestCipher:
    if not KEY_TEXT.fullmatch(text.strip()):
        raise JournalKeyWrong(
            f"{where} is not a key of a journal: a key has {2 * KEY_BYTES} digits of 0-9 and a-f."
            f" {to_make_one()}"
        )
    return DigestCipher(bytes.fromhex(text.strip()))


def write_once(file: Path, text: str) -> None:
    """Write `file` to disk as a whole, unless it exists."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE), "w") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        with suppress(FileExistsError):
            name_once(draft, file)
        folder = os.open(file.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    finally:
        draft.unlink(missing_ok=True)
