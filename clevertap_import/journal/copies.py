"""Copies of a journal that is a SQLite file: made while it is in use, and put back.

A plain copy of the file lacks what is in SQLite's write-ahead log beside it, which may be all of it. The key
of the digests is no part of a copy: whoever finds one is to learn nothing of it.
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
    """A run or a command has the journal open, and would go on in the file that is replaced."""


class CopyFailed(Unfinished):
    """The copy cannot be made or read: the disk is full, or a file is damaged."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a journal holds, in numbers; `last_sent_at` as the database has it."""

    imports: int
    batches: int
    last_sent_at: str | None

    def __str__(self) -> str:
        last = f", the last of them sent at {self.last_sent_at[:19]} UTC" if self.last_sent_at else ""
        return f"{self.batches:,} batches of {self.imports:,} imports{last}"


def journal_file(url: str) -> Path:
    """The file itself, where links lead to it. Raises ConfigError if the journal is no file."""
    file = sqlite_file(read_url(url))
    if file is None:
        raise ConfigError(
            "The journal is in a database server (CLEVERTAP_IMPORT_JOURNAL_URL), which has tools of its own."
            " Make a copy with: pg_dump --format=custom --file=FILE DATABASE. Put it back with pg_restore"
            " while no run is under way."
        )
    return file.resolve()


def back_up(url: str, target: Path) -> Contents:
    """A whole copy of the journal in `target`, which must not be there yet; runs may go on."""
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
            raise ConfigError(f"{target} is there meanwhile, and is left alone. Name another file.") from None
        sync(target.parent)
    return contents


def put_back(url: str, source: Path, now: datetime) -> tuple[Contents, Contents | None, Path | None]:
    """The copy in place of the journal: what is in it, what was in the old one, and where that lies now."""
    file = journal_file(url)
    if not source.is_file():
        raise ConfigError(f"There is no such file: {source}")
    contents_of(source)
    make_private_folder(file.parent)
    with draft_beside(file) as draft:
        copy_database(source, draft)
        # It may be of an older version, of one that is too new, or under another key.
        open_database(sqlite_url(draft)).dispose()
        with closing(sqlite3.connect(draft)) as connection:
            mark_unended(connection)
            connection.commit()
            connection.execute("pragma journal_mode=delete")
        sync(draft)
        found = contents_of(draft)
        old = old_contents(file)
        with nobody_else(file), before_it_is_closed(file) as content:
            aside = kept_aside(file, content, now) if content else None
            draft.replace(file)
        sync(file.parent)
    return found, old, aside


def mark_unended(copy: sqlite3.Connection) -> None:
    """A delivery was under way when the copy was made, and nobody knows what it has sent since."""
    copy.execute("update import_state set lacks_until = deliveries where ended < deliveries")


@contextmanager
def draft_beside(target: Path) -> Iterator[Path]:
    """An empty file for its owner only, in the folder of `target`; gone after the block."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE))
        yield draft
    except (OSError, sqlite3.Error) as error:
        raise CopyFailed(f"The copy cannot be made: {error}. The journal is as it was.") from None
    finally:
        for end in BESIDE_SQLITE:
            draft.with_name(draft.name + end).unlink(missing_ok=True)


def copy_database(source: Path, draft: Path) -> None:
    """As of one moment, whatever is written meanwhile; on the disk when this returns."""
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(draft)) as written:
        read.backup(written)
        # One file, without a log beside it.
        written.execute("pragma journal_mode=delete")
    sync(draft)


def contents_of(file: Path) -> Contents:
    """Raises ConfigError if the file is no journal, or CopyFailed if it is damaged."""
    not_ours = f"{file} is no journal of clevertap_import, or is damaged. Nothing was changed."
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
    """None if there is no journal, or none that can be read: the reason to put a copy back."""
    try:
        return contents_of(file) if file.exists() else None
    except ConfigError:
        return None


@contextmanager
def nobody_else(file: Path) -> Iterator[None]:
    """Keeps the journal to this process in the block. Raises JournalInUse if another has it open.

    SQLite gives up the write-ahead log only if nobody else has the database open; the file is whole then.
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
            # It is damaged, and nobody can use it.
            pass
        yield


@contextmanager
def before_it_is_closed(file: Path) -> Iterator[BinaryIO | None]:
    """The content of `file` in the block; None if there is none.

    To close a file takes SQLite's lock of it away from this process: whoever reads it does so at the end.
    """
    with open(file, "rb") if file.exists() else nullcontext() as content:
        yield content


def kept_aside(file: Path, content: BinaryIO, now: datetime) -> Path:
    """The old file under a second name, with what SQLite left beside it: there always is a journal."""
    aside = file.with_name(f"{file.name}.before-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}")
    if not second_name(file, aside):
        with open(aside, "xb", opener=private) as copy:
            shutil.copyfileobj(content, copy)
        sync(aside)
    for end in BESIDE_SQLITE:
        # Only beside a file that nobody can read: SQLite would take its log for that of the copy.
        with suppress(FileNotFoundError):
            if end:
                file.with_name(file.name + end).rename(aside.with_name(aside.name + end))
    sync(file.parent)
    return aside


def sync(path: Path) -> None:
    """On the disk, be it a file or a folder."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
