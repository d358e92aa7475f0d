"""Named locks of the kernel: one file for each, in a folder beside the SQLite journal.

They work between all processes of one machine, also in containers that share the folder. A process that is
stopped keeps its locks; a killed one loses them at once. They are not safe on a network file system, and
neither is a SQLite journal.
"""

import fcntl
import os
import random
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa
from xxhash import xxh3_64_hexdigest

from clevertap_import.journal.tables import JournalUnavailable, translated

FOLDER = "locks"
LONGEST_BEGIN = 50
OF_ONE_PROCESS = ("run ", "participant ")
"""How the names of locks begin that no other process takes again. The file of a slot shows the next who takes
it that its holder was killed."""


class FileLocks:
    """The locks of one run or command; see `NamedLocks`."""

    losses = 0

    def __init__(self, engine: sa.Engine, journal: Path) -> None:
        self.engine = engine
        self._folder = journal.parent / FOLDER
        self._journal = journal.name
        self._files: dict[str, int] = {}
        self._left: set[str] = set()
        self._lock = threading.RLock()

    def __enter__(self) -> "FileLocks":
        with translated():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            for path in self._folder.iterdir():
                remove_if_abandoned(path)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for name in list(self._files):
                self.give_back(name)

    def path(self, name: str) -> Path:
        return self._folder / xxh3_64_hexdigest(f"{self._journal} {name}".encode())

    def take(self, name: str, note: str = "") -> bool:
        with self._lock, translated():
            file = None if name in self._files else locked(self.path(name))
            if file is None:
                return False
            try:
                # A holder removes the file when it releases the lock.
                is_left = bool(os.fstat(file).st_size)
                write(file, f"{os.getpid()} {name} {note}\n".encode())
            except OSError:
                # A caller that gets an error does not release the lock.
                os.close(file)
                raise
            self._files[name] = file
            if is_left:
                self._left.add(name)
        return True

    def take_some(self, names: Sequence[str], count: int) -> list[str]:
        taken: list[str] = []
        try:
            for name in random.sample(names, len(names)):
                if len(taken) < count and self.take(name):
                    taken.append(name)
        except JournalUnavailable:
            for name in taken:
                self.give_back(name)
            raise
        return taken

    def give_back(self, name: str) -> None:
        with self._lock, translated():
            file = self._files.pop(name, None)
            if file is not None:
                if name not in self._left and is_at(self.path(name), file):
                    self.path(name).unlink()
                self._left.discard(name)
                os.close(file)

    def clear_abandoned(self, name: str) -> None:
        with self._lock:
            self._left.discard(name)

    def has(self, name: str) -> bool:
        with self._lock, translated():
            return name in self._files and is_at(self.path(name), self._files[name])

    def in_use(self, names: Collection[str]) -> set[str]:
        with self._lock, translated():
            return {name for name in names if name in self._files or is_locked(self.path(name))}

    def abandoned(self, taken: Collection[str], holders: Callable[[], Collection[str]]) -> list[str]:
        with self._lock:
            return [name for name in taken if name in self._left]

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        with self._lock:
            for name in self._files:
                if not self.has(name):
                    raise JournalUnavailable(
                        f"The folder {self._folder} was deleted or replaced while it was in use. Nothing more"
                        " is sent, because its locks prevent two runs at once. Run again."
                    )
        with translated(), self.engine.begin() as connection:
            yield connection

    def regain(self) -> None:
        """Nothing to do: the kernel does not lose locks."""


def remove_if_abandoned(path: Path) -> None:
    """Remove the file of a process that was killed, if no other process can need it.

    An empty file stays: somebody is about to lock it.
    """
    with suppress(OSError), open(path, "r+b", buffering=0) as file:
        name = file.read(LONGEST_BEGIN).decode(errors="replace").partition(" ")[2]
        if name.startswith(OF_ONE_PROCESS):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_at(path, file.fileno()):
                path.unlink()


def write(file: int, content: bytes) -> None:
    """If the disk is full, the file keeps its content."""
    os.pwrite(file, content, 0)
    os.ftruncate(file, len(content))


def locked(path: Path) -> int | None:
    """The file at `path`, open and locked; None if another process has the lock."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        if is_at(path, file):
            return file
        # The lock was released, and its file removed, after it was opened here.
        os.close(file)


def is_at(path: Path, file: int) -> bool:
    """Whether `path` still leads to the open file."""
    try:
        found, ours = path.stat(), os.fstat(file)
    except FileNotFoundError:
        return False
    return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)


def is_locked(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
