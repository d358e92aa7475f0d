"""Backups of a journal in a SQLite file: made while it is in use, and restored.

A plain copy of the file lacks the entries in SQLite's write-ahead log, which may be all entries. A backup
does not contain the key of the digests: without the key a backup shows nothing about people.
"""

import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from clevertap_import.errors import ConfigError, Unfinished
from clevertap_import.journal.digest_key import sqlite_file, sqlite_url
from clevertap_import.journal.tables import VERSION, open_database, read_url
from clevertap_import.private_files import (
    BESIDE_SQLITE,
    FILE,
    make_private_folder,
    name_once,
    private,
    second_name,
)


class JournalInUse(Unfinished):
    """A run or a command has the journal open, and would continue to use the replaced file."""


class CopyFailed(Unfinished):
    """The copy cannot be made or read: the disk is full, or a file is damaged."""


@dataclass(frozen=True, slots=True)
class Contents:
    """How much a journal contains; `last_sent_at` is the text in the database."""

    imports: int
    batches: int
    last_sent_at: str | None

    def __str__(self) -> str:
        last = f", the last of them sent at {self.last_sent_at[:19]} UTC" if self.last_sent_at else ""
        return f"{self.batches:,} batches of {self.imports:,} imports{last}"


def journal_file(url: str) -> Path:
    """The file itself, with links resolved. Raises ConfigError if the journal is not a file."""
    file = sqlite_file(read_url(url))
    if file is None:
        raise ConfigError(
            "The journal is in a database server (CLEVERTAP_IMPORT_JOURNAL_URL), which has its own tools."
            " Make a copy with: pg_dump --format=custom --file=FILE DATABASE. Put it back with pg_restore"
            " while no run is under way."
        )
    return file.resolve()


def back_up(url: str, target: Path) -> Contents:
    """Write a complete copy of the journal to `target`, which must not exist. Runs may continue."""
    file = journal_file(url)
    if not file.is_file():
        raise ConfigError(f"There is no journal to copy: {file} does not exist.")
    if target.exists():
        raise ConfigError(f"{target} exists already, and is left as it is. Name another file.")
    make_private_folder(target.parent)
    with draft_beside(target) as draft:
        copy_database(file, draft)
        contents = contents_of(draft)
        try:
            name_once(draft, target)
        except FileExistsError:
            raise ConfigError(
                f"Another process has just made {target}. It was not changed. Name another file."
            ) from None
        sync(target.parent)
    return contents


def put_back(url: str, source: Path, now: datetime) -> tuple[Contents, Contents | None, Path | None]:
    """Replace the journal by a copy. Returns the contents of both, and the new path of the old journal."""
    file = journal_file(url)
    if not source.is_file():
        raise ConfigError(f"There is no such file: {source}")
    contents_of(source)
    make_private_folder(file.parent)
    with draft_beside(file) as draft:
        copy_database(source, draft)
        # Raises if the copy is of a version that is too new or has another key; migrates an older one.
        open_database(sqlite_url(draft)).dispose()
        with closing(sqlite3.connect(draft)) as connection:
            mark_unended(connection)
            connection.commit()
            connection.execute("pragma journal_mode=delete")
        sync(draft)
        found = contents_of(draft)
        old = old_contents(file)
        with nobody_else(file), before_it_is_closed(file) as content:
            aside = set_aside(file, content, now) if content else None
            draft.replace(file)
        sync(file.parent)
    return found, old, aside


def mark_unended(copy: sqlite3.Connection) -> None:
    """Mark imports whose delivery was under way when the copy was made: it may have sent more since."""
    copy.execute("update import_state set lacks_until = deliveries where ended < deliveries")


@contextmanager
def draft_beside(target: Path) -> Iterator[Path]:
    """An empty file for its owner only, in the folder of `target`. It is removed after the block."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE))
        yield draft
    except (OSError, sqlite3.Error) as error:
        raise CopyFailed(f"The copy cannot be made: {error}. The journal was not changed.") from None
    finally:
        for end in BESIDE_SQLITE:
            draft.with_name(draft.name + end).unlink(missing_ok=True)


def copy_database(source: Path, draft: Path) -> None:
    """Copy the state of one moment, also while others write. It is on disk when this returns."""
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(draft)) as written:
        read.backup(written)
        # One file, without a separate log.
        written.execute("pragma journal_mode=delete")
    sync(draft)


def contents_of(file: Path) -> Contents:
    """Raises ConfigError if the file is not a journal, or is damaged."""
    not_ours = f"{file} is not a journal of clevertap_import, or is damaged. Nothing was changed."
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            if connection.execute("pragma integrity_check").fetchone() != ("ok",):
                raise ConfigError(not_ours)
            connection.execute(f"select version_num from {VERSION.name}").fetchone()  # noqa: S608 - ours
            counts = "select count(distinct import_name), count(*), max(sent_at) from delivery"
            return Contents(*connection.execute(counts).fetchone())
    except sqlite3.Error:
        raise ConfigError(not_ours) from None


def old_contents(file: Path) -> Contents | None:
    """None if there is no journal, or if it cannot be read: then a copy is put back to replace it."""
    try:
        return contents_of(file) if file.exists() else None
    except ConfigError:
        return None


@contextmanager
def nobody_else(file: Path) -> Iterator[None]:
    """In the block only this process has the journal open. Raises JournalInUse if another has.

    SQLite removes the write-ahead log only if no other process has the database open. Then the file is
    complete.
    """
    if not file.exists():
        yield
        return
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("pragma journal_mode=delete")
            connection.execute("begin exclusive")
        except sqlite3.OperationalError:
            raise JournalInUse(
                f"The journal {file} is in use: a run or a command is under way. Nothing was changed. Stop"
                " Dagster, wait for the end of its runs, and try again."
            ) from None
        except sqlite3.DatabaseError:
            # It is damaged, so no process can use it.
            pass
        yield


@contextmanager
def before_it_is_closed(file: Path) -> Iterator[BinaryIO | None]:
    """The content of `file` in the block; None if there is none.

    To close a file takes SQLite's lock of it away from this process: whoever reads it does so at the end.
    """
    with open(file, "rb") if file.exists() else nullcontext() as content:
        yield content


def set_aside(file: Path, content: BinaryIO, now: datetime) -> Path:
    """Give the old file and SQLite's files beside it a second name, so that a journal exists all the time."""
    aside = file.with_name(f"{file.name}.before-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}")
    if not second_name(file, aside):
        with open(aside, "xb", opener=private) as copy:
            shutil.copyfileobj(content, copy)
        sync(aside)
    for end in BESIDE_SQLITE:
        # These exist only for a damaged file. SQLite would use the old log for the copy.
        with suppress(FileNotFoundError):
            if end:
                file.with_name(file.name + end).rename(aside.with_name(aside.name + end))
    sync(file.parent)
    return aside


def sync(path: Path) -> None:
    """Write a file or a folder to disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
